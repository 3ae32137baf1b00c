//! What the machines of a fleet share: their network, their security group and the operator's key.
//!
//! Group and key are named after fleet and lineage, so that there can be only one of each. One that is there already is
//! taken if it bears the lineage; a stranger's is never touched.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ec2::types::{ResourceType, SecurityGroup};
use bear_core::event::StepError;
use bear_core::fleet::Foundation;
use bear_core::observed::{Drift, FoundationSeen};
use tokio::time::{Instant, sleep};

use crate::Inner;
use crate::failure::Failure;
use crate::marks;
use crate::place::Place;
use crate::rules::{self, Rule};
use crate::seen::filter;
use crate::settings::Notice;
use crate::words;

/// How long EC2 may take to show what it says is there.
const SHOWN_WITHIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How much of the lineage stands in the names of group and key.
const LINEAGE_SHOWN: usize = 8;

/// What a machine is launched into.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) place: Place,
    /// Its security groups.
    pub(crate) groups: Vec<String>,
    /// The key pair that may log in.
    pub(crate) key: String,
}

impl Inner {
    /// The name of the fleet's own security group and key pair.
    pub(crate) fn own_name(&self) -> String {
        let lineage = &self.settings.lineage;
        format!("bear-{}-{}", self.settings.fleet, lineage.get(..LINEAGE_SHOWN).unwrap_or(lineage))
    }

    /// What machines are launched into, as it is there. Looked up once.
    pub(crate) async fn ground(&self) -> Result<Arc<Ground>, StepError> {
        let mut known = self.ground.lock().await;
        if let Some(ground) = &*known {
            return Ok(Arc::clone(ground));
        }
        let foundation = &self.settings.foundation;
        let place = Place::find(&self.api, foundation).await?;
        let groups = if foundation.security_groups.is_empty() {
            let group = self
                .find_group()
                .await
                .map_err(|failure| self.explain(&failure, "looking up the security group"))?;
            let id = group.as_ref().and_then(SecurityGroup::group_id).ok_or_else(|| self.no_group())?;
            vec![id.to_owned()]
        } else {
            foundation.security_groups.clone()
        };
        let ground = Arc::new(Ground { place, groups, key: self.key_name() });
        *known = Some(Arc::clone(&ground));
        Ok(ground)
    }

