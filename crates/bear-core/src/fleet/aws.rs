//! Reading the settings of Amazon EC2: where machines are made, and how they are reached.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use indexmap::IndexMap;

use super::fields::{Fields, choice, distinct, expected};
use super::findings::{Finding, Findings};
use super::model::{AwsProvider, Connect};
use super::text;
use super::tree::Slot;
use super::words::quoted;

/// The most tags that the fleet file can ask for: EC2 has 50 on a thing, and bear puts some of its own on everything.
pub(super) const TAGS_MAX: usize = 40;
/// The longest key and the longest value of a tag, in characters
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>).
pub(super) const TAG_KEY_MAX: usize = 128;
pub(super) const TAG_VALUE_MAX: usize = 256;

/// The settings of the `aws` provider.
pub(super) fn provider(slot: &Slot<'_>, findings: &mut Findings) -> Option<AwsProvider> {
    let mut fields = Fields::open(slot, "`aws`", findings)?;
    let region = fields.required("region", findings, region);
    let profile = fields.optional("profile", findings, text::filled);
    let endpoint_url = fields.optional("endpoint_url", findings, text::url);
    let identity = fields.optional("identity", findings, identity);
    let user = fields.optional("user", findings, text::user);
    let connect = fields.optional("connect", findings, connect).unwrap_or_default();
    let vpc = fields.optional("vpc", findings, |slot, findings| id(slot, "vpc", findings));
    let subnets = fields.optional("subnets", findings, |slot, findings| ids(slot, "subnet", findings));
    let security_groups =
        fields.optional("security_groups", findings, |slot, findings| ids(slot, "sg", findings));
    let key_pair = fields.optional("key_pair", findings, key_pair);
    let tags = fields.optional("tags", findings, tags);
    fields.finish(findings);
    Some(AwsProvider {
        region: region?,
        profile,
        endpoint_url,
        identity,
        user,
        connect,
        vpc,
        subnets: subnets.unwrap_or_default(),
        security_groups: security_groups.unwrap_or_default(),
        key_pair,
        tags: tags.unwrap_or_default(),
    })
}

fn region(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::word(slot, findings)?;
    if is_region(&text) {
        return Some(text);
    }
    let finding = wrong(slot, "region", &text, findings);
    match text.strip_suffix(|c: char| c.is_ascii_lowercase()).filter(|region| is_region(region)) {
        Some(region) => finding.label("a zone").help(format!("the region of that zone is `{region}`")),
        None => finding.label("expected lower-case words and a number").help("such as `eu-west-3`"),
    };
    None
}

/// `eu-west-3`, `us-gov-west-1`: words, and a number at the end. Which regions there are, only EC2 knows.
fn is_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && words.contains('-') && words.split('-').all(is_word)
}

fn identity(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::filled(slot, findings)?;
    let Some(private) = text.strip_suffix(".pub") else { return Some(text) };
    wrong(slot, "private key file", &text, findings)
        .label("the public half")
        .help(format!("write {}; bear finds the public half beside it", quoted(private)));
    None
}

fn connect(slot: &Slot<'_>, findings: &mut Findings) -> Option<Connect> {
    let (name, settings) = choice(slot, "way to connect", &["public", "private", "jump"], findings)?;
    let plain = |owner, way, findings: &mut Findings| {
        Fields::open(&settings, owner, findings)?.finish(findings);
        Some(way)
    };
    match name {
        "public" => plain("`public`", Connect::Public, findings),
        "private" => plain("`private`", Connect::Private, findings),
        _ => jump(&settings, findings).map(Connect::Jump),
    }
}

const JUMP: &str = "write the host to go through, such as `connect: { jump: admin@bastion.example }`";

fn jump(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    if slot.node.is_null() || slot.node.map().is_some_and(IndexMap::is_empty) {
        findings
            .error("bear::fleet::missing_key", slot.key, "`jump` names no host")
            .label("expected `[user@]host[:port]`")
            .help(JUMP);
        return None;
    }
    let text = text::text(slot, findings)?;
    if is_jump(text) {
        return Some(text.to_owned());
    }
    wrong(slot, "host to jump through", text, findings).label("expected `[user@]host[:port]`").help(JUMP);
    None
}

