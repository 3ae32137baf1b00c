//! Reading a mapping key by key. The keys that are asked for are the keys that are known.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::rc::Rc;
use std::str::FromStr;

use indexmap::IndexMap;
use miette::SourceSpan;

use super::findings::Findings;
use super::tree::{Map, Node, Scalar, Slot, Value};
use super::words::{any_of, nearest, quoted, suggestion};
use crate::name::NameError;

/// A mapping of which the keys are fixed.
pub(super) struct Fields<'n, 't> {
    /// What the mapping is, for messages: `a group`, `the fleet`.
    owner: &'static str,
    /// What to underline where a key is missing.
    key: SourceSpan,
    /// None where nothing is written, which is the same as a mapping without keys.
    map: Option<&'n Map<'t>>,
    asked: Vec<&'static str>,
}

impl<'n, 't> Fields<'n, 't> {
    /// Looks into a mapping.
    pub(super) fn open(slot: &'n Slot<'t>, owner: &'static str, findings: &mut Findings) -> Option<Self> {
        let map = slot.node.map();
        if map.is_none() && !slot.node.is_null() {
            expected(slot, "a mapping", findings).map(|finding| {
                finding.help(format!("write the keys of {owner} on lines of their own, `key: value`"))
            });
            return None;
        }
        Some(Self { owner, key: slot.key, map, asked: Vec::new() })
    }

    /// The value of a key that can be left out.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
        read: impl FnOnce(&Slot<'t>, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        self.asked.push(key);
        read(self.get(key)?, findings)
    }

    /// The value of a key that can't be left out.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
        read: impl FnOnce(&Slot<'t>, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        self.asked.push(key);
        if self.get(key).is_none() {
            self.missing(key, findings);
        }
        read(self.get(key)?, findings)
    }

    /// What stands under a key.
    pub(super) fn get(&self, key: &str) -> Option<&'n Slot<'t>> {
        self.map?.get(key)
    }

    /// Reports that a key is missing.
    pub(super) fn missing(&self, key: &str, findings: &mut Findings) {
        if self.misspells(key) {
            return;
        }
        findings
            .error("bear::fleet::missing_key", self.key, format!("the key `{key}` is missing"))
            .label(format!("{} needs `{key}`", self.owner))
            .help(format!("write {}", example(key)));
    }

    /// Whether a key is there and only misspelt, which is reported as that.
    pub(super) fn misspells(&self, key: &str) -> bool {
        let misspelt = |written: &str| !self.asked.contains(&written) && nearest(written, [key]).is_some();
        self.map.is_some_and(|map| map.keys().any(|written| misspelt(written)))
    }

    /// What to underline where a key is missing.
    pub(super) fn key(&self) -> SourceSpan {
        self.key
    }

    /// Reports a key that is known and has no meaning in this place.
    pub(super) fn forbid(&self, key: &str, why: &str, findings: &mut Findings) {
        if let Some(slot) = self.get(key) {
            findings
                .error("bear::fleet::out_of_place", slot.key, format!("`{key}` has no effect here"))
                .label(why)
                .help("leave it out");
        }
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self, findings: &mut Findings) {
        self.finish_but(findings, |_| false);
    }

    /// Reports the keys that nobody asked for, but for those that are free to use.
    pub(super) fn finish_but(self, findings: &mut Findings, free: impl Fn(&str) -> bool) {
        for (key, slot) in self.map.into_iter().flatten() {
            if self.asked.contains(&&**key) || free(key) {
                continue;
            }
            if findings.are_enough() {
                return;
            }
            let help = if self.asked.is_empty() {
                format!("{} has no keys", self.owner)
            } else {
                suggestion(key, &self.asked)
            };
            findings
                .error("bear::fleet::unknown_key", slot.key, format!("unknown key {}", quoted(key)))
                .label(format!("not a key of {}", self.owner))
                .help(help);
        }
    }
}

/// How a key that is missing would be written.
fn example(key: &str) -> &'static str {
    match key {
        "fleet" => "the fleet's name, such as `fleet: demo`",
        "provider" => "where the machines come from: `provider: local` for this one",
        "groups" => "the groups of brokers below `groups:`, each with its name",
        "broker" => "`broker: embedded`, or the broker and its settings below `broker:`",
        "network" => {
            "`network:` with the lists `operators` and `clients`: nothing is open to the world by itself; or name \
             `security_groups` that exist already below `aws:`"
        }
        "operators" => {
            "the networks that may reach SSH and the dashboard, such as `operators: [203.0.113.7/32]`"
        }
        "clients" => "the networks that may reach the MQTT listeners, such as `clients: [0.0.0.0/0]`",
        "machine" => "`machine:` with `type` and `image`",
        "type" => "the instance type, such as `type: t3.small`",
        "image" => "the operating system, such as `image: ubuntu-22.04`",
        "region" => "the region, such as `region: eu-west-3`",
        "version" => "the exact version, such as `version: 5.0.9`",
        "members" => "the hosts by name, such as `members: { paris: { address: 192.0.2.10 } }`",
        "address" => "the host's name or address, such as `address: 192.0.2.10`",
        "url" => "the address, such as `url: https://mirror.example/linux/ubuntu`",
        "certificate" => "the file with the certificate, such as `certificate: tls/broker.pem`",
        "key" => "where the private key comes from, such as `key: { file: tls/broker.key }`",
        "username" => "the user name, such as `username: sensor`",
        _ => "it",
    }
}

