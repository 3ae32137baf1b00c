//! What is found wrong while a fleet file is read: collected, never stopped at.

use miette::SourceSpan;

use crate::problem::{FOUND_MAX, Problem, Source};

/// The longest underline, in characters.
const UNDERLINED_MAX: usize = 60;

/// Everything found so far.
#[derive(Default)]
pub(super) struct Findings {
    found: Vec<Finding>,
}

/// One thing that is wrong, before it is known which text of the file may be shown.
pub(super) struct Finding {
    code: &'static str,
    span: Option<SourceSpan>,
    message: String,
    label: String,
    help: Option<String>,
    warning: bool,
}

impl Findings {
    /// Records an error about the text at `span`.
    pub(super) fn error(
        &mut self,
        code: &'static str,
        span: impl Into<Option<SourceSpan>>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.found.push_mut(Finding {
            code,
            span: span.into(),
            message: message.into(),
            label: String::new(),
            help: None,
            warning: false,
        })
    }

    /// Records a warning about the text at `span`.
    pub(super) fn warning(
        &mut self,
        code: &'static str,
        span: SourceSpan,
        message: impl Into<String>,
    ) -> &mut Finding {
        let finding = self.error(code, span, message);
        finding.warning = true;
        finding
    }

    /// Whether there are so many that it's no use to look for more.
    pub(super) fn are_enough(&self) -> bool {
        self.found.len() >= FOUND_MAX
    }

    /// The errors and the warnings, each in the order of the file; what was found twice stands there once.
    pub(super) fn into_problems(mut self, file: &Source) -> (Vec<Problem>, Vec<Problem>) {
        self.found.sort_by_key(Finding::place);
        // A value that several aliases refer to is read once for each of them, and found wrong each time.
        self.found.dedup_by(|a, b| a.place() == b.place() && a.code == b.code && a.message == b.message);
        let problems = self.found.into_iter().map(|finding| finding.into_problem(file));
        problems.partition(|problem| !problem.warning)
    }
}

/// The part of a span that is underlined: no more than a line, and no more than fits beside a label.
fn underlined(span: SourceSpan, text: &str) -> SourceSpan {
    let covered = text.get(span.offset()..span.offset() + span.len()).unwrap_or("");
    let line = covered.split('\n').next().unwrap_or("").trim_end();
    (span.offset(), line.chars().take(UNDERLINED_MAX).map(char::len_utf8).sum::<usize>()).into()
}

impl Finding {
    /// Sets what stands under the underlined text.
    pub(super) fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Sets what to write instead.
    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    fn place(&self) -> Option<(usize, usize)> {
        self.span.map(|span| (span.offset(), span.len()))
    }

    fn into_problem(self, file: &Source) -> Problem {
        Problem {
            code: self.code,
            message: self.message,
            span: self.span.map(|span| underlined(span, file.text())),
            label: self.label,
            help: self.help,
            warning: self.warning,
            file: file.clone(),
        }
    }
}
