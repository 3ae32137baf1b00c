//! Random edits of the fleet file.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};

use super::fleet::{Fleet, Login, Ports};
use crate::torture::random::Random;

/// Ports that the fleet file asks for: outside of what bear gives of its own accord, and of what the system does.
const PORTS: std::ops::Range<u16> = 12_000..19_000;

/// Makes edits. A fleet has never more than `most` brokers, and seldom fewer than half of that.
#[derive(Debug)]
pub(super) struct Editor {
    most: u64,
    next_port: u16,
    next_login: u64,
}

impl Editor {
    pub(super) fn new(most: u64) -> Self {
        Self { most, next_port: PORTS.start, next_login: 1 }
    }

    /// Up to three edits; what they were, in words.
    pub(super) fn edit(&mut self, fleet: &mut Fleet, random: &mut Random) -> Vec<String> {
        let count = [0, 1, 1, 2, 2, 3][index(random, 6)];
        (0..count).map(|_| self.edit_once(fleet, random)).collect()
    }

    fn edit_once(&mut self, fleet: &mut Fleet, random: &mut Random) -> String {
        let (full, empty) = (fleet.size() >= self.most, fleet.size() <= self.most / 2);
        match random.below(12) {
            0 | 1 if !full => add(&mut fleet.line, "line", self.most, random),
            2 if !full => add(&mut fleet.gate, "gate", self.most, random),
            3 | 4 if !empty => remove(&mut fleet.line, "line", random),
            5 if !empty => remove(&mut fleet.gate, "gate", random),
            6 => self.move_ports(&mut fleet.line, "line", random),
            7 => self.move_ports(&mut fleet.gate, "gate", random),
            8 => {
                let gate = random.below(2) == 0;
                self.next_login += 1;
                let login = Login { user: self.next_login, password: self.next_login };
                let text = format!("{} wants user{}", if gate { "gate" } else { "hall" }, login.user);
                if gate {
                    fleet.gate_login = login;
                } else {
                    fleet.hall_login = if fleet.hall_login.is_some() { None } else { Some(login) };
                }
                text
            }
            9 => {
                let room = self.most.saturating_sub(fleet.size()) + fleet.hall;
                fleet.hall = 1 + random.below(room.clamp(1, 4));
                format!("hall has {}", fleet.hall)
            }
            10 => {
                fleet.label += 1;
                fleet.order += 1;
                "another label, another order".to_owned()
            }
            _ => {
                fleet.remark += 1;
                "another remark".to_owned()
            }
        }
    }

    /// Gives a member other ports of its own, or leaves them to bear.
    fn move_ports(
        &mut self,
        members: &mut BTreeMap<String, Ports>,
        group: &str,
        random: &mut Random,
    ) -> String {
        let which = index(random, members.len());
        let (mqtt, dashboard) = (random.below(3) > 0, random.below(3) == 0);
        let ports =
            Ports { mqtt: mqtt.then(|| self.free_port()), dashboard: dashboard.then(|| self.free_port()) };
        let Some((name, member)) = members.iter_mut().nth(which) else { return String::new() };
        *member = ports;
        format!("{group} {name} moves to {:?} and {:?}", ports.mqtt, ports.dashboard)
    }

    /// The next port that nobody has.
    pub(super) fn free_port(&mut self) -> u16 {
        loop {
            let port = self.next_port;
            self.next_port = if port + 1 < PORTS.end { port + 1 } else { PORTS.start };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return port;
            }
        }
    }
}

/// Adds a member under a name that may have been there before.
fn add(members: &mut BTreeMap<String, Ports>, group: &str, most: u64, random: &mut Random) -> String {
    let from = random.below(2 * most);
    let names = (0..2 * most).map(|step| format!("m{}", 1 + (from + step) % (2 * most)));
    let free = names.into_iter().find(|name| !members.contains_key(name));
    let name = free.unwrap_or_default();
    members.insert(name.clone(), Ports::default());
    format!("{group} gets {name}")
}

/// Removes a member, unless it is the last.
fn remove(members: &mut BTreeMap<String, Ports>, group: &str, random: &mut Random) -> String {
    let which = index(random, members.len());
    match members.keys().nth(which).cloned() {
        Some(name) if members.len() > 1 => {
            members.remove(&name);
            format!("{group} loses {name}")
        }
        _ => format!("{group} keeps its last"),
    }
}

/// The index of one of so many.
pub(super) fn index(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.below(count.max(1) as u64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_keeps_within_its_bounds_and_repeats_with_its_seed() {
        let run = || {
            let (mut random, mut editor, mut fleet) =
                (Random::new(5, "edits"), Editor::new(16), Fleet::of(16));
            let mut told = Vec::new();
            for _ in 0..500 {
                told.extend(editor.edit(&mut fleet, &mut random));
                assert!((3..=16).contains(&fleet.size()), "{}", fleet.text());
                assert!(!fleet.line.is_empty() && !fleet.gate.is_empty() && fleet.hall > 0);
            }
            told
        };
        let told = run();
        assert_eq!(told, run());
        for edit in ["gets", "loses", "moves", "wants", "has", "label", "remark"] {
            assert!(told.iter().any(|told| told.contains(edit)), "{edit}");
        }
    }
}
