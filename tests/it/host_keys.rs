//! Hosts that were never met before: whoever can compare their keys is asked, and nobody else is.

use std::fs;
use std::io::{Read, Write};

use crate::sshd::Plant;
use crate::support::{Outcome, terminal};

/// A fleet of two hosts of which nothing is recorded, not even their keys.
fn strangers() -> Option<Plant> {
    let plant = Plant::of(&["paris", "lyon"])?;
    fs::remove_dir_all(plant.project.path(".bear")).unwrap();
    Some(plant)
}

/// Applies, and answers on a terminal what is asked there. Returns what was shown, and the outcome.
fn apply(plant: &Plant, answer: &str) -> (String, Outcome) {
    let (mut terminal, side) = terminal();
    let words = ["apply", "fleets/plant.yaml", "--yes"];
    let bear = plant.project.command(words).stdin(side()).stderr(side()).spawn().unwrap();
    let mut shown = String::new();
    while !shown.contains("[y/N]") {
        let mut bytes = [0; 1024];
        let count = terminal.read(&mut bytes).unwrap();
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    terminal.write_all(answer.as_bytes()).unwrap();
    // What is not read from a terminal holds up whoever writes to it.
    let reader = std::thread::spawn(move || while matches!(terminal.read(&mut [0; 1024]), Ok(1..)) {});
    let outcome = Outcome::of(bear, &plant.project.path(""));
    drop(side);
    drop(reader);
    (shown, outcome)
}

#[test]
fn on_a_terminal_their_keys_are_shown_and_trusted_by_a_yes_alone() {
    let Some(plant) = strangers() else { return };
    let fingerprint = plant.fingerprint("host");
    let (shown, refused) = apply(&plant, "n\n");
    assert!(shown.contains(&fingerprint) && shown.contains("Are these the 2 hosts"), "{shown}");
    assert_eq!(refused.code(), 3, "{refused}");
    assert!(!plant.project.path(".bear/plant/known_hosts").exists());
    let state = plant.project.bear("state list --fleet fleets/plant.yaml").ok();
    assert_eq!(state.stdout.trim(), "", "nothing was begun");

    apply(&plant, "y\n");
    let known = plant.project.read(".bear/plant/known_hosts");
    for member in ["paris", "lyon"] {
        let host = plant.host(member);
        assert!(known.contains(&format!("[{}]:{}", host.address, host.port)), "{known}");
    }
}

#[test]
fn without_a_terminal_they_are_refused_unless_a_flag_says_otherwise() {
    let Some(plant) = strangers() else { return };
    let refused = plant.project.bear("apply fleets/plant.yaml --yes");
    assert_eq!(refused.code(), 3, "{refused}");
    assert!(refused.stderr.contains(&plant.fingerprint("host")), "{refused}");
    assert!(refused.stderr.contains("--accept-new-host-keys"), "{refused}");
    assert!(!plant.project.path(".bear/plant/known_hosts").exists());

    plant.project.bear("apply fleets/plant.yaml --yes --accept-new-host-keys");
    assert!(plant.project.path(".bear/plant/known_hosts").exists());

    // A key that was known and has changed is refused, whatever the flag says.
    plant.know("another");
    let refused = plant.project.bear("apply fleets/plant.yaml --yes --accept-new-host-keys");
    assert_eq!(refused.code(), 1, "{refused}");
    for key in ["host", "another"] {
        assert!(refused.stderr.contains(&plant.fingerprint(key)), "{refused}");
    }
}
