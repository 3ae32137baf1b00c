//! How problems in a fleet file, and all other faults, look to people and to programs.

use std::error::Error;
use std::fmt;

use bear_core::problem::{Problem, Problems};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, Severity, ThemeCharacters, ThemeStyles};
use serde_json::{Value, json};

use crate::render::Look;

/// How many lines are shown above and below what is underlined.
const CONTEXT_LINES: usize = 1;

/// The diagnostic as people read it, with the text underlined where there is one.
pub(crate) fn report(diagnostic: &dyn Diagnostic, look: Look) -> String {
    let theme = GraphicalTheme {
        characters: if look.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() },
        styles: if look.colour { ThemeStyles::ansi() } else { ThemeStyles::none() },
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_context_lines(CONTEXT_LINES)
        // Terminals wrap by themselves, and a log is easier to search where a message is one line.
        .with_wrap_lines(false)
        .with_links(false);
    let mut text = String::new();
    match handler.render_report(&mut text, diagnostic) {
        Ok(()) => text.trim_end().to_owned(),
        // The handler fails only where the underlined text is not in the file. The message is worth more than that.
        Err(_) => diagnostic.to_string(),
    }
}

/// One problem as people read it.
pub(crate) fn report_problem(problem: &Problem, look: Look) -> String {
    match problem.span {
        Some(_) => report(problem, look),
        None => report(&WholeFile(problem), look),
    }
}

/// All problems as people read them: each by itself, and at the end how many there are.
pub(crate) fn report_problems(problems: &Problems, look: Look) -> String {
    // There may be thousands: the problems themselves know how many of them are worth showing.
    let worth_showing = problems.related().map_or(0, Iterator::count);
    let shown = problems.iter().take(worth_showing).map(|problem| report_problem(problem, look));
    let closing = (problems.len() > 1).then(|| report(&Closing(problems), look));
    shown.chain(closing).collect::<Vec<_>>().join("\n\n")
}

/// A problem as programs read it.
pub(crate) fn document(problem: &Problem) -> Value {
    let mut document = json!({ "code": problem.code, "message": problem.message });
    if let Some(help) = &problem.help {
        document["help"] = json!(help);
    }
    let (line, column) = place(problem);
    document["location"] = json!({ "file": problem.file.name(), "line": line, "column": column });
    document["causes"] = json!([]);
    document
}

/// Where a problem is; one of the file as a whole is at its beginning.
fn place(problem: &Problem) -> (usize, usize) {
    problem.position().unwrap_or((1, 1))
}

/// A problem of a file as a whole: there is no text to underline, so the file is named in the message.
#[derive(Debug)]
struct WholeFile<'a>(&'a Problem);

impl fmt::Display for WholeFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = place(self.0);
        write!(f, "{}:{line}:{column}: {}", self.0.file.name(), self.0.message)
    }
}

impl Error for WholeFile<'_> {}

impl Diagnostic for WholeFile<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.0.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }
}

/// What closes a list of problems: their number, and how many of them were left out.
#[derive(Debug)]
struct Closing<'a>(&'a Problems);

impl fmt::Display for Closing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Closing<'_> {}

impl Diagnostic for Closing<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }
}
