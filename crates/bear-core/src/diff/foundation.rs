//! What is to be done about what the machines of a region share, and why.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::field_by_field;
use super::{Action, Change, Changes, Reason, reason};
use crate::fleet::Foundation;
use crate::observed::{FoundationSeen, Observed};
use crate::state::v1::{FoundationPhase, RecordedFoundation, State};

/// One difference between what the machines of a region shall share and what they do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundationChange {
    /// The region.
    pub region: String,
    /// What is to be done: it is never replaced.
    pub action: Action,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// What it shall be; none if it is to be destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foundation: Option<Arc<Foundation>>,
}

/// First what is wanted, then what no longer is.
pub(super) fn changes(
    wanted: Option<&Foundation>,
    state: Option<&State>,
    observed: &Observed,
) -> Vec<FoundationChange> {
    let recorded = |region: &str| state.and_then(|state| state.foundations.get(region));
    let change = wanted.and_then(|wanted| {
        compare(wanted, recorded(&wanted.region), observed.foundations.get(&wanted.region))
    });
    let surplus = state.into_iter().flat_map(|state| &state.foundations);
    let surplus = surplus.filter(|(region, _)| wanted.is_none_or(|wanted| wanted.region != **region));
    let destroyed = surplus.map(|(region, recorded)| FoundationChange {
        region: region.clone(),
        action: Action::Destroy,
        reasons: vec![reason("foundation", recorded.phase.to_string(), Value::Null)],
        foundation: None,
    });
    change.into_iter().chain(destroyed).collect()
}

fn compare(
    wanted: &Foundation,
    recorded: Option<&RecordedFoundation>,
    seen: Option<&FoundationSeen>,
) -> Option<FoundationChange> {
    let change = |action, reasons| FoundationChange {
        region: wanted.region.clone(),
        action,
        reasons,
        foundation: Some(Arc::new(wanted.clone())),
    };
    let Some(recorded) = recorded else {
        return Some(change(Action::Create, vec![reason("foundation", Value::Null, "new")]));
    };
    if let Some(FoundationSeen::Absent) = seen {
        return Some(change(Action::Create, vec![reason("foundation", recorded.phase.to_string(), "gone")]));
    }
    let mut reasons = field_by_field(&recorded.foundation, wanted);
    match recorded.phase {
        FoundationPhase::Laid => reasons.extend(drift(seen)),
        // Nobody knows how much of it is there, so all of it is made sure of.
        begun => reasons.push(reason("foundation", begun.to_string(), FoundationPhase::Laid.to_string())),
    }
    (!reasons.is_empty()).then(|| change(Action::Update, reasons))
}

fn drift(seen: Option<&FoundationSeen>) -> impl Iterator<Item = Reason> {
    let what = match seen {
        Some(FoundationSeen::Changed { what }) => what.as_slice(),
        _ => &[],
    };
    what.iter().map(|drift| reason(drift.what.as_str(), drift.is.as_str(), drift.was.as_str()))
}

impl Changes {
    /// Leaves out what `keep` does not ask for, and whatever of the foundations only that needs.
    ///
    /// A foundation is not removed below an instance that stays for now.
    pub fn keep_only(&mut self, keep: impl Fn(&Change) -> bool, state: Option<&State>) {
        let all = self.list.len();
        self.list.retain(keep);
        if self.list.len() == all {
            return;
        }
        let list = &self.list;
        self.foundations.retain(|change| match change.action {
            Action::Destroy => is_left(&change.region, list, state),
            _ => list.iter().any(|it| it.stands_in(&change.region)),
        });
    }
}

/// Whether no instance stays in a region.
fn is_left(region: &str, list: &[Change], state: Option<&State>) -> bool {
    let gone = list.iter().filter(|it| it.action != Action::Update && !it.stands_in(region));
    let gone = gone.map(|it| &it.instance).collect::<HashSet<_>>();
    let recorded = state.into_iter().flat_map(|state| &state.instances);
    recorded
        .filter(|(_, recorded)| recorded.spec.region.as_deref() == Some(region))
        .all(|(name, _)| gone.contains(name))
}

impl Change {
    /// Whether the instance shall be in a region.
    fn stands_in(&self, region: &str) -> bool {
        self.spec.as_ref().is_some_and(|spec| spec.region.as_deref() == Some(region))
    }
}
