//! `bear ui`, driven by tmux as a person would

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal};

use crate::brokers::{eventually, send};
use crate::screen::{Terminal, check_screen, is_here};
use crate::support::{Project, check};

#[test]
fn there_must_be_a_terminal() {
    check!(Project::new().bear("ui"), @"
    exit status: 3
    ----- stderr -----
    bear::ui::no_terminal

      × `bear ui` fills a terminal, and there is none
      help: without one there are `bear status`, `bear plan` and `bear apply --yes`
    ");
}

#[test]
fn a_fleet_from_its_name_to_its_end() {
    if !is_here() {
        return;
    }
    let project = Project::new().with("browser", "#!/bin/sh\necho \"$1\" >> \"$SEEN\"\n");
    let (browser, seen) = (project.path("browser"), project.path("seen"));
    fs::set_permissions(&browser, Permissions::from_mode(0o755)).unwrap();
    let project = project
        .with_variable("DISPLAY", ":0")
        .with_variable("BROWSER", browser.display().to_string())
        .with_variable("SEEN", seen.display().to_string());
    let terminal = Terminal::start(&project);

    named_and_made(&terminal);
    terminal.press(&["o"]);
    eventually("the browser was started", || {
        fs::read_to_string(&seen).is_ok_and(|url| url.starts_with("http:"))
    });
    grown_and_not_shrunk(&terminal);
    killed_and_healed(&terminal);
    destroyed(&terminal);
}

#[test]
fn it_ends_with_its_terminal() {
    if !is_here() {
        return;
    }
    let project = Project::of(1);
    let terminal = Terminal::start(&project);
    terminal.once(&["1 not made"]);
    let pid = terminal.manager().as_raw_nonzero();
    // Empty once the process is gone or nobody has yet taken note of its end.
    let process = format!("/proc/{pid}/cmdline");
    assert!(fs::read(&process).is_ok_and(|words| !words.is_empty()));
    terminal.tmux(&["kill-server"]);
    eventually("bear has ended", || {
        fs::read(&process).is_ok_and(|words| words.is_empty()) || !fs::exists(&process).unwrap()
    });
}

fn named_and_made(terminal: &Terminal<'_>) {
    // A name.
    check_screen!(terminal.once(&["A new fleet"]), @"
     bear





    ╭ A new fleet ───────────────────────────────────────────────────────────────────────────╮
    │ There is no fleet here yet. This writes fleets/NAME.yaml, a file to edit and to keep   │
    │ in git.                                                                                │
    │                                                                                        │
    │ > name     ▏                                                                           │
    │   provider (x) local  processes of this machine                                        │
    │            ( ) hosts  machines that exist, over SSH                                    │
    │            ( ) aws    machines on Amazon EC2                                           │
    ╰────────────────────────────────────────────────────────────────────────────────────────╯






     Enter next  Tab other field  Esc cancel
    ");
    terminal.press(&["demo", "Enter", "Enter"]);
    check_screen!(terminal.once(&["3 not made"]), @"
     bear  demo  3 instances  3 not made
       instance       state        address                broker            latency  checks
     ▾ broker  3 instances  3 not made
    >+ demo-broker-1  not made                            embedded
     + demo-broker-2  not made                            embedded
     + demo-broker-3  not made                            embedded















     Enter look at it  p plan  a apply  n new  d remove  / search  m messages  q quit  ? help
    ");

    // Create, and list.
    terminal.press(&["a"]);
    check_screen!(terminal.once(&["Do you want to apply this plan?"]), @"
     bear  demo  3 instances  3 not made

     Plan: 3 to create

       + demo-broker-1  create, install, verify
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)
       + demo-broker-2  create, install, verify
       + demo-broker-3  create, install, verify






    ──────────────────────────────────────────────────────────────────────────────────────────
     Do you want to apply this plan?
     y yes   n no

     y yes  n no
    ");
    terminal.press(&["y"]);
    check_screen!(terminal.once(&["Done: 9 steps", "3 healthy"]), @"
    bear  demo  3 instances  3 healthy

    apply  9/9 steps  [SECONDS]  [BAR]

    Done: 9 steps in [SECONDS].
















    Esc back  ? help
    ");
    terminal.press(&["Escape"]);
    check_screen!(terminal.once(&["3 healthy", "D destroy", "● demo-broker-3"]), @"
     bear  demo  3 instances  3 healthy
       instance       state        address                broker            latency  checks
     ▾ broker  3 instances  3 healthy
    >● demo-broker-1  healthy      127.0.0.1:[PORT]        embedded [VERSION]    [LATENCY]  10 ok
     ● demo-broker-2  healthy      127.0.0.1:[PORT]        embedded [VERSION]    [LATENCY]  10 ok
     ● demo-broker-3  healthy      127.0.0.1:[PORT]        embedded [VERSION]    [LATENCY]  10 ok














     Enter look at it  p plan  a apply  l log  o open  n new  d remove  v verify
     V verify all  D destroy  / search  r run  m messages  q quit  ? help
    ");
}

fn grown_and_not_shrunk(terminal: &Terminal<'_>) {
    let project = terminal.project;
    // One more: the file is edited in place.
    terminal.press(&["n"]);
    terminal.once(&["Plan: 1 to create, 3 unchanged", "Do you want to apply this plan?"]);
    terminal.press(&["y"]);
    terminal.once(&["Done: 3 steps"]);
    terminal.press(&["Escape"]);
    terminal.once(&["4 instances  4 healthy", "D destroy"]);
    let file = project.read("fleets/demo.yaml");
    assert!(file.contains("count: 4 ") && file.contains("# more or fewer"), "{file}");

    // Whoever says no gets the old file back.
    terminal.press(&["d"]);
    terminal.once(&["Plan: 1 to destroy", "Do you want to apply this plan"]);
    terminal.press(&["n"]);
    eventually("the file is as it was", || project.read("fleets/demo.yaml") == file);
}

fn killed_and_healed(terminal: &Terminal<'_>) {
    let project = terminal.project;
    // One is killed, and turns red.
    let (_, pid) = project.running("demo")[1].clone();
    send(Pid::from_raw(pid).unwrap(), Signal::KILL);
    check_screen!(terminal.once(&["1 unreachable  3 healthy", "✗ demo-broker-2", "D destroy"]), @"
     bear  demo  4 instances  1 unreachable  3 healthy
       instance       state        address                broker            latency  checks
     ▾ broker  4 instances  1 unreachable  3 healthy
    >● demo-broker-1  healthy      127.0.0.1:[PORT]        embedded [VERSION]    [LATENCY]  10 ok
     ✗ demo-broker-2  unreachable  127.0.0.1:[PORT]        embedded [VERSION]             10 ok
     ● demo-broker-3  healthy      127.0.0.1:[PORT]        embedded [VERSION]    [LATENCY]  10 ok
     ● demo-broker-4  healthy      127.0.0.1:[PORT]        embedded [VERSION]    [LATENCY]  10 ok













     Enter look at it  p plan  a apply  l log  o open  n new  d remove  v verify
     V verify all  D destroy  / search  r run  m messages  q quit  ? help
    ");
    let coloured = terminal.screen(&["-e"]);
    let line = coloured.lines().find(|line| line.contains("demo-broker-2")).unwrap();
    assert!(line.contains("\u{1b}[38;5;1munreachable"), "{line:?}");

    // Its page tells how it came to be.
    terminal.press(&["Down", "Enter"]);
    terminal.once(&["unreachable", "Last proof", "mqtt.qos2"]);
    terminal.press(&["Escape"]);
    terminal.once(&["D destroy"]);

    // Healed.
    terminal.press(&["a"]);
    terminal.once(&["broker: stopped", "Do you want to apply this plan?"]);
    terminal.press(&["y"]);
    terminal.once(&["Done: "]);
    terminal.press(&["Escape"]);
    terminal.once(&["4 instances  4 healthy", "D destroy"]);
    project.expect_settled("demo", 4);
}

fn destroyed(terminal: &Terminal<'_>) {
    // Gone.
    terminal.press(&["D"]);
    terminal.once(&["Type the name of the"]);
    terminal.press(&["demo", "Enter"]);
    check_screen!(terminal.once(&["Done: 4 steps", "4 not made"]), @"
    bear  demo  4 instances  4 not made

    destroy  4/4 steps  [SECONDS]  [BAR]

    Done: 4 steps in [SECONDS].
















    Esc back  ? help
    ");
    terminal.press(&["Escape"]);
    terminal.once(&["4 instances  4 not made", "n new"]);
    terminal.press(&["q"]);
    terminal.expect_end();
    terminal.project.expect_gone("demo");
}
