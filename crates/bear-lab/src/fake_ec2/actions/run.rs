//! Launching instances, exactly once for a client token.
//!
//! A token counts within the zone that the request names, by itself or by its subnet, and within the region if it names
//! none: the same token in another zone launches another instance. So says the page "Ensuring idempotency in Amazon EC2
//! API requests".

use std::net::Ipv4Addr;

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::settings::EndedTokens;
use super::super::truth::catalogue::instance_type;
use super::super::truth::instance::{Happening, Instance, InstanceState};
use super::super::truth::resource::Volume;
use super::super::truth::{Launched, Truth};
use super::super::xml::Xml;
use super::launch::{self, Disk, Launch};
use super::{Answer, instance_xml};

const TOKEN_MAX: usize = 64;
/// Parameters that say nothing about what is to be launched.
const UNCOUNTED: [&str; 4] = ["Action", "ClientToken", "DryRun", "Version"];

pub(super) fn run(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let token = query.get("ClientToken");
    if token.is_some_and(|token| token.len() > TOKEN_MAX || !token.is_ascii()) {
        let message = format!(
            "Value for parameter clientToken is invalid: it may have up to {TOKEN_MAX} ASCII characters"
        );
        return Err(Failure::invalid_value(message));
    }
    let scope = token.map(|token| (token.to_owned(), launch::named_zone(truth, query)));
    let mut parameters = query.all().clone();
    parameters.retain(|name, _| !UNCOUNTED.contains(&name.as_str()));
    if let Some(launched) = scope.as_ref().and_then(|scope| truth.launches.get(scope)) {
        query.read_all();
        if launched.parameters != parameters {
            let message = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).";
            return Err(Failure::new(400, "IdempotentParameterMismatch", message));
        }
        return again(truth, launched);
    }
    let launch = Launch::read(truth, query)?;
    if let Some(name) = query.unread() {
        // Here, because afterwards it would be launched.
        let message = format!("The parameter {name} is not recognized (by the fake EC2)");
        return Err(Failure::new(400, "UnknownParameter", message));
    }
    let (subnet, count) = place(truth, &launch)?;
    let addresses = take_addresses(truth, &launch, &subnet, count)?;
    let reservation = truth.chance.id("r");
    let new = New { reservation: &reservation, subnet: &subnet, token };
    let instances = addresses.into_iter().enumerate();
    let instances =
        instances.map(|(index, addresses)| make(truth, &launch, &new, index, addresses)).collect::<Vec<_>>();
    let answer = write(truth, &reservation, &instances);
    if let Some(scope) = scope {
        truth.launches.insert(scope, Launched { parameters, reservation, instances });
    }
    Ok(answer)
}

/// The answer to a launch that was made before, with what has become of it.
fn again(truth: &Truth, launched: &Launched) -> Answer {
    let ended = |id: &String| truth.instances.get(id).is_none_or(|instance| !instance.lives());
    let all_ended = launched.instances.iter().all(ended);
    if all_ended && truth.settings.ended_tokens == EndedTokens::Refused {
        let message = "The client token you have provided is associated with a terminated instance. Please use a \
                       different client token.";
        return Err(Failure::new(400, "IdempotentInstanceTerminated", message));
    }
    Ok(write(truth, &launched.reservation, &launched.instances))
}

fn write(truth: &Truth, reservation: &str, instances: &[String]) -> Xml {
    let instances = instances.iter().filter_map(|id| truth.instances.get(id)).collect::<Vec<_>>();
    let mut xml = Xml::default();
    instance_xml::write_reservation(&mut xml, truth, reservation, &instances);
    xml
}

/// The subnet for a launch, and how many instances there will be: as many as wanted, or as there is room for.
fn place(truth: &mut Truth, launch: &Launch) -> Result<(String, usize), Failure> {
    let allowed = room_in_quota(truth, launch)?;
    let chosen = match &launch.subnet {
        Some(subnet) => vec![subnet.clone()],
        // EC2 chooses, and goes on to another zone where there is no room.
        None => truth.network.subnets.iter().map(|subnet| subnet.id.clone()).collect(),
    };
    let mut refusal = Failure::no_capacity("none");
    for id in chosen {
        let subnet = truth.network.subnet(&id)?;
        let room = truth.capacity.get(&subnet.zone).copied().unwrap_or(usize::MAX);
        let count = allowed.min(room).min(subnet.free());
        if count >= launch.min {
            if let Some(room) = truth.capacity.get_mut(&subnet.zone) {
                *room -= count;
            }
            return Ok((id, count));
        }
        refusal = if room < launch.min {
            Failure::no_capacity(&subnet.zone)
        } else {
            let message = format!(
                "There are not enough free addresses in subnet '{id}' to satisfy the requested number of instances."
            );
            Failure::new(400, "InsufficientFreeAddressesInSubnet", message)
        };
    }
    Err(refusal)
}

