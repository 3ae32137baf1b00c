//! What shall go wrong, and when.

use std::time::Duration;

use tokio::time::Instant;

use super::chance::Chance;
use super::failure::Failure;
use super::query::Query;

/// A way for a request to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has no effect, and this error is answered.
    Fails(Failure),
    /// It has no effect, and the connection is reset.
    Reset,
    /// It has no effect, and nothing is ever answered.
    Hangs,
    /// It has its effect, and the connection is reset instead of an answer.
    AnswerLost,
    /// It has its effect, and nothing is ever answered.
    AnswerHangs,
    /// It has its effect, and half of the answer arrives.
    AnswerTruncated,
    /// It has its effect, and its answer after a while.
    Slow(Duration),
    /// The connection is reset, and after a while it has its effect all the same.
    Late(Duration),
}

type Condition = Box<dyn Fn(&Query<'_>) -> bool + Send>;

/// Says which requests go wrong. Without more, every one of its action does.
pub struct Rule {
    action: Option<String>,
    condition: Option<Condition>,
    skip: usize,
    times: usize,
    lasting: Option<Duration>,
    until: Option<Instant>,
    chance: f64,
    fault: Option<Fault>,
}

impl Rule {
    /// For requests of one action, such as `RunInstances`.
    pub fn on(action: &str) -> Self {
        Self { action: Some(action.to_owned()), ..Self::any() }
    }

    /// For all requests.
    pub fn any() -> Self {
        Self {
            action: None,
            condition: None,
            skip: 0,
            times: usize::MAX,
            lasting: None,
            until: None,
            chance: 1.0,
            fault: None,
        }
    }

    /// Only for requests of which this is true.
    #[must_use]
    pub fn when(mut self, condition: impl Fn(&Query<'_>) -> bool + Send + 'static) -> Self {
        self.condition = Some(Box::new(condition));
        self
    }

    /// Not for the first `requests` that it would be for.
    #[must_use]
    pub fn skip(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }

    /// For so many requests, and no more.
    #[must_use]
    pub fn times(mut self, requests: usize) -> Self {
        self.times = requests;
        self
    }

    /// For so long after it was made known, and no longer.
    #[must_use]
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.lasting = Some(duration);
        self
    }

    /// Only as often as this, from 0 (never) to 1 (always).
    #[must_use]
    pub fn chance(mut self, chance: f64) -> Self {
        self.chance = chance;
        self
    }

    /// How they go wrong.
    #[must_use]
    pub fn then(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { action, skip, times, fault, .. } = self;
        write!(formatter, "Rule {{ on {action:?}, skip {skip}, times {times}, then {fault:?} }}")
    }
}

/// The rules there are. The first that is for a request decides.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    pub(super) fn add(&mut self, mut rule: Rule, now: Instant) {
        rule.until = rule.lasting.map(|lasting| now + lasting);
        self.0.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn fault(
        &mut self,
        action: &str,
        query: &Query<'_>,
        now: Instant,
        chance: &mut Chance,
    ) -> Option<Fault> {
        self.0.retain(|rule| rule.times > 0 && rule.until.is_none_or(|until| now < until));
        for rule in &mut self.0 {
            let meant = rule.action.as_deref().is_none_or(|of| of == action)
                && rule.condition.as_ref().is_none_or(|condition| condition(query));
            if !meant || (rule.chance < 1.0 && chance.fraction() >= rule.chance) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times = rule.times.saturating_sub(1);
            return rule.fault.clone();
        }
        None
    }
}
