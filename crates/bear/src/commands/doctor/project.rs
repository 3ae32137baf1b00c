//! The fleet file, and what is recorded about the fleet.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use bear_core::fleet::{Foundation, Instance};
use bear_core::name::FleetName;
use bear_core::state::State;
use bear_engine::store::{FleetFolder, Holder, Secrets};
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{Access, access};

use super::Finding;
use crate::context::Context;
use crate::credentials::{Source, Wallet};
use crate::fault::Fault;
use crate::fleet_file::FleetFile;
use crate::project::Project;
use crate::render::words::{count, shell};
use crate::withheld::Withheld;

/// How far what is recorded may lie ahead of the clock of this machine.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(1);

/// What is looked at: a project, and the fleet that is chosen in it.
pub(super) struct Scene {
    pub(super) project: Project,
    /// None if no fleet is chosen, or its file can't be read.
    pub(super) fleet: Option<Chosen>,
}

/// The fleet that is chosen, and what is recorded about it.
pub(super) struct Chosen {
    pub(super) name: FleetName,
    pub(super) instances: Vec<Instance>,
    /// What they share at their provider.
    pub(super) foundation: Option<Foundation>,
    pub(super) folder: FleetFolder,
    pub(super) state: Option<State>,
}

impl Scene {
    /// Finds the project and its fleet, and what is to be said about them.
    pub(super) fn look(given: Option<&Path>, context: &Context) -> (Self, Vec<Finding>) {
        let (project, fleet, file) = match FleetFile::find(given, context) {
            Ok(file) => {
                let (chosen, finding) = choose(&file);
                (file.project, chosen, finding)
            }
            Err(fault) => {
                let help = fault.help().unwrap_or("`bear init NAME` writes one").to_owned();
                let finding = Finding::warn("fleet file", fault.to_string(), help);
                (Project::around(&context.environment.folder), None, finding)
            }
        };
        let mut scene = Self { project, fleet };
        let mut findings = vec![file, records(scene.project.root())];
        findings.extend(git(scene.project.root()));
        if let Some(chosen) = &mut scene.fleet {
            findings.push(lock(&chosen.folder));
            findings.extend(chosen.load());
        }
        (scene, findings)
    }

    /// The variables that no program is given.
    pub(super) fn withheld(&self) -> Withheld {
        let instances = self.fleet.iter().flat_map(|chosen| &chosen.instances);
        Withheld::of(instances.map(|instance| &*instance.spec))
    }
}

impl Chosen {
    /// Reads the state.
    fn load(&mut self) -> Vec<Finding> {
        let state = match self.folder.load() {
            Ok(loaded) => loaded.map(|loaded| loaded.state),
            Err(error) => return vec![Finding::of_fault("state", &Fault::from(error))],
        };
        let Some(state) = state else { return vec![Finding::ok("state", "nothing is deployed yet")] };
        let findings = vec![
            Finding::ok("state", format!("{} recorded", count(state.instances.len(), "instance"))),
            clock(&state, Timestamp::now()),
        ];
        self.state = Some(state);
        findings
    }
}

fn choose(file: &FleetFile) -> (Option<Chosen>, Finding) {
    let read = file.read().and_then(|read| {
        let fleet = read.parsed.fleet;
        let instances = fleet.instances().map_err(|error| {
            Fault::input("bear::fleet::name", "could not name the instances").caused_by(&error)
        })?;
        Ok((fleet, instances))
    });
    match read {
        Ok((fleet, instances)) => {
            let foundation = fleet.foundation();
            let name = fleet.name;
            let detail = format!("{}: fleet `{name}`, {}", file.shown, count(instances.len(), "instance"));
            let folder = file.project.folder_of(&name);
            (
                Some(Chosen { name, instances, foundation, folder, state: None }),
                Finding::ok("fleet file", detail),
            )
        }
        Err(fault) => {
            let finding = Finding::fail("fleet file", fault.to_string());
            let validate = format!("`bear validate {}` shows every place", shell(&file.shown));
            (None, finding.with_help(fault.help().map_or(validate, str::to_owned)))
        }
    }
}

/// Whether bear can record what it does.
fn records(root: &Path) -> Finding {
    const CHECK: &str = "records";
    let bear = root.join(".bear");
    let (folder, made) = match fs::metadata(&bear) {
        Ok(metadata) if !metadata.is_dir() => {
            return Finding::fail(CHECK, format!("{} is no folder", bear.display()))
                .with_help("move it away: bear keeps there what it records");
        }
        Ok(_) => (bear.as_path(), ""),
        Err(_) => (root, ", where the first apply makes `.bear`"),
    };
    match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(CHECK, format!("{} can be written to{made}", folder.display())),
        Err(error) => Finding::fail(CHECK, format!("{} can't be written to: {error}", folder.display()))
            .with_help("bear records there what it makes, and makes nothing that it can't record"),
    }
}