/// Reports that a value is not what it must be; nothing where that was reported already.
pub(super) fn expected<'f>(
    slot: &Slot<'_>,
    what: &str,
    findings: &'f mut Findings,
) -> Option<&'f mut super::findings::Finding> {
    if matches!(slot.node.value, Value::Broken) {
        return None;
    }
    let finding = findings
        .error("bear::fleet::wrong_type", slot.span(), format!("expected {what}, found {}", slot.node))
        .label(format!("not {what}"));
    Some(finding)
}

/// A mapping of which the keys are names.
pub(super) fn named<'t, K: FromStr<Err = NameError> + Hash + Eq, V>(
    slot: &Slot<'t>,
    what: &str,
    findings: &mut Findings,
    mut read: impl FnMut(&Slot<'t>, &mut Findings) -> Option<V>,
) -> Option<IndexMap<K, V>> {
    let Some(map) = slot.node.map() else {
        expected(slot, &format!("{what}s by name"), findings).map(|finding| {
            finding.help(format!("write each {what}'s name on a line of its own, and its keys below it"))
        });
        return None;
    };
    let mut all = IndexMap::with_capacity(map.len());
    for (key, slot) in map {
        if findings.are_enough() {
            return None;
        }
        let name = super::text::as_name(key, slot.key, what, findings);
        let value = read(slot, findings);
        if let (Some(name), Some(value)) = (name, value) {
            all.insert(name, value);
        }
    }
    Some(all)
}

/// A list, entry by entry.
pub(super) fn list<'t, T>(
    slot: &Slot<'t>,
    what: &str,
    findings: &mut Findings,
    mut read: impl FnMut(&Slot<'t>, &mut Findings) -> Option<T>,
) -> Option<Vec<T>> {
    if let Value::List(items) = &slot.node.value {
        // First all of them, so that each is reported.
        let read = items.iter().map(|item| read(item, findings)).collect::<Vec<_>>();
        return read.into_iter().collect();
    }
    let help = match &slot.node.value {
        Value::Scalar(Scalar { text, .. }) if !text.is_empty() => {
            format!("write {}", quoted(&format!("[{text}]")))
        }
        _ => String::from("a list is written `[one, two]`"),
    };
    expected(slot, &format!("a list of {what}"), findings).map(|finding| finding.help(help));
    None
}

/// A list, entry by entry, none of them twice.
pub(super) fn distinct<'t, T: Display + Clone + Hash + Eq>(
    slot: &Slot<'t>,
    what: &str,
    findings: &mut Findings,
    mut read: impl FnMut(&Slot<'t>, &mut Findings) -> Option<T>,
) -> Option<Vec<T>> {
    let mut seen = HashSet::new();
    list(slot, what, findings, |slot, findings| {
        let item = read(slot, findings)?;
        if seen.insert(item.clone()) {
            return Some(item);
        }
        findings
            .error(
                "bear::fleet::twice",
                slot.span(),
                format!("{} stands in the list twice", quoted(&item.to_string())),
            )
            .label("named already")
            .help("leave one of them out");
        None
    })
}

/// One of several things, written as its name alone or as its name with its settings below.
pub(super) fn choice<'t>(
    slot: &Slot<'t>,
    what: &'static str,
    options: &[&'static str],
    findings: &mut Findings,
) -> Option<(&'static str, Slot<'t>)> {
    let (key, settings) = match &slot.node.value {
        Value::Scalar(scalar) if !slot.node.is_null() => {
            let span = slot.node.span;
            let nothing = Node::new(span, Value::Map(Map::new()));
            (&*scalar.text, Slot { key: span, node: Rc::new(nothing) })
        }
        Value::Map(map) => {
            let known = map.iter().find(|(key, _)| options.contains(&&***key));
            let second = map.iter().find(|(other, _)| known.is_some_and(|(key, _)| key != *other));
            let (key, settings) = known.or_else(|| map.first())?;
            if let Some((other, second)) = second {
                findings
                    .error(
                        "bear::fleet::choice",
                        second.key,
                        format!("a {what} is one thing, here are {}", map.len()),
                    )
                    .label(format!("beside {}", quoted(key)))
                    .help(second_help(what, key, other, options));
                return None;
            }
            (&**key, settings.clone())
        }
        _ => {
            expected(slot, &format!("a {what}"), findings)
                .map(|finding| finding.help(format!("known here: {}", any_of(options, "and"))));
            return None;
        }
    };
    let found = options.iter().find(|option| **option == key);
    if found.is_none() {
        findings
            .error("bear::fleet::choice", settings.key, format!("unknown {what} {}", quoted(key)))
            .label(format!("not a {what}"))
            .help(suggestion(key, options));
    }
    found.map(|found| (*found, settings))
}

fn second_help(what: &str, key: &str, other: &str, options: &[&str]) -> String {
    if options.contains(&other) {
        format!("keep one {what}")
    } else {
        format!("settings of {} are indented below it", quoted(key))
    }
}
