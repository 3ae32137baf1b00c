//! What is to be done about one instance, and why.

use std::sync::Arc;

use serde_json::Value;

use super::fields::{Difference, Differences};
use super::{ASKED_FOR, Action, Change, Ground, Reason, reason};
use crate::fleet::Instance;
use crate::name::InstanceName;
use crate::observed::{BrokerSeen, Drift, Observation};
use crate::state::v1::{Phase, Recorded, Unfinished};

/// What is known of an instance, and asked of it.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) recorded: Option<&'a Recorded>,
    pub(super) observation: Option<&'a Observation>,
    /// Whether the user asked for another machine.
    pub(super) replace: bool,
}

/// What is to be done with an instance that is no longer wanted.
pub(super) fn surplus(name: &InstanceName, recorded: &Recorded) -> Change {
    Change {
        instance: name.clone(),
        group: recorded.group.clone(),
        action: Action::Destroy,
        reasons: vec![reason("instance", recorded.phase.to_string(), Value::Null)],
        spec: None,
        generation: None,
        leaves: Ground::of(&recorded.spec),
        verify_only: false,
        configuration: None,
    }
}

/// What is to be done with an instance that is wanted; none if it is as it shall be.
pub(super) fn compare<'a>(
    instance: &'a Instance,
    known: Known<'a>,
    differences: &mut Differences<'a>,
) -> Option<Change> {
    let Known { recorded, observation, replace } = known;
    let change = |action, reasons| Change {
        instance: instance.name.clone(),
        group: instance.group.clone(),
        action,
        reasons,
        spec: Some(Arc::clone(&instance.spec)),
        generation: None,
        leaves: recorded.filter(|_| action == Action::Replace).and_then(|it| Ground::of(&it.spec)),
        verify_only: false,
        configuration: None,
    };
    let Some(recorded) = recorded else {
        return Some(change(Action::Create, vec![reason("instance", Value::Null, "new")]));
    };
    let Difference { mut reasons, configuration } = differences.between(&recorded.spec, &instance.spec);
    let needs_new_machine = replace || reasons.iter().any(|reason| needs_new_machine(&reason.field));
    match fate(recorded, observation) {
        Fate::There => {}
        Fate::Gone { machine } => {
            return Some(change(Action::Create, vec![reason("machine", machine, "gone")]));
        }
        // The same token finds the machine, should the first request have made it after all, or make it yet.
        Fate::Unseen if !needs_new_machine => {
            let again = change(Action::Create, vec![reason("machine", what_happened(recorded), "new")]);
            return Some(Change { generation: Some(recorded.generation), ..again });
        }
        Fate::Unseen | Fate::Going => {
            return Some(change(Action::Replace, vec![reason("machine", what_happened(recorded), "new")]));
        }
    }
    let action = if needs_new_machine { Action::Replace } else { Action::Update };
    reasons.extend(replace.then(|| reason("machine", ASKED_FOR, "new")));
    reasons.extend(drift(recorded, observation));
    let reinstall = !reasons.is_empty();
    reasons.extend(not_proven(recorded, observation));
    if reasons.is_empty() {
        return None;
    }
    let verify_only = !reinstall && recorded.phase >= Phase::Installed;
    Some(Change { verify_only, configuration, ..change(action, reasons) })
}

/// What is known about the machine of an instance.
enum Fate {
    /// It exists.
    There,
    /// It existed, and exists no more.
    Gone { machine: String },
    /// It was asked for, and nobody has seen it: it may exist, or come to exist yet.
    Unseen,
    /// Its end was begun, and nobody has seen it gone.
    Going,
}

fn fate(recorded: &Recorded, observation: Option<&Observation>) -> Fate {
    match (&recorded.machine, observation) {
        (Some(machine), Some(Observation::Absent)) => Fate::Gone { machine: machine.id.clone() },
        _ if recorded.phase == Phase::Destroying => Fate::Going,
        (None, None | Some(Observation::Absent | Observation::Unreachable { .. })) => Fate::Unseen,
        _ => Fate::There,
    }
}

/// How the machine and its broker are not as bear left them.
fn drift(recorded: &Recorded, observation: Option<&Observation>) -> Vec<Reason> {
    let Some(Observation::Present { changed, broker, .. }) = observation else { return Vec::new() };
    let mut reasons = drifted("machine", changed).collect::<Vec<_>>();
    match broker {
        // One that was never installed is not missed.
        _ if recorded.installed.is_none() => {}
        BrokerSeen::Stopped { why } => {
            reasons.push(reason("broker", format!("stopped: {why}"), "running"));
        }
        BrokerSeen::Changed { what } => reasons.extend(drifted("broker", what)),
        BrokerSeen::Running | BrokerSeen::Unknown => {}
    }
    reasons
}

fn drifted(of: &str, drifts: &[Drift]) -> impl Iterator<Item = Reason> {
    drifts
        .iter()
        .map(move |drift| reason(format!("{of}.{}", drift.what), drift.is.as_str(), drift.was.as_str()))
}

fn not_proven(recorded: &Recorded, observation: Option<&Observation>) -> Option<Reason> {
    if let Some(Observation::Unreachable { why }) = observation {
        return Some(reason("machine", format!("can't be looked at: {why}"), "proven"));
    }
    if recorded.phase == Phase::Verified {
        return None;
    }
    Some(reason("verified", what_happened(recorded), "proven"))
}

/// What became of the step that was begun last; the phase, if that step succeeded.
fn what_happened(recorded: &Recorded) -> String {
    match &recorded.unfinished {
        Some(Unfinished { step, error: Some(error) }) => format!("{step} failed: {error}"),
        Some(Unfinished { step, error: None }) => format!("{step} was interrupted"),
        None => recorded.phase.to_string(),
    }
}

/// Whether a field can't be changed on a machine that exists. Everything else is changed in place.
fn needs_new_machine(field: &str) -> bool {
    match field {
        "provider" | "region" | "host.address" | "machine" => true,
        "machine.elastic_ip" | "machine.iam_profile" => false,
        _ => field.starts_with("machine."),
    }
}
