//! Editing a fleet file in place.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

use bear_core::fleet::{Edit, edit, parse};
use bear_core::name::{GroupName, MemberName};
use insta::assert_snapshot;
use proptest::prelude::*;
use similar::TextDiff;

const COUNTED: &str = "\
# Ours.
fleet: demo
provider: local
groups:
  broker:   # three are enough
    count:   3  # for now
    broker: embedded
";

const MEMBERS: &str = "\
fleet: plant
provider: { hosts: { user: ubuntu } }
groups:
  edge:
    members:
      # The one in the cellar.
      paris: { address: 192.0.2.10 }
      lyon:
        address: 192.0.2.11   # moved in March
        port: 2222

    # What runs on them.
    broker: { mosquitto: { version: 2.0.11-1.2+deb12u2 } }
";

const FLOW: &str = "\
fleet: demo
provider: local
groups: { broker: { members: { one: {}, two: { ports: { mqtt: 18832 } } }, broker: embedded } }
";

const SHARED: &str = "\
fleet: demo
provider: local
x-all: &all
  count: 2
  broker: embedded
groups:
  a: *all
  b: *all
";

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

fn member(name: &str) -> MemberName {
    MemberName::new(name).unwrap()
}

fn add(group_name: &str, name: &str, address: Option<&str>) -> Edit {
    Edit::AddMember { group: group(group_name), member: member(name), address: address.map(str::to_owned) }
}

fn remove(group_name: &str, name: &str) -> Edit {
    Edit::RemoveMember { group: group(group_name), member: member(name) }
}

fn count(group_name: &str, count: u32) -> Edit {
    Edit::Count { group: group(group_name), count }
}

fn version(group_name: &str, version: &str) -> Edit {
    Edit::Version { group: group(group_name), version: version.to_owned() }
}

/// The lines that an edit takes away and adds, or why it was not made.
fn changes(text: &str, made: &Edit) -> String {
    match edit("fleet.yaml", text, made) {
        Ok(after) => {
            let diff = TextDiff::from_lines(text, &after);
            let changes = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
            changes.map(|change| format!("{}{change}", change.tag())).collect()
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_count_is_changed_where_it_stands() {
    assert_snapshot!(changes(COUNTED, &count("broker", 12)), @"
    -    count:   3  # for now
    +    count:   12  # for now
    ");
    assert_snapshot!(changes(COUNTED, &count("broker", 3)), @"");
}

#[test]
fn members_come_and_go_without_their_neighbours() {
    assert_snapshot!(changes(MEMBERS, &add("edge", "nice", Some("192.0.2.12"))), @"+      nice: { address: 192.0.2.12 }");
    assert_snapshot!(changes(MEMBERS, &remove("edge", "lyon")), @"
    -      lyon:
    -        address: 192.0.2.11   # moved in March
    -        port: 2222
    ");
    assert_snapshot!(changes(MEMBERS, &remove("edge", "paris")), @"-      paris: { address: 192.0.2.10 }");
    assert_snapshot!(changes(FLOW, &add("broker", "three", None)), @"
    -groups: { broker: { members: { one: {}, two: { ports: { mqtt: 18832 } } }, broker: embedded } }
    +groups: { broker: { members: { one: {}, two: { ports: { mqtt: 18832 } }, three: {} }, broker: embedded } }
    ");
    assert_snapshot!(changes(FLOW, &remove("broker", "one")), @"
    -groups: { broker: { members: { one: {}, two: { ports: { mqtt: 18832 } } }, broker: embedded } }
    +groups: { broker: { members: { two: { ports: { mqtt: 18832 } } }, broker: embedded } }
    ");
    assert_snapshot!(changes(FLOW, &remove("broker", "two")), @"
    -groups: { broker: { members: { one: {}, two: { ports: { mqtt: 18832 } } }, broker: embedded } }
    +groups: { broker: { members: { one: {} }, broker: embedded } }
    ");
}

#[test]
fn a_version_is_changed_where_it_stands() {
    assert_snapshot!(changes(MEMBERS, &version("edge", "2.0.18-1")), @"
    -    broker: { mosquitto: { version: 2.0.11-1.2+deb12u2 } }
    +    broker: { mosquitto: { version: 2.0.18-1 } }
    ");
}

#[test]
fn what_others_share_is_left_to_the_author() {
    assert_snapshot!(changes(SHARED, &count("a", 3)), @"`groups.a.count` is written in a way that bear can't edit without changing more");
}

#[test]
fn what_is_not_there_and_what_must_not_be() {
    assert_snapshot!(changes(COUNTED, &count("brokers", 3)), @"there is no group `brokers`");
    assert_snapshot!(changes(COUNTED, &remove("broker", "one")), @"there is no member in group `broker`: it has a count");
    assert_snapshot!(changes(MEMBERS, &count("edge", 3)), @"there is no count in group `edge`: it has members");
    assert_snapshot!(changes(MEMBERS, &remove("edge", "rome")), @"there is no member `rome` in group `edge`");
    assert_snapshot!(changes(COUNTED, &version("broker", "1")), @"there is no version in group `broker`");
    assert_snapshot!(changes(MEMBERS, &version("edge", "latest")), @"the fleet file would not be valid any more");
    assert_snapshot!(changes(MEMBERS, &add("edge", "rome", Some("192.0.2.10"))), @"the fleet file would not be valid any more");
    assert_snapshot!(changes("fleet: 7", &count("broker", 3)), @"the fleet file can't be read as it is");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_edit_and_its_opposite_leave_the_text_as_it_was(first in 0..200_u32, second in 0..200_u32) {
        let there = edit("fleet.yaml", COUNTED, &count("broker", first)).unwrap();
        let twice = edit("fleet.yaml", &there, &count("broker", second)).unwrap();
        prop_assert_eq!(edit("fleet.yaml", &twice, &count("broker", 3)).unwrap(), COUNTED);
    }

    #[test]
    fn members_that_came_and_went_leave_nothing_behind(names in prop::collection::hash_set("[a-z]{3,8}", 1..6)) {
        for text in [MEMBERS, FLOW] {
            let (group, address) = if text == FLOW { ("broker", false) } else { ("edge", true) };
            let mut edited = text.to_owned();
            let names = names.iter().filter(|name| !["one", "two", "paris", "lyon"].contains(&name.as_str()));
            let names = names.collect::<Vec<_>>();
            for (number, name) in names.iter().enumerate() {
                let address = address.then(|| format!("192.0.2.{}", 100 + number));
                edited = edit("fleet.yaml", &edited, &add(group, name, address.as_deref())).unwrap();
            }
            let size = parse("fleet.yaml", edited.as_bytes()).unwrap().fleet.groups[0].size();
            prop_assert_eq!(size, 2 + names.len());
            for name in &names {
                edited = edit("fleet.yaml", &edited, &remove(group, name)).unwrap();
            }
            prop_assert_eq!(edited, text);
        }
    }
}
