//! Diff: how what the fleet wants differs from what is recorded and observed, instance by instance, with the reasons.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fleet::{Host, Instance, Spec};
use crate::name::{GroupName, InstanceName};
use crate::observed::{BrokerSeen, Observation, Observed};
use crate::state::v1::{Phase, Recorded, State, Unfinished};

/// What is to be done with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Make its machine, install its broker, prove it.
    Create,
    /// Install its broker anew on the machine that it has, and prove it; or only prove it.
    Update,
    /// Destroy its machine, then make another.
    Replace,
    /// Destroy its machine.
    Destroy,
}

/// Why an instance changes: one field, and what it is and shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The field: a path in the fleet file such as `machine.type`, or `instance`, `machine`, `broker`, `verified`.
    pub field: String,
    /// What it is.
    pub from: Value,
    /// What it shall be.
    pub to: Value,
}

/// One difference between the fleet and the state.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The instance.
    pub instance: InstanceName,
    /// Its group.
    pub group: GroupName,
    /// What is to be done.
    pub action: Action,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// What it shall be; none if it is to be destroyed.
    pub spec: Option<Arc<Spec>>,
    /// The generation under which its machine was asked for, if it is asked for again because nobody has seen it yet.
    /// None if the next machine is a new one.
    pub generation: Option<u64>,
    /// The host that it leaves, where its machine is one and goes: nothing else is put there before.
    pub leaves: Option<Host>,
    /// Whether everything is as it shall be, but not proven.
    pub verify_only: bool,
    /// The difference of the rendered configuration, as a unified diff; only for updates and replacements.
    pub configuration: Option<String>,
}

/// How a fleet's instances differ from the state, and how many do not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The differences: first the wanted instances in the order of the fleet file, then those no longer wanted.
    pub list: Vec<Change>,
    /// How many instances are as they shall be.
    pub unchanged: usize,
}

/// Compares what is wanted with what is recorded and observed.
///
/// An instance that was not observed is taken to be as recorded. To destroy a fleet, want nothing.
pub fn diff(wanted: &[Instance], state: Option<&State>, observed: &Observed) -> Changes {
    let mut changes = Changes::default();
    let mut differences = Differences::default();
    for instance in wanted {
        let recorded = state.and_then(|state| state.instances.get(&instance.name));
        match compare(instance, recorded, observed.get(&instance.name), &mut differences) {
            Some(change) => changes.list.push(change),
            None => changes.unchanged += 1,
        }
    }
    let kept = wanted.iter().map(|instance| &instance.name).collect::<HashSet<_>>();
    let surplus = state.iter().flat_map(|state| &state.instances).filter(|(name, _)| !kept.contains(name));
    changes.list.extend(surplus.map(|(name, recorded)| Change {
        instance: name.clone(),
        group: recorded.group.clone(),
        action: Action::Destroy,
        reasons: vec![reason("instance", recorded.phase.to_string(), Value::Null)],
        spec: None,
        generation: None,
        leaves: recorded.spec.host.clone(),
        verify_only: false,
        configuration: None,
    }));
    changes
}

fn compare<'a>(
    instance: &'a Instance,
    recorded: Option<&'a Recorded>,
    observation: Option<&Observation>,
    differences: &mut Differences<'a>,
) -> Option<Change> {
    let change = |action, reasons| Change {
        instance: instance.name.clone(),
        group: instance.group.clone(),
        action,
        reasons,
        spec: Some(Arc::clone(&instance.spec)),
        generation: None,
        leaves: if action == Action::Replace { recorded.and_then(|it| it.spec.host.clone()) } else { None },
        verify_only: false,
        configuration: None,
    };
    let Some(recorded) = recorded else {
        return Some(change(Action::Create, vec![reason("instance", Value::Null, "new")]));
    };
    let Difference { mut reasons, configuration } = differences.between(&recorded.spec, &instance.spec);
    let needs_new_machine = reasons.iter().any(|reason| needs_new_machine(&reason.field));
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

/// How the broker is not as bear left it.
fn drift(recorded: &Recorded, observation: Option<&Observation>) -> Vec<Reason> {
    let (Some(_), Some(Observation::Present { broker, .. })) = (&recorded.installed, observation) else {
        return Vec::new();
    };
    match broker {
        BrokerSeen::Stopped { why } => vec![reason("broker", format!("stopped: {why}"), "running")],
        BrokerSeen::Changed { what } => {
            let reasons = what
                .iter()
                .map(|drift| reason(format!("broker.{}", drift.what), drift.is.as_str(), drift.was.as_str()));
            reasons.collect()
        }
        BrokerSeen::Running | BrokerSeen::Unknown => Vec::new(),
    }
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

fn reason(field: impl Into<String>, from: impl Into<Value>, to: impl Into<Value>) -> Reason {
    Reason { field: field.into(), from: from.into(), to: to.into() }
}

/// Whether a field can't be changed on a machine that exists. Everything else is changed in place.
fn needs_new_machine(field: &str) -> bool {
    matches!(field, "provider" | "region" | "host.address")
        || field == "machine"
        || field.starts_with("machine.")
}

/// How two specs differ.
#[derive(Clone, Default)]
struct Difference {
    /// The leaves in which they do, in the order of the fields.
    reasons: Vec<Reason>,
    /// The unified diff of what people read; none if there is no difference.
    configuration: Option<String>,
}

/// Finds how specs differ. Like instances differ alike, so the last difference is mostly the next one too.
#[derive(Default)]
struct Differences<'a> {
    last: Option<(&'a Spec, &'a Arc<Spec>, Difference)>,
}

impl<'a> Differences<'a> {
    fn between(&mut self, from: &'a Spec, to: &'a Arc<Spec>) -> Difference {
        if *from == **to {
            return Difference::default();
        }
        match &self.last {
            Some((old, new, difference)) if Arc::ptr_eq(new, to) && *old == from => difference.clone(),
            _ => {
                let difference = Difference::new(from, to);
                self.last = Some((from, to, difference.clone()));
                difference
            }
        }
    }
}

impl Difference {
    fn new(from: &Spec, to: &Spec) -> Self {
        let mut reasons = Vec::new();
        leaves("", &as_value(from), &as_value(to), &mut reasons);
        let configuration = Some(unified_diff(&configuration(from), &configuration(to)));
        Self { reasons, configuration }
    }
}

fn leaves(path: &str, from: &Value, to: &Value, reasons: &mut Vec<Reason>) {
    match (from, to) {
        (from, to) if from == to => {}
        (Value::Object(old), Value::Object(new)) => {
            let added = new.iter().filter(|(key, _)| !old.contains_key(*key));
            for (key, _) in old.iter().chain(added) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let side =
                    |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                leaves(&path, &side(old), &side(new), reasons);
            }
        }
        (from, to) => reasons.push(reason(path, from.clone(), to.clone())),
    }
}

fn as_value(spec: &Spec) -> Value {
    serde_json::to_value(spec).expect("a spec has only string keys")
}

/// The configuration of an instance as people read it. Secrets are in it as references only.
pub fn configuration(spec: &Spec) -> String {
    // By way of a JSON value, because a broker and a secret are then maps, as in a fleet file, and not YAML tags.
    serde_yaml::to_string(&as_value(spec)).expect("a spec has only string keys")
}

/// The unified diff of two texts; empty if they are the same.
pub fn unified_diff(from: &str, to: &str) -> String {
    similar::TextDiff::from_lines(from, to).unified_diff().context_radius(3).to_string()
}
