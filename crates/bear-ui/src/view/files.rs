//! The fleets of the project, to choose one: what each is, and how its instances are doing.

use bear_render::words::{fit, printable};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::fleet::tally;
use super::tone::{Tone, dots, one_line, paint};
use crate::model::Model;

/// The widest name.
const NAME_MAX: usize = 32;

/// The width of a provider.
const PROVIDER: usize = 5;

/// From how many columns on there is room for more than how the instances are doing.
const WIDE: usize = 60;

/// The first of the fleets on a screen of that height.
pub(crate) fn first(model: &Model, height: usize) -> usize {
    (model.file + 1).saturating_sub(height)
}

/// The fleets in so many lines: the titles, and as many fleets as fit.
pub(super) fn lines(model: &Model, width: u16, height: usize) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let names = model.files.iter().map(|file| name(model, file).chars().count());
    let name_width = names.max().unwrap_or(0).clamp("fleet".len(), NAME_MAX.min((width / 3).max(8)));
    let titles = super::titles(model, height);
    let mut lines = Vec::with_capacity(height);
    if titles > 0 {
        let provider = if width >= WIDE { format!("{:PROVIDER$}  ", "from") } else { String::new() };
        let text = format!("   {:name_width$}  {provider}instances", "fleet");
        lines.push(Line::from(paint(model, Tone::Dim, text)));
    }
    let height = height - titles;
    let files = model.files.iter().enumerate().skip(first(model, height)).take(height);
    lines.extend(files.map(|(at, file)| {
        let line = fleet(model, file, name_width, width, at == model.file);
        if at == model.file { line.style(Modifier::REVERSED) } else { line }
    }));
    lines
}

/// What a fleet is called, as far as that is known.
fn name<'m>(model: &'m Model, file: &'m str) -> &'m str {
    let fleet = model.surveys.of(file).and_then(|survey| survey.fleet.as_ref());
    fleet.map_or(file, |(name, ..)| name.as_str())
}

fn fleet(model: &Model, file: &str, name_width: usize, width: usize, is_selected: bool) -> Line<'static> {
    let is_shown = model.fleet.as_ref().is_some_and(|fleet| fleet.file == file);
    let name = fit(&printable(name(model, file)), name_width, dots(model)).into_owned();
    let mut spans = vec![
        Span::raw(if is_selected { ">" } else { " " }),
        paint(model, Tone::Hint, if is_shown { "* " } else { "  " }),
        paint(model, Tone::Strong, format!("{name:name_width$}  ")),
    ];
    let room = |spans: &[Span<'_>]| width.saturating_sub(spans.iter().map(Span::width).sum());
    let Some(survey) = model.surveys.of(file) else {
        spans.push(paint(model, Tone::Dim, "looking"));
        return Line::from(spans);
    };
    if let Some((_, provider, numbers)) = &survey.fleet {
        if width >= WIDE {
            spans.push(Span::raw(format!("{:PROVIDER$}  ", provider.as_str())));
        }
        spans.extend(tally(model, numbers, width >= WIDE, room(&spans)));
        spans.push(Span::raw("  "));
    }
    let left = room(&spans);
    if let Some(trouble) = &survey.trouble {
        let left = u16::try_from(left).unwrap_or(u16::MAX);
        spans.push(paint(model, Tone::Bad, one_line(model, trouble, left)));
    } else if file.chars().count() < left {
        spans.push(paint(model, Tone::Dim, printable(file).into_owned()));
    }
    Line::from(spans)
}
