//! One request for machines: what it says, and how it is sent.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
    InstanceInterruptionBehavior, InstanceMarketOptionsRequest, InstanceMetadataOptionsRequest,
    InstanceNetworkInterfaceSpecification, InstanceType, MarketType, ResourceType, SpotInstanceType,
    SpotMarketOptions, VolumeType,
};
use bear_core::event::StepError;
use bear_core::fleet::Spec;
use bear_core::fleet::model::{Connect, Machine};
use bear_core::name::InstanceName;
use bear_provider::CreateRequest;
use tokio::time::{Instant, sleep};

use crate::Inner;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::host_key::HostKey;
use crate::image::Image;
use crate::marks::{self, Tags};
use crate::place::{Place, Subnet};
use crate::seen::Seen;
use crate::settings::Notice;
use crate::words;

/// How long EC2 may take to know what was made just now.
const KNOWN_WITHIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_secs(1);
const GIB: u64 = 1 << 30;

/// What machines that are alike have in common.
pub(crate) struct Order<'a> {
    pub(crate) launch: &'a str,
    pub(crate) spec: &'a Spec,
    pub(crate) machine: &'a Machine,
    image: Image,
    ground: Arc<Ground>,
}

impl<'a> Order<'a> {
    /// Looks up what has to be known to ask for a machine.
    pub(crate) async fn of(inner: &Inner, request: &'a CreateRequest) -> Result<Self, StepError> {
        let spec = &request.spec;
        let region = inner.region();
        if spec.region.as_deref().is_some_and(|other| other != region) {
            let other = spec.region.as_deref().unwrap_or_default();
            return Err(words::other_region(&request.instance, other, region));
        }
        let Some(machine) = &spec.machine else {
            return Err(words::no_machine(&request.instance));
        };
        let ground = inner.ground().await?;
        let image = inner.catalogue.image(&inner.api, region, machine).await?;
        Ok(Self { launch: &request.launch, spec, machine, image, ground })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.ground.place
    }

    /// What is being done, for people.
    pub(crate) fn describe(&self, count: usize) -> String {
        let kind = &self.machine.kind;
        if count == 1 { format!("launching a {kind}") } else { format!("launching {count} × {kind}") }
    }

    /// What tells this machine from others that were asked for in the same launch. The image stands in it as it was
    /// asked for: a newer one of the same release makes it no other machine.
    pub(crate) fn describe_machine(&self) -> String {
        let Machine { kind, image, disk, spot, iam_profile, .. } = self.machine;
        let disk = disk.map(gibibytes);
        format!("{kind} {image} {disk:?} {spot} {iam_profile:?}")
    }

    /// Asks for machines in one subnet.
    pub(crate) async fn run_in(
        &self,
        inner: &Inner,
        subnet: &Subnet,
        token: &str,
        members: &[(&InstanceName, &str)],
    ) -> Result<Vec<Seen>, Failure> {
        let tags = marks::of_launch(&inner.settings, self.launch, members);
        let user_data = HostKey::of_launch(&inner.settings.host_key_secret, self.launch).user_data();
        let count = i32::try_from(members.len()).unwrap_or(i32::MAX);
        let began = Instant::now();
        loop {
            let answer = inner
                .api
                .call("RunInstances", |ec2| {
                    let request = self.request(ec2, subnet, &tags).user_data(&user_data);
                    request.client_token(token).min_count(count).max_count(count).send()
                })
                .await;
            match answer {
                Ok(answer) => return Ok(answer.instances().iter().filter_map(Seen::of).collect()),
                Err(failure) if is_of_ours(&failure) && began.elapsed() < KNOWN_WITHIN => {
                    self.wait_for_ours(inner, &failure).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// A key pair that somebody deleted is brought back. All else is not known yet, and will be.
    async fn wait_for_ours(&self, inner: &Inner, failure: &Failure) {
        let is_key = failure.code() == "InvalidKeyPair.NotFound";
        let what = if is_key { "the key pair" } else { "the security group" };
        inner.api.tell(&Notice::NotYetSeen { what: what.to_owned() });
        if is_key && inner.settings.foundation.key_pair.is_none() {
            // If that fails, the launch does as well, and says so.
            let _ = inner.lay_key().await;
        }
        sleep(LOOK_EVERY).await;
    }

    fn request(&self, ec2: &Client, subnet: &Subnet, tags: &Tags) -> RunInstancesFluentBuilder {
        let mut kinds = vec![ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface];
        if self.machine.spot {
            kinds.push(ResourceType::SpotInstancesRequest);
        }
        let tags = kinds.into_iter().map(|kind| marks::on(kind, tags)).collect();
        ec2.run_instances()
            .image_id(&self.image.id)
            .instance_type(InstanceType::from(self.machine.kind.as_str()))
            .key_name(&self.ground.key)
            .network_interfaces(self.interface(subnet))
            .block_device_mappings(self.disk())
            .metadata_options(only_for_the_machine_itself())
            .set_iam_instance_profile(self.machine.iam_profile.as_ref().map(profile))
            .set_instance_market_options(self.machine.spot.then(spare_capacity))
            .set_tag_specifications(Some(tags))
    }

    fn interface(&self, subnet: &Subnet) -> InstanceNetworkInterfaceSpecification {
        let public = self.spec.login.as_ref().is_none_or(|login| login.connect == Connect::Public);
        InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .subnet_id(&subnet.id)
            .set_groups(Some(self.ground.groups.clone()))
            // Who connects otherwise has chosen subnets that are made for it; what they say holds.
            .set_associate_public_ip_address(public.then_some(true))
            .build()
    }

    fn disk(&self) -> BlockDeviceMapping {
        let size = self.machine.disk.map(gibibytes);
        let disk = EbsBlockDevice::builder()
            .volume_type(VolumeType::Gp3)
            .encrypted(true)
            .delete_on_termination(true)
            .set_volume_size(size.and_then(|size| i32::try_from(size).ok()))
            .build();
        BlockDeviceMapping::builder().device_name(&self.image.root).ebs(disk).build()
    }
}

/// Whether a request did not find something that bear makes.
fn is_of_ours(failure: &Failure) -> bool {
    failure.is(&["InvalidGroup.NotFound", "InvalidKeyPair.NotFound"])
}

/// EC2 makes disks of whole GiB.
fn gibibytes(size: bear_core::unit::ByteSize) -> u64 {
    size.as_bytes().div_ceil(GIB)
}

/// Metadata is answered only to who asks by version 2, and no further than to the machine itself: not to what runs in
/// its containers.
fn only_for_the_machine_itself() -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build()
}

fn profile(name: &String) -> IamInstanceProfileSpecification {
    IamInstanceProfileSpecification::builder().name(name).build()
}

fn spare_capacity() -> InstanceMarketOptionsRequest {
    let spot = SpotMarketOptions::builder()
        .spot_instance_type(SpotInstanceType::OneTime)
        .instance_interruption_behavior(InstanceInterruptionBehavior::Terminate)
        .build();
    InstanceMarketOptionsRequest::builder().market_type(MarketType::Spot).spot_options(spot).build()
}
