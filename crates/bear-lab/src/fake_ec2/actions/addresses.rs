//! Elastic addresses.

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::settings::ACCOUNT;
use super::super::truth::Truth;
use super::super::truth::instance::InstanceState;
use super::super::truth::resource::Address;
use super::super::xml::Xml;
use super::filter::{Filters, any, one};
use super::tags::{self, NewTags};
use super::{Answer, done};

pub(super) fn allocate(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let tags = NewTags::read(query, &["elastic-ip"])?;
    if query.get("Domain").is_some_and(|domain| domain != "vpc") {
        return Err(Failure::invalid_value("Value for parameter domain is invalid. Expecting vpc"));
    }
    if truth.addresses.len() >= truth.settings.quotas.addresses {
        let message = "The maximum number of addresses has been reached.";
        return Err(Failure::new(400, "AddressLimitExceeded", message));
    }
    let ip = truth.network.take_public()?;
    let allocation = truth.chance.id("eipalloc");
    let visible_from = truth.visible_from();
    tags.put_on(truth, "elastic-ip", &allocation);
    let mut xml = Xml::default();
    xml.text("publicIp", ip).text("domain", "vpc").text("allocationId", &allocation);
    xml.text("publicIpv4Pool", "amazon").text("networkBorderGroup", &truth.settings.region);
    let address = Address { allocation: allocation.clone(), ip, association: None, visible_from };
    truth.addresses.insert(allocation, address);
    Ok(xml)
}

/// Idempotent, as EC2's page on idempotency says: an address that is with the instance already stays with it.
pub(super) fn associate(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let allocation = find(truth, query)?;
    let id = query.required("InstanceId")?;
    let may_move = query.flag("AllowReassociation")?.unwrap_or_default();
    let state = truth.find_instance(id)?.state;
    if !matches!(state, InstanceState::Running | InstanceState::Stopped) {
        let message =
            format!("The {} instance '{id}' is not in a valid state for this operation.", state.name());
        return Err(Failure::new(400, "InvalidInstanceID", message));
    }
    let new = truth.chance.id("eipassoc");
    let address = truth.addresses.get_mut(&allocation).expect("it was just found");
    let association = match address.association.take() {
        Some((association, with)) if with == id => association,
        Some((association, with)) if !may_move => {
            address.association = Some((association, with));
            let message = format!("resource {allocation} is already associated with associate-id");
            return Err(Failure::new(400, "Resource.AlreadyAssociated", message));
        }
        Some((_, with)) => {
            if let Some(instance) = truth.instances.get_mut(&with) {
                instance.public_ip = None;
            }
            new
        }
        None => new,
    };
    address.association = Some((association.clone(), id.to_owned()));
    let ip = address.ip;
    // An instance has one address in the world: an elastic one takes the place of any other.
    for other in
        truth.addresses.values_mut().filter(|other| other.allocation != allocation && other.is_with(id))
    {
        other.association = None;
    }
    if let Some(instance) = truth.instances.get_mut(id) {
        instance.public_ip = Some(ip);
    }
    let mut xml = Xml::default();
    xml.text("return", true).text("associationId", association);
    Ok(xml)
}

pub(super) fn disassociate(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let id = query.required("AssociationId")?;
    let with = |address: &&mut Address| {
        address.association.as_ref().is_some_and(|(association, _)| association == id)
    };
    let Some(address) = truth.addresses.values_mut().find(with) else {
        return Err(Failure::missing("InvalidAssociationID", "association ID", id));
    };
    let instance = address.association.take().map(|(_, instance)| instance);
    if let Some(instance) = instance.and_then(|id| truth.instances.get_mut(&id)) {
        instance.public_ip = None;
        if instance.dynamic_ip && instance.state == InstanceState::Running {
            instance.public_ip = Some(truth.network.take_public()?);
        }
    }
    Ok(done())
}

pub(super) fn release(truth: &mut Truth, query: &Query<'_>) -> Answer {
    query.get("NetworkBorderGroup");
    let allocation = find(truth, query)?;
    let address = truth.addresses.get(&allocation).expect("it was just found");
    if address.association.is_some() {
        let message = format!("Address {} is in use.", address.ip);
        return Err(Failure::new(400, "InvalidIPAddress.InUse", message));
    }
    truth.addresses.shift_remove(&allocation);
    truth.tags.remove(&allocation);
    Ok(done())
}

/// The allocation that a request names.
fn find(truth: &Truth, query: &Query<'_>) -> Result<String, Failure> {
    let id = query.required("AllocationId")?;
    let found = truth.addresses.get(id).filter(|address| address.visible_from <= truth.now);
    found
        .map(|address| address.allocation.clone())
        .ok_or_else(|| Failure::missing("InvalidAllocationID", "allocation ID", id))
}

const FILTERS: [&str; 5] = ["allocation-id", "association-id", "domain", "instance-id", "public-ip"];

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let filters = Filters::read(query, &FILTERS)?;
    let (ids, ips) = (query.list("AllocationId"), query.list("PublicIp"));
    let seen =
        truth.addresses.values().filter(|address| address.visible_from <= truth.now).collect::<Vec<_>>();
    for id in &ids {
        if !seen.iter().any(|address| address.allocation == *id) {
            return Err(Failure::missing("InvalidAllocationID", "allocation ID", id));
        }
    }
    let found = seen.into_iter().filter(|address| {
        let field = |name: &str| match name {
            "allocation-id" => one(&address.allocation),
            "association-id" => any(address.association.as_ref().map(|(association, _)| association)),
            "domain" => one("vpc"),
            "instance-id" => any(address.association.as_ref().map(|(_, instance)| instance)),
            _ => one(address.ip),
        };
        (ids.is_empty() || ids.contains(&address.allocation.as_str()))
            && (ips.is_empty() || ips.contains(&address.ip.to_string().as_str()))
            && filters.accept(truth, &address.allocation, field)
    });
    let mut xml = Xml::default();
    xml.set("addressesSet", found, |xml, address| {
        xml.text("publicIp", address.ip).text("allocationId", &address.allocation).text("domain", "vpc");
        if let Some((association, id)) = &address.association {
            let instance = truth.instances.get(id);
            xml.text("associationId", association).text("instanceId", id);
            xml.maybe("networkInterfaceId", instance.map(|instance| &instance.interface));
            xml.text("networkInterfaceOwnerId", ACCOUNT);
            xml.maybe("privateIpAddress", instance.map(|instance| instance.private_ip));
        }
        xml.text("publicIpv4Pool", "amazon").text("networkBorderGroup", &truth.settings.region);
        tags::write(xml, truth, &address.allocation);
    });
    Ok(xml)
}
