//! Regions, zones, VPCs and subnets.

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::settings::ACCOUNT;
use super::super::truth::Truth;
use super::super::xml::Xml;
use super::Answer;
use super::filter::{Filters, one};
use super::page::{self, Pages};
use super::tags;

/// Regions that every account has, beside the one that is served.
const OTHER_REGIONS: [&str; 3] = ["eu-central-1", "eu-west-1", "us-east-1"];

pub(super) fn describe_regions(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let filters = Filters::read(query, &["endpoint", "opt-in-status", "region-name"])?;
    query.flag("AllRegions")?;
    let served = truth.settings.region.as_str();
    let mut regions = OTHER_REGIONS.to_vec();
    if !regions.contains(&served) {
        regions.push(served);
    }
    let names = query.list("RegionName");
    if let Some(name) = names.iter().find(|name| !regions.contains(name)) {
        return Err(Failure::invalid_value(format!("Invalid region provided: {name}")));
    }
    let endpoint = |region: &str| format!("ec2.{region}.amazonaws.com");
    let found = regions.iter().filter(|region| {
        let field = |name: &str| match name {
            "endpoint" => one(endpoint(region)),
            "opt-in-status" => one("opt-in-not-required"),
            _ => one(region),
        };
        (names.is_empty() || names.contains(region)) && filters.accept(truth, region, field)
    });
    let mut xml = Xml::default();
    xml.set("regionInfo", found, |xml, region| {
        xml.text("regionName", region).text("regionEndpoint", endpoint(region));
        xml.text("optInStatus", "opt-in-not-required");
    });
    Ok(xml)
}

pub(super) fn describe_zones(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let known = ["opt-in-status", "region-name", "state", "zone-id", "zone-name", "zone-type"];
    let filters = Filters::read(query, &known)?;
    query.flag("AllAvailabilityZones")?;
    let (names, ids) = (query.list("ZoneName"), query.list("ZoneId"));
    let region = &truth.settings.region;
    let zones = truth.settings.zones.iter().map(|zone| &zone.name).collect::<Vec<_>>();
    if let Some(name) = names.iter().find(|name| !zones.iter().any(|zone| zone == *name)) {
        return Err(Failure::invalid_value(format!("Invalid availability zone: [{name}]")));
    }
    let found = zones.into_iter().map(|zone| (zone, zone_id(truth, zone))).filter(|(zone, id)| {
        let field = |name: &str| match name {
            "opt-in-status" => one("opt-in-not-required"),
            "region-name" => one(region),
            "state" => one("available"),
            "zone-id" => one(id),
            "zone-type" => one("availability-zone"),
            _ => one(zone),
        };
        (names.is_empty() || names.contains(&zone.as_str()))
            && (ids.is_empty() || ids.contains(&id.as_str()))
            && filters.accept(truth, zone, field)
    });
    let mut xml = Xml::default();
    xml.set("availabilityZoneInfo", found, |xml, (zone, id)| {
        xml.text("zoneName", zone).text("zoneId", id).text("zoneState", "available");
        xml.text("zoneType", "availability-zone").text("regionName", region).text("groupName", region);
        xml.text("networkBorderGroup", region).text("optInStatus", "opt-in-not-required");
    });
    Ok(xml)
}

/// The name of a zone that is the same for every account, such as `euc1-az1`.
pub(super) fn zone_id(truth: &Truth, zone: &str) -> String {
    let mut words = truth.settings.region.split('-');
    let area = words.next().unwrap_or_default();
    let short = words.map(|word| word.chars().take(1).collect::<String>()).collect::<String>();
    let place = truth.settings.zones.iter().position(|it| it.name == zone).unwrap_or_default();
    format!("{area}{short}-az{}", place + 1)
}

pub(super) fn describe_vpcs(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let filters = Filters::read(query, &["cidr", "is-default", "isDefault", "state", "vpc-id"])?;
    let vpc = truth.network.vpc.clone();
    let ids = query.list("VpcId");
    if let Some(id) = ids.iter().find(|id| **id != vpc) {
        return Err(Failure::missing("InvalidVpcID", "vpc ID", id));
    }
    let field = |name: &str| match name {
        "cidr" => one(truth.network.cidr),
        "is-default" | "isDefault" => one(truth.settings.default_vpc),
        "state" => one("available"),
        _ => one(&vpc),
    };
    let found = filters.accept(truth, &vpc, field).then(|| vpc.clone()).into_iter().collect();
    let (found, next) = Pages::THOUSAND.cut(truth, query, found)?;
    let mut xml = Xml::default();
    xml.set("vpcSet", found, |xml, vpc| {
        xml.text("vpcId", &vpc).text("ownerId", ACCOUNT).text("state", "available");
        xml.text("cidrBlock", truth.network.cidr).text("dhcpOptionsId", "dopt-0fa4e0ec2bea40000");
        xml.set("cidrBlockAssociationSet", [truth.network.cidr], |xml, cidr| {
            xml.text("cidrBlock", cidr).text("associationId", "vpc-cidr-assoc-0fa4e0ec2bea40000");
            xml.within("cidrBlockState", |xml| {
                xml.text("state", "associated");
            });
        });
        xml.text("instanceTenancy", "default").text("isDefault", truth.settings.default_vpc);
        tags::write(xml, truth, &vpc);
    });
    page::next(&mut xml, next);
    Ok(xml)
}

const SUBNET_FILTERS: [&str; 10] = [
    "availability-zone",
    "availabilityZone",
    "availability-zone-id",
    "cidr-block",
    "default-for-az",
    "defaultForAz",
    "map-public-ip-on-launch",
    "state",
    "subnet-id",
    "vpc-id",
];

pub(super) fn describe_subnets(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let filters = Filters::read(query, &SUBNET_FILTERS)?;
    let ids = query.list("SubnetId");
    for id in &ids {
        truth.network.subnet(id)?;
    }
    let default = truth.settings.default_vpc;
    let found = truth.network.subnets.iter().filter(|subnet| {
        let field = |name: &str| match name {
            "availability-zone" | "availabilityZone" => one(&subnet.zone),
            "availability-zone-id" => one(zone_id(truth, &subnet.zone)),
            "cidr-block" => one(subnet.cidr()),
            "default-for-az" | "defaultForAz" | "map-public-ip-on-launch" => one(default),
            "state" => one("available"),
            "subnet-id" => one(&subnet.id),
            _ => one(&truth.network.vpc),
        };
        (ids.is_empty() || ids.contains(&subnet.id.as_str())) && filters.accept(truth, &subnet.id, field)
    });
    let found = found.map(|subnet| subnet.id.clone()).collect();
    let (found, next) = Pages::THOUSAND.cut(truth, query, found)?;
    let mut xml = Xml::default();
    xml.set("subnetSet", found.iter().filter_map(|id| truth.network.subnet(id).ok()), |xml, subnet| {
        let region = &truth.settings.region;
        xml.text("subnetId", &subnet.id).text("vpcId", &truth.network.vpc).text("ownerId", ACCOUNT);
        xml.text("subnetArn", format!("arn:aws:ec2:{region}:{ACCOUNT}:subnet/{}", subnet.id));
        xml.text("state", "available").text("cidrBlock", subnet.cidr());
        xml.text("availableIpAddressCount", subnet.free()).text("availabilityZone", &subnet.zone);
        xml.text("availabilityZoneId", zone_id(truth, &subnet.zone)).text("defaultForAz", default);
        xml.text("mapPublicIpOnLaunch", default).text("assignIpv6AddressOnCreation", false);
        tags::write(xml, truth, &subnet.id);
    });
    page::next(&mut xml, next);
    Ok(xml)
}
