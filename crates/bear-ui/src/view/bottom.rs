//! The line at the bottom: what there is to say, and how much of the page is on the screen.

use bear_render::words::grouped;
use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::tone::{Tone, dots, one_line, paint};
use super::{first_file, length, put, table_height, text_height};
use crate::model::{Dialog, Kind, Model, Page};

/// How long a message stays, in seconds.
const NOTE_SECONDS: i64 = 8;

pub(super) fn show(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let part = part(model).unwrap_or_default();
    let width = u16::try_from(part.len()).unwrap_or(u16::MAX).min(area.width);
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(width)]).areas(area);
    put(frame, left, [note(model, left.width)]);
    put(frame, right, [Line::from(paint(model, Tone::Dim, part))]);
}

/// Which lines are on the screen, where that is not all of them.
fn part(model: &Model) -> Option<String> {
    let (first, height, all) = match model.page() {
        Page::Fleet if model.fleet.is_some() => {
            let height = table_height(model);
            (model.rows.first(height), height, model.rows.len())
        }
        Page::Files => {
            let height = table_height(model);
            (first_file(model, height), height, model.files.len())
        }
        Page::Log(_) => return None,
        _ => {
            let (height, all) = (text_height(model), length(model));
            (model.scroll.min(all.saturating_sub(height)), height, all)
        }
    };
    let last = (first + height).min(all);
    let is_part = height > 0 && last - first < all;
    is_part.then(|| format!(" {}-{} of {} ", grouped(first + 1), grouped(last), grouped(all)))
}

/// The search, what goes on, or what was said last.
fn note(model: &Model, width: u16) -> Line<'static> {
    let cut = |text: &str| one_line(model, text, width.saturating_sub(2));
    if model.searches {
        let cursor = if model.style.unicode { "▏" } else { "_" };
        return Line::from(vec![
            paint(model, Tone::Hint, " search: "),
            Span::raw(format!("{}{cursor}", model.search())),
        ]);
    }
    if let Some(instance) = &model.reaches {
        let text = format!("reaching {instance}{} Esc stops that", dots(model));
        return Line::from(paint(model, Tone::Hint, format!(" {}", cut(&text))));
    }
    let is_fresh = |at: Timestamp| model.now.duration_since(at).as_secs() < NOTE_SECONDS;
    if let Some((_, why)) = model.refusal.filter(|(at, _)| is_fresh(*at)) {
        return Line::from(paint(model, Tone::Warn, format!(" {}", cut(why))));
    }
    if let Some(note) = model.notes.back().filter(|note| is_fresh(note.at)) {
        let tone = match note.kind {
            Kind::Note => Tone::Plain,
            Kind::Warning => Tone::Warn,
            Kind::Failure => Tone::Bad,
        };
        return Line::from(paint(model, tone, format!(" {}", cut(&note.text))));
    }
    let is_asked = matches!(model.dialog, Some(Dialog::Asked(..)));
    if let Some(job) = model.job.filter(|_| !is_asked && !model.is_running()) {
        return Line::from(paint(model, Tone::Hint, format!(" {job}{}", dots(model))));
    }
    if !model.search().is_empty() && matches!(model.page(), Page::Fleet | Page::Instance(_) | Page::Log(_)) {
        let text = format!(" search: {}, Esc ends it", model.search());
        return Line::from(paint(model, Tone::Hint, text));
    }
    if let Some(trouble) = model.trouble.as_ref().filter(|_| model.fleet.is_some()) {
        return Line::from(paint(model, Tone::Bad, format!(" {}", cut(&trouble.what))));
    }
    let why = model.instance().and_then(|it| Some((it, model.pulses.get(&it.name)?.health.why()?)));
    match why {
        Some((it, why)) if matches!(model.page(), Page::Fleet) => {
            Line::from(paint(model, Tone::Warn, format!(" {}", cut(&format!("{}: {why}", it.name)))))
        }
        _ => Line::default(),
    }
}
