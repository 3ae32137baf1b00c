//! `bear report`: a page about a run that is over.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::args::FleetArgs;
use crate::context::Context;
use crate::deployed::Place;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::records;
use crate::similar::nearest;

/// The arguments of `bear report`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    fleet: FleetArgs,
    /// The run, as `--list` names it [default: the last one]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// List the runs that are kept, oldest first
    #[arg(long, conflicts_with_all = ["run", "output"])]
    list: bool,
    /// Write the page to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &ReportArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let place = Place::of_file(args.fleet.fleet.as_deref(), context)?;
    let kept = records::kept(&place.folder).map_err(|error| unreadable(&place).caused_by(&error))?;
    if args.list {
        list(&place, &kept, context);
        return Ok(ExitStatus::Done);
    }
    let run = chosen(args.run.as_deref(), &kept, &place)?;
    let page = records::page(&records::path(&place.folder, run)).map_err(|error| {
        let other = "`bear report --list` names the others that are kept";
        Fault::failed("bear::report::read", format!("the record of run `{run}` can't be read"))
            .caused_by(&error)
            .with_help(other)
    })?;
    if let Some(file) = &args.output {
        write(file, &page, context)?;
    } else if context.printer.json() {
        let document = json!({ "version": 1, "fleet": place.fleet, "run": run, "html": page });
        context.printer.document(&document);
    } else {
        context.printer.data(page.trim_end());
    }
    Ok(ExitStatus::Done)
}

fn list(place: &Place, kept: &[String], context: &Context) {
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "fleet": place.fleet, "runs": kept }));
    } else if kept.is_empty() {
        context.printer.note(format_args!("no run of fleet `{}` is kept", place.fleet));
    } else {
        context.printer.data(kept.join("\n"));
    }
}

fn chosen<'k>(asked: Option<&str>, kept: &'k [String], place: &Place) -> Result<&'k str, Fault> {
    let Some(asked) = asked else {
        return kept.last().map(String::as_str).ok_or_else(|| {
            Fault::input("bear::report::none", format!("no run of fleet `{}` is kept", place.fleet))
                .with_help("`bear apply`, `bear verify` and `bear destroy` keep a record of what they do")
        });
    };
    kept.iter().find(|run| *run == asked).map(String::as_str).ok_or_else(|| {
        let fault = Fault::input("bear::report::unknown", format!("there is no run `{asked}`"));
        match nearest(asked, kept.iter().map(String::as_str)) {
            Some(near) => fault.with_help(format!("did you mean `{near}`?")),
            None => fault.with_help("`bear report --list` names those that are kept"),
        }
    })
}

fn unreadable(place: &Place) -> Fault {
    Fault::failed("bear::report::list", format!("could not list the runs of fleet `{}`", place.fleet))
        .with_help("they lie in `.bear` in the project, which bear must be able to read")
}

/// Refuses a file that no page can be written to, before the run that the page shall be about.
pub(crate) fn check(file: &Path, context: &Context) -> Result<(), Fault> {
    let path = context.environment.folder.join(file);
    OpenOptions::new().append(true).create(true).open(&path).map(drop).map_err(|error| {
        Fault::input("bear::report::write", format!("could not write to the report `{}`", file.display()))
            .caused_by(&error)
            .with_help("nothing was begun; name a file in a folder that is there")
    })
}

/// Writes a page to a file, and says where it is.
pub(crate) fn write(file: &Path, page: &str, context: &Context) -> Result<(), Fault> {
    let path = context.environment.folder.join(file);
    fs::write(&path, page).map_err(|error| {
        Fault::failed("bear::report::write", format!("could not write the report `{}`", file.display()))
            .caused_by(&error)
            .with_help("`bear report --output FILE` makes it again elsewhere")
    })?;
    context.printer.note(format_args!("report: {}", file.display()));
    Ok(())
}
