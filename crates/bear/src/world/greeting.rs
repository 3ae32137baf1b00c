//! First contact: hosts whose keys nobody knows yet are shown to whoever can compare them, before anything is done.

use std::fmt::Write;

use bear_core::plan::{Plan, StepKind};
use bear_hosts::{ConnectError, FirstContact, Place};

use super::World;
use crate::confirm::{ask, can_ask};
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// Connects to the hosts that the plan makes part of the fleet, and asks about keys that are not known. Whatever else
/// keeps a host from being reached is for its step to tell.
///
/// # Errors
///
/// There are unknown keys, and nobody to ask, or they are not to be trusted.
pub(crate) async fn greet(world: &World, plan: &Plan, context: &Context) -> Result<(), Fault> {
    let steps = plan.steps.node_weights().filter(|step| step.kind == StepKind::Create);
    let places = steps.filter_map(|step| {
        let spec = step.spec.as_deref().filter(|spec| spec.host.is_some())?;
        Some(Place { instance: step.instance()?, spec, machine: None })
    });
    let places = places.collect::<Vec<_>>();
    let contacts = world.hosts.greet(&places).await.into_iter().filter_map(|greeted| match greeted {
        Err(ConnectError::FirstContact(contact)) => Some(contact),
        Ok(()) | Err(ConnectError::Failed(_)) => None,
    });
    let contacts = contacts.collect::<Vec<_>>();
    if contacts.is_empty() {
        return Ok(());
    }
    if !can_ask(context) {
        return Err(unknown(&contacts));
    }
    context.printer.note(listed(&contacts));
    let question = match contacts.len() {
        1 => "Is this the host, so that its key can be trusted from now on?".to_owned(),
        several => format!("Are these the {several} hosts, so that their keys can be trusted from now on?"),
    };
    if !ask(&question, context) {
        return Err(unknown(&contacts));
    }
    for contact in &contacts {
        world.hosts.accept(contact).await?;
    }
    Ok(())
}

fn listed(contacts: &[FirstContact]) -> String {
    let mut text = String::from(
        "These hosts have never been met before. Compare what each presents with what\n`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says on it:\n",
    );
    for FirstContact { host, key, .. } in contacts {
        let _ = write!(text, "\n  {host}  {} {}", key.kind(), key.fingerprint());
    }
    text.push('\n');
    text
}

fn unknown(contacts: &[FirstContact]) -> Fault {
    let message = match contacts {
        [one] => one.to_string(),
        several => {
            let listed = several.iter().map(|FirstContact { host, key, .. }| {
                format!("\n{host} presents {} {}", key.kind(), key.fingerprint())
            });
            format!("the keys of {} hosts are not known{}", several.len(), listed.collect::<String>())
        }
    };
    Fault::new(ExitStatus::Input, "bear::ssh::host_key_unknown", message).with_help(
        "compare the fingerprints on the hosts (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), then write them \
         into the fleet file as `host_key:`, or trust what is presented with `--accept-new-host-keys`",
    )
}
