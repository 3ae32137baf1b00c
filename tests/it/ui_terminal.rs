//! `bear ui` and its terminal: the mouse, every size, no colour, and that it is given back as it was

use rustix::process::Signal;

use crate::brokers::{eventually, send};
use crate::screen::{Terminal, check_screen, is_here};
use crate::support::Project;

const BEAR: &str = env!("CARGO_BIN_EXE_bear");

#[test]
fn the_mouse_selects_opens_and_scrolls() {
    if !is_here() {
        return;
    }
    let project = Project::of(40);
    let terminal = Terminal::start(&project);
    terminal.once(&[">+ demo-broker-1 ", "40 not made"]);
    assert_eq!(terminal.told("#{mouse_all_flag} #{mouse_sgr_flag}"), "1 1");

    terminal.click("demo-broker-5 ");
    terminal.once(&[">+ demo-broker-5 "]);
    let below = 12;
    for _ in 0..below {
        terminal.mouse(65, 20, 10);
    }
    terminal.once(&[">+ demo-broker-40"]);
    for _ in 0..below {
        terminal.mouse(64, 20, 10);
    }
    terminal.once(&[">+ demo-broker-4 ", " + demo-broker-12 "]);

    // A click on what is selected opens it, and one on a key at the bottom presses that.
    terminal.click("demo-broker-12 ");
    terminal.once(&[">+ demo-broker-12 "]);
    terminal.click("demo-broker-12 ");
    terminal.once(&["demo-broker-12", "Esc back"]);
    terminal.click("Esc back");
    terminal.once(&[">+ demo-broker-12 "]);
    terminal.click("p plan");
    terminal.once(&["Plan: 40 to create", "a apply"]);
    terminal.click("Esc back");
    terminal.once(&[">+ demo-broker-12 "]);
    terminal.click("? help");
    terminal.once(&["Esc close"]);
    terminal.click("Esc close");
    terminal.once(&[">+ demo-broker-12 "]);
    terminal.click("q quit");
    terminal.expect_end();
}

