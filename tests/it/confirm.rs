//! Asking on a terminal, and what counts as a yes.

use std::io::{Read, Write};

use crate::support::{Outcome, Project, terminal};

/// Types `answer` on a terminal where `bear state rm` asks, and says whether the instance was forgotten. Ctrl-D is
/// `\u{4}`.
#[track_caller]
fn forgets(answer: &str) -> bool {
    let project = Project::deployed();
    let (mut terminal, side) = terminal();
    let bear =
        project.command(["state", "rm", "demo-broker-2"]).stdin(side()).stderr(side()).spawn().unwrap();

    let mut shown = String::new();
    while !shown.contains("[y/N]") {
        let mut bytes = [0; 1024];
        let count = terminal.read(&mut bytes).unwrap();
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    terminal.write_all(answer.as_bytes()).unwrap();
    let outcome = Outcome::of(bear, &project.path(""));
    let left = project.bear("state list").ok().stdout;
    let forgotten = !left.contains("demo-broker-2");
    assert_eq!(outcome.code(), if forgotten { 0 } else { 130 });
    forgotten
}

#[test]
fn only_a_yes_is_a_yes() {
    assert!(forgets("y\n"));
    assert!(forgets("Yes\n"));
    assert!(!forgets("n\n"));
    assert!(!forgets("\n"));
    assert!(!forgets("maybe\n"));
    assert!(!forgets("\u{4}"));
}
