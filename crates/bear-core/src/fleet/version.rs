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

impl Pin {
    /// Whether a version of Docker is of Docker's own package `docker-ce`, not of the distribution's `docker.io`.
    pub fn is_dockers_own(&self) -> bool {
        self.0.starts_with("5:")
    }

    /// Whether a version of EMQX runs under the Business Source License: 5.9 and later.
    pub fn needs_emqx_license(&self) -> bool {
        numbers(&self.0).is_some_and(|[major, minor, _]| (major, minor) >= (5, 9))
    }
}

/// The exact version of Docker's package.
pub(super) fn docker(slot: &Slot<'_>, findings: &mut Findings) -> Option<Pin> {
    package(slot, "5:20.10.13~3-0~ubuntu-jammy", findings)
}

/// The exact version of containerd's package.
pub(super) fn containerd(slot: &Slot<'_>, findings: &mut Findings) -> Option<Pin> {
    package(slot, "1.7.28-1", findings)
}

/// The exact version of Mosquitto's package. The distributions build it from somebody else's source, so it ends in a
/// revision of theirs.
pub(super) fn mosquitto_package(slot: &Slot<'_>, findings: &mut Findings) -> Option<Pin> {
    let version = package(slot, "2.0.11-1.2+deb12u2", findings)?;
    if version.0.contains('-') {
        return Some(version);
    }
    findings
        .error("bear::fleet::version", slot.span(), format!("{} is no version of a package", quoted(&version.0)))
        .label("the distribution's revision is missing")
        .help(
            "`apt-cache madison mosquitto` on a host lists them, such as `2.0.11-1.2+deb12u2`; for the image of this \
             version, write `container: true`",
        );
    None
}

/// The exact version of Mosquitto's image, such as `2.0.18`.
pub(super) fn mosquitto_image(slot: &Slot<'_>, findings: &mut Findings) -> Option<Pin> {
    let text = exact(slot, "2.0.18", findings)?;
    if is_tag(text) {
        return Some(Pin(text.to_owned()));
    }
    findings
        .error(
            "bear::fleet::version",
            slot.span(),
            format!("{} is no version of Mosquitto's image", quoted(text)),
        )
        .label("expected three numbers with points between them")
        .help("such as `2.0.18`; for the package of the distribution, leave out `container`");
    None
}

/// The exact version of EMQX, such as `5.0.9`.
pub(super) fn emqx(slot: &Slot<'_>, findings: &mut Findings) -> Option<Pin> {
    let text = exact(slot, "5.0.9", findings)?;
    let major = numbers(text).map(|[major, ..]| major);
    if is_tag(text) && major >= Some(5) {
        return Some(Pin(text.to_owned()));
    }
    let message = format!("{} is no version of EMQX", quoted(text));
    let without_letter = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let (message, label, help) = if is_tag(text) {
        (format!("EMQX {text} is not supported"), "older than 5", String::from("such as `5.0.9`"))
    } else if is_tag(without_letter) {
        (message, NO_TAG, format!("write {}", quoted(without_letter)))
    } else {
        (message, NO_TAG, String::from("such as `5.0.9`, or `6.3.0-beta.2`"))
    };
    findings.error("bear::fleet::version", slot.span(), message).label(label).help(help);
    None
}

const NO_TAG: &str = "expected three numbers with points between them";

/// The longest tag of an image, by the rules for registries.
const TAG_MAX: usize = 128;

/// Whether a text is three numbers, and what may follow them in the tag of an image.
fn is_tag(text: &str) -> bool {
    let suffix = text.split_once('-').map(|(_, suffix)| suffix);
    let suffix_fits = |suffix: &str| {
        !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    numbers(text).is_some() && suffix.is_none_or(suffix_fits) && text.len() <= TAG_MAX
}

/// The three numbers that a version begins with.
fn numbers(text: &str) -> Option<[u16; 3]> {
    let numbers = text.split('-').next()?.split('.');
    let plain = |part: &str| part.parse::<u16>().ok().filter(|number| number.to_string() == part);
    numbers.map(plain).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// The exact version of a package, made of what Debian allows in one. Anything else could mean more to `apt-get`,
/// which takes `*` for any text and `/` for a release.
fn package(slot: &Slot<'_>, example: &str, findings: &mut Findings) -> Option<Pin> {
    let text = exact(slot, example, findings)?;
    let strange = text.chars().find(|&c| !c.is_ascii_alphanumeric() && !".+-~:".contains(c));
    let Some(strange) = strange else { return Some(Pin(text.to_owned())) };
    findings
        .error("bear::fleet::version", slot.span(), format!("{} is no version of a package", quoted(text)))
        .label(format!("has {}", quoted(&strange.to_string())))
        .help(format!("letters, digits and `.+-~:`, such as `{example}`"));
    None
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