#[test]
fn it_fits_into_40_columns_and_fills_300() {
    if !is_here() {
        return;
    }
    let project = Project::deployed();
    let terminal = Terminal::start(&project);
    let all = ["demo-broker-1", "unreachable", "demo-broker-2", "demo-broker-3", "not made", "? help"];
    terminal.once(&all);
    for (columns, rows) in [(300, 80), (40, 14), (160, 24), (60, 9), (300, 12), (41, 40), (90, 22)] {
        let (width, height) = (format!("{columns}"), format!("{rows}"));
        terminal.tmux(&["resize-window", "-t", "ui", "-x", &width, "-y", &height]);
        // The keys stand at the bottom again once all of it is laid out anew.
        eventually("it fits", || {
            let screen = terminal.screen(&[]);
            let last = screen.lines().last().unwrap_or_default().to_owned();
            screen.lines().count() == rows
                && last.contains("? help")
                && all.iter().all(|it| screen.contains(it))
        });
        let screen = terminal.screen(&[]);
        assert_eq!(screen.matches("bear  demo").count(), 1, "something of another size is left:\n{screen}");
        assert_eq!(screen.matches("? help").count(), 1, "something of another size is left:\n{screen}");
        if columns == 40 {
            check_screen!(screen.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"), @"
             bear  demo  3  2 unreachable…
               instance       state
             ▾ broker  3  2 unreachable  1 not made
            >✗ demo-broker-1  unreachable
             ✗ demo-broker-2  unreachable
             + demo-broker-3  not made





             Enter look at it  p plan  a apply
             l log  o open  n new  d remove
             v verify  V verify all  ? help
            ");
        }
    }
    terminal.press(&["q"]);
    terminal.expect_end();
}

#[test]
fn without_colour_it_reads_the_same() {
    /// How many lines the table takes, with what stands above it.
    const TABLE: usize = 6;

    if !is_here() {
        return;
    }
    let screen_of = |variables: &[&str]| {
        let project = Project::deployed();
        let terminal = Terminal::of((90, 22), &project, &[&["env"], variables, &[BEAR, "ui"]].concat());
        let screen = terminal.once(&["2 unreachable", "? help", "demo-broker-1"]);
        // What is said at the bottom stays for some seconds only.
        let table = screen.lines().take(TABLE).collect::<Vec<_>>().join("\n");
        (table, colours(&terminal.screen(&["-e"])))
    };
    let (coloured, colours) = screen_of(&[]);
    assert!(colours.contains(&"38;5;1".to_owned()), "{colours:?}");
    let (plain, colours) = screen_of(&["NO_COLOR=1"]);
    assert_eq!(colours, [""; 0]);
    assert_eq!(plain, coloured);
    let (ascii, _) = screen_of(&["LANG=C"]);
    assert!(ascii.is_ascii(), "{ascii}");
}

/// The colours on a screen with its attributes, as they are asked for.
fn colours(screen: &str) -> Vec<String> {
    let asked = screen.split("\u{1b}[").skip(1).filter_map(|text| text.split_once('m'));
    let is_colour = |asked: &&str| {
        let first = asked.split(';').next().and_then(|code| code.parse::<u8>().ok());
        first.is_some_and(|code| matches!(code, 30..=38 | 40..=48 | 90..=107))
    };
    asked.map(|(asked, _)| asked).filter(is_colour).map(str::to_owned).collect()
}

#[test]
fn the_terminal_is_given_back_however_it_ends() {
    if !is_here() {
        return;
    }
    check_given_back(&Project::of(1), |terminal| terminal.press(&["q"]));
    check_given_back(&Project::of(1), |terminal| terminal.press(&["C-c"]));
    check_given_back(&Project::of(1), |terminal| send(terminal.manager(), Signal::TERM));
    check_given_back(&Project::of(1), |terminal| send(terminal.manager(), Signal::HUP));
}

#[test]
fn a_run_comes_to_its_end_before_the_terminal_is_given_back() {
    if !is_here() {
        return;
    }
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    let broker = project.pid_of("demo", "demo-broker-1");
    check_given_back(&project, |terminal| {
        terminal.once(&["1 healthy"]);
        // The proof of a broker that hangs takes as long as the broker does.
        send(broker, Signal::STOP);
        terminal.press(&["V"]);
        terminal.once(&["verify  0/1 steps", "^C stop"]);
        terminal.press(&["Escape"]);
        terminal.once(&["q quit"]);
        terminal.press(&["q"]);
        terminal.once(&["a run goes on: Ctrl-C stops it, then q leaves"]);
        send(terminal.manager(), Signal::TERM);
        send(broker, Signal::CONT);
    });
    project.expect_settled("demo", 1);
    project.bear("destroy --yes").ok();
}

/// Runs the manager from a shell until `end` ends it, and holds the terminal against what it was before.
#[track_caller]
fn check_given_back(project: &Project, end: impl FnOnce(&Terminal<'_>)) {
    const SHELL: &str = "stty -a > before; echo typed before; \"$0\" ui; echo \"ended with $?\"; stty -a > after; echo looked; exec sleep 1000";
    const MODES: &str = "#{alternate_on} #{mouse_any_flag} #{cursor_flag} #{keypad_cursor_flag}";

    let terminal = Terminal::of((90, 22), project, &["sh", "-c", SHELL, BEAR]);
    terminal.once(&["demo-broker-1", "? help"]);
    assert_eq!(terminal.told(MODES), "1 1 0 0");
    end(&terminal);
    assert_eq!(terminal.once(&["looked"]), "typed before\nended with 0\nlooked");
    assert_eq!(terminal.told(MODES), "0 0 1 0");
    assert_eq!(project.read("after"), project.read("before"));
}
