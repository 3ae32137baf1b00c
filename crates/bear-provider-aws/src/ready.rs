//! A machine as it shall be: running, of its type, with its tags, its address and its profile.

use std::time::Duration;

use aws_sdk_ec2::types::{AttributeValue, InstanceStateName};
use bear_core::event::StepError;
use bear_core::fleet::Spec;
use bear_core::name::InstanceName;
use bear_core::state::v1::Machine;
use tokio::time::Instant;

use crate::Inner;
use crate::failure::Failure;
use crate::marks::{self, Tags};
use crate::seen::Seen;
use crate::words;

/// How long it may take a machine to run, stopping and starting included. EC2 needs less than a minute, as a rule.
const RUNNING_WITHIN: Duration = Duration::from_mins(15);
/// How long EC2 may take to show a machine that it has made.
const SHOWN_WITHIN: Duration = Duration::from_mins(2);

impl Inner {
    /// Waits until a machine runs, and makes it what it shall be.
    pub(crate) async fn ready(
        &self,
        instance: &InstanceName,
        token: &str,
        machine: &Machine,
        spec: &Spec,
    ) -> Result<Machine, StepError> {
        let seen = self.running(instance, &machine.id, spec).await?;
        let seen = self.mend(instance, token, spec, seen).await?;
        let found = seen.machine(spec);
        Ok(Machine { system: machine.system.clone(), ..found })
    }

    /// Waits until a machine runs as the type that it shall have; starts it if it is stopped.
    async fn running(&self, instance: &InstanceName, id: &str, spec: &Spec) -> Result<Seen, StepError> {
        let kind = spec.machine.as_ref().map(|machine| machine.kind.as_str());
        let began = Instant::now();
        loop {
            let seen = self.poller.next(&self.api, &self.settings.lineage, id).await;
            let seen =
                seen.map_err(|failure| self.explain(&failure, &format!("waiting for {instance} ({id})")))?;
            let Some(seen) = seen else {
                if began.elapsed() >= SHOWN_WITHIN {
                    return Err(self.gone(instance, id));
                }
                continue;
            };
            let other_kind = kind.filter(|kind| **kind != *seen.kind && !seen.spot);
            match (&seen.state, other_kind) {
                (InstanceStateName::Running, None) => return Ok(seen),
                (InstanceStateName::Running, Some(_)) => self.stop(instance, id).await?,
                (InstanceStateName::Stopped, Some(kind)) => {
                    self.change_kind(instance, id, kind).await?;
                    self.start(instance, id).await?;
                }
                (InstanceStateName::Stopped, None) => self.start(instance, id).await?,
                (InstanceStateName::Terminated | InstanceStateName::ShuttingDown, _) => {
                    return Err(words::ended(instance, &seen.id, self.region(), seen.reason.as_deref()));
                }
                _ => {}
            }
            if began.elapsed() >= RUNNING_WITHIN {
                let state = seen.state.as_str();
                return Err(words::not_running(instance, &seen.id, self.region(), state, RUNNING_WITHIN));
            }
        }
    }

    /// Puts right what is not as it shall be, on a machine that runs.
    async fn mend(
        &self,
        instance: &InstanceName,
        token: &str,
        spec: &Spec,
        mut seen: Seen,
    ) -> Result<Seen, StepError> {
        let mut lacks = marks::common(&self.settings);
        if !seen.is_of(token) {
            lacks.extend(marks::of_one(&self.settings, instance, token));
        }
        lacks.retain(|key, value| seen.tags.get(key) != Some(value));
        self.tag(&seen.id, &lacks, &format!("marking {instance} ({})", seen.id)).await?;
        let groups = self.ground().await?.groups.clone();
        if !same(&seen.groups, &groups) {
            self.change_groups(instance, &seen.id, &groups).await?;
        }
        let machine = spec.machine.as_ref();
        self.mend_profile(instance, &seen, machine.and_then(|machine| machine.iam_profile.as_deref()))
            .await?;
        let elastic = machine.is_some_and(|machine| machine.elastic_ip);
        if elastic {
            seen.public = Some(self.give_address(instance, token, &seen).await?);
        } else if seen.elastic {
            self.take_address_away(instance, &seen).await?;
            let again = self.poller.next(&self.api, &self.settings.lineage, &seen.id).await;
            let again = again.map_err(|failure| self.explain(&failure, &format!("looking at {instance}")))?;
            seen = again.ok_or_else(|| self.gone(instance, &seen.id))?;
        }
        Ok(seen)
    }

    /// Puts tags on a resource, if there are any.
    pub(crate) async fn tag(&self, id: &str, tags: &Tags, doing: &str) -> Result<(), StepError> {
        if tags.is_empty() {
            return Ok(());
        }
        let tags = marks::sdk(tags);
        let answer = self
            .api
            .call("CreateTags", |ec2| ec2.create_tags().resources(id).set_tags(Some(tags.clone())).send());
        answer.await.map(|_| ()).map_err(|failure| self.explain(&failure, doing))
    }

    async fn start(&self, instance: &InstanceName, id: &str) -> Result<(), StepError> {
        let answer =
            self.api.call("StartInstances", |ec2| ec2.start_instances().instance_ids(id).send()).await;
        passing(answer.map(|_| ()))
            .map_err(|failure| self.explain(&failure, &format!("starting {instance} ({id})")))
    }

    async fn stop(&self, instance: &InstanceName, id: &str) -> Result<(), StepError> {
        let answer = self.api.call("StopInstances", |ec2| ec2.stop_instances().instance_ids(id).send()).await;
        passing(answer.map(|_| ())).map_err(|failure| {
            self.explain(&failure, &format!("stopping {instance} ({id}) to give it back its type"))
        })
    }

    async fn change_kind(&self, instance: &InstanceName, id: &str, kind: &str) -> Result<(), StepError> {
        let kind_value = AttributeValue::builder().value(kind).build();
        let answer = self.api.call("ModifyInstanceAttribute", |ec2| {
            ec2.modify_instance_attribute().instance_id(id).instance_type(kind_value.clone()).send()
        });
        let doing = format!("making {instance} ({id}) a {kind} again");
        passing(answer.await.map(|_| ())).map_err(|failure| self.explain(&failure, &doing))
    }

    async fn change_groups(
        &self,
        instance: &InstanceName,
        id: &str,
        groups: &[String],
    ) -> Result<(), StepError> {
        let answer = self.api.call("ModifyInstanceAttribute", |ec2| {
            ec2.modify_instance_attribute().instance_id(id).set_groups(Some(groups.to_vec())).send()
        });
        let doing = format!("giving {instance} ({id}) back its security groups");
        answer.await.map(|_| ()).map_err(|failure| self.explain(&failure, &doing))
    }

    fn gone(&self, instance: &InstanceName, id: &str) -> StepError {
        let said = format!("the machine of {instance} ({id}) is not to be found in {}", self.region());
        StepError::permanent("bear::aws::ended", said).with_help("`bear apply` makes a new one")
    }
}

/// A request that the state of a machine has overtaken: the next look tells what it has come to.
fn passing(answer: Result<(), Failure>) -> Result<(), Failure> {
    answer.or_else(|failure| if failure.code() == "IncorrectInstanceState" { Ok(()) } else { Err(failure) })
}

fn same(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|it| other.contains(it))
}
