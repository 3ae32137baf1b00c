//! Editing a fleet file in place: a few characters change, and everything else stays as its author wrote it.
//!
//! Where the characters go is found by simple means, and what comes of it is read again: only a file that says exactly
//! what was meant, and nothing else, counts as edited. So a layout that nobody thought of is refused, never damaged.

use std::fmt;
use std::ops::Range;

use super::findings::Findings;
use super::model::{Broker, Fleet, Member, Pin};
use super::{Parsed, parse, reader};
use crate::name::{GroupName, MemberName};
use crate::problem::Problems;

/// How far one level is indented where a file does not show it.
const INDENT: usize = 2;

/// One change of what a fleet file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// How many instances a group has.
    Count {
        /// The group.
        group: GroupName,
        /// How many.
        count: u32,
    },
    /// One more member of a group.
    AddMember {
        /// The group.
        group: GroupName,
        /// Its name.
        member: MemberName,
        /// Its host, for a fleet of hosts.
        address: Option<String>,
    },
    /// One member of a group less.
    RemoveMember {
        /// The group.
        group: GroupName,
        /// Its name.
        member: MemberName,
    },
    /// Another version of the broker of a group.
    Version {
        /// The group.
        group: GroupName,
        /// The version, exact.
        version: String,
    },
}

/// Why a file was not edited.
#[derive(Clone, Debug)]
pub enum EditError {
    /// The file can't be read as it is.
    Unreadable(Problems),
    /// There is nothing of that name to edit.
    Nothing {
        /// What there is not, such as `the group edge`.
        what: String,
    },
    /// The file would say something that it must not say.
    Refused(Problems),
    /// The file is written in a way that only its author can edit, such as with an anchor that other groups share.
    ByHand {
        /// The place, such as `groups.edge.count`.
        place: String,
    },
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(_) => f.write_str("the fleet file can't be read as it is"),
            Self::Nothing { what } => write!(f, "there is no {what}"),
            Self::Refused(_) => f.write_str("the fleet file would not be valid any more"),
            Self::ByHand { place } => {
                write!(f, "`{place}` is written in a way that bear can't edit without changing more")
            }
        }
    }
}

impl std::error::Error for EditError {}

/// The text of a fleet file after an edit. `name` is what people know the file by.
pub fn edit(name: &str, text: &str, edit: &Edit) -> Result<String, EditError> {
    let parsed = parse(name, text.as_bytes()).map_err(EditError::Unreadable)?;
    let mut wanted = parsed.fleet.clone();
    change(&mut wanted, edit)?;
    if wanted == parsed.fleet {
        return Ok(text.to_owned());
    }
    let mut refused = None;
    for candidate in candidates(text, edit) {
        match parse(name, candidate.as_bytes()) {
            Ok(Parsed { fleet, .. }) if fleet == wanted => return Ok(candidate),
            Ok(_) => {}
            Err(problems) => refused = refused.or(Some(problems)),
        }
    }
    // What is wrong with the fleet itself is wrong in every layout; what is wrong with one candidate may be its layout.
    Err(match refused {
        Some(problems) if !wanted_is_valid(name, &wanted) => EditError::Refused(problems),
        _ => EditError::ByHand { place: edit.place() },
    })
}

fn wanted_is_valid(name: &str, wanted: &Fleet) -> bool {
    serde_json::to_vec(wanted).is_ok_and(|bytes| parse(name, &bytes).is_ok())
}

impl Edit {
    fn group(&self) -> &GroupName {
        match self {
            Self::Count { group, .. }
            | Self::AddMember { group, .. }
            | Self::RemoveMember { group, .. }
            | Self::Version { group, .. } => group,
        }
    }

    fn place(&self) -> String {
        let group = self.group();
        match self {
            Self::Count { .. } => format!("groups.{group}.count"),
            Self::AddMember { .. } | Self::RemoveMember { .. } => format!("groups.{group}.members"),
            Self::Version { .. } => format!("groups.{group}.broker"),
        }
    }
}

/// What the edit means.
fn change(fleet: &mut Fleet, edit: &Edit) -> Result<(), EditError> {
    let nothing = |what: String| EditError::Nothing { what };
    let name = edit.group();
    let group = fleet.groups.get_mut(name).ok_or_else(|| nothing(format!("group `{name}`")))?;
    let no_members = || nothing(format!("member in group `{name}`: it has a count"));
    match edit {
        Edit::Count { count, .. } => {
            let counted = group.count.as_mut();
            *counted.ok_or_else(|| nothing(format!("count in group `{name}`: it has members")))? = *count;
        }
        Edit::AddMember { member, address, .. } => {
            let members = group.members.as_mut().ok_or_else(no_members)?;
            let new = Member { address: address.clone(), ..Member::default() };
            members.entry(member.clone()).or_insert(new);
        }
        Edit::RemoveMember { member, .. } => {
            let removed = group.members.as_mut().ok_or_else(no_members)?.shift_remove(member);
            removed.ok_or_else(|| nothing(format!("member `{member}` in group `{name}`")))?;
        }
        Edit::Version { version, .. } => {
            *version_of(&mut group.broker).ok_or_else(|| nothing(format!("version in group `{name}`")))? =
                Pin(version.clone());
        }
    }
    Ok(())
}