/// One hop, as `ssh -J` takes it; an IPv6 address stands in brackets. It becomes an argument of `ssh`.
fn is_jump(text: &str) -> bool {
    let (user, place) = text.split_once('@').map_or((None, text), |(user, place)| (Some(user), place));
    let in_brackets = place.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = in_brackets.unwrap_or_else(|| place.split_at(place.find(':').unwrap_or(place.len())));
    let host_fits = match in_brackets {
        Some(_) => host.parse::<Ipv6Addr>().is_ok(),
        None => text::is_plain(host, ".-_"),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|it| it > 0 && it.to_string() == port);
    host_fits
        && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        && user.is_none_or(|user| text::is_plain(user, "_.-"))
}

/// The id of a thing that exists already, such as `vpc-0123456789abcdef0`.
fn id(slot: &Slot<'_>, prefix: &str, findings: &mut Findings) -> Option<String> {
    let text = text::word(slot, findings)?;
    if is_id(&text, prefix) {
        return Some(text);
    }
    wrong(slot, &format!("id that begins with `{prefix}-`"), &text, findings)
        .label(format!("expected `{prefix}-` and 8 or 17 hexadecimal digits"))
        .help(format!("such as `{prefix}-0123456789abcdef0`"));
    None
}

/// Ids were of 8 digits once, and those are still there
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>).
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
    matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A list of ids, none of them twice.
fn ids(slot: &Slot<'_>, prefix: &str, findings: &mut Findings) -> Option<Vec<String>> {
    let ids = distinct(slot, "ids", findings, |slot, findings| id(slot, prefix, findings))?;
    if ids.is_empty() {
        findings
            .error("bear::fleet::aws", slot.span(), "the list of ids is empty")
            .label("names nothing")
            .help(format!("name one at least, such as `{prefix}-0123456789abcdef0`, or leave out the key"));
        return None;
    }
    Some(ids)
}

fn key_pair(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::filled(slot, findings)?;
    if text.len() <= 255 && text.trim() == text && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return Some(text);
    }
    wrong(slot, "name of a key pair", &text, findings)
        .label("expected up to 255 characters of ASCII, no white space at an end")
        .help("write the name of a key pair of the region, or leave it out and bear imports yours");
    None
}

fn tags(slot: &Slot<'_>, findings: &mut Findings) -> Option<BTreeMap<String, String>> {
    let Some(map) = slot.node.map() else {
        expected(slot, "tags by name", findings)
            .map(|finding| finding.help("write each on a line of its own, such as `owner: daily`"));
        return None;
    };
    if map.len() > TAGS_MAX {
        findings
            .error("bear::fleet::aws_tag", slot.key, format!("there are {} tags", map.len()))
            .label(format!("at most {TAGS_MAX} find room beside bear's own"))
            .help("EC2 has 50 on a thing; leave some out");
    }
    let mut all = BTreeMap::new();
    for (key, slot) in map {
        if findings.are_enough() {
            return None;
        }
        tag_key(key, slot, findings);
        if let Some(value) = tag_value(slot, findings) {
            all.insert(key.clone().into_owned(), value);
        }
    }
    Some(all)
}

fn tag_key(key: &str, slot: &Slot<'_>, findings: &mut Findings) {
    let lower = key.to_ascii_lowercase();
    let (label, help) = if lower.starts_with("aws:") {
        ("keys that begin with `aws:` are for AWS alone", "choose another key")
    } else if lower.starts_with("bear:") {
        ("keys that begin with `bear:` are how bear finds its machines again", "choose another key")
    } else if key == "Name" {
        ("bear names each machine after its instance", "leave it out, or choose another key")
    } else if key.trim().is_empty() || key.contains(char::is_control) {
        ("empty, or with a control character", "write letters, digits, spaces and `+-=._:/@`")
    } else if key.chars().count() > TAG_KEY_MAX {
        ("too long", "a key has at most 128 characters")
    } else {
        return;
    };
    findings
        .error("bear::fleet::aws_tag", slot.key, format!("{} can't be the key of a tag", quoted(key)))
        .label(label)
        .help(help);
}

fn tag_value(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::text(slot, findings)?;
    let label = match text {
        control if control.contains(char::is_control) => "has a control character",
        long if long.chars().count() > TAG_VALUE_MAX => "too long: a value has at most 256 characters",
        _ => return Some(text.to_owned()),
    };
    findings
        .error("bear::fleet::aws_tag", slot.span(), format!("{} can't be the value of a tag", quoted(text)))
        .label(label);
    None
}

/// Reports that a text is not what it must be.
pub(super) fn wrong<'f>(
    slot: &Slot<'_>,
    what: &str,
    text: &str,
    findings: &'f mut Findings,
) -> &'f mut Finding {
    findings.error("bear::fleet::aws", slot.span(), format!("{} is no {what}", quoted(text)))
}
