//! One round: an edit, something that goes wrong, something done with bear, everything put right, and a look at it all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use super::Soak;
use super::doing::Doing;
use super::edits::index;
use super::fault::Fault;
use super::fleet::{self, password_file};
use super::operation::Operation;
use super::process;
use super::steady;
use super::world::{self, Recorded};
use crate::project::{Outcome, failed};

/// How long one command may take before it counts as hanging. Far more than any needs, for a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

const PAUSE: Duration = Duration::from_millis(1);

/// How often an apply is tried again where checks had to wait too long.
const TIMEOUTS: usize = 5;

/// How often the fleet that nothing happens to is proven and applied.
const STEADY_EVERY: usize = 10;

/// What was there when a round began.
struct Before {
    recorded: BTreeMap<String, Recorded>,
    drops: BTreeMap<String, (u32, String)>,
}

impl Soak {
    /// Does one round.
    ///
    /// # Errors
    ///
    /// Something that must never be, in words.
    pub(super) fn round(&mut self, number: usize) -> Result<(), String> {
        let before = Before { recorded: self.recorded()?, drops: self.lives.drops() };
        let ours = before.recorded.keys().filter(|name| !steady::has(name));
        let running = ours.cloned().collect::<BTreeSet<_>>();
        let earlier = self.fleet.clone();
        let edits = self.editor.edit(&mut self.fleet, &mut self.random);
        let fault = Fault::choose(&mut self.random, &Vec::from_iter(running.clone()));
        let wanted = self.fleet.instances().into_keys().collect::<BTreeSet<_>>();
        let operation = Operation::choose(&mut self.random, &running, &wanted, &fault);
        self.note(&format!("round {number}: {edits:?}; {fault}; {operation}"))?;
        self.counts.edits += edits.len();
        self.write_fleet()?;
        let mut leaving = operation.ends(&running);
        leaving.extend(fault.ends());
        leaving.extend(running.difference(&wanted).cloned());
        let mut changing = earlier.difference(&self.fleet);
        self.lives.hold(&leaving.union(&changing).cloned().collect());
        self.send_some_away(&running);

        changing.extend(fault.touches());
        let doing = Doing::begin(&fault, &self.project, fleet::NAME, &before.recorded)?;
        self.operate(&operation, &fault, doing)?;
        let may_touch = operation.may_touch(&changing, &running).union(&fault.touches()).cloned().collect();
        self.expect_untouched(&before, &may_touch)?;

        self.put_right(number)?;
        changing.extend(operation.ends(&running));
        self.expect_untouched(&before, &changing)?;
        self.lives.end(&leaving)?;
        self.look(number)
    }

    /// The fleet file, and a file for each password that it names.
    pub(super) fn write_fleet(&self) -> Result<(), String> {
        let write = |path: &str, text: String| {
            let path = self.project.root().join(path);
            fs::write(&path, text).map_err(failed("write", &path))
        };
        self.fleet.passwords().try_for_each(|it| write(&password_file(it), format!("password-of-{it}")))?;
        write(fleet::FILE, self.fleet.text())
    }

    /// About one subscriber of eight is away in any round.
    fn send_some_away(&mut self, running: &BTreeSet<String>) {
        let away = running.iter().filter(|_| index(&mut self.random, 8) == 0).cloned().collect();
        self.lives.send_away(&away);
    }

    fn operate(&mut self, operation: &Operation, fault: &Fault, mut doing: Doing<'_>) -> Result<(), String> {
        let codes = operation.codes(fault);
        for command in operation.commands() {
            let outcome = self.bear(&command, Some(&mut doing))?;
            if self.has_only_timed_out(&outcome) {
                break;
            }
            if !codes.contains(&outcome.code()) {
                return Err(format!("this should have ended with one of {codes:?}: {outcome}"));
            }
            if outcome.code() != 0 {
                break;
            }
        }
        if matches!(operation, Operation::Destroy) && matches!(fault, Fault::Nothing) {
            world::expect_gone(&self.project, fleet::NAME, self.steady)?;
        }
        *self.counts.operations.entry(operation.kind()).or_default() += 1;
        let struck = doing.end()?;
        let (tried, hit) = self.counts.faults.entry(fault.kind()).or_default();
        *tried += 1;
        *hit += usize::from(struck);
        Ok(())
    }

