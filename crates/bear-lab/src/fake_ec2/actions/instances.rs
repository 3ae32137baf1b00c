//! Looking at instances.

use super::super::query::Query;
use super::super::settings::ACCOUNT;
use super::super::truth::Truth;
use super::super::truth::instance::{Instance, InstanceState};
use super::super::xml::Xml;
use super::Answer;
use super::filter::{Filters, any, one};
use super::page::{self, Pages};
use super::{instance_xml, places};

const FILTERS: [&str; 23] = [
    "architecture",
    "availability-zone",
    "client-token",
    "iam-instance-profile.arn",
    "image-id",
    "instance-id",
    "instance-lifecycle",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "instance.group-id",
    "instance.group-name",
    "ip-address",
    "key-name",
    "launch-index",
    "metadata-options.http-tokens",
    "network-interface.subnet-id",
    "owner-id",
    "private-ip-address",
    "reservation-id",
    "root-device-type",
    "subnet-id",
    "vpc-id",
];

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    page::no_pages_of(query, "InstanceId", "instancesSet")?;
    let filters = Filters::read(query, &FILTERS)?;
    let named = truth.find_instances(&query.list("InstanceId"))?;
    let found = truth.instances.values().filter(|instance| {
        instance.visible_from <= truth.now
            && (named.is_empty() || named.contains(&instance.id))
            && filters.accept(truth, &instance.id, |name| field(truth, instance, name))
    });
    let found = found.map(|instance| instance.id.clone()).collect();
    let (found, next) = Pages::WHOLE.cut(truth, query, found)?;
    let instances = found.iter().filter_map(|id| truth.instances.get(id)).collect::<Vec<_>>();
    let mut xml = Xml::default();
    // Instances of one launch stand together. On a border of pages their reservation comes on both.
    let reservations = instances.chunk_by(|one, other| one.reservation == other.reservation);
    xml.set("reservationSet", reservations, |xml, instances| {
        instance_xml::write_reservation(xml, truth, &instances[0].reservation, instances);
    });
    page::next(&mut xml, next);
    Ok(xml)
}

fn field(truth: &Truth, instance: &Instance, name: &str) -> Vec<String> {
    match name {
        "architecture" => one(&instance.architecture),
        "availability-zone" => one(&instance.zone),
        "client-token" => any(instance.client_token.as_ref()),
        "iam-instance-profile.arn" => any(instance.iam_profile.as_ref()),
        "image-id" => one(&instance.image),
        "instance-id" => one(&instance.id),
        "instance-lifecycle" => any(instance.spot.as_ref().map(|_| "spot")),
        "instance-state-code" => one(instance.state.code()),
        "instance-state-name" => one(instance.state.name()),
        "instance-type" => one(&instance.instance_type),
        "instance.group-id" => instance.groups.clone(),
        "instance.group-name" => {
            let names = instance.groups.iter().filter_map(|id| truth.groups.get(id));
            names.map(|group| group.name.clone()).collect()
        }
        "ip-address" => any(instance_xml::public_ip(instance)),
        "key-name" => any(instance.key_name.as_ref()),
        "launch-index" => one(instance.launch_index),
        "metadata-options.http-tokens" => one(&instance.metadata.tokens),
        "owner-id" => one(ACCOUNT),
        "private-ip-address" => any(instance.ended.is_none().then_some(instance.private_ip)),
        "reservation-id" => one(&instance.reservation),
        "root-device-type" => one("ebs"),
        "network-interface.subnet-id" | "subnet-id" => {
            any(instance.ended.is_none().then_some(&instance.subnet))
        }
        _ => any(instance.ended.is_none().then_some(&truth.network.vpc)),
    }
}

const STATUS_FILTERS: [&str; 6] = [
    "availability-zone",
    "instance-state-code",
    "instance-state-name",
    "instance-status.status",
    "system-status.status",
    "instance-id",
];

pub(super) fn describe_status(truth: &mut Truth, query: &Query<'_>) -> Answer {
    page::no_pages_of(query, "InstanceId", "instancesSet")?;
    let filters = Filters::read(query, &STATUS_FILTERS)?;
    let all = query.flag("IncludeAllInstances")?.unwrap_or_default();
    let named = truth.find_instances(&query.list("InstanceId"))?;
    let found = truth.instances.values().filter(|instance| {
        let field = |name: &str| match name {
            "instance-status.status" | "system-status.status" => one(checks(truth, instance)),
            name => field(truth, instance, name),
        };
        instance.visible_from <= truth.now
            // Without being asked for all, EC2 tells of running instances only.
            && (all || instance.state == InstanceState::Running)
            && (named.is_empty() || named.contains(&instance.id))
            && filters.accept(truth, &instance.id, field)
    });
    let found = found.map(|instance| instance.id.clone()).collect();
    let (found, next) = Pages::WHOLE.cut(truth, query, found)?;
    let mut xml = Xml::default();
    xml.set("instanceStatusSet", found.iter().filter_map(|id| truth.instances.get(id)), |xml, instance| {
        xml.text("instanceId", &instance.id).text("availabilityZone", &instance.zone);
        xml.text("availabilityZoneId", places::zone_id(truth, &instance.zone));
        xml.within("instanceState", |xml| {
            xml.text("code", instance.state.code()).text("name", instance.state.name());
        });
        let status = checks(truth, instance);
        for name in ["systemStatus", "instanceStatus"] {
            xml.within(name, |xml| {
                xml.text("status", status);
                if status != "not-applicable" {
                    xml.set("details", ["reachability"], |xml, check| {
                        let result = if status == "ok" { "passed" } else { "initializing" };
                        xml.text("name", check).text("status", result);
                    });
                }
            });
        }
    });
    page::next(&mut xml, next);
    Ok(xml)
}

/// What the status checks say.
fn checks(truth: &Truth, instance: &Instance) -> &'static str {
    match instance.state {
        InstanceState::Running if instance.checked <= truth.now => "ok",
        InstanceState::Running => "initializing",
        _ => "not-applicable",
    }
}
