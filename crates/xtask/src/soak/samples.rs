//! Growth: what long-lived brokers and bear itself take, early and late.
//!
//! One moment says nothing: a message on its way, a connection of a check that is just being closed. So the least of
//! several rounds after the warm-up is held against the least of the last ones. A leak raises the least; noise does not.

use std::collections::BTreeMap;

use super::process::{self, Held};

/// Rounds until a broker has met everything that it will ever keep in memory.
const WARM_UP: usize = 4;

/// Rounds that are taken together.
const WINDOW: usize = 4;

/// What a broker may grow by, in KiB: buffers and queues that had to be larger once, not one byte for each message.
const MEMORY_SLACK: u64 = 1024;

/// What a broker may grow by that checks passwords, in KiB: it does two at once, and each takes 19 MiB that the
/// allocator may keep.
const GUARDED_SLACK: u64 = MEMORY_SLACK + 2 * 19 * 1024;

/// Open files by which a broker may grow.
const FILES_SLACK: u64 = 2;

/// What bear may grow by, in KiB, from its first runs to its last. They do not have the same fleet before them.
const PEAK_SLACK: u64 = 2048;

/// What was seen in each round.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// By process id and start time.
    brokers: BTreeMap<(i32, u64), Broker>,
    /// The peak memory of commands that change nothing, in KiB.
    peaks: BTreeMap<&'static str, Vec<u64>>,
}

/// What was seen of one broker.
#[derive(Debug, Default)]
struct Broker {
    guarded: bool,
    held: Vec<Held>,
}

/// The least of early rounds and of late ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Growth {
    pub(super) early: Held,
    pub(super) late: Held,
    pub(super) rounds: usize,
    guarded: bool,
}

impl Samples {
    /// Looks at a broker, which may be one that checks passwords.
    pub(super) fn broker(&mut self, pid: i32, started: u64, guarded: bool) {
        if let Some(held) = process::held(pid) {
            let broker = self.brokers.entry((pid, started)).or_default();
            broker.guarded = guarded;
            broker.held.push(held);
        }
    }

    /// Notes the peak of a run of bear.
    pub(super) fn peak(&mut self, command: &'static str, memory: u64) {
        self.peaks.entry(command).or_default().push(memory);
    }

    /// The growth of every broker that lived long enough to tell, longest life first.
    pub(super) fn growths(&self) -> Vec<Growth> {
        let mut growths = self.brokers.values().filter_map(growth).collect::<Vec<_>>();
        growths.sort_by_key(|growth| std::cmp::Reverse(growth.rounds));
        growths
    }

    /// The median peak of a command in the first and in the last third of its runs.
    pub(super) fn peaks(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        self.peaks.iter().filter_map(|(command, peaks)| {
            let third = (peaks.len() / 3).max(1);
            Some((*command, median(peaks.get(..third)?)?, median(peaks.get(peaks.len() - third..)?)?))
        })
    }

    /// Whatever grew more than it may.
    pub(super) fn judge(&self) -> Result<(), String> {
        for Growth { early, late, rounds, guarded } in self.growths() {
            let slack = if guarded { GUARDED_SLACK } else { MEMORY_SLACK };
            if late.memory > early.memory + slack || late.files > early.files + FILES_SLACK {
                return Err(format!("a broker grew within {rounds} rounds from {early:?} to {late:?}"));
            }
        }
        match self.peaks().find(|(_, early, late)| *late > early + PEAK_SLACK) {
            Some((command, early, late)) => {
                Err(format!("`bear {command}` took {early} KiB at first, and {late} KiB in the end"))
            }
            None => Ok(()),
        }
    }
}

fn growth(Broker { guarded, held }: &Broker) -> Option<Growth> {
    let (_, warm) = held.split_at_checked(WARM_UP)?;
    if warm.len() < 2 * WINDOW {
        return None;
    }
    let (early, late) = (least(&warm[..WINDOW])?, least(&warm[warm.len() - WINDOW..])?);
    Some(Growth { early, late, rounds: held.len(), guarded: *guarded })
}

fn least(held: &[Held]) -> Option<Held> {
    let files = held.iter().map(|held| held.files).min()?;
    Some(Held { files, memory: held.iter().map(|held| held.memory).min()? })
}

fn median(values: &[u64]) -> Option<u64> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A broker with so much memory and so many files in each round.
    fn judged(rounds: impl Iterator<Item = (u64, u64)>) -> Result<(), String> {
        let held = rounds.map(|(memory, files)| Held { files, memory }).collect();
        Samples { brokers: [((1, 1), Broker { guarded: false, held })].into(), ..Samples::default() }.judge()
    }

    #[test]
    fn noise_is_not_growth() {
        assert_eq!(judged((0..40).map(|round| (3000 + round % 3 * 2000, 20 + round % 2 * 30))), Ok(()));
        assert_eq!(judged((0..40).map(|round| (1000 + 1500 * round.min(3), 20))), Ok(()));
    }

    #[test]
    fn what_grows_all_the_time_is_found() {
        assert!(judged((0..40).map(|round| (3000 + 50 * round, 20))).is_err());
        assert!(judged((0..40).map(|round| (3000, 20 + round / 4))).is_err());
    }

    #[test]
    fn bear_may_not_grow_either() {
        let mut samples = Samples::default();
        (0..30).for_each(|run| samples.peak("plan", 9000 + 200 * run));
        assert_eq!(
            samples.judge(),
            Err("`bear plan` took 10000 KiB at first, and 14000 KiB in the end".to_owned())
        );
    }
}