/// Whether git leaves alone what is recorded; nothing where there is no git that could say so.
fn git(root: &Path) -> Option<Finding> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["check-ignore", "--quiet", ".bear/state"]);
    // Only what it needs: which variables hold secrets can't be told where the fleet file can't be read.
    let needed = ["PATH", "HOME", "XDG_CONFIG_HOME"];
    git.env_clear().envs(needed.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    let status = git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    match status.code() {
        Some(0) => Some(Finding::ok("git", "ignores `.bear/`")),
        Some(1) => Some(Finding::warn(
            "git",
            "does not ignore `.bear/`, and secrets lie there",
            "write the line `.bear/` into `.gitignore`",
        )),
        _ => None,
    }
}

/// Whether somebody is at work on the fleet.
fn lock(folder: &FleetFolder) -> Finding {
    const CHECK: &str = "lock";
    // Whoever holds it writes its name there, and takes it out again. Trying a lock without a name would only get in
    // the way of others.
    let Some((file, line)) = File::open(folder.lock()).ok().and_then(first_line) else {
        return Finding::ok(CHECK, "free");
    };
    if file.try_lock_shared().is_ok() {
        return Finding::ok(CHECK, "free");
    }
    let holder =
        serde_json::from_str::<Holder>(&line).map_or_else(|_| "somebody".to_owned(), |it| it.to_string());
    Finding::warn(CHECK, format!("held by {holder}"), "wait for its end, such as with `--lock-wait 5m`")
}

/// The file, and what stands in its first line if it has one.
fn first_line(file: File) -> Option<(File, String)> {
    let mut line = String::new();
    let read = BufReader::new(&file).read_line(&mut line);
    (read.is_ok() && !line.is_empty()).then_some((file, line))
}

/// Whether the clock is behind what was recorded under it.
fn clock(state: &State, now: Timestamp) -> Finding {
    let newest = state.instances.values().map(|recorded| recorded.since).max().unwrap_or(now);
    if newest.duration_since(now) > CLOCK_SLACK {
        return Finding::warn(
            "clock",
            format!("says {now:.0}, but an instance has changed at {newest:.0}"),
            "set the clock of this machine, such as with `timedatectl set-ntp true`",
        );
    }
    Finding::ok("clock", "not behind what is recorded")
}

/// Whether the secrets that the fleet file names can be had. They are not shown, and bear makes none here.
pub(super) fn secrets(scene: &Scene) -> Vec<Finding> {
    const CHECK: &str = "secrets";
    let Some(chosen) = &scene.fleet else { return Vec::new() };
    let secrets = Secrets::of(&chosen.folder);
    let source = Source { project: scene.project.root(), withheld: scene.withheld() };
    let open = |instances: &[Instance]| {
        let specs = instances.iter().map(|instance| &*instance.spec);
        Wallet::open(specs, &source, &secrets, false)
    };
    if open(&chosen.instances).is_ok() {
        return vec![Finding::ok(CHECK, "all that the fleet file names can be had")];
    }
    // One after the other, so that each that is missing is told, and each once.
    let mut findings = Vec::<Finding>::new();
    let mut seen = Vec::new();
    for instance in &chosen.instances {
        if seen.contains(&&instance.spec) {
            continue;
        }
        seen.push(&instance.spec);
        if let Err(fault) = open(std::slice::from_ref(instance)) {
            let finding = Finding::of_fault(CHECK, &fault);
            if findings.iter().all(|known| known.detail != finding.detail) {
                findings.push(finding);
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_behind_the_records_is_told() {
        let state = serde_json::json!({
            "version": 1, "fleet": "demo", "lineage": "0", "serial": 1, "file": "demo.yaml", "generation": 1,
            "instances": { "demo-broker-1": {
                "group": "broker", "spec": { "provider": "local", "broker": { "embedded": {} } }, "generation": 1,
                "token": "0", "phase": "verified", "since": "2026-11-22T20:00:00Z",
            } },
        });
        let state = serde_json::from_value::<State>(state).unwrap();
        let at = |now: &str| clock(&state, now.parse().unwrap());
        assert_eq!(at("2026-11-22T20:00:01Z").verdict, Verdict::Ok);
        assert_eq!(at("2026-11-22T19:59:30Z").verdict, Verdict::Ok);
        insta::assert_snapshot!(at("2026-11-21T20:00:00Z").detail, @"says 2026-11-21T20:00:00Z, but an instance has changed at 2026-11-22T20:00:00Z");
    }
}