fn version_of(broker: &mut Broker) -> Option<&mut Pin> {
    match broker {
        Broker::Emqx(emqx) => Some(&mut emqx.version),
        Broker::Mosquitto(mosquitto) => Some(&mut mosquitto.version),
        Broker::Embedded(_) => None,
    }
}

/// Texts of which one may be what is meant, the likeliest first.
fn candidates(text: &str, edit: &Edit) -> Vec<String> {
    let group = edit.group().as_str();
    match edit {
        Edit::Count { count, .. } => value(text, &["groups", group, "count"])
            .map(|place| replaced(text, place, &count.to_string()))
            .into_iter()
            .collect(),
        Edit::Version { version, .. } => {
            let place = |broker| value(text, &["groups", group, "broker", broker, "version"]);
            let plain = version.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-~".contains(&b));
            let version = if plain { version.clone() } else { format!("\"{version}\"") };
            ["emqx", "mosquitto"]
                .into_iter()
                .filter_map(place)
                .map(|place| replaced(text, place, &version))
                .collect()
        }
        Edit::AddMember { member, address, .. } => added(text, group, member.as_str(), address.as_deref()),
        Edit::RemoveMember { member, .. } => removed(text, group, member.as_str()),
    }
}

fn replaced(text: &str, place: Range<usize>, by: &str) -> String {
    [&text[..place.start], by, &text[place.end..]].concat()
}

/// Where a scalar is written, with its quotes.
fn value(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let tree = reader::read(text, &mut Findings::default());
    let span = tree.root?.at(path.iter().copied())?.node.span;
    let range = span.offset()..span.offset() + span.len();
    text.get(range.clone())?;
    Some(range)
}

/// Where the keys of a mapping begin, in the order of the file.
fn keys(text: &str, path: &[&str]) -> Vec<(String, usize)> {
    let tree = reader::read(text, &mut Findings::default());
    let Some(root) = tree.root else { return Vec::new() };
    let slots = root.at(path.iter().copied()).and_then(|slot| slot.node.map());
    let mut keys = slots
        .iter()
        .flat_map(|map| map.iter())
        .map(|(key, slot)| (key.clone().into_owned(), slot.key.offset()))
        .collect::<Vec<_>>();
    keys.sort_by_key(|(_, offset)| *offset);
    keys
}

fn added(text: &str, group: &str, member: &str, address: Option<&str>) -> Vec<String> {
    let entry = match address {
        Some(address) => format!("{member}: {{ address: {address} }}"),
        None => format!("{member}:"),
    };
    let Some((_, last)) = keys(text, &["groups", group, "members"]).pop() else { return Vec::new() };
    let block = block_of(text, last);
    let indent = " ".repeat(column(text, last));
    let end = if text[..block.end].ends_with('\n') { "" } else { "\n" };
    let mut candidates = vec![replaced(text, block.end..block.end, &format!("{end}{indent}{entry}\n"))];
    // Within braces, where a key without a value needs one.
    let entry = if address.is_some() { entry } else { format!("{member}: {{}}") };
    if let Some(close) = closing_brace(text, last) {
        let after = text[..close].trim_end().len();
        candidates.push(replaced(text, after..after, &format!(", {entry}")));
    }
    candidates
}

fn removed(text: &str, group: &str, member: &str) -> Vec<String> {
    let keys = keys(text, &["groups", group, "members"]);
    let Some(at) = keys.iter().position(|(key, _)| key == member) else { return Vec::new() };
    let begin = keys[at].1;
    let mut candidates = vec![replaced(text, block_of(text, begin), "")];
    if let Some((_, next)) = keys.get(at + 1) {
        candidates.push(replaced(text, begin..*next, ""));
    } else if let (Some(comma), Some(close)) = (text[..begin].rfind(','), closing_brace(text, begin)) {
        let end = text[..close].trim_end().len();
        candidates.push(replaced(text, comma..end, ""));
    }
    candidates
}

/// How many characters stand before a place in its line.
fn column(text: &str, place: usize) -> usize {
    let line = text[..place].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..place].chars().count().max(INDENT)
}

/// The lines of the entry of a mapping whose key is at `key`: its own, and those after it that are indented further.
/// Comments and empty lines at its end belong to what comes next.
fn block_of(text: &str, key: usize) -> Range<usize> {
    let begin = text[..key].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = key - begin;
    let mut end = begin;
    let mut at = begin;
    for (number, line) in text[begin..].split_inclusive('\n').enumerate() {
        let content = line.trim_start_matches(' ');
        let is_blank = content.trim().is_empty() || content.starts_with('#');
        if number > 0 && !is_blank && line.len() - content.len() <= indent {
            break;
        }
        at += line.len();
        if number == 0 || !is_blank {
            end = at;
        }
    }
    begin..end
}

/// The brace that closes the mapping in which something stands at `place`; none where that is in no braces.
fn closing_brace(text: &str, place: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, c) in text[place..].char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' if depth == 0 => return (c == '}').then_some(place + offset),
            '}' | ']' => depth -= 1,
            _ => {}
        }
    }
    None
}
