//! What a change in place would do to a host, known before it is done: which settings it writes there, and whether
//! what it asks for is possible at all.

use bear_core::diff::{Action, Change};
use bear_core::event::StepError;
use bear_core::fleet::Spec;
use bear_core::fleet::model::ProviderKind;
use bear_core::problem::{Problem, Problems};
use bear_core::state::v1::{Recorded, State};
use bear_hosts::{Hosts, Settings};

use crate::fault::Fault;
use crate::planning::Wanted;

/// Refuses changes that can't be made, each at its place in the fleet file; adds to the others how the settings on
/// their hosts would change.
pub(crate) fn examine(changes: &mut [Change], wanted: &Wanted, state: Option<&State>) -> Result<(), Fault> {
    // Nothing is asked of any host here, so whose state it is does not matter.
    let (fleet, project) = (wanted.name().clone(), wanted.file.project.root().to_owned());
    let settings_of_hosts = Settings::new(fleet, String::new(), wanted.folder.known_hosts(), project);
    let hosts = &Hosts::new(settings_of_hosts);
    let mut problems = Vec::new();
    for change in changes {
        let Some(spec) = change.spec.clone().filter(|spec| spec.provider != ProviderKind::Local) else {
            continue;
        };
        let recorded = state
            .and_then(|state| state.instances.get(&change.instance))
            .filter(|_| change.action == Action::Update);
        match hosts.refuse(recorded.map(|recorded| &recorded.spec), &spec) {
            // A plan can be made where the certificates are not; apply refuses before it begins.
            Err(error) if error.code == bear_hosts::FILE => {}
            Err(error) => problems.push(refusal(error, change, &spec, wanted)),
            Ok(()) => {}
        }
        let settings = recorded.and_then(|recorded| settings(recorded, &spec, hosts));
        change.configuration = joined(change.configuration.take(), settings);
    }
    // Like instances are refused alike, and one underlined place says it once.
    problems.dedup_by(|later, first| later.message == first.message && later.span == first.span);
    if problems.is_empty() { Ok(()) } else { Err(Problems::new(problems).into()) }
}

fn refusal(error: StepError, change: &Change, spec: &Spec, wanted: &Wanted) -> Problem {
    let path = format!("groups.{}.broker.{}.version", change.group, spec.broker.as_str());
    Problem {
        code: error.code,
        message: error.message,
        span: wanted.read.parsed.span_of(&path),
        label: format!("for `{}`", change.instance),
        help: error.help,
        warning: false,
        file: wanted.read.parsed.source.clone(),
    }
}

/// The difference of the settings on the host, as a unified diff.
fn settings(recorded: &Recorded, spec: &Spec, hosts: &Hosts) -> Option<String> {
    let before = hosts.configuration(&recorded.spec)?;
    let after = hosts.configuration(spec)?;
    if before == after {
        return None;
    }
    Some(bear_core::diff::unified_diff(&before, &after))
}

fn joined(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}{second}")),
        (first, second) => first.or(second),
    }
}
