//! `bear ui`, driven by tmux as a person would

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::brokers::{RUN_FILTERS, eventually, send};
use crate::support::{FILTERS, Project, check};

/// Set to `required` where tmux must be there.
const VARIABLE: &str = "BEAR_TEST_TMUX";

/// How long anything may take to come up on the screen.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether tmux is on this machine.
fn is_here() -> bool {
    let here = Command::new("tmux").arg("-V").output().is_ok();
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(here || !required, "{VARIABLE} is `required`, but there is no tmux; Debian: tmux");
    here
}

/// A terminal in which `bear ui` runs; ends with it.
struct Terminal<'p> {
    project: &'p Project,
}

impl<'p> Terminal<'p> {
    fn start(project: &'p Project) -> Self {
        let terminal = Self { project };
        let bear = env!("CARGO_BIN_EXE_bear");
        let size = ["new-session", "-d", "-x", "90", "-y", "22", "-s", "ui"];
        // What it ended with is asked for when it has ended.
        let words = [&size[..], &[bear, "ui", ";", "set-option", "remain-on-exit", "on"]].concat();
        let output = terminal.tmux(&words);
        assert!(output.status.success(), "{output:?}");
        terminal
    }

    fn tmux(&self, words: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.arg("-f").arg("/dev/null").arg("-S").arg(self.project.path("tmux")).args(words);
        tmux.current_dir(self.project.root()).env_clear().envs(self.project.variables());
        tmux.env("TERM", "xterm-256color").output().unwrap()
    }

    fn press(&self, keys: &[&str]) {
        let output = self.tmux(&[&["send-keys", "-t", "ui"], keys].concat());
        assert!(output.status.success(), "{output:?}");
    }

    fn screen(&self, options: &[&str]) -> String {
        let output = self.tmux(&[&["capture-pane", "-p", "-t", "ui"], options].concat());
        String::from_utf8(output.stdout).unwrap()
    }

    /// The screen, once all of these texts are on it.
    #[track_caller]
    fn once(&self, texts: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen(&[]);
            if texts.iter().all(|text| screen.contains(text)) {
                return screen
                    .lines()
                    .map(str::trim_end)
                    .collect::<Vec<_>>()
                    .join("\n")
                    .trim_end()
                    .to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "{texts:?} is not on the screen:\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// What differs on the screen from run to run.
const SCREEN_FILTERS: [(&str, &str); 4] = [
    // What is said at the bottom stays for some seconds only.
    (r"(?m)^ (wrote|http:|nothing was|`fleets|planning|demo-broker-\d:).*$", ""),
    (r" \d+(\.\d)?ms *", " [LATENCY]  "),
    (r"\d+[smh] ago", "[AGO]"),
    // As long as the seconds before it leave room for.
    ("━+", "[BAR]"),
];

/// Holds a screen against a snapshot.
macro_rules! check_screen {
    ($screen:expr, @$expected:literal) => {
        let filters = FILTERS.into_iter().chain(RUN_FILTERS).chain(SCREEN_FILTERS);
        insta::with_settings!({ filters => filters.collect::<Vec<_>>() }, {
            insta::assert_snapshot!($screen, @$expected);
        })
    };
}

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
        println!("skipped: there is no tmux on this machine");
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
        println!("skipped: there is no tmux on this machine");
        return;
    }
    let project = Project::of(1);
    let terminal = Terminal::start(&project);
    terminal.once(&["1 not made"]);
    let pid = terminal.tmux(&["display-message", "-p", "-t", "ui", "#{pane_pid}"]);
    let pid = String::from_utf8(pid.stdout).unwrap();
    // Empty once the process is gone or nobody has yet taken note of its end.
    let process = format!("/proc/{}/cmdline", pid.trim());
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
    terminal.once(&["4 instances  4 not made", "D destroy"]);
    terminal.press(&["q"]);
    eventually("bear has ended", || {
        let ended = terminal.tmux(&["display-message", "-p", "-t", "ui", "#{pane_dead} #{pane_dead_status}"]);
        String::from_utf8_lossy(&ended.stdout).trim() == "1 0"
    });
    terminal.project.expect_gone("demo");
}
