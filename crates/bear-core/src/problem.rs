//! Problems in a fleet file: what is wrong, where, and what to write instead.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode, SourceSpan};

/// The text of a fleet file and the name it is shown by. Cheap to clone.
#[derive(Clone)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// The text of the file that people know by `name`.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The name that the file is shown by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and the column of a byte offset, both from 1; the column counts characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// Without the text: it is long, and may hold what is not to be shown.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {} bytes)", self.name, self.text.len())
    }
}

/// How much of a line is shown on either side of what is underlined, in bytes. Files made by programs can be one
/// line of megabytes, and nobody can read that in a terminal.
const SHOWN_AROUND: usize = 200;

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let end = span.offset() + span.len();
        let (Some(before), Some(after)) = (self.text.get(..span.offset()), self.text.get(end..)) else {
            return Err(miette::MietteError::OutOfBounds);
        };
        let (mut from, mut to) = (span.offset(), end);
        if context_lines_before > 0 {
            let begin = |line| before.rmatch_indices('\n').nth(line).map_or(0, |(newline, _)| newline + 1);
            from = match (begin(0), begin(context_lines_before)) {
                (line, _) if from - line > SHOWN_AROUND => self.text.ceil_char_boundary(from - SHOWN_AROUND),
                (line, context) if line - context > SHOWN_AROUND => line,
                (_, context) => context,
            };
        }
        if context_lines_after > 0 {
            let finish =
                |line| after.match_indices('\n').nth(line).map_or(after.len(), |(newline, _)| newline);
            to += match (finish(0), finish(context_lines_after)) {
                (line, _) if line > SHOWN_AROUND => after.floor_char_boundary(SHOWN_AROUND),
                (line, context) if context - line > SHOWN_AROUND => line,
                (_, context) => context,
            };
        }
        // Half of a Windows line end is not shown: on its own it would move the cursor.
        to -= usize::from(to > end && self.text[..to].ends_with('\r'));
        let (line, column) = self.position(from);
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.name.to_string(),
            &self.text.as_bytes()[from..to],
            (from, to - from).into(),
            line - 1,
            column - 1,
            self.text[from..to].matches('\n').count() + 1,
        )))
    }
}

/// One problem in a fleet file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// A stable code, such as `bear::fleet::unknown_key`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The text that is underlined, as a byte range; none where the file as a whole is meant.
    pub span: Option<SourceSpan>,
    /// What stands under the underlined text.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Whether it is only a warning.
    pub warning: bool,
    /// The file.
    pub file: Source,
}

impl Problem {
    /// The line and the column where the problem is, both from 1.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.span.map(|span| self.file.position(span.offset()))
    }
}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(if self.warning { Severity::Warning } else { Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.span.map(|_| &self.file as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_with_span(Some(self.label.clone()), self.span?);
        Some(Box::new(std::iter::once(label)))
    }
}

/// How many problems are shown at once.
const SHOWN: usize = 20;

/// How many problems are looked for: whoever has so many has opened the wrong file.
pub(crate) const FOUND_MAX: usize = 1_000;

/// Everything that is wrong with one fleet file, in the order of the file. Never empty.
#[derive(Clone, Debug)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// What is wrong with one file: at least one problem.
    pub fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.map_or(0, |span| span.offset()));
        Self(problems)
    }

    /// The problems, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many problems there are: at least one.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.0.first().map_or("", |problem| problem.file.name());
        match self.0.len() {
            1 => write!(f, "1 problem in {file}"),
            FOUND_MAX.. => write!(f, "{FOUND_MAX} problems or more in {file}"),
            many => write!(f, "{many} problems in {file}"),
        }
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new("bear::fleet::invalid"))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let shown = format!("the first {SHOWN} are shown");
        (self.0.len() > SHOWN).then(|| Box::new(shown) as Box<dyn fmt::Display>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.0.iter().take(SHOWN).map(|problem| problem as &dyn Diagnostic)))
    }
}
