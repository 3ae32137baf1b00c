//! Exact versions: what runs must be what was reviewed, so nothing that can mean another version tomorrow is let in.

use super::fields::expected;
use super::findings::Findings;
use super::model::Pin;
use super::tree::{Kind, Slot, Value};
use super::words::quoted;

/// What image registries and package archives call a version that moves.
pub(super) const MOVING: [&str; 12] = [
    "latest", "stable", "edge", "newest", "current", "lts", "nightly", "main", "master", "dev", "rolling",
    "any",
];

/// The exact version of Docker's package.
pub(super) fn docker(slot: &Slot<'_>, findings: &mut Findings) -> Option<Pin> {
    exact(slot, "5:20.10.13~3-0~ubuntu-jammy", findings).map(|text| Pin(text.to_owned()))
}

/// The exact version of Mosquitto's package.
pub(super) fn mosquitto(slot: &Slot<'_>, findings: &mut Findings) -> Option<Pin> {
    exact(slot, "2.0.11-1.2+deb12u2", findings).map(|text| Pin(text.to_owned()))
}

/// The exact version of EMQX, such as `5.0.9`.
pub(super) fn emqx(slot: &Slot<'_>, findings: &mut Findings) -> Option<Pin> {
    let text = exact(slot, "5.0.9", findings)?;
    if is_emqx(text) {
        return Some(Pin(text.to_owned()));
    }
    let finding = findings
        .error("bear::fleet::version", slot.span(), format!("{} is no version of EMQX", quoted(text)))
        .label("expected three numbers with points between them");
    let without_letter = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    finding.help(if is_emqx(without_letter) {
        format!("write {}", quoted(without_letter))
    } else {
        String::from("such as `5.0.9`, or `6.3.0-beta.2`")
    });
    None
}

fn is_emqx(text: &str) -> bool {
    let (numbers, suffix) =
        text.split_once('-').map_or((text, None), |(numbers, suffix)| (numbers, Some(suffix)));
    let mut parts = numbers.split('.');
    let three = parts
        .by_ref()
        .take(3)
        .filter(|part| part.parse::<u16>().is_ok_and(|n| n.to_string() == **part))
        .count();
    let suffix_fits = |suffix: &str| {
        !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    three == 3 && parts.next().is_none() && suffix.is_none_or(suffix_fits)
}

/// A text that can only mean one version.
fn exact<'s>(slot: &'s Slot<'_>, example: &str, findings: &mut Findings) -> Option<&'s str> {
    let Value::Scalar(scalar) = &slot.node.value else {
        expected(slot, "a version", findings);
        return None;
    };
    let text = &*scalar.text;
    let label = match scalar.kind() {
        Kind::Null | Kind::Bool => {
            expected(slot, "a version", findings);
            return None;
        }
        Kind::Number => "a number to YAML, and not all of a version",
        Kind::Text => match inexact(text) {
            None => return Some(text),
            Some(why) => why,
        },
    };
    findings
        .error("bear::fleet::version", slot.span(), format!("{} is no exact version", quoted(text)))
        .label(label)
        .help(format!("what runs must be what was reviewed: write one version in full, such as `{example}`"));
    None
}

/// Why a text can mean more than one version.
fn inexact(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    let series = |part: &str| matches!(part, "x" | "*");
    let starts_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    match lower.as_str() {
        "" => Some("empty"),
        word if word.split(['-', ':']).any(|part| MOVING.contains(&part)) => {
            Some("can mean another version every day")
        }
        wild if wild.split(['.', '-']).any(series) => Some("means every version of a series"),
        _ if text.contains(|c: char| c.is_whitespace() || c.is_control()) => Some("has white space"),
        _ if !starts_plain => Some("a range of versions"),
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && text.matches('.').count() < 2 =>
        {
            Some("means every version of a series")
        }
        _ => None,
    }
}
