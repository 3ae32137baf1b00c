//! What has happened to an instance, out of the records of runs.

use std::fs;
use std::path::Path;

use bear_core::name::InstanceName;
use bear_render::report::Record;
use bear_ui::{History, PastRun, Proof};

use crate::context::Context;
use crate::deployed::Place;
use crate::fault::Fault;
use crate::records;

/// The runs that an instance was part of, and its last proof. A record that can't be read is passed over: the others
/// still tell something.
pub(super) fn of(file: &Path, instance: &InstanceName, context: &Context) -> Result<History, Fault> {
    let place = Place::of_file(Some(file), context)?;
    let kept = records::kept(&place.folder)
        .map_err(|error| Fault::failed("bear::report::list", "could not list the runs").caused_by(&error))?;
    let mut history = History::default();
    for run in kept.iter().rev() {
        let text = fs::read_to_string(records::path(&place.folder, run)).unwrap_or_default();
        let told = Record::read(&text).ok().and_then(|record| record.of_instance(instance.as_str()));
        let Some(told) = told else { continue };
        if history.proof.is_none() {
            history.proof = told.proof.map(|(at, checks)| Proof { at, checks });
        }
        history.runs.push(PastRun {
            at: told.at,
            operation: told.operation,
            outcome: told.outcome,
            error: told.error,
        });
    }
    Ok(history)
}
