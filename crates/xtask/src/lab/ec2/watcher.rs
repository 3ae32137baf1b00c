//! For each instance that runs in moto, a machine that runs: the one is looked at, the other follows.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::machine;
use super::query::{call, first, items, parse, text};
use crate::lab::command::{SHORT, run};
use crate::lab::engine::docker;
use crate::lab::state::{State, say};

/// How often moto is asked.
const PAUSE: Duration = Duration::from_millis(250);
/// How often that may be in vain, one after the other.
const PATIENCE: u32 = 120;
/// How many machines are made or removed at the same time. More are no faster on few processors.
const AT_ONCE: usize = 4;
/// How often the same is tried with a machine. The first time its address may still be another's who is on the way out.
const ATTEMPTS: u32 = 5;

/// What moto says of an instance that is not terminated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) runs: bool,
    pub(super) ip: String,
    /// The name of the key pair.
    pub(super) key: Option<String>,
    pub(super) image: String,
}

/// What to do with a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Deed {
    Remove,
    Stop,
    Boot,
    Start,
}

/// Follows moto until it is told to stop. One process does at a time; the others wait.
///
/// # Errors
///
/// moto or the engine is gone.
pub(super) fn watch(state: &State, stop: &AtomicBool) -> Result<(), String> {
    let path = state.path("ec2.lock");
    let lock =
        File::create(&path).map_err(|error| format!("could not make `{}`: {error}", path.display()))?;
    let mut is_mine = false;
    let mut follower = Follower::default();
    let mut in_vain = 0;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(PAUSE);
        is_mine = is_mine || lock.try_lock().is_ok();
        if !is_mine {
            continue;
        }
        match follower.step() {
            Ok(()) => in_vain = 0,
            Err(error) if in_vain == PATIENCE => return Err(error),
            Err(_) => in_vain += 1,
        }
    }
    Ok(())
}

/// What was done so far.
#[derive(Default)]
struct Follower {
    /// What moto said when there was nothing left to do.
    done: Option<Vec<Instance>>,
    failures: Failures,
}

impl Follower {
    /// Asks moto once, and does what follows from that.
    fn step(&mut self) -> Result<(), String> {
        let instances = instances()?;
        if self.done.as_ref() == Some(&instances) {
            return Ok(());
        }
        let mut deeds = deeds(&instances, &machines()?);
        deeds.retain(|deed| self.failures.may_try(deed));
        if deeds.is_empty() {
            self.done = Some(instances);
        } else {
            // Looked at once more, lest something failed.
            self.done = None;
            do_all(&instances, deeds, &mut self.failures);
        }
        Ok(())
    }
}

/// How often something failed with a machine.
#[derive(Default)]
struct Failures(BTreeMap<(Deed, String), u32>);

impl Failures {
    fn may_try(&self, deed: &(Deed, String)) -> bool {
        self.0.get(deed).is_none_or(|count| *count < ATTEMPTS)
    }

    fn count(&mut self, deed: (Deed, String), error: &str) {
        let count = self.0.entry(deed).or_default();
        *count += 1;
        if *count == ATTEMPTS {
            say(&format!("given up: {error}"));
        }
    }
}

/// The instances that moto has and that are not on their way out.
fn instances() -> Result<Vec<Instance>, String> {
    let answer = call("DescribeInstances", &[])?;
    let document = parse(&answer)?;
    let read = |item| {
        let state = text(first(item, "instanceState")?, "name")?;
        let lives = !matches!(state, "shutting-down" | "terminated");
        lives.then_some(())?;
        Some(Instance {
            id: text(item, "instanceId")?.to_owned(),
            runs: matches!(state, "pending" | "running"),
            ip: text(item, "privateIpAddress")?.to_owned(),
            key: text(item, "keyName").map(str::to_owned),
            image: text(item, "imageId")?.to_owned(),
        })
    };
    Ok(items(&document, "instancesSet").filter_map(read).collect())
}

/// The machines that there are, each with its state in Docker's words.
fn machines() -> Result<BTreeMap<String, String>, String> {
    let filter = format!("label={}", machine::LABEL);
    let mut list = docker(["ps", "-a", "--filter", &filter, "--format", "{{.Names}} {{.State}}"]);
    let lines = run(&mut list, SHORT)?;
    Ok(lines
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(id, state)| (id.into(), state.into()))
        .collect())
}

