//! Reading single values: numbers, texts, names, networks, sizes, secrets.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;
use miette::SourceSpan;

use super::fields::{distinct, expected, list};
use super::findings::Findings;
use super::mask::REFERENCES;
use super::model::SecretRef;
use super::tree::{Kind, Slot, Value};
use super::words::{any_of, quoted};
use crate::name::{NAME_MAX, NameError};
use crate::unit::ByteSize;

/// A text; a number or a truth value that was meant as text needs quotes.
pub(super) fn text<'s>(slot: &'s Slot<'_>, findings: &mut Findings) -> Option<&'s str> {
    match &slot.node.value {
        Value::Scalar(scalar) if scalar.kind() == Kind::Text => Some(&scalar.text),
        Value::Scalar(scalar) if scalar.kind() != Kind::Null => {
            expected(slot, "text", findings).map(|finding| {
                finding.help(format!(
                    "if it is meant as text, put it in quotes: {}",
                    quoted(&format!("\"{}\"", scalar.text))
                ))
            });
            None
        }
        _ => {
            expected(slot, "text", findings);
            None
        }
    }
}

/// A text that may be anything but empty.
pub(super) fn filled(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text(slot, findings)?;
    if !text.trim().is_empty() && !text.contains(char::is_control) {
        return Some(text.to_owned());
    }
    findings
        .error("bear::fleet::text", slot.span(), "expected a text that can be read")
        .label(if text.trim().is_empty() { "empty" } else { "has a control character" });
    None
}

/// A text without white space.
pub(super) fn word(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = filled(slot, findings)?;
    if !text.contains(char::is_whitespace) {
        return Some(text);
    }
    findings
        .error("bear::fleet::text", slot.span(), format!("{} has white space", quoted(&text)))
        .label("not one word");
    None
}

/// The name of a user to log in as. It becomes an argument of `ssh`, so it can't begin with a hyphen.
pub(super) fn user(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text(slot, findings)?;
    if is_plain(text, "_.-") {
        return Some(text.to_owned());
    }
    findings
        .error("bear::fleet::text", slot.span(), format!("{} is no name of a user", quoted(text)))
        .label("expected letters, digits, `_`, `.` and `-`, the first a letter or a digit");
    None
}

/// The address of a host: an IP address or a host name.
pub(super) fn address(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text(slot, findings)?;
    if text.parse::<std::net::IpAddr>().is_ok() || is_plain(text, ".-_") {
        return Some(text.to_owned());
    }
    let help = match text {
        url if url.contains("://") => "write the host alone, without a scheme",
        login if login.contains('@') => "write the host alone; the user has a key of its own, `user`",
        port if port.contains(':') => "write the host alone; the SSH port has a key of its own, `port`",
        net if net.contains('/') => "write the address of one host, without a prefix length",
        _ => "write a host name or an IP address, such as `192.0.2.10`",
    };
    findings
        .error("bear::fleet::address", slot.span(), format!("{} is no address of a host", quoted(text)))
        .label("neither an IP address nor a host name")
        .help(help);
    None
}

