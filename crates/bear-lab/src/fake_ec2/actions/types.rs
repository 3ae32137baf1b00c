//! Instance types and where they are to be had.

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::truth::Truth;
use super::super::truth::catalogue::{InstanceType, TYPES, instance_type};
use super::super::xml::Xml;
use super::Answer;
use super::filter::{Filters, one};
use super::page::{self, Pages};
use super::places::zone_id;

const FILTERS: [&str; 7] = [
    "bare-metal",
    "current-generation",
    "instance-type",
    "memory-info.size-in-mib",
    "processor-info.supported-architecture",
    "supported-virtualization-type",
    "vcpu-info.default-vcpus",
];

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    page::no_pages_of(query, "InstanceType", "instanceTypes")?;
    let filters = Filters::read(query, &FILTERS)?;
    let names = query.list("InstanceType");
    let unknown = names.iter().filter(|name| instance_type(name).is_none()).copied().collect::<Vec<_>>();
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(Failure::new(400, "InvalidInstanceType", message));
    }
    let found = TYPES.iter().filter(|kind| {
        let field = |name: &str| match name {
            "bare-metal" => one(false),
            "current-generation" => one(is_current(kind)),
            "memory-info.size-in-mib" => one(kind.mebibytes),
            "processor-info.supported-architecture" => one(kind.architecture),
            "supported-virtualization-type" => one("hvm"),
            "vcpu-info.default-vcpus" => one(kind.vcpus),
            _ => one(kind.name),
        };
        (names.is_empty() || names.contains(&kind.name)) && filters.accept(truth, kind.name, field)
    });
    let found = found.map(|kind| kind.name.to_owned()).collect();
    let (found, next) = Pages::HUNDRED.cut(truth, query, found)?;
    let mut xml = Xml::default();
    xml.set("instanceTypeSet", found.iter().filter_map(|name| instance_type(name)), |xml, kind| {
        xml.text("instanceType", kind.name).text("currentGeneration", is_current(&kind));
        xml.text("freeTierEligible", kind.name == "t2.micro").text("bareMetal", false);
        xml.texts("supportedUsageClasses", ["on-demand", "spot"]).texts("supportedRootDeviceTypes", ["ebs"]);
        xml.texts("supportedVirtualizationTypes", ["hvm"]).text("hypervisor", "nitro");
        xml.within("processorInfo", |xml| {
            xml.texts("supportedArchitectures", [kind.architecture]);
        });
        xml.within("vCpuInfo", |xml| {
            xml.text("defaultVCpus", kind.vcpus);
        });
        xml.within("memoryInfo", |xml| {
            xml.text("sizeInMiB", kind.mebibytes);
        });
        xml.text("instanceStorageSupported", false)
            .text("burstablePerformanceSupported", kind.name.starts_with('t'));
    });
    page::next(&mut xml, next);
    Ok(xml)
}

fn is_current(kind: &InstanceType) -> bool {
    !kind.name.starts_with("t2.")
}

pub(super) fn describe_offerings(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let filters = Filters::read(query, &["instance-type", "location"])?;
    let location_type = query.get("LocationType").unwrap_or("region");
    let zones = truth.settings.zones.iter().map(|zone| &zone.name);
    let locations = match location_type {
        "region" => vec![truth.settings.region.clone()],
        "availability-zone" => zones.cloned().collect(),
        "availability-zone-id" => zones.map(|zone| zone_id(truth, zone)).collect(),
        other => {
            return Err(Failure::invalid_value(format!(
                "Value ({other}) for parameter locationType is invalid"
            )));
        }
    };
    let mut found = Vec::new();
    for location in &locations {
        for kind in TYPES {
            let field = |name: &str| if name == "location" { one(location) } else { one(kind.name) };
            if filters.accept(truth, kind.name, field) {
                found.push(format!("{} {location}", kind.name));
            }
        }
    }
    let (found, next) = Pages::THOUSAND.cut(truth, query, found)?;
    let mut xml = Xml::default();
    let found = found.iter().filter_map(|offering| offering.split_once(' '));
    xml.set("instanceTypeOfferingSet", found, |xml, (kind, location)| {
        xml.text("instanceType", kind).text("locationType", location_type).text("location", location);
    });
    page::next(&mut xml, next);
    Ok(xml)
}