/// How many of the instances the account may still have.
fn room_in_quota(truth: &Truth, launch: &Launch) -> Result<usize, Failure> {
    let quotas = truth.settings.quotas;
    let counted = truth.instances.values().filter(|instance| instance.counts());
    let instances = quotas.instances.map_or(usize::MAX, |max| max.saturating_sub(counted.clone().count()));
    if instances < launch.min {
        return Err(Failure::instance_limit());
    }
    let vcpus = quotas.vcpus.saturating_sub(counted.map(vcpus).sum()) / launch.kind.vcpus;
    let vcpus = vcpus as usize;
    if vcpus < launch.min {
        return Err(Failure::vcpu_limit());
    }
    Ok(launch.max.min(instances).min(vcpus))
}

fn vcpus(instance: &Instance) -> u32 {
    instance_type(&instance.instance_type).map_or(0, |kind| kind.vcpus)
}

/// An error if these instances may not be started as well.
pub(super) fn check_quota(truth: &Truth, starting: &[String]) -> Result<(), Failure> {
    let counts = |instance: &&Instance| instance.counts() || starting.contains(&instance.id);
    let needed = truth.instances.values().filter(counts).map(vcpus).sum::<u32>();
    if needed > truth.settings.quotas.vcpus { Err(Failure::vcpu_limit()) } else { Ok(()) }
}

/// A private address for each instance, and a public one where it shall have one.
fn take_addresses(
    truth: &mut Truth,
    launch: &Launch,
    subnet: &str,
    count: usize,
) -> Result<Vec<(Ipv4Addr, Option<Ipv4Addr>)>, Failure> {
    let take = |_| {
        let private = truth.network.take(subnet, launch.private_ip)?;
        let public = launch.with_public_ip.then(|| truth.network.take_public()).transpose()?;
        Ok((private, public))
    };
    (0..count).map(take).collect()
}

/// What the instances of one launch have in common, beside what was asked for.
struct New<'a> {
    reservation: &'a str,
    subnet: &'a str,
    token: Option<&'a str>,
}

fn make(
    truth: &mut Truth,
    launch: &Launch,
    new: &New<'_>,
    launch_index: usize,
    (private_ip, public_ip): (Ipv4Addr, Option<Ipv4Addr>),
) -> String {
    let id = truth.chance.id("i");
    let visible_from = truth.visible_from();
    let zone = truth.network.subnet(new.subnet).map(|subnet| subnet.zone.clone()).unwrap_or_default();
    let spot = launch.spot.then(|| truth.chance.id("sir"));
    let doomed = truth.doomed > 0;
    truth.doomed = truth.doomed.saturating_sub(1);
    let instance = Instance {
        id: id.clone(),
        reservation: new.reservation.to_owned(),
        launch_index,
        client_token: new.token.map(str::to_owned),
        image: launch.image.id.clone(),
        architecture: launch.image.architecture.clone(),
        instance_type: launch.kind.name.to_owned(),
        key_name: launch.key_name.clone(),
        zone: zone.clone(),
        subnet: new.subnet.to_owned(),
        private_ip,
        public_ip,
        groups: launch.groups.clone(),
        iam_profile: launch.iam_profile.clone(),
        spot,
        metadata: launch.metadata.clone(),
        protected: launch.protected,
        state: InstanceState::Pending,
        user_data: launch.user_data.clone(),
        interface: truth.chance.id("eni"),
        disks: make_disks(truth, launch, &id, &zone),
        doomed,
        monitored: launch.monitored,
        ebs_optimized: launch.ebs_optimized,
        shutdown_terminates: launch.shutdown_terminates,
        dynamic_ip: launch.with_public_ip,
        console: None,
        due: None,
        launched: truth.now,
        ended: None,
        checked: truth.now,
        visible_from,
        reason: doomed.then_some(("Server.InternalError", "Server.InternalError: Internal error on launch")),
    };
    launch.tags.put_on(truth, "instance", &id);
    launch.tags.put_on(truth, "network-interface", &instance.interface);
    if let Some(request) = &instance.spot {
        launch.tags.put_on(truth, "spot-instances-request", request);
    }
    truth.instances.insert(id.clone(), instance);
    truth.send_towards(&id, InstanceState::Pending, Happening::Launched);
    id
}

/// The ids of the disks of a new instance.
fn make_disks(truth: &mut Truth, launch: &Launch, instance: &str, zone: &str) -> Vec<String> {
    let make = |disk: &Disk| {
        let volume = Volume {
            id: truth.chance.id("vol"),
            zone: zone.to_owned(),
            size: disk.size,
            kind: disk.kind.clone(),
            encrypted: disk.encrypted,
            instance: Some(instance.to_owned()),
            device: disk.device.clone(),
            delete_on_termination: disk.delete_on_termination,
            iops: disk.iops,
            throughput: disk.throughput,
            made: truth.now,
        };
        let id = volume.id.clone();
        launch.tags.put_on(truth, "volume", &id);
        truth.volumes.insert(id.clone(), volume);
        id
    };
    launch.disks.iter().map(make).collect()
}
