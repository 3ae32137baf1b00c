//! Tones: what a piece of text is, which decides its colour; and texts that have to fit.

use std::borrow::Cow;

use bear_render::words::{fit, printable};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;

use crate::model::Model;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Warn,
    Hint,
    Dim,
    Strong,
}

impl Tone {
    pub(crate) fn style(self, colour: bool) -> Style {
        let style = Style::new();
        match self {
            Self::Dim => style.add_modifier(Modifier::DIM),
            Self::Strong => style.add_modifier(Modifier::BOLD),
            Self::Hint if !colour => style.add_modifier(Modifier::BOLD),
            _ if !colour => style,
            Self::Plain => style,
            Self::Good => style.fg(Color::Green),
            Self::Bad => style.fg(Color::Red),
            Self::Warn => style.fg(Color::Yellow),
            Self::Hint => style.fg(Color::Cyan),
        }
    }
}

pub(super) fn paint<'t>(model: &Model, tone: Tone, text: impl Into<Cow<'t, str>>) -> Span<'t> {
    Span::styled(text, tone.style(model.style.colour))
}

/// A line that others wrote, as the screen can show it: it has no tabs.
pub(super) fn shown(line: &str) -> Cow<'_, str> {
    let line = printable(line);
    if line.contains('\t') { Cow::Owned(line.replace('\t', "    ")) } else { line }
}

/// Text that others wrote, on one line of at most that width.
pub(super) fn one_line(model: &Model, text: &str, width: u16) -> String {
    let first = text.trim().lines().next().unwrap_or_default();
    fit(&shown(first), usize::from(width), dots(model)).into_owned()
}

pub(super) fn dots(model: &Model) -> &'static str {
    if model.style.unicode { "…" } else { "..." }
}

/// Text that others wrote, in lines of at most that width, broken between words where that is possible.
pub(super) fn wrap(text: &str, width: u16) -> Vec<String> {
    let width = usize::from(width.max(1));
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = shown(line);
        let indent = line.chars().take_while(|c| *c == ' ').count().min(width / 2);
        let mut rest = line.as_ref();
        let mut is_first = true;
        while is_first || !rest.is_empty() {
            let margin = if is_first { 0 } else { indent };
            let (taken, left) = broken(rest, width - margin);
            lines.push(format!("{:margin$}{taken}", ""));
            rest = left;
            is_first = false;
        }
    }
    lines
}

/// As much of a line as fits, and what is left of it.
fn broken(line: &str, width: usize) -> (&str, &str) {
    let Some((end, _)) = line.char_indices().nth(width) else { return (line, "") };
    match line[..end].rfind(' ').filter(|at| !line[..*at].trim().is_empty()) {
        _ if line[end..].starts_with(' ') => (&line[..end], line[end..].trim_start()),
        Some(space) => (&line[..space], line[space..].trim_start()),
        None => (&line[..end], &line[end..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        #[track_caller]
        fn check(text: &str, width: u16, expected: &[&str]) {
            assert_eq!(wrap(text, width), expected);
        }
        check("", 10, &[]);
        check("one two three", 20, &["one two three"]);
        check("one two three", 8, &["one two", "three"]);
        check("one two three", 7, &["one two", "three"]);
        check("unbreakable", 5, &["unbre", "akabl", "e"]);
        check("  help: one two", 9, &["  help:", "  one two"]);
        check("a\n\nb", 5, &["a", "", "b"]);
        check("\u{1b}[31mred", 40, &[r"\u{1b}[31mred"]);
        check("\tat one", 9, &["    at", "    one"]);
    }
}