    /// One apply makes everything as the file wants it, whatever happened; then a plan has nothing to do.
    pub(super) fn put_right(&mut self, number: usize) -> Result<(), String> {
        let apply = format!("apply {} --yes --max-destroy 100%", fleet::FILE);
        let mut outcome = self.bear(&apply, None)?;
        for _ in 0..TIMEOUTS {
            if self.has_only_timed_out(&outcome) {
                outcome = self.bear(&apply, None)?;
            }
        }
        outcome.expect(0)?;
        self.bear(&format!("plan {} --detailed-exitcode", fleet::FILE), None)?.expect(0)?;
        self.bear(&format!("status {} --json", fleet::FILE), None)?.expect(0)?.json()?;
        if number.is_multiple_of(STEADY_EVERY) {
            let outcome = self.bear(&format!("verify {}", steady::FILE), None)?;
            if !self.has_only_timed_out(&outcome) {
                outcome.expect(0)?;
            }
            self.bear(&format!("apply {} --yes", steady::FILE), None)?.expect(0)?;
        }
        Ok(())
    }

    /// Whether all that failed are checks that waited for an answer in vain, as they do where a machine is too busy to
    /// give one within seconds. The table says how often that was; on a machine that has nothing else to do, never.
    fn has_only_timed_out(&mut self, outcome: &Outcome) -> bool {
        let mut failures = outcome.stderr.lines().filter(|line| line.starts_with("error: ")).peekable();
        let timed_out = failures.peek().is_some()
            && failures
                .all(|line| line.starts_with("error: could not verify ") && line.contains(" came within "));
        self.counts.timeouts += usize::from(timed_out);
        timed_out
    }

    /// Holds everything that is there against what must be.
    pub(super) fn look(&mut self, number: usize) -> Result<(), String> {
        let recorded = self.recorded()?;
        let ours = self.fleet.instances().into_keys().collect::<BTreeSet<_>>();
        let all = ours.union(&steady::instances(self.steady)).cloned().collect();
        self.lives.follow(&recorded, self.project.root())?;
        self.lives.settle()?;
        world::expect_settled(&self.project, &all, &recorded)?;
        world::expect_tidy(&self.project, fleet::NAME, &ours)?;
        world::expect_tidy(&self.project, steady::NAME, &steady::instances(self.steady))?;
        world::same("temporary files", &world::names(&self.temporary)?, &BTreeSet::new())?;
        // What bear keeps for the user: the ports, and the lock of that.
        let kept = world::names(&self.state_home.join("bear/ports"))?;
        world::same("files beside the ports", &kept, &["lock", "ports.json"].map(str::to_owned).into())?;
        for recorded in recorded.values() {
            self.samples.broker(recorded.pid, recorded.started, recorded.is_guarded());
        }
        self.rounds = number;
        Ok(())
    }

    /// Brokers that nobody had reason to touch are the same processes, and no client of theirs lost its connection.
    fn expect_untouched(&self, before: &Before, touched: &BTreeSet<String>) -> Result<(), String> {
        let drops = self.lives.drops();
        for (name, recorded) in before.recorded.iter().filter(|(name, _)| !touched.contains(*name)) {
            if process::started(recorded.pid) != Some(recorded.started) {
                return Err(format!("the broker of {name} is gone, and nobody had reason to touch it"));
            }
            let count = |drops: &BTreeMap<String, (u32, String)>| drops.get(name).map(|(count, _)| *count);
            if count(&drops) != count(&before.drops) {
                let why = drops.get(name).map(|(_, why)| why.as_str()).unwrap_or_default();
                return Err(format!("{name}, which nobody had reason to touch, lost a connection: {why}"));
            }
        }
        Ok(())
    }

    /// What is recorded of both fleets.
    fn recorded(&self) -> Result<BTreeMap<String, Recorded>, String> {
        let mut recorded = world::recorded(&self.project, fleet::NAME)?;
        recorded.extend(world::recorded(&self.project, steady::NAME)?);
        Ok(recorded)
    }

    /// Runs bear to its end, with whatever goes wrong meanwhile.
    pub(super) fn bear(&mut self, words: &str, mut doing: Option<&mut Doing<'_>>) -> Result<Outcome, String> {
        let mut running = self.project.start(words)?;
        let (begun, mut peak) = (Instant::now(), 0);
        while !running.has_ended() && begun.elapsed() < PATIENCE {
            let id = i32::try_from(running.id()).unwrap_or_default();
            peak = peak.max(process::status(id, "VmHWM:").unwrap_or_default());
            if let Some(doing) = &mut doing {
                doing.go_on(&mut running, begun.elapsed())?;
            }
            std::thread::sleep(PAUSE);
        }
        let outcome = running.wait(Duration::ZERO)?;
        self.counts.commands += 1;
        let command = ["plan", "status", "verify"].into_iter().find(|command| words.starts_with(command));
        if let Some(command) = command.filter(|_| doing.is_none()) {
            self.samples.peak(command, peak);
        }
        self.note(&format!("  {words}: {}, {:.2} s", outcome.code(), begun.elapsed().as_secs_f64()))?;
        Ok(outcome)
    }
}
