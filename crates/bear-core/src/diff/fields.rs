//! How two values differ, field by field, and as people read it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::{Reason, reason};
use crate::fleet::Spec;

/// How two specs differ.
#[derive(Clone, Default)]
pub(super) struct Difference {
    /// The leaves in which they do, in the order of the fields.
    pub(super) reasons: Vec<Reason>,
    /// The unified diff of what people read; none if there is no difference.
    pub(super) configuration: Option<String>,
}

/// Finds how specs differ. Like instances differ alike, so the last difference is mostly the next one too.
#[derive(Default)]
pub(super) struct Differences<'a> {
    last: Option<(&'a Spec, &'a Arc<Spec>, Difference)>,
}

impl<'a> Differences<'a> {
    pub(super) fn between(&mut self, from: &'a Spec, to: &'a Arc<Spec>) -> Difference {
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
        let configuration = Some(unified_diff(&configuration(from), &configuration(to)));
        Self { reasons: field_by_field(from, to), configuration }
    }
}

/// The leaves in which two values differ, in the order of their fields.
pub(super) fn field_by_field<T: Serialize>(from: &T, to: &T) -> Vec<Reason> {
    let mut reasons = Vec::new();
    leaves("", &as_value(from), &as_value(to), &mut reasons);
    reasons
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

fn as_value<T: Serialize>(it: &T) -> Value {
    serde_json::to_value(it).expect("what a fleet file says has only string keys")
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
