//! How fast EC2 may be asked: one budget for each action, shared by all that happens at once.
//!
//! EC2 refuses with `RequestLimitExceeded` what is too much for an account, action by action. Waiting for each request
//! by itself would only let a crowd come back together. So a refusal slows down everybody who asks for that action, and
//! every answer lets them go faster again; and of a crowd only a few ask at once, so that few are refused. It never
//! gives up: how long is too long, the caller says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// Where slowing down begins.
const FIRST: Duration = Duration::from_millis(250);
/// The longest time between two requests for one action.
const SLOWEST: Duration = Duration::from_secs(8);
/// How many requests for one action are under way at once.
const AT_ONCE: usize = 8;
/// What is documented of actions whose limits a fleet can reach: the time between two requests in the long run. The page
/// "Request throttling for the Amazon EC2 API" has it for a new account; one that refuses nothing has been given more.
const DOCUMENTED: [(&str, Duration); 1] = [("RunInstances", Duration::from_millis(500))];
/// What is faster than this needs no waiting.
const FAST: Duration = Duration::from_millis(50);

/// The budgets of all actions.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<HashMap<&'static str, Gate>>);

#[derive(Debug)]
struct Gate {
    room: Arc<Semaphore>,
    /// The time between two requests; none while nothing was refused.
    interval: Duration,
    /// The shortest interval, which is known once something was refused.
    least: Duration,
    /// When the next request may be sent.
    next: Instant,
    /// When the interval was last made longer.
    slowed: Option<Instant>,
}

/// A request that may be sent; others may once it is dropped.
pub(crate) struct Turn {
    /// When that was.
    pub(crate) at: Instant,
    _room: OwnedSemaphorePermit,
}

impl Pace {
    /// Waits until a request for `action` may be sent.
    pub(crate) async fn turn(&self, action: &'static str) -> Turn {
        let room = self.with(action, |gate, _| Arc::clone(&gate.room));
        let room = room.acquire_owned().await.expect("nobody closes it");
        let at = self.with(action, |gate, now| {
            let at = gate.next.max(now);
            gate.next = at + gate.interval;
            at
        });
        if at > Instant::now() {
            sleep_until(at).await;
        }
        Turn { at: Instant::now(), _room: room }
    }

    /// A request for `action`, which was sent at `sent`, was refused for being too much. Returns how long until the
    /// next may be sent.
    pub(crate) fn slow_down(&self, action: &'static str, sent: Instant) -> Duration {
        self.with(action, |gate, now| {
            let documented = DOCUMENTED.iter().find(|(name, _)| *name == action);
            gate.least = documented.map_or(Duration::ZERO, |(_, least)| *least);
            // Requests that were under way together are refused together; that is one refusal.
            if gate.slowed.is_none_or(|slowed| sent > slowed) {
                gate.interval = (gate.interval * 2).clamp(FIRST.max(gate.least), SLOWEST);
                gate.slowed = Some(now);
            }
            gate.next = gate.next.max(now + gate.interval);
            gate.next - now
        })
    }

    /// A request for `action` was answered.
    pub(crate) fn speed_up(&self, action: &'static str) {
        self.with(action, |gate, _| {
            let interval = gate.interval * 3 / 4;
            gate.interval = if interval < FAST { Duration::ZERO } else { interval }.max(gate.least);
        });
    }

    fn with<T>(&self, action: &'static str, change: impl FnOnce(&mut Gate, Instant) -> T) -> T {
        let now = Instant::now();
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(action).or_insert_with(|| Gate {
            room: Arc::new(Semaphore::new(AT_ONCE)),
            interval: Duration::ZERO,
            least: Duration::ZERO,
            next: now,
            slowed: None,
        });
        change(gate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it takes until so many requests may be sent.
    async fn time(pace: &Pace, action: &'static str, requests: usize) -> Duration {
        let began = Instant::now();
        for _ in 0..requests {
            drop(pace.turn(action).await);
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_slow_everybody_down_and_answers_let_them_go() {
        let pace = Pace::default();
        let sent = pace.turn("CreateTags").await.at;
        // Two that were under way together are one refusal.
        assert_eq!(pace.slow_down("CreateTags", sent), FIRST);
        assert_eq!(pace.slow_down("CreateTags", sent), FIRST);
        assert_eq!(time(&pace, "CreateTags", 2).await, FIRST * 2, "one after the other");
        assert_eq!(
            time(&pace, "DescribeInstances", 9).await,
            Duration::ZERO,
            "another has a budget of its own"
        );
        pace.slow_down("CreateTags", Instant::now());
        for _ in 0..10 {
            pace.speed_up("CreateTags");
        }
        drop(pace.turn("CreateTags").await);
        assert_eq!(time(&pace, "CreateTags", 9).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_refused_keeps_to_what_is_documented() {
        let pace = Pace::default();
        assert_eq!(time(&pace, "RunInstances", 9).await, Duration::ZERO);
        pace.slow_down("RunInstances", Instant::now());
        for _ in 0..10 {
            pace.speed_up("RunInstances");
        }
        assert_eq!(time(&pace, "RunInstances", 4).await, Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_crowd_only_a_few_ask_at_once() {
        let pace = Pace::default();
        let mut turns = Vec::new();
        for _ in 0..AT_ONCE {
            turns.push(pace.turn("RunInstances").await);
        }
        assert!(tokio::time::timeout(Duration::from_secs(1), pace.turn("RunInstances")).await.is_err());
        turns.pop();
        assert!(tokio::time::timeout(Duration::from_secs(1), pace.turn("RunInstances")).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn it_never_waits_longer_than_the_slowest() {
        for action in ["RunInstances", "CreateTags"] {
            let pace = Pace::default();
            for _ in 0..20 {
                let sent = pace.turn(action).await.at;
                assert!(pace.slow_down(action, sent) <= SLOWEST);
            }
        }
    }
}
