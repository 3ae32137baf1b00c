//! A real terminal, of tmux, in which `bear ui` runs and keys are pressed as a person would.

use std::fs;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::brokers::processes;
use crate::support::Project;

const BEAR: &str = env!("CARGO_BIN_EXE_bear");

/// Set to `required` where tmux must be there.
const VARIABLE: &str = "BEAR_TEST_TMUX";

/// How long anything may take to come up on the screen.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether tmux is on this machine; says so if not.
pub(crate) fn is_here() -> bool {
    let here = Command::new("tmux").arg("-V").output().is_ok();
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(here || !required, "{VARIABLE} is `required`, but there is no tmux; Debian: tmux");
    if !here {
        println!("skipped: there is no tmux on this machine");
    }
    here
}

/// A terminal, and what runs in it; both end with it.
pub(crate) struct Terminal<'p> {
    pub(crate) project: &'p Project,
}

impl<'p> Terminal<'p> {
    /// `bear ui` in a terminal of 90 columns and 22 rows, started from a shell.
    pub(crate) fn start(project: &'p Project) -> Self {
        const SHELL: &str = "\"$0\" ui; echo \"ended with $?\"; exec sleep 1000";
        Self::of((90, 22), project, &["sh", "-c", SHELL, BEAR])
    }

    /// A program in a terminal of so many columns and rows.
    pub(crate) fn of((columns, rows): (u16, u16), project: &'p Project, program: &[&str]) -> Self {
        let terminal = Self { project };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let session = ["new-session", "-d", "-x", &columns, "-y", &rows, "-s", "ui"];
        let output = terminal.tmux(&[&session[..], program].concat());
        assert!(output.status.success(), "{output:?}");
        terminal
    }

    pub(crate) fn tmux(&self, words: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.arg("-f").arg("/dev/null").arg("-S").arg(self.project.path("tmux")).args(words);
        tmux.current_dir(self.project.root()).env_clear().envs(self.project.variables());
        tmux.env("TERM", "xterm-256color").output().unwrap()
    }

    /// Presses keys, by the names that tmux has for them.
    pub(crate) fn press(&self, keys: &[&str]) {
        let output = self.tmux(&[&["send-keys", "-t", "ui"], keys].concat());
        assert!(output.status.success(), "{output:?}");
    }

    /// Sends what a terminal sends when something is done with the mouse: a button, or 64 and 65 for the wheel, at a
    /// column and row counted from 1.
    pub(crate) fn mouse(&self, button: u8, column: usize, row: usize) {
        self.press(&["-l", &format!("\u{1b}[<{button};{column};{row}M")]);
    }

    /// Clicks where a text is on the screen.
    #[track_caller]
    pub(crate) fn click(&self, text: &str) {
        let screen = self.once(&[text]);
        let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
        let before = line.split(text).next().unwrap_or_default();
        self.mouse(0, before.chars().count() + 1, row + 1);
    }

    /// What is on the screen; `options` are those of tmux's `capture-pane`.
    pub(crate) fn screen(&self, options: &[&str]) -> String {
        let output = self.tmux(&[&["capture-pane", "-p", "-t", "ui"], options].concat());
        String::from_utf8(output.stdout).unwrap()
    }

    /// What tmux knows of the terminal, in its own format.
    pub(crate) fn told(&self, format: &str) -> String {
        let output = self.tmux(&["display-message", "-p", "-t", "ui", format]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The screen, once all of these texts are on it.
    #[track_caller]
    pub(crate) fn once(&self, texts: &[&str]) -> String {
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

    /// The process of the manager.
    pub(crate) fn manager(&self) -> Pid {
        let (folder, line) = (self.project.root(), format!("{BEAR}\0ui\0"));
        let is_it = |pid: &i32| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|it| it == folder)
                && fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words == line.as_bytes())
        };
        Pid::from_raw(processes().into_iter().find(is_it).unwrap()).unwrap()
    }

    /// Waits until the manager has ended, which must be well, and has left nothing on the screen.
    #[track_caller]
    pub(crate) fn expect_end(&self) {
        let screen = self.once(&["ended with"]);
        assert_eq!(screen, "ended with 0");
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// What differs on the screen from run to run.
pub(crate) const SCREEN_FILTERS: [(&str, &str); 4] = [
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
        let filters = crate::support::FILTERS
            .into_iter()
            .chain(crate::brokers::RUN_FILTERS)
            .chain(crate::screen::SCREEN_FILTERS);
        insta::with_settings!({ filters => filters.collect::<Vec<_>>() }, {
            insta::assert_snapshot!($screen, @$expected);
        })
    };
}

pub(crate) use check_screen;
