//! What stands in the way of reading a text as YAML, in words for people who don't know YAML's grammar.

use miette::SourceSpan;
use serde_saphyr::granit_parser::ErrorKind;

use super::findings::Findings;

/// The deepest nesting. The deepest that a fleet file has a use for is 8.
pub(super) const DEPTH_MAX: usize = 64;

/// Reports that the text can't be read beyond `offset`.
pub(super) fn report(text: &str, offset: usize, kind: &ErrorKind, findings: &mut Findings) {
    let len = text[offset..].chars().next().filter(|&c| c != '\n').map_or(0, char::len_utf8);
    let span = SourceSpan::from((offset, len));
    if *kind == ErrorKind::RecursionLimitExceeded {
        return too_deep(span, findings);
    }
    let (message, label, help) = explain(kind);
    let finding = findings.error("bear::fleet::syntax", span, message).label(label);
    if let Some(help) = help {
        finding.help(help);
    }
}

/// Reports that values lie too deep within each other.
pub(super) fn too_deep(span: SourceSpan, findings: &mut Findings) {
    findings
        .error("bear::fleet::nesting", span, format!("the file is nested more than {DEPTH_MAX} levels deep"))
        .label("one level too many")
        .help("a fleet file needs no more than 8");
}

/// The message, the label and the help for what the parser says.
fn explain(kind: &ErrorKind) -> (String, String, Option<&'static str>) {
    use ErrorKind as E;
    let (message, label, help) = match kind {
        E::UnclosedQuotedScalar | E::DocumentIndicatorInQuotedScalar => {
            ("a quote is never closed", "opened here", "add the closing quote")
        }
        E::UnclosedFlowCollection { open } => {
            let close = if *open == '[' { ']' } else { '}' };
            return (format!("`{open}` is never closed"), format!("`{close}` is missing"), None);
        }
        E::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("`{open}` is closed by `{close}`"), "the wrong bracket".into(), None);
        }
        E::UnexpectedCharacter { character } => {
            let message = format!("a value can't begin with `{}`", character.escape_debug());
            return (
                message,
                "not YAML".into(),
                Some("put text that begins with a special character in quotes"),
            );
        }
        E::UnexpectedEofFlowSequence | E::ExpectedFlowSequenceSeparator => {
            ("a list in `[…]` is not closed", "expected `,` or `]`", "add what is missing")
        }
        E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping
        | E::ExpectedFlowMappingSeparator => {
            ("a mapping in `{…}` is not closed", "expected `,` or `}`", "add what is missing")
        }
        E::MisplacedFlowCollectionEnd => {
            ("a bracket is closed that was never opened", "not opened", "delete it")
        }
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => ("a tab can't stand here", "a tab", "indent with spaces"),
        E::MappingValueNotAllowed | E::InvalidColonPlacement => (
            "a second `:` on the same line",
            "a mapping can't begin here",
            "put text that contains `: ` in quotes, or begin the mapping on a line of its own",
        ),
        E::SimpleKeyExpected | E::InvalidSimpleKey => (
            "this line is no `key: value`",
            "expected a key, `:` and a space",
            "look for a missing colon or a missing space after one",
        ),
        E::InvalidIndentation
        | E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::InvalidBlockScalarIndent
        | E::InvalidFlowScalarIndent
        | E::InvalidQuotedScalarIndent
        | E::BlockSequenceEntryNotAllowed
        | E::MappingKeyNotAllowed => (
            "the indentation doesn't fit the lines above",
            "out of line",
            "keys of one mapping begin in the same column, those below it two spaces further to the right",
        ),
        E::DirectiveDisallowed => {
            ("a fleet file has no directives", "a directive", "delete the line that begins with `%`")
        }
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => (
            "something follows a closing quote",
            "not part of the text",
            "put all of the text inside the quotes",
        ),
        E::UnknownQuotedScalarEscape | E::InvalidQuotedScalarHexEscape | E::InvalidUnicodeEscape => (
            "this backslash begins no known escape",
            "inside double quotes `\\` is special",
            "write `\\\\`, or use single quotes",
        ),
        E::CommentNotSeparated => ("a comment has no space before it", "no space", "write ` #`"),
        other => return ("the file can't be read as YAML".into(), other.to_string(), None),
    };
    (message.into(), label.into(), Some(help))
}
