//! A page, performed from top to bottom in a project of its own: files are written, commands are run, and what they
//! print is held against what the page shows.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::page::{Block, Page};
use super::workflow;
use crate::examples;
use crate::mosquitto;
use crate::sshd::Plant;
use crate::support::{Outcome, Project};

/// Where the project of every page seems to lie.
const FOLDER: &str = "/home/ann/project";

/// What ends the output of each command of a block.
const MARK: &str = "\u{1e}\n";

/// A port that a broker got since the fleet file names none.
static PORT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b20\d{3}\b").unwrap());

/// How many commands of a page were put to which test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// They were run, and ended as they should.
    pub(crate) run: usize,
    /// They were run on hosts with a real sshd.
    pub(crate) on_hosts: usize,
    /// bear took their arguments. What they act on is not there in a test.
    pub(crate) parsed: usize,
    /// They are other programs' and were left alone.
    pub(crate) left: usize,
}

/// A page while it is performed.
struct Performance<'p> {
    page: &'p Page,
    project: Project,
    /// The page, as it should be.
    lines: Vec<String>,
    /// What the last command printed.
    printed: String,
    /// Ports that are others in a test, each with that of the page.
    moved: Vec<(String, String)>,
    /// The lowest port that a broker got.
    lowest: Option<u32>,
    tally: Tally,
}

/// Performs a page: what was done with its commands, the page as it should be, and the project as it is left.
pub(crate) fn perform(page: &Page) -> (Tally, String, Project) {
    let lines = page.text.lines().map(str::to_owned).collect();
    let project = examples::project();
    // A page's own files are the only ones there.
    fs::remove_dir_all(project.path("fleets")).unwrap();
    let (printed, moved, tally) = (String::new(), Vec::new(), Tally::default());
    let mut performance = Performance { page, project, lines, printed, moved, lowest: None, tally };
    let blocks = page.blocks();
    let should_be = blocks.iter().map(|block| performance.block(block)).collect::<Vec<_>>();
    // From the last on, so that the places of the others stay true.
    for (block, lines) in blocks.iter().zip(should_be).rev() {
        performance.lines.splice(block.at..block.at + block.lines.len(), lines);
    }
    (performance.tally, performance.lines.join("\n") + "\n", performance.project)
}

