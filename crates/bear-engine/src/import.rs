//! Import: makes a machine that somebody else made part of a fleet, in the order that survives a crash at any point: the
//! intent, the mark, the outcome.

use std::time::Duration;

use bear_core::event::StepError;
use bear_core::fleet::Instance;
use bear_core::name::InstanceName;
use bear_core::state::v1::{Machine, Record, State};
use bear_core::step::StepKind;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::run::too_late;
use crate::store::{Store, StoreError};

/// Why a machine can't become part of a fleet: it would lose sight of one, or use one twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The instance has a machine, or may have one.
    Deployed,
    /// It is the machine of this instance already.
    Taken(InstanceName),
}

/// Whether the machine with this id can't become the machine of `instance`.
pub fn refusal(state: &State, instance: &InstanceName, machine: &str) -> Option<Refusal> {
    if state.instances.contains_key(instance) {
        return Some(Refusal::Deployed);
    }
    let has_it = state
        .instances
        .iter()
        .find(|(_, recorded)| recorded.machine.as_ref().is_some_and(|recorded| recorded.id == machine));
    has_it.map(|(name, _)| Refusal::Taken(name.clone()))
}

/// Lets `mark` mark a machine with the token that it is handed, within `deadline`, and records it. The result within is
/// that of `mark`.
///
/// # Errors
///
/// The store could not make something durable. If the mark may be there by then, the state says so.
pub async fn import(
    store: &mut dyn Store,
    clock: &dyn Clock,
    instance: &Instance,
    deadline: Duration,
    mark: impl AsyncFnOnce(&str) -> Result<Machine, StepError>,
) -> Result<Result<(), StepError>, StoreError> {
    let Instance { name, group, spec } = instance;
    let generation = store.state().generation + 1;
    let token = store.state().token(name, generation);
    store.record(&[Record::CreateBegan {
        at: clock.now(),
        instance: name.clone(),
        group: group.clone(),
        spec: spec.as_ref().clone(),
        generation,
        launch: None,
        token: token.clone(),
    }])?;
    let marked = timeout(deadline, mark(&token)).await.unwrap_or_else(|_| Err(too_late(deadline)));
    let (at, instance) = (clock.now(), name.clone());
    let record = match &marked {
        Ok(machine) => Record::Created { at, instance, machine: machine.clone() },
        Err(error) if error.untouched => Record::Destroyed { at, instance },
        Err(error) => Record::Failed { at, instance, step: StepKind::Create, error: error.message.clone() },
    };
    store.record(&[record])?;
    store.fold()?;
    Ok(marked.map(drop))
}