    /// Makes what the machines share what the foundation says. Safe to repeat.
    pub(crate) async fn lay_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        let mut known = self.ground.lock().await;
        *known = None;
        let place = Place::find(&self.api, foundation).await?;
        let laying_groups = async {
            if !foundation.security_groups.is_empty() {
                return Ok(foundation.security_groups.clone());
            }
            let (id, rules) = self.lay_group(&place.vpc).await?;
            self.lay_rules(foundation, &id, rules).await?;
            Ok(vec![id])
        };
        let laying_key = async { if foundation.key_pair.is_none() { self.lay_key().await } else { Ok(()) } };
        let (groups, ()) = tokio::try_join!(laying_groups, laying_key)?;
        *known = Some(Arc::new(Ground { place, groups, key: self.key_name() }));
        Ok(())
    }

    /// What is different about it than it was left.
    pub(crate) async fn look_at_foundation(
        &self,
        foundation: &Foundation,
    ) -> Result<(FoundationSeen, Option<String>), StepError> {
        if !foundation.security_groups.is_empty() {
            return Ok((FoundationSeen::AsRecorded, None));
        }
        let found = self
            .find_group()
            .await
            .map_err(|failure| self.explain(&failure, "looking at the security group"))?;
        let Some((group, id)) = found.as_ref().and_then(|group| Some((group, group.group_id()?))) else {
            return Ok((FoundationSeen::Absent, None));
        };
        let mut what = rules::drift(&rules::told(group.ip_permissions()), &rules::wanted(foundation, id));
        let tags = marks::read(group.tags());
        let missing = foundation.tags.iter().filter(|(key, value)| tags.get(*key) != Some(value));
        what.extend(missing.map(|(key, value)| Drift {
            what: "tags".to_owned(),
            is: tags.get(key).map_or_else(|| format!("{key} not there"), |is| format!("{key}={is}")),
            was: format!("{key}={value}"),
        }));
        let seen =
            if what.is_empty() { FoundationSeen::AsRecorded } else { FoundationSeen::Changed { what } };
        Ok((seen, Some(id.to_owned())))
    }

    /// The fleet's own security group, if it is shown.
    pub(crate) async fn find_group(&self) -> Result<Option<SecurityGroup>, Failure> {
        Ok(self.groups_of_name().await?.into_iter().find(|group| self.is_ours(group)))
    }

    /// The security groups that are named as the fleet's own: one, or a stranger's, or one in another network.
    async fn groups_of_name(&self) -> Result<Vec<SecurityGroup>, Failure> {
        let filters = vec![filter("group-name", [self.own_name()])];
        let answer = self
            .api
            .call("DescribeSecurityGroups", |ec2| {
                ec2.describe_security_groups().set_filters(Some(filters.clone())).send()
            })
            .await?;
        Ok(answer.security_groups().to_vec())
    }

    fn is_ours(&self, group: &SecurityGroup) -> bool {
        marks::read(group.tags()).get(marks::LINEAGE) == Some(&self.settings.lineage)
    }

    /// Makes the security group, or finds the one that an earlier request made; with the rules that it has.
    async fn lay_group(&self, vpc: &str) -> Result<(String, BTreeSet<Rule>), StepError> {
        let name = self.own_name();
        let tags = marks::on(ResourceType::SecurityGroup, &marks::common(&self.settings));
        let answer = self
            .api
            .call("CreateSecurityGroup", |ec2| {
                let request = ec2.create_security_group().group_name(&name).vpc_id(vpc);
                request
                    .description(format!("bear: fleet {}", self.settings.fleet))
                    .tag_specifications(tags.clone())
                    .send()
            })
            .await;
        match answer {
            Ok(answer) => {
                let id = answer.group_id().ok_or_else(|| self.no_group())?;
                Ok((id.to_owned(), BTreeSet::new()))
            }
            Err(failure) if failure.code() == "InvalidGroup.Duplicate" => {
                let group = self.find_own_group(&name).await?;
                self.retag_group(&group).await?;
                let id = group.group_id().ok_or_else(|| self.no_group())?;
                Ok((id.to_owned(), rules::told(group.ip_permissions())))
            }
            Err(failure) => Err(self.explain(&failure, &format!("making the security group {name}"))),
        }
    }

    /// The security group whose name is taken, if it is the fleet's own.
    async fn find_own_group(&self, name: &str) -> Result<SecurityGroup, StepError> {
        let began = Instant::now();
        loop {
            let found = self.groups_of_name().await;
            let found = found.map_err(|failure| self.explain(&failure, "looking up the security group"))?;
            if let Some(group) = found.iter().find(|group| self.is_ours(group)) {
                return Ok(group.clone());
            }
            if !found.is_empty() || began.elapsed() >= SHOWN_WITHIN {
                return Err(words::group_taken(self.region(), name));
            }
            self.api.tell(&Notice::NotYetSeen { what: format!("the security group {name}") });
            sleep(LOOK_EVERY).await;
        }
    }

    /// Gives the group the tags that it shall have and lacks.
    async fn retag_group(&self, group: &SecurityGroup) -> Result<(), StepError> {
        let has = marks::read(group.tags());
        let lacks =
            marks::common(&self.settings).into_iter().filter(|(key, value)| has.get(key) != Some(value));
        self.tag(group.group_id().unwrap_or_default(), &lacks.collect(), "marking the security group").await
    }

    /// Takes away the rules that should not be there, and puts in those that should.
    async fn lay_rules(
        &self,
        foundation: &Foundation,
        id: &str,
        mut is: BTreeSet<Rule>,
    ) -> Result<(), StepError> {
        let doing = format!("setting the rules of the security group {id}");
        let wanted = rules::wanted(foundation, id);
        let began = Instant::now();
        loop {
            let settled = match self.revoke(id, is.difference(&wanted)).await {
                Ok(()) => self.authorize(id, wanted.difference(&is)).await,
                Err(failure) => Err(failure),
            };
            match settled {
                Ok(()) => return Ok(()),
                Err(failure) if is_late(&failure) && began.elapsed() < SHOWN_WITHIN => {
                    sleep(LOOK_EVERY).await;
                }
                Err(failure) => return Err(self.explain(&failure, &doing)),
            }
            let found = self.find_group().await.map_err(|failure| self.explain(&failure, &doing))?;
            is = found.map(|group| rules::told(group.ip_permissions())).unwrap_or_default();
        }
    }

    async fn authorize(&self, id: &str, rules: impl Iterator<Item = &Rule>) -> Result<(), Failure> {
        let rules = rules::sdk(rules);
        if rules.is_empty() {
            return Ok(());
        }
        let answer = self.api.call("AuthorizeSecurityGroupIngress", |ec2| {
            ec2.authorize_security_group_ingress().group_id(id).set_ip_permissions(Some(rules.clone())).send()
        });
        answer.await.map(|_| ())
    }

    async fn revoke(&self, id: &str, rules: impl Iterator<Item = &Rule>) -> Result<(), Failure> {
        let rules = rules::sdk(rules);
        if rules.is_empty() {
            return Ok(());
        }
        let answer = self.api.call("RevokeSecurityGroupIngress", |ec2| {
            ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(rules.clone())).send()
        });
        answer.await.map(|_| ())
    }

    fn no_group(&self) -> StepError {
        words::no_group(self.region(), &self.own_name())
    }
}

/// Whether EC2 was a little behind: it does not know the group yet, or told of other rules than there are.
fn is_late(failure: &Failure) -> bool {
    failure.is(&["InvalidGroup.NotFound", "InvalidPermission.Duplicate", "InvalidPermission.NotFound"])
}