impl Performance<'_> {
    /// Performs a block; its lines as they should be.
    fn block(&mut self, block: &Block<'_>) -> Vec<String> {
        let unchanged = || block.lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        match block.info {
            "sh" => {
                self.run(&block.lines, "\n", &self.at(block));
            }
            "console" => return self.console(block),
            "console hosts" => self.on_hosts(&self.commands_alone(block)),
            "console lab" => self.parse(&self.commands_alone(block)),
            "yaml" => self.fleet_file(block),
            "yaml workflow" => {
                let commands = workflow::commands(&block.lines.join("\n"));
                self.parse(&commands.iter().map(String::as_str).collect::<Vec<_>>());
            }
            "json" => {
                let printed = self.printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
                let laid_out = printed.map(|value| serde_json::to_string_pretty(&value).unwrap());
                return held(&block.lines, &laid_out.collect::<Vec<_>>().join("\n"));
            }
            "markdown" => return held(&block.lines, &self.printed),
            "bash" => self.is_a_script(block),
            "hcl" | "text" | "" => {}
            other => panic!("{}: no test knows what to do with a block of `{other}`", self.at(block)),
        }
        unchanged()
    }

    /// Runs the commands of a block, and holds what each prints against what follows it.
    fn console(&mut self, block: &Block<'_>) -> Vec<String> {
        let commands = commands(block).collect::<Vec<_>>();
        let printed = self.run(&commands, &format!("\nprintf '{}'\n", "\\036\\n"), &self.at(block));
        let Some(printed) = printed else {
            return block.lines.iter().map(|line| (*line).to_owned()).collect();
        };
        let mut printed = printed.split(MARK);
        let mut lines = Vec::new();
        let mut rest = block.lines.iter().copied().peekable();
        while let Some(command) = rest.next() {
            let mut shown = Vec::new();
            while let Some(line) = rest.next_if(|line| !line.starts_with("$ ")) {
                shown.push(line);
            }
            let actual = printed.next().unwrap_or_default();
            actual.clone_into(&mut self.printed);
            lines.push(command.to_owned());
            if !shown.is_empty() {
                lines.extend(held(&shown, actual));
            }
        }
        lines
    }

    /// Runs commands in one shell, until the first that fails; what they print. None where a program is missing.
    fn run(&mut self, commands: &[&str], between: &str, at: &str) -> Option<String> {
        let here = commands.iter().filter_map(|line| self.as_here(line)).collect::<Vec<_>>();
        self.tally.left += commands.len() - here.len();
        self.tally.run +=
            here.iter().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count();
        if here.is_empty() {
            return None;
        }
        let outcome = shell(&self.project, &here.join(between));
        assert_eq!(outcome.code(), 0, "{at}: {here:#?}\n{outcome}");
        (here.len() == commands.len()).then(|| self.as_on_the_page(&outcome.stdout))
    }

    /// A command as it is run in a test; none if it is only looked at.
    fn as_here(&self, line: &str) -> Option<String> {
        if let Some(arguments) = line.strip_prefix("cargo run --no-default-features -- ") {
            return Some(format!("bear {arguments}"));
        }
        if let Some(arguments) = line.strip_prefix("cargo install --path ") {
            let folder = super::page::repository().join(arguments.split(' ').next().unwrap());
            assert!(folder.join("Cargo.toml").is_file(), "{line}");
            return None;
        }
        if line.starts_with("cargo test ") {
            return None;
        }
        if line.starts_with("mosquitto_") {
            assert!(line.contains(" -p 20000 "), "{line}");
            let port = self.project.mqtt_port("demo", "demo-broker-1");
            return mosquitto::is_here().then(|| line.replace(" -p 20000 ", &format!(" -p {port} ")));
        }
        if let Some(process) = line.strip_prefix("kill -9 ") {
            // It takes a moment to die, and a person one to type the next command.
            let is_there = "readlink /proc/$process/cwd >/dev/null";
            return Some(format!(
                "process={process}; kill -9 $process; while {is_there}; do sleep 0.01; done"
            ));
        }
        assert!(!line.starts_with("cargo"), "no test knows what to do with `{line}`");
        Some(line.to_owned())
    }

    /// Runs commands on hosts that are there, or sees that bear takes them.
    fn on_hosts(&mut self, commands: &[&str]) {
        let Some(plant) = Plant::of(&["paris", "lyon"]) else { return self.parse(commands) };
        let outcome = shell(&plant.project, &commands.join("\n"));
        assert_eq!(outcome.code(), 0, "{}: {commands:#?}\n{outcome}", self.page.name());
        self.tally.on_hosts += commands.len();
    }

    /// Sees that bear takes the arguments. In a folder without any fleet file nothing comes of it.
    fn parse(&mut self, commands: &[&str]) {
        let nowhere = Project::new();
        for command in commands {
            if !command.starts_with("bear ") {
                self.tally.left += 1;
                continue;
            }
            let outcome = shell(&nowhere, command);
            let refused =
                ["try '--help'", "bear::arguments"].iter().any(|text| outcome.stderr.contains(text));
            assert!(!refused, "{}: `{command}`\n{outcome}", self.page.name());
            self.tally.parsed += 1;
        }
    }

    /// The commands of a block that shows no output, which nobody could hold against anything.
    fn commands_alone<'b>(&self, block: &Block<'b>) -> Vec<&'b str> {
        let alone = block.lines.iter().map(|line| line.strip_prefix("$ "));
        alone
            .collect::<Option<_>>()
            .unwrap_or_else(|| panic!("{}: what is printed is not tried", self.at(block)))
    }

    /// Sees that a fleet file is valid. One that begins with its name is there from then on.
    fn fleet_file(&mut self, block: &Block<'_>) {
        let page = block.lines.join("\n") + "\n";
        let text = examples::elsewhere(&page);
        let words = page.split_whitespace().zip(text.split_whitespace()).filter(|(page, here)| page != here);
        let word = |word: &str| word.trim_end_matches(',').to_owned();
        self.moved.extend(words.map(|(page, here)| (word(here), word(page))));
        let named = block.lines[0].strip_prefix("# ").filter(|name| !name.contains(' '));
        let outcome = match named {
            Some(name) => {
                self.project.write(name, text);
                self.project.bear_with(["validate", name])
            }
            None => Project::new().with("fleets/page.yaml", text).bear("validate"),
        };
        assert_eq!(outcome.code(), 0, "{}: {outcome}", self.at(block));
    }

    /// Sees that what is shown of others' scripts is one.
    fn is_a_script(&self, block: &Block<'_>) {
        let outcome = Command::new("bash").args(["-n", "-c", &block.lines.join("\n")]).output().unwrap();
        assert!(outcome.status.success(), "{}: {outcome:?}", self.at(block));
    }

    /// What a command printed, as if it had been run where the page seems to be, with the ports of a machine where
    /// nothing else runs.
    fn as_on_the_page(&mut self, printed: &str) -> String {
        let printed = printed.replace(&self.project.root().display().to_string(), FOLDER);
        let printed = self.moved.iter().fold(printed, |printed, (here, page)| printed.replace(here, page));
        let ports = PORT.find_iter(&printed).map(|port| port.as_str().parse::<u32>().unwrap());
        self.lowest = self.lowest.or_else(|| ports.min());
        let Some(lowest) = self.lowest else { return printed };
        let port = |found: &Captures<'_>| match found[0].parse::<u32>().unwrap().checked_sub(lowest) {
            Some(above) => (20_000 + above).to_string(),
            None => found[0].to_owned(),
        };
        PORT.replace_all(&printed, port).into_owned()
    }

    /// Where a block stands.
    fn at(&self, block: &Block<'_>) -> String {
        format!("{}:{}", self.page.name(), block.at + 1)
    }
}

