//! `bear graph`: the plan as a picture, or for Graphviz or Mermaid to draw.

use bear_core::observed::Observed;
use bear_core::plan;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::args::{FleetArgs, OnlyArgs};
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::planning::{self, Wanted};

/// The arguments of `bear graph`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    fleet: FleetArgs,
    #[command(flatten)]
    only: OnlyArgs,
    /// The language of the picture
    #[arg(long, value_enum, default_value_t = Format::Dot)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Graphviz: `bear graph | dot -Tsvg`
    Dot,
    /// Mermaid, which Markdown on many sites shows as a picture
    Mermaid,
    /// A picture that browsers show
    Svg,
}

/// Goes by what is recorded: a picture of the plan is wanted offline, too.
pub(crate) fn run(args: &GraphArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let wanted = Wanted::read(args.fleet.fleet.as_deref(), context)?;
    let state = wanted.load()?;
    let (state, observed) = (state.as_ref(), Observed::new());
    let only = &args.only.only;
    let planned = planning::make(&wanted, &wanted.goal(&[]), state, &observed, only)?;
    let (format, graph) = match args.format {
        Format::Dot => ("dot", plan::dot(&planned.plan)),
        Format::Mermaid => ("mermaid", plan::mermaid(&planned.plan)),
        Format::Svg => ("svg", bear_render::graph::svg(&planned.plan)),
    };
    if context.printer.json() {
        context.printer.document(&json!({
            "version": 1,
            "fleet": wanted.name(),
            "format": format,
            "graph": graph,
        }));
    } else {
        context.printer.data(graph.trim_end());
    }
    Ok(ExitStatus::Done)
}
