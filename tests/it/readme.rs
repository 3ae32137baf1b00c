//! README.md: every command in it does what it is there for

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::examples;
use crate::mosquitto;
use crate::support::{Outcome, Project};

const README: &str = include_str!("../../README.md");
const CI: &str = include_str!("../../.ci/run");

/// The commands of every block for a shell, block by block.
fn blocks() -> Vec<Vec<&'static str>> {
    let mut blocks = Vec::new();
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        match line {
            "```sh" => blocks.push(lines.by_ref().take_while(|line| *line != "```").collect()),
            "```console" => {
                let block = lines.by_ref().take_while(|line| *line != "```");
                blocks.push(block.filter_map(|line| line.strip_prefix("$ ")).collect());
            }
            _ => {}
        }
    }
    blocks
}

#[test]
fn every_command_works() {
    let project = examples::project();
    // Where people have `bear` once they have installed it.
    let programs = project.path("programs");
    fs::create_dir(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_bear"), programs.join("bear")).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let project = project.with_variable("PATH", path);

    let mut run = 0;
    for block in blocks() {
        let commands = block.into_iter().filter_map(|line| as_here(line, &project)).collect::<Vec<_>>();
        if !commands.is_empty() {
            let outcome = shell(&project, &commands);
            assert_eq!(outcome.code(), 0, "{commands:#?}\n{outcome}");
        }
        run += commands.len();
    }
    assert!(run >= 15, "only {run} commands");
    project.expect_gone("demo");
    assert!(project.path("fleets/mine.yaml").is_file());
}

/// A command as it is run in a test; none if it is only looked at.
fn as_here(line: &str, project: &Project) -> Option<String> {
    if let Some(arguments) = line.strip_prefix("cargo run --no-default-features -- ") {
        return Some(format!("bear {arguments}"));
    }
    if let Some(arguments) = line.strip_prefix("cargo install --path ") {
        let manifest =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(arguments.split(' ').next().unwrap());
        assert!(manifest.join("Cargo.toml").is_file(), "{line}");
        return None;
    }
    if line.starts_with("cargo test ") {
        return None;
    }
    if line.starts_with("mosquitto_") {
        assert!(line.contains(" -p 20000 "), "{line}");
        let port = project.mqtt_port("demo", "demo-broker-1");
        return mosquitto::is_here().then(|| line.replace(" -p 20000 ", &format!(" -p {port} ")));
    }
    assert!(!line.starts_with("cargo"), "no test knows what to do with `{line}`");
    Some(line.to_owned())
}

/// Runs commands in one shell, until the first that fails. What they leave in the background ends with it.
fn shell(project: &Project, commands: &[String]) -> Outcome {
    let script = format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{}", commands.join("\n"));
    let mut shell = Command::new("bash");
    shell.args(["-e", "-c", &script]).current_dir(project.root()).env_clear().envs(project.variables());
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    project.end(shell.spawn().unwrap())
}

#[test]
fn the_two_commands_that_a_fresh_machine_needs() {
    let blocks = blocks();
    assert_eq!(blocks[0], ["cargo run --no-default-features -- apply examples/local.yaml --yes"]);
    let test = "cargo test --workspace --exclude bear-provider-aws --no-default-features --locked";
    assert_eq!(blocks[1], [test]);
    // `.ci/run` takes the second from the README, in the way that it says here.
    assert!(CI.contains(r"command=$(sed -n 's/^\(cargo test .*\)$/\1/p' README.md | head -n 1)"));
    let named = README.lines().filter(|line| line.starts_with("cargo test "));
    assert_eq!(named.collect::<Vec<_>>(), blocks[1]);
}

#[test]
fn every_command_of_the_table_exists() {
    let table = README.split("| command | what it does |").nth(1).unwrap().lines().skip(2);
    let rows = table.map_while(|line| line.strip_prefix("| ")).collect::<Vec<_>>();
    let shown = rows.iter().flat_map(|row| row.split('`')).filter_map(|text| text.strip_prefix("bear "));
    let mut shown = shown.map(|text| text.split(' ').next().unwrap()).collect::<Vec<_>>();
    let help = Project::new().bear("--help").ok().stdout;
    let commands = help.split("Commands:").nth(1).unwrap().lines().skip(1);
    let commands = commands.map_while(|line| line.split_whitespace().next());
    let mut commands = commands.collect::<Vec<_>>();
    shown.sort_unstable();
    commands.sort_unstable();
    assert_eq!(shown, commands);
}

#[test]
fn every_link_leads_somewhere() {
    let links = README.split("](").skip(1).map(|text| text.split(')').next().unwrap());
    for link in links.filter(|link| !link.contains("://")) {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(link);
        assert!(target.exists(), "{link}");
    }
}