/// Letters, digits and `others`, the first a letter, a digit or an underscore.
pub(super) fn is_plain(text: &str, others: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

/// The address of a web service, in the characters that RFC 3986 has for one.
pub(super) fn url(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = word(slot, findings)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let label = match host {
        None => "expected `https://` or `http://` first",
        Some("") => "has no host",
        Some(login) if login.contains('@') => "has a user; fleet files are committed, and hold no passwords",
        Some(_) if text.contains(|c: char| !c.is_ascii_graphic() || "\"<>\\^`{|}".contains(c)) => {
            "has a character that stands in no URL"
        }
        Some(_) => return Some(text),
    };
    findings.error("bear::fleet::address", slot.span(), format!("{} is no URL", quoted(&text))).label(label);
    None
}

/// A whole number in a range; `reason` says why the range is what it is.
pub(super) fn number(
    slot: &Slot<'_>,
    range: RangeInclusive<u32>,
    reason: &str,
    findings: &mut Findings,
) -> Option<u32> {
    let Value::Scalar(scalar) = &slot.node.value else {
        expected(slot, "a whole number", findings);
        return None;
    };
    let digits = scalar.text.strip_prefix('-').unwrap_or(&scalar.text);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !whole || !scalar.plain {
        expected(slot, "a whole number", findings)
            .filter(|_| whole)
            .map(|finding| finding.help("leave out the quotes"));
        return None;
    }
    if digits.starts_with('0') && digits != "0" {
        findings
            .error("bear::fleet::number", slot.span(), format!("{} begins with a zero", quoted(&scalar.text)))
            .label("octal to some programs, decimal to others")
            .help("leave out the zeros in front");
        return None;
    }
    let number = scalar.text.parse().ok().filter(|number| range.contains(number));
    if number.is_none() {
        findings
            .error("bear::fleet::number", slot.span(), format!("{} is out of range", quoted(&scalar.text)))
            .label(reason);
    }
    number
}

/// Yes or no.
pub(super) fn truth(slot: &Slot<'_>, findings: &mut Findings) -> Option<bool> {
    if let Value::Scalar(scalar) = &slot.node.value
        && scalar.kind() == Kind::Bool
    {
        return Some(scalar.text.eq_ignore_ascii_case("true"));
    }
    let quoted = matches!(&slot.node.value, Value::Scalar(scalar) if !scalar.plain);
    expected(slot, "`true` or `false`", findings)
        .filter(|_| quoted)
        .map(|finding| finding.help("leave out the quotes"));
    None
}

/// An IPv4 address to listen on.
pub(super) fn ipv4(slot: &Slot<'_>, findings: &mut Findings) -> Option<Ipv4Addr> {
    let text = text(slot, findings)?;
    let address = text.parse::<Ipv4Addr>().ok();
    if let Some(address) = address.filter(|address| !address.is_broadcast() && !address.is_multicast()) {
        return Some(address);
    }
    findings
        .error("bear::fleet::address", slot.span(), format!("{} is no address to listen on", quoted(text)))
        .label(if address.is_some() { "no host has it" } else { "not an IPv4 address" })
        .help("such as `127.0.0.1` for the host itself, or `0.0.0.0` for every address of it");
    None
}

/// A TCP port.
pub(super) fn port(slot: &Slot<'_>, findings: &mut Findings) -> Option<u16> {
    number(slot, 1..=65_535, "a port is between 1 and 65535", findings)?.try_into().ok()
}

/// A size with its unit.
pub(super) fn size(slot: &Slot<'_>, findings: &mut Findings) -> Option<ByteSize> {
    let Value::Scalar(scalar) = &slot.node.value else {
        expected(slot, "a size", findings);
        return None;
    };
    match scalar.text.parse::<ByteSize>() {
        Ok(size) if size.as_bytes() > 0 => Some(size),
        _ => {
            let finding = expected(slot, "a size", findings)?;
            finding.help(match scalar.kind() {
                Kind::Number => {
                    format!("write the unit as well: {}", quoted(&format!("{} GiB", scalar.text)))
                }
                _ => String::from("write a whole number and its unit, such as `20 GiB` or `512 MiB`"),
            });
            None
        }
    }
}

/// The name of a fleet.
pub(super) fn name<T: FromStr<Err = NameError>>(
    slot: &Slot<'_>,
    what: &str,
    findings: &mut Findings,
) -> Option<T> {
    as_name(text(slot, findings)?, slot.span(), what, findings)
}

/// A text of the file as the name of something.
pub(super) fn as_name<T: FromStr<Err = NameError>>(
    text: &str,
    span: SourceSpan,
    what: &str,
    findings: &mut Findings,
) -> Option<T> {
    text.parse()
        .map_err(|error: NameError| {
            let finding = findings
                .error("bear::fleet::name", span, format!("{} is no name for a {what}", quoted(text)))
                .label(error.to_string());
            let similar = similar_name(text);
            if similar.parse::<T>().is_ok() {
                finding.help(format!("write `{similar}`, for instance"));
            }
        })
        .ok()
}

/// What is left of a text when all that can't stand in a name is taken out.
fn similar_name(text: &str) -> String {
    let lower = text.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let joined = parts.collect::<Vec<_>>().join("-");
    joined.chars().take(NAME_MAX).collect::<String>().trim_end_matches('-').to_owned()
}

/// A list of networks.
pub(super) fn networks(slot: &Slot<'_>, findings: &mut Findings) -> Option<Vec<IpNet>> {
    let networks = distinct(slot, "networks", findings, network)?;
    if networks.is_empty() {
        findings
            .error("bear::fleet::network", slot.span(), "the list of networks is empty")
            .label("nobody could reach anything, nor could bear")
            .help("write at least one network, such as `203.0.113.7/32`");
        return None;
    }
    Some(networks)
}

fn network(slot: &Slot<'_>, findings: &mut Findings) -> Option<IpNet> {
    let text = text(slot, findings)?;
    let host = text.parse::<std::net::IpAddr>().map(IpNet::from);
    let (message, label, help) = match (text.parse::<IpNet>(), host) {
        (Ok(network), _) if network == network.trunc() => return Some(network),
        (Ok(network), _) => (
            format!("{} has bits set beyond its prefix", quoted(text)),
            format!("the address of a host, not of a /{}", network.prefix_len()),
            format!(
                "the network is `{}`, the host alone is `{}`",
                network.trunc(),
                IpNet::from(network.addr())
            ),
        ),
        (Err(_), Ok(host)) => (
            format!("{} has no prefix length", quoted(text)),
            String::from("an address, not a network"),
            format!("write `{host}` for this host alone"),
        ),
        (Err(_), Err(_)) => (
            format!("{} is no network", quoted(text)),
            String::from("expected an address, `/` and a prefix length"),
            String::from("such as `203.0.113.0/24`, or `2001:db8::/32`"),
        ),
    };
    findings.error("bear::fleet::network", slot.span(), message).label(label).help(help);
    None
}

const SOURCES: &str =
    "take it from elsewhere: `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM, …] }`";

/// Where a password comes from that bear generates if nothing is said.
pub(super) fn password(slot: &Slot<'_>, findings: &mut Findings) -> Option<SecretRef> {
    if !slot.node.is_null() {
        return secret(slot, findings);
    }
    expected(slot, "a source of the secret", findings)
        .map(|finding| finding.help("write `{ env: NAME }`, or leave out the key and bear generates one"));
    None
}

/// Where a secret comes from. A secret itself is refused, and its value never repeated.
pub(super) fn secret(slot: &Slot<'_>, findings: &mut Findings) -> Option<SecretRef> {
    let Value::Map(map) = &slot.node.value else {
        if matches!(slot.node.value, Value::Scalar(_)) && !slot.node.is_null() {
            findings
                .error("bear::fleet::secret", slot.key, "a secret is written into the file")
                .label("fleet files are committed, and secrets don't belong into a history")
                .help(SOURCES);
        } else {
            expected(slot, "a source of the secret", findings).map(|finding| finding.help(SOURCES));
        }
        return None;
    };
    let known = map.iter().find(|(key, _)| REFERENCES.contains(&&***key));
    let stranger = map.iter().find(|(key, _)| known.is_none_or(|(first, _)| first != *key));
    if let Some((key, value)) = stranger {
        findings
            .error("bear::fleet::secret", value.key, format!("a secret does not come from {}", quoted(key)))
            .label(if known.is_some() { "one source is enough" } else { "not a source of secrets" })
            .help(format!("write one of {}", any_of(&REFERENCES, "and")));
        return None;
    }
    let (key, value) = known.or_else(|| {
        expected(slot, "a source of the secret", findings);
        None
    })?;
    match &**key {
        "env" => variable(value, findings).map(SecretRef::Env),
        "file" => filled(value, findings).map(SecretRef::File),
        _ => command(value, findings).map(SecretRef::Command),
    }
}

fn variable(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text(slot, findings)?;
    if is_plain(text, "_") && !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(text.to_owned());
    }
    // The text is not repeated: it may be the secret itself.
    findings
        .error("bear::fleet::secret", slot.key, "`env` is not followed by the name of a variable")
        .label("expected letters, digits and `_`")
        .help("write the name of the environment variable, such as `env: EMQX_ADMIN_PASSWORD`");
    None
}

fn command(slot: &Slot<'_>, findings: &mut Findings) -> Option<Vec<String>> {
    let words = list(slot, "a program and its arguments", findings, |word, findings| {
        text(word, findings).map(str::to_owned)
    })?;
    if words.first().is_some_and(|program| !program.trim().is_empty()) {
        return Some(words);
    }
    findings
        .error("bear::fleet::secret", slot.span(), "the command is empty")
        .label("no program")
        .help("write a program and its arguments, such as `command: [pass, show, emqx]`");
    None
}
