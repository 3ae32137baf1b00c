//! The clients of all brokers, and what they saw. A broker lives until its data goes: with its instance, or its folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::ledger::Number;
use super::link::{Address, Link};
use super::world::Recorded;
use super::{publisher, subscriber};

/// How long anything may take that is waited for. Far more than it needs, for a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

const PAUSE: Duration = Duration::from_millis(5);

/// The clients of one broker.
#[derive(Debug)]
struct Life {
    link: Link,
    address: watch::Sender<Address>,
    away: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
    /// What the broker had acknowledged when it was last looked at.
    acknowledged: u64,
}

/// What came of all messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Total {
    pub(super) lives: u64,
    pub(super) acknowledged: u64,
    pub(super) received: u64,
    pub(super) repeated: u64,
    pub(super) dropped: u64,
    /// Acknowledged, and gone with their broker's data when that was destroyed.
    pub(super) ended: u64,
}

/// The clients of all brokers.
#[derive(Debug)]
pub(super) struct Lives {
    runtime: Runtime,
    present: BTreeMap<String, Life>,
    begun: u64,
    past: Total,
}

impl Lives {
    pub(super) fn new() -> Result<Self, String> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| format!("could not start the clients: {error}"))?;
        Ok(Self { runtime, present: BTreeMap::new(), begun: 0, past: Total::default() })
    }

    /// Lets the clients of brokers that are about to move or to go keep their connections, and make no other until
    /// they are told where.
    pub(super) fn hold(&self, instances: &BTreeSet<String>) {
        for life in instances.iter().filter_map(|name| self.present.get(name)) {
            life.link.hold(true);
        }
    }

    /// Ends the clients of brokers whose data is gone. What was not received by then never will be.
    pub(super) fn end(&mut self, instances: &BTreeSet<String>) -> Result<(), String> {
        for name in instances {
            let Some(life) = self.present.remove(name) else { continue };
            life.tasks.iter().for_each(JoinHandle::abort);
            let ledger = life.link.ledger();
            if let Some(broken) = ledger.broken() {
                return Err(format!("{name}: {broken}"));
            }
            self.past.add(&ledger);
            self.past.ended += ledger.owed().len() as u64;
        }
        Ok(())
    }

    /// Tells the clients where their brokers are now, and begins those of new brokers.
    pub(super) fn follow(
        &mut self,
        recorded: &BTreeMap<String, Recorded>,
        root: &Path,
    ) -> Result<(), String> {
        for (name, recorded) in recorded {
            let address = recorded.address(root)?;
            if let Some(life) = self.present.get(name) {
                life.address.send_replace(address);
                life.link.hold(false);
                continue;
            }
            self.begun += 1;
            let (sender, receiver) = watch::channel(address);
            let (away, gone) = watch::channel(false);
            let link = Link::new(self.begun, receiver);
            let tasks = [
                self.runtime.spawn(publisher::run(link.clone())),
                self.runtime.spawn(subscriber::run(link.clone(), gone)),
            ];
            let life = Life { link, address: sender, away, tasks, acknowledged: 0 };
            self.present.insert(name.clone(), life);
        }
        Ok(())
    }

    /// Makes the subscribers of some brokers go away, and all others come back.
    pub(super) fn send_away(&self, instances: &BTreeSet<String>) {
        for (name, life) in &self.present {
            life.away.send_replace(instances.contains(name));
        }
    }

    /// Waits until everything that is acknowledged by now came through, where the subscriber is there, and every
    /// broker has acknowledged something since the last time.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        for (name, life) in &mut self.present {
            let away = *life.away.borrow();
            let owed = if away { BTreeSet::new() } else { life.link.ledger().owed().clone() };
            loop {
                let ledger = life.link.ledger();
                if let Some(broken) = ledger.broken() {
                    return Err(format!("{name}: {broken}"));
                }
                let missing = owed.intersection(ledger.owed()).collect::<Vec<_>>();
                if missing.is_empty() && ledger.acknowledged > life.acknowledged {
                    life.acknowledged = ledger.acknowledged;
                    break;
                }
                if Instant::now() > until {
                    return Err(overdue(name, &missing, ledger.acknowledged, &ledger.last_drop));
                }
                drop(ledger);
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// How often the clients of each broker lost their connection.
    pub(super) fn drops(&self) -> BTreeMap<String, (u32, String)> {
        let drops = |life: &Life| {
            let ledger = life.link.ledger();
            (ledger.dropped, ledger.last_drop.clone())
        };
        self.present.iter().map(|(name, life)| (name.clone(), drops(life))).collect()
    }

    /// What came of all messages so far.
    pub(super) fn total(&self) -> Total {
        let mut total = self.past;
        self.present.values().for_each(|life| total.add(&life.link.ledger()));
        total
    }
}

impl Total {
    fn add(&mut self, ledger: &super::ledger::Ledger) {
        self.lives += 1;
        self.acknowledged += ledger.acknowledged;
        self.received += ledger.received;
        self.repeated += ledger.repeated;
        self.dropped += u64::from(ledger.dropped);
    }
}

fn overdue(name: &str, missing: &[&Number], acknowledged: u64, last_drop: &str) -> String {
    let waited = PATIENCE.as_secs();
    match missing {
        [] => format!(
            "{name} acknowledges nothing for {waited} s, after {acknowledged}; last loss: {last_drop}"
        ),
        [(service, number), ..] => format!(
            "{name} has lost {} acknowledged messages, such as {number} at QoS {}: waited for it for {waited} s; \
             last loss of a connection: {last_drop}",
            missing.len(),
            *service as u8 + 1
        ),
    }
}