/// What to do so that there is a machine for each instance, and none besides.
fn deeds(instances: &[Instance], machines: &BTreeMap<String, String>) -> Vec<(Deed, String)> {
    let known: BTreeMap<_, _> =
        instances.iter().map(|instance| (instance.id.as_str(), instance.runs)).collect();
    let gone = machines.keys().filter(|id| !known.contains_key(id.as_str()));
    let gone = gone.map(|id| (Deed::Remove, id.clone()));
    let follow = instances.iter().filter_map(|instance| {
        let deed = match (instance.runs, machines.get(&instance.id).map(String::as_str)) {
            (true, None) => Deed::Boot,
            // What was only half made.
            (_, Some("created" | "dead")) => Deed::Remove,
            (true, Some("exited")) => Deed::Start,
            (false, Some("running" | "restarting")) => Deed::Stop,
            _ => return None,
        };
        Some((deed, instance.id.clone()))
    });
    // Those that go first: their addresses may be wanted.
    let mut deeds: Vec<_> = gone.chain(follow).collect();
    deeds.sort();
    deeds
}

/// Does several things at once, each as far as it goes.
fn do_all(instances: &[Instance], deeds: Vec<(Deed, String)>, failures: &mut Failures) {
    let deeds = Mutex::new(deeds.into_iter());
    let failures = Mutex::new(failures);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = deeds.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((deed, id)) = next else { return };
                    if let Err(error) = do_one(instances, deed, &id) {
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        failures.count((deed, id), &error);
                    }
                }
            });
        }
    });
}

fn do_one(instances: &[Instance], deed: Deed, id: &str) -> Result<(), String> {
    let instance = instances.iter().find(|instance| instance.id == id);
    let address = instance.map_or("", |instance| &instance.ip);
    say(&format!("{deed:?} {id} {address}"));
    match (deed, instance) {
        (Deed::Boot, Some(instance)) => machine::boot(instance),
        (Deed::Boot, None) => Err(format!("{id} is not there any more")),
        (Deed::Start, _) => machine::start(id),
        (Deed::Stop, _) => machine::stop(id),
        (Deed::Remove, _) => machine::remove(id),
    }
}

#[cfg(test)]
mod tests {
    use super::{Deed, Instance, deeds};

    fn instance(id: &str, runs: bool) -> Instance {
        Instance { id: id.into(), runs, ip: "10.77.16.4".into(), key: None, image: "ami-1".into() }
    }

    #[track_caller]
    fn check(instances: &[(&str, bool)], machines: &[(&str, &str)], expected: &[(Deed, &str)]) {
        let instances: Vec<_> = instances.iter().map(|(id, runs)| instance(id, *runs)).collect();
        let machines = machines.iter().map(|(id, state)| ((*id).into(), (*state).into())).collect();
        let expected: Vec<_> = expected.iter().map(|(deed, id)| (*deed, (*id).to_owned())).collect();
        assert_eq!(deeds(&instances, &machines), expected);
    }

    #[test]
    fn machines_follow_their_instances() {
        check(&[("i-1", true)], &[], &[(Deed::Boot, "i-1")]);
        check(&[("i-1", true)], &[("i-1", "running")], &[]);
        check(&[("i-1", false)], &[("i-1", "running")], &[(Deed::Stop, "i-1")]);
        check(&[("i-1", false)], &[("i-1", "exited")], &[]);
        check(&[("i-1", true)], &[("i-1", "exited")], &[(Deed::Start, "i-1")]);
        check(&[], &[("i-1", "running"), ("i-2", "exited")], &[(Deed::Remove, "i-1"), (Deed::Remove, "i-2")]);
    }

    #[test]
    fn what_is_half_made_is_made_anew_and_an_address_is_free_before_it_is_given() {
        check(&[("i-1", true)], &[("i-1", "created")], &[(Deed::Remove, "i-1")]);
        check(&[("i-1", true)], &[("i-2", "running")], &[(Deed::Remove, "i-2"), (Deed::Boot, "i-1")]);
        check(&[("i-1", true)], &[("i-1", "paused")], &[]);
    }

    #[test]
    fn an_instance_that_never_ran_has_no_machine() {
        check(&[("i-1", false)], &[], &[]);
    }
}
