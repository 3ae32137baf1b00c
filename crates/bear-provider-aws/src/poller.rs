//! Waiting for machines: one loop of questions for everybody who waits.
//!
//! Who waits takes the lead in turn: the one that has it asks for all machines that are waited for, and tells the
//! others. So there is no task to end, and a wait that is dropped takes nothing with it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::call::Api;
use crate::failure::Failure;
use crate::seen::{self, Seen, VALUES_MAX, of_lineage};

/// How long the first round waits for others to join it.
const GATHER: Duration = Duration::from_millis(200);
/// The time between two rounds while machines change.
const EAGER: Duration = Duration::from_secs(1);
/// And while none does.
const LAZY: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(crate) struct Poller {
    desk: Mutex<Desk>,
    lead: tokio::sync::Mutex<()>,
    rounds: watch::Sender<Arc<Round>>,
}

#[derive(Debug)]
struct Desk {
    /// Machines by id, each with the number of those who wait for it.
    waiting: BTreeMap<String, usize>,
    last: Option<Instant>,
    interval: Duration,
}

/// What came of one round.
#[derive(Debug, Default)]
struct Round {
    asked: HashSet<String>,
    seen: HashMap<String, Seen>,
    failure: Option<Failure>,
}

impl Default for Poller {
    fn default() -> Self {
        let desk = Desk { waiting: BTreeMap::new(), last: None, interval: EAGER };
        Self {
            desk: Mutex::new(desk),
            lead: tokio::sync::Mutex::new(()),
            rounds: watch::Sender::new(Arc::default()),
        }
    }
}

impl Poller {
    /// What EC2 next tells of a machine; nothing if it does not show it.
    pub(crate) async fn next(&self, api: &Api, lineage: &str, id: &str) -> Result<Option<Seen>, Failure> {
        let _waiting = Waiting::new(self, id);
        let mut rounds = self.rounds.subscribe();
        loop {
            tokio::select! {
                biased;
                // It fails only once the sender is gone, which is held here.
                _ = rounds.changed() => {}
                lead = self.lead.lock() => {
                    self.round(api, lineage).await;
                    drop(lead);
                }
            }
            let round = Arc::clone(&rounds.borrow_and_update());
            if !round.asked.contains(id) {
                continue;
            }
            return match &round.failure {
                Some(failure) => Err(failure.clone()),
                None => Ok(round.seen.get(id).cloned()),
            };
        }
    }

    async fn round(&self, api: &Api, lineage: &str) {
        let due = {
            let desk = self.desk();
            let soon = Instant::now() + GATHER;
            desk.last.map_or(soon, |last| soon.max(last + desk.interval))
        };
        sleep_until(due).await;
        let ids = self.desk().waiting.keys().cloned().collect::<Vec<_>>();
        let found = look(api, lineage, &ids).await;
        let before = Arc::clone(&self.rounds.borrow());
        let mut round = Round { asked: ids.into_iter().collect(), ..Round::default() };
        match found {
            Ok(found) => round.seen = found.into_iter().map(|seen| (seen.id.clone(), seen)).collect(),
            Err(failure) => round.failure = Some(failure),
        }
        {
            let mut desk = self.desk();
            desk.last = Some(Instant::now());
            desk.interval = if changed(&before, &round) { EAGER } else { (desk.interval * 3 / 2).min(LAZY) };
        }
        self.rounds.send_replace(Arc::new(round));
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for many by their lineage, a thousand in a page; for few, and for those whose tags are gone, by their ids.
async fn look(api: &Api, lineage: &str, ids: &[String]) -> Result<Vec<Seen>, Failure> {
    if ids.len() <= VALUES_MAX {
        return seen::by_id(api, ids).await;
    }
    let mut found = seen::list(api, vec![of_lineage(lineage)]).await?;
    let shown = found.iter().map(|seen| &seen.id).collect::<HashSet<_>>();
    let missing = ids.iter().filter(|id| !shown.contains(id)).cloned().collect::<Vec<_>>();
    found.extend(seen::by_id(api, &missing).await?);
    Ok(found)
}

/// Whether any machine is in another state than the round before, or new.
fn changed(before: &Round, now: &Round) -> bool {
    now.seen.values().any(|seen| before.seen.get(&seen.id).is_none_or(|before| before.state != seen.state))
}

/// Waits for a machine for as long as it lives.
struct Waiting<'a> {
    poller: &'a Poller,
    id: String,
}

impl<'a> Waiting<'a> {
    fn new(poller: &'a Poller, id: &str) -> Self {
        *poller.desk().waiting.entry(id.to_owned()).or_default() += 1;
        Self { poller, id: id.to_owned() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut desk = self.poller.desk();
        if let Some(count) = desk.waiting.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                desk.waiting.remove(&self.id);
            }
        }
    }
}