/// The commands of a block that shows what they print.
fn commands<'b>(block: &'b Block<'_>) -> impl Iterator<Item = &'b str> {
    block.lines.iter().filter_map(|line| line.strip_prefix("$ "))
}

/// Runs a script until the first command that fails. What it leaves in the background ends with it.
fn shell(project: &Project, script: &str) -> Outcome {
    let script = format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}\n");
    let mut shell = Command::new("bash");
    shell
        .args(["-e", "-o", "pipefail", "-c", &script])
        .current_dir(project.root())
        .env_clear()
        .envs(project.variables());
    // Where people have `bear` once they have installed it.
    let programs = Path::new(env!("CARGO_BIN_EXE_bear")).parent().unwrap();
    shell.env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    project.end(shell.spawn().unwrap())
}

/// What a page shows, if it is what was printed but for what differs from run to run; else what was printed.
fn held(shown: &[&str], printed: &str) -> Vec<String> {
    let printed = printed.trim_end().lines().map(str::to_owned).collect::<Vec<_>>();
    let same = settled(&shown.join("\n")) == settled(&printed.join("\n"));
    if same { shown.iter().map(|line| (*line).to_owned()).collect() } else { printed }
}

/// A text without what differs from run to run.
fn settled(text: &str) -> String {
    static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let varying = [
            (r"process \d+", "process PID"),
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            (r#"("(seconds|millis|wait_seconds|pid|started)": ?)[0-9.e-]+"#, "${1}0"),
            (r"\b(\d+h )?(\d+m )?\d+(\.\d+)?m?s\b", "TIME"),
            (r"\b\d+\.\d\d\b", "TIME"),
            (r"\b[23]\d{4}\b", "PORT"),
            (r"\b[0-9a-f]{32,40}\b", "ID"),
            (r"[ \t]+", " "),
        ];
        varying.map(|(pattern, stands)| (Regex::new(pattern).unwrap(), stands)).into()
    });
    VARYING
        .iter()
        .fold(text.to_owned(), |text, (pattern, stands)| pattern.replace_all(&text, *stands).into_owned())
}
