//! Machines as EC2 tells of them.

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName, Reservation};
use bear_core::fleet::Spec;
use bear_core::fleet::model::Connect;
use bear_core::state::v1::Machine;

use crate::call::Api;
use crate::failure::Failure;
use crate::marks::{self, Tags, Whose};

/// The largest page that EC2 gives.
const PAGE: i32 = 1000;
/// The most values that one filter takes.
pub(crate) const VALUES_MAX: usize = 200;

/// A machine as EC2 tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) state: InstanceStateName,
    /// Why it is in its state, as in `Server.InternalError: Internal error on launch`.
    pub(crate) reason: Option<String>,
    pub(crate) kind: String,
    pub(crate) image: String,
    pub(crate) spot: bool,
    pub(crate) public: Option<String>,
    pub(crate) private: Option<String>,
    /// Whether its public address is an elastic one.
    pub(crate) elastic: bool,
    pub(crate) groups: Vec<String>,
    /// The name of its IAM instance profile.
    pub(crate) profile: Option<String>,
    pub(crate) tags: Tags,
    /// Whose it says it is.
    pub(crate) whose: Option<Whose>,
    /// When it was launched, in seconds since 1970; not to be had while that is not told yet.
    launched: i64,
}

impl Seen {
    pub(crate) fn of(instance: &Instance) -> Option<Self> {
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let tags = marks::read(instance.tags());
        let index = instance.ami_launch_index().and_then(|index| usize::try_from(index).ok());
        let profile = instance.iam_instance_profile().and_then(|profile| profile.arn());
        let groups = instance.security_groups().iter().filter_map(|group| text(group.group_id()));
        Some(Self {
            id: text(instance.instance_id())?,
            state: instance.state()?.name()?.clone(),
            reason: text(instance.state_reason().and_then(|reason| reason.message())),
            kind: instance.instance_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            image: text(instance.image_id()).unwrap_or_default(),
            spot: instance.instance_lifecycle().is_some(),
            public: text(instance.public_ip_address()),
            private: text(instance.private_ip_address()),
            elastic: has_elastic_address(instance),
            groups: groups.collect(),
            profile: profile.and_then(|arn| arn.rsplit('/').next()).map(str::to_owned),
            whose: Whose::read(&tags, index.unwrap_or_default()),
            tags,
            launched: instance.launch_time().map_or(i64::MAX, DateTime::secs),
        })
    }

    /// Whether nobody has asked for its end.
    pub(crate) fn lives(&self) -> bool {
        !matches!(self.state, InstanceStateName::ShuttingDown | InstanceStateName::Terminated)
    }

    /// Whether it is the machine of the instance with this token.
    pub(crate) fn is_of(&self, token: &str) -> bool {
        self.whose.as_ref().is_some_and(|whose| whose.is(token))
    }

    /// What is recorded of it. EC2 tells of a public address only a little after the launch, and a stopped machine has
    /// none: then it is the private one.
    pub(crate) fn machine(&self, spec: &Spec) -> Machine {
        let by_public = spec.login.as_ref().is_none_or(|login| login.connect == Connect::Public);
        let private = self.private.clone().unwrap_or_default();
        let address = self.public.clone().filter(|_| by_public).unwrap_or_else(|| private.clone());
        Machine {
            id: self.id.clone(),
            address,
            private_address: Some(private).filter(|private| !private.is_empty()),
            system: None,
            image: Some(self.image.clone()).filter(|image| !image.is_empty()),
        }
    }
}

/// Addresses that EC2 lends belong to Amazon, elastic ones to the account.
fn has_elastic_address(instance: &Instance) -> bool {
    let associations = instance.network_interfaces().iter().filter_map(|interface| interface.association());
    associations.filter_map(|association| association.ip_owner_id()).any(|owner| owner != "amazon")
}

/// Of several machines the one to keep: a living one rather than an ended one, and of those the oldest.
pub(crate) fn best<'a>(machines: impl Iterator<Item = &'a Seen>) -> Option<&'a Seen> {
    machines.min_by_key(|seen| (!seen.lives(), seen.launched, seen.id.clone()))
}

pub(crate) fn filter(name: impl Into<String>, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// The filter for all that is marked as the fleet's.
pub(crate) fn of_lineage(lineage: &str) -> Filter {
    filter(format!("tag:{}", marks::LINEAGE), [lineage])
}

/// The filter for machines that have not ended, nor are about to.
pub(crate) fn living() -> Filter {
    filter("instance-state-name", ["pending", "running", "stopping", "stopped"])
}

/// All machines that meet the filters.
pub(crate) async fn list(api: &Api, filters: Vec<Filter>) -> Result<Vec<Seen>, Failure> {
    let mut seen = Vec::new();
    let mut next = None;
    loop {
        let page = api
            .call("DescribeInstances", |ec2| {
                let request = ec2.describe_instances().set_filters(Some(filters.clone()));
                request.max_results(PAGE).set_next_token(next.clone()).send()
            })
            .await?;
        let instances = page.reservations().iter().flat_map(Reservation::instances);
        seen.extend(instances.filter_map(Seen::of));
        next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if next.is_none() {
            return Ok(seen);
        }
    }
}

/// The machines with these ids, as far as EC2 tells of them; whatever tags they have.
pub(crate) async fn by_id(api: &Api, ids: &[String]) -> Result<Vec<Seen>, Failure> {
    let mut seen = Vec::new();
    for ids in ids.chunks(VALUES_MAX) {
        seen.extend(list(api, vec![filter("instance-id", ids)]).await?);
    }
    Ok(seen)
}
