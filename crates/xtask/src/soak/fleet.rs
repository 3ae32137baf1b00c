//! The fleet file as the soak knows it: what it wants, as text for bear and as what follows for each instance.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The fleet that changes all the time.
pub(super) const NAME: &str = "soak";

/// Its file, from the folder of the project on.
pub(super) const FILE: &str = "fleets/soak.yaml";

/// The ports that the fleet file asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) mqtt: Option<u16>,
    pub(super) dashboard: Option<u16>,
}

/// What clients must say of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: u64,
    /// Each is a file of its own, since fleet files name secrets and don't hold them.
    pub(super) password: u64,
}

/// What is wanted of one instance. Where it differs, its broker is started anew; where it does not, nobody may touch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) ports: Ports,
    pub(super) login: Option<Login>,
}

/// A fleet of three groups: `line` has members and lets everybody in, `gate` has members and asks for a password, and
/// `hall` is numbered and asks at times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fleet {
    pub(super) line: BTreeMap<String, Ports>,
    pub(super) gate: BTreeMap<String, Ports>,
    pub(super) gate_login: Login,
    pub(super) hall: u64,
    pub(super) hall_login: Option<Login>,
    /// What means nothing to bear: a comment, a label, and the order of the groups.
    pub(super) remark: u64,
    pub(super) label: u64,
    pub(super) order: u64,
}

impl Fleet {
    /// A fleet of `brokers`, which are at least 3.
    pub(super) fn of(brokers: u64) -> Self {
        let members = |count| (1..=count).map(|index| (format!("m{index}"), Ports::default())).collect();
        let (line, gate) = (brokers / 2, brokers / 4);
        Self {
            line: members(line.max(1)),
            gate: members(gate.max(1)),
            gate_login: Login { user: 0, password: 0 },
            hall: (brokers - line - gate).max(1),
            hall_login: None,
            remark: 0,
            label: 0,
            order: 0,
        }
    }

    /// How many instances it has.
    pub(super) fn size(&self) -> u64 {
        (self.line.len() + self.gate.len()) as u64 + self.hall
    }

    /// Every instance by name.
    pub(super) fn instances(&self) -> BTreeMap<String, Wanted> {
        let line = self.line.iter().map(|(name, ports)| (format!("line-{name}"), *ports, None));
        let gate = self
            .gate
            .iter()
            .map(|(name, ports)| (format!("gate-{name}"), *ports, Some(self.gate_login.clone())));
        let hall =
            (1..=self.hall).map(|index| (format!("hall-{index}"), Ports::default(), self.hall_login.clone()));
        let all = line.chain(gate).chain(hall);
        all.map(|(name, ports, login)| (format!("{NAME}-{name}"), Wanted { ports, login })).collect()
    }

    /// The instances that are not the same in both fleets.
    pub(super) fn difference(&self, other: &Self) -> BTreeSet<String> {
        let (ours, others) = (self.instances(), other.instances());
        let names = ours.keys().chain(others.keys());
        names.filter(|name| ours.get(*name) != others.get(*name)).cloned().collect()
    }

    /// Every password that it names.
    pub(super) fn passwords(&self) -> impl Iterator<Item = u64> {
        [Some(&self.gate_login), self.hall_login.as_ref()].into_iter().flatten().map(|login| login.password)
    }

    /// The fleet file.
    pub(super) fn text(&self) -> String {
        let mut groups = [
            format!("  line:\n    broker: embedded\n    members:\n{}", members(&self.line)),
            format!(
                "  gate:\n    broker: {}\n    members:\n{}",
                broker(Some(&self.gate_login)),
                members(&self.gate)
            ),
            format!("  hall:\n    count: {}\n    broker: {}\n", self.hall, broker(self.hall_login.as_ref())),
        ];
        let turns = usize::try_from(self.order).unwrap_or_default() % groups.len();
        groups.rotate_left(turns);
        format!(
            "# Remark {}.\nx-label: {{ shift: {} }}\nfleet: {NAME}\nprovider: local\ngroups:\n{}",
            self.remark,
            self.label,
            groups.concat()
        )
    }
}

fn broker(login: Option<&Login>) -> String {
    match login {
        None => "embedded".to_owned(),
        Some(Login { user, password }) => format!(
            "{{ embedded: {{ authentication: {{ username: user{user}, password: {{ file: {} }} }} }} }}",
            password_file(*password)
        ),
    }
}

/// Where a password lies, from the folder of the project on.
pub(super) fn password_file(password: u64) -> String {
    format!("passwords/{password}")
}

fn members(members: &BTreeMap<String, Ports>) -> String {
    let mut text = String::new();
    for (name, Ports { mqtt, dashboard }) in members {
        let ports = [("mqtt", mqtt), ("dashboard", dashboard)];
        let ports = ports.into_iter().filter_map(|(name, port)| Some(format!("{name}: {}", (*port)?)));
        let ports = ports.collect::<Vec<_>>().join(", ");
        let ports = if ports.is_empty() { ports } else { format!(" {{ ports: {{ {ports} }} }}") };
        // Writing to a text can't fail.
        let _ = writeln!(text, "      {name}:{ports}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_what_is_wanted() {
        let mut fleet = Fleet::of(4);
        fleet.line.insert("m2".to_owned(), Ports { mqtt: Some(12000), dashboard: Some(12001) });
        fleet.order = 1;
        assert_eq!(
            fleet.text(),
            "# Remark 0.\nx-label: { shift: 0 }\nfleet: soak\nprovider: local\ngroups:\n  gate:\n    broker: \
             { embedded: { authentication: { username: user0, password: { file: passwords/0 } } } }\n    \
             members:\n      m1:\n  hall:\n    count: 1\n    broker: embedded\n  line:\n    broker: embedded\n    \
             members:\n      m1:\n      m2: { ports: { mqtt: 12000, dashboard: 12001 } }\n"
        );
        assert_eq!(fleet.instances().len(), 4);
    }

    #[test]
    fn only_what_is_wanted_makes_a_difference() {
        let fleet = Fleet::of(8);
        let mut other = fleet.clone();
        (other.remark, other.label, other.order) = (1, 1, 1);
        assert!(fleet.difference(&other).is_empty());
        other.gate_login.user = 1;
        other.hall += 1;
        let names = ["soak-gate-m1", "soak-gate-m2", "soak-hall-3"];
        assert_eq!(fleet.difference(&other), names.map(str::to_owned).into());
    }
}
