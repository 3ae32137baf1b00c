//! A project in which pages are performed as a person would: their fleet files are written, and their commands run in a
//! shell, with what the lab has instead of what the documentation names.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::page::{Block, Page};
use crate::lab::{CANARY, setting};
use crate::support::{Outcome, Project};

/// A command of the book: its page, the line that its block begins on, and its words.
pub(super) type Performed = (String, usize, String);

/// How many seconds a command has that ends with a Ctrl-C.
const PATIENCE: u32 = 10;

/// Programs that people have, and what they do in a test.
const PROGRAMS: [(&str, &str); 2] = [
    // What it was given is looked at, so that the dashboard must be one.
    ("browser", "#!/bin/sh\nexec curl -sSf -o \"$HOME/dashboard\" \"$1\"\n"),
    ("pass", "#!/bin/sh\nprintf '%s\\n' \"$CANARY\"\n"),
];

pub(super) struct Stage {
    project: Project,
    /// The name of the fleet that the pages are about.
    pub(super) fleet: &'static str,
    /// The public host key of the machine that pages import, which its console would show.
    host_key: String,
    /// What stands on the pages, and what the lab has instead.
    instead: Vec<(String, String)>,
    /// What the shell was told to export.
    exports: Vec<String>,
    pub(super) performed: Vec<Performed>,
}

impl Stage {
    /// A project of somebody who may log in to the lab's machines, and who has credentials for its EC2.
    pub(super) fn new(fleet: &'static str) -> Self {
        let project = Project::new();
        let write = |name: &str, content: &[u8], mode| {
            project.write(name, content);
            fs::set_permissions(project.path(name), Permissions::from_mode(mode)).unwrap();
        };
        let key = fs::read(setting("LAB_KEY")).unwrap();
        write("../.ssh/id_ed25519", &key, 0o600);
        write("../.ssh/id_ed25519.pub", &fs::read(setting("LAB_KEY_PUB")).unwrap(), 0o644);
        write("../.ssh/lyon", &key, 0o600);
        for (name, text) in PROGRAMS {
            write(&format!("../programs/{name}"), text.as_bytes(), 0o755);
        }
        let browser = project.path("../programs/browser").display().to_string();
        let project = project
            .with_variable("DISPLAY", ":0")
            .with_variable("BROWSER", browser)
            .with_variable("CANARY", CANARY)
            .with_variable("AWS_ENDPOINT_URL", setting("LAB_EC2_URL"))
            .with_variable("AWS_ACCESS_KEY_ID", "lab")
            .with_variable("AWS_SECRET_ACCESS_KEY", "lab");
        Self {
            project,
            fleet,
            host_key: String::new(),
            instead: Vec::new(),
            exports: Vec::new(),
            performed: Vec::new(),
        }
    }

    /// From here on the lab's stands where the page's did.
    pub(super) fn instead(&mut self, page: &str, lab: impl Into<String>) {
        self.instead.push((page.to_owned(), lab.into()));
    }

    /// From here on there is the password that fleet files name.
    pub(super) fn exports_the_password(&mut self) {
        self.exports.push("export EMQX_ADMIN_PASSWORD=\"$CANARY\"".to_owned());
    }

    /// From here on this is the machine that pages import.
    pub(super) fn imports(&mut self, machine: String, host_key: String) {
        self.instead("i-0123456789abcdef0", machine);
        self.host_key = host_key;
    }

    /// Performs the blocks of a page that are about these words: all of them if there are none.
    pub(super) fn perform(&mut self, path: &str, about: &[&str]) {
        let page = Page::read(path);
        for block in page.blocks() {
            let text = block.lines.join("\n");
            if !about.is_empty() && !about.iter().any(|word| text.contains(word)) {
                continue;
            }
            match block.info {
                "yaml" => self.write(&text),
                "console hosts" | "console lab" => self.run(path, &block),
                _ => {}
            }
        }
    }

    /// Writes a fleet file that begins with its name.
    fn write(&self, text: &str) {
        let named = text.lines().next().and_then(|line| line.strip_prefix("# "));
        if let Some(name) = named.filter(|name| !name.contains(' ')) {
            self.project.write(name, self.here(text) + "\n");
        }
    }

    /// Runs the commands of a block until the first that fails.
    fn run(&mut self, path: &str, block: &Block<'_>) {
        let commands = block.lines.iter().map(|line| line.strip_prefix("$ ").unwrap());
        let commands = commands.filter(|command| !super::is_left_out(path, command)).collect::<Vec<_>>();
        let script = commands.iter().map(|command| self.typed(command)).collect::<Vec<_>>();
        let script = [self.exports.as_slice(), &script].concat().join("\n");
        let outcome = self.shell(&script);
        assert_eq!(outcome.code(), 0, "{path}:{}: {script}\n{outcome}", block.at + 1);
        let exports = commands.iter().filter(|command| command.starts_with("export "));
        let exports = exports.map(|export| self.here(export)).collect::<Vec<_>>();
        self.exports.extend(exports);
        let performed = commands.iter().map(|command| (path.to_owned(), block.at, (*command).to_owned()));
        self.performed.extend(performed);
    }

    /// A command, and what a person does who has typed it: answers what is asked, and ends what goes on for ever.
    fn typed(&self, command: &str) -> String {
        let here = self.here(command);
        let words = command.split(' ').collect::<Vec<_>>();
        let ended =
            || format!("status=0; timeout -s INT {PATIENCE} {here} || status=$?; test $status -eq 124");
        let answered = |answers: &str| format!("printf '{answers}' | script -qefc '{here}' /dev/null");
        match words[..] {
            ["bear", "open", ..] => format!("rm -f ~/dashboard\n{}\ntest -s ~/dashboard", ended()),
            ["bear", "logs", .., "--follow"] => ended(),
            ["bear", "import", ..] => format!("{here} --host-key '{}' --yes", self.host_key),
            ["bear", "destroy", ..] => answered(&format!("{}\\n", self.fleet)),
            // The plan, and then the keys of new hosts.
            ["bear", "apply" | "state", ..] if !words.contains(&"--yes") => answered("yes\\nyes\\n"),
            _ => here,
        }
    }

    /// A text of a page with what the lab has.
    fn here(&self, text: &str) -> String {
        self.instead.iter().fold(text.to_owned(), |text, (page, lab)| text.replace(page, lab))
    }

    /// Runs a script in the project's folder.
    fn shell(&self, script: &str) -> Outcome {
        let bear = Path::new(env!("CARGO_BIN_EXE_bear")).parent().unwrap();
        let programs = self.project.path("../programs");
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{path}", programs.display(), bear.display());
        let mut shell = Command::new("bash");
        shell.args(["-ex", "-o", "pipefail", "-c", script]).current_dir(self.project.path(""));
        shell.env_clear().envs(self.project.variables()).env("PATH", path);
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Outcome::of(shell.spawn().unwrap(), &self.project.path(""))
    }
}
