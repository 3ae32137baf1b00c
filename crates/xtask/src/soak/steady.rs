//! The fleet that nothing happens to, beside the one that everything happens to: its brokers live from the first round
//! to the last, and no client of theirs is ever to notice anything.

use std::collections::BTreeSet;

/// Its name.
pub(super) const NAME: &str = "steady";

/// Its file, from the folder of the project on.
pub(super) const FILE: &str = "fleets/steady.yaml";

/// The fleet file.
pub(super) fn text(count: usize) -> String {
    format!("fleet: {NAME}\nprovider: local\ngroups:\n  hall:\n    count: {count}\n    broker: embedded\n")
}

/// Its instances.
pub(super) fn instances(count: usize) -> BTreeSet<String> {
    (1..=count).map(|index| format!("{NAME}-hall-{index}")).collect()
}

/// Whether an instance is one of its.
pub(super) fn has(instance: &str) -> bool {
    instance.starts_with("steady-")
}
