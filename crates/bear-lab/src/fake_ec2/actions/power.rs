//! Starting, stopping, rebooting and ending instances.

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::truth::Truth;
use super::super::truth::instance::{Happening, InstanceState};
use super::super::xml::Xml;
use super::{Answer, done, run};

pub(super) fn start(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let ids = named(truth, query)?;
    let was = states(truth, &ids);
    for (id, state) in &was {
        match state {
            InstanceState::Stopped | InstanceState::Running | InstanceState::Pending => {}
            _ => return Err(refused(id, "started")),
        }
    }
    let stopped = was.iter().filter(|(_, state)| *state == InstanceState::Stopped);
    let stopped = stopped.map(|(id, _)| id.clone()).collect::<Vec<_>>();
    run::check_quota(truth, &stopped)?;
    let now = truth.now;
    for id in stopped {
        let dynamic = truth.instances.get(&id).is_some_and(|it| it.dynamic_ip && it.public_ip.is_none());
        let public_ip = if dynamic { Some(truth.network.take_public()?) } else { None };
        if let Some(instance) = truth.instances.get_mut(&id) {
            instance.public_ip = public_ip.or(instance.public_ip);
            instance.reason = None;
            instance.launched = now;
        }
        truth.send_towards(&id, InstanceState::Pending, Happening::Launched);
    }
    Ok(changes(truth, &was))
}

pub(super) fn stop(truth: &mut Truth, query: &Query<'_>) -> Answer {
    query.flag("Force")?;
    query.flag("SkipOsShutdown")?;
    let ids = named(truth, query)?;
    let was = states(truth, &ids);
    for (id, state) in &was {
        if !matches!(state, InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped) {
            return Err(refused(id, "stopped"));
        }
        if truth.instances.get(id).is_some_and(|instance| instance.spot.is_some()) {
            let message = format!(
                "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot Instance \
                 request. You can only stop Spot Instances associated with persistent Spot Instance requests."
            );
            return Err(Failure::new(400, "UnsupportedOperation", message));
        }
    }
    for (id, _) in was.iter().filter(|(_, state)| *state == InstanceState::Running) {
        truth.send_towards(id, InstanceState::Stopping, Happening::Stopping);
        give_reason(truth, id);
    }
    Ok(changes(truth, &was))
}

pub(super) fn terminate(truth: &mut Truth, query: &Query<'_>) -> Answer {
    query.flag("Force")?;
    query.flag("SkipOsShutdown")?;
    let ids = named(truth, query)?;
    if let Some(id) =
        ids.iter().find(|id| truth.instances.get(*id).is_some_and(|it| it.protected && it.lives()))
    {
        let message = format!(
            "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try \
             again."
        );
        return Err(Failure::new(400, "OperationNotPermitted", message));
    }
    let was = states(truth, &ids);
    let alive =
        |state: InstanceState| !matches!(state, InstanceState::ShuttingDown | InstanceState::Terminated);
    for (id, _) in was.iter().filter(|(_, state)| alive(*state)) {
        truth.send_towards(id, InstanceState::ShuttingDown, Happening::ShuttingDown);
        give_reason(truth, id);
    }
    Ok(changes(truth, &was))
}

pub(super) fn reboot(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let ids = named(truth, query)?;
    let was = states(truth, &ids);
    if let Some((id, _)) = was.iter().find(|(_, state)| *state != InstanceState::Running) {
        return Err(refused(id, "rebooted"));
    }
    for id in ids {
        truth.happened(&id, Happening::Rebooted);
    }
    Ok(done())
}

fn named(truth: &Truth, query: &Query<'_>) -> Result<Vec<String>, Failure> {
    query.required("InstanceId.1")?;
    truth.find_instances(&query.list("InstanceId"))
}

fn states(truth: &Truth, ids: &[String]) -> Vec<(String, InstanceState)> {
    let instances = ids.iter().filter_map(|id| truth.instances.get(id));
    instances.map(|instance| (instance.id.clone(), instance.state)).collect()
}

fn refused(id: &str, what: &str) -> Failure {
    Failure::wrong_state(format!("The instance '{id}' is not in a state from which it can be {what}."))
}

fn give_reason(truth: &mut Truth, id: &str) {
    if let Some(instance) = truth.instances.get_mut(id) {
        let code = "Client.UserInitiatedShutdown";
        instance.reason = Some((code, "Client.UserInitiatedShutdown: User initiated shutdown"));
    }
}

/// What the states were, and what they are now.
fn changes(truth: &Truth, was: &[(String, InstanceState)]) -> Xml {
    let mut xml = Xml::default();
    xml.set("instancesSet", was, |xml, (id, was)| {
        let state = |xml: &mut Xml, name: &str, state: InstanceState| {
            xml.within(name, |xml| {
                xml.text("code", state.code()).text("name", state.name());
            });
        };
        xml.text("instanceId", id);
        state(xml, "currentState", truth.instances.get(id).map_or(*was, |instance| instance.state));
        state(xml, "previousState", *was);
    });
    xml
}
