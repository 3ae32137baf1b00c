//! From bytes to text: what can't be a fleet file is refused before any YAML is looked at.

use std::borrow::Cow;

use miette::SourceSpan;

use super::findings::Findings;
use crate::unit::ByteSize;

/// The largest fleet file. 100,000 members fit in half of it.
pub(super) const FILE_MAX: usize = 4 << 20;

/// The text of the file, with what can't be shown replaced, and whether it is fit to be read.
pub(super) fn text<'b>(bytes: &'b [u8], findings: &mut Findings) -> (Cow<'b, str>, bool) {
    if bytes.len() > FILE_MAX {
        let (size, max) = (bytes.len() >> 10, ByteSize::bytes(FILE_MAX as u64));
        findings
            .error(
                "bear::fleet::too_large",
                None,
                format!("the file has {size} KiB, a fleet file has at most {max}"),
            )
            .help("write `count` instead of members, or make several fleets of it");
        return ("".into(), false);
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        findings
            .error("bear::fleet::not_utf8", None, "the file is UTF-16, a fleet file is UTF-8")
            .help("save it as UTF-8");
        return ("".into(), false);
    }
    if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
        findings
            .error("bear::fleet::binary", None, format!("the file is a binary: byte {offset} of it is zero"))
            .help("a fleet file is text; is this the file that you meant?");
        return ("".into(), false);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text, findings),
        Err(error) => {
            let (before, after) = bytes.split_at(error.valid_up_to());
            let mut text = shown(&String::from_utf8_lossy(before));
            let (offset, byte, shown_before) = (before.len(), after[0], text.len());
            text.push_str(&shown(&String::from_utf8_lossy(after)));
            findings
                .error("bear::fleet::not_utf8", span_of_char(&text, shown_before), "the file is not UTF-8")
                .label(format!("byte {offset} of the file is 0x{byte:02x}"))
                .help("save it as UTF-8");
            (text.into(), false)
        }
    }
}

fn printable<'b>(text: &'b str, findings: &mut Findings) -> (Cow<'b, str>, bool) {
    let Some((offset, character)) = unprintable(text).next() else {
        return (text.into(), true);
    };
    let text = shown(text);
    findings
        .error(
            "bear::fleet::control_character",
            span_of_char(&text, offset),
            "the file has a control character",
        )
        .label(format!("U+{:04X}", u32::from(character)))
        .help("delete it; inside double quotes it can be written as an escape, such as `\\x1b`");
    (text.into(), false)
}

fn span_of_char(text: &str, offset: usize) -> SourceSpan {
    let len = text.get(offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    (offset, len).into()
}

/// What a terminal would act upon instead of showing it, with its offset. A carriage return belongs before a line
/// feed; alone it would have the rest of the line written over its beginning.
fn unprintable(text: &str) -> impl Iterator<Item = (usize, char)> {
    text.char_indices().filter(|&(offset, c)| match c {
        '\t' | '\n' => false,
        '\r' => !text[offset + 1..].starts_with('\n'),
        _ => c.is_control(),
    })
}

/// The text with a sign in place of each character that a terminal would act upon.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut done = 0;
    for (offset, c) in unprintable(text) {
        shown.push_str(&text[done..offset]);
        shown.push(char::REPLACEMENT_CHARACTER);
        done = offset + c.len_utf8();
    }
    shown.push_str(&text[done..]);
    shown
}
