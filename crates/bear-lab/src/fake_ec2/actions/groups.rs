//! Security groups, apart from their rules.

use std::collections::BTreeMap;

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::settings::ACCOUNT;
use super::super::truth::Truth;
use super::super::truth::group::{GroupRule, Peer, SecurityGroup};
use super::super::xml::Xml;
use super::Answer;
use super::filter::{Filters, one};
use super::page::{self, Pages};
use super::tags::{self, NewTags};

pub(super) fn create(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let (name, description) = (query.required("GroupName")?, query.required("GroupDescription")?);
    let vpc = query.get("VpcId");
    let tags = NewTags::read(query, &["security-group"])?;
    match vpc {
        None if !truth.settings.default_vpc => {
            return Err(Failure::new(400, "VPCIdNotSpecified", "No default VPC for this user"));
        }
        Some(vpc) if vpc != truth.network.vpc => return Err(Failure::missing("InvalidVpcID", "vpc ID", vpc)),
        _ => {}
    }
    if name.starts_with("sg-") || name == "default" {
        return Err(Failure::invalid_value(format!(
            "Invalid group name '{name}'. Group names may not be in the format sg-*"
        )));
    }
    if truth.groups.values().any(|group| group.name == name) {
        let vpc = &truth.network.vpc;
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Failure::new(400, "InvalidGroup.Duplicate", message));
    }
    let visible_from = truth.visible_from();
    let group = SecurityGroup::new(truth, name, description, visible_from);
    tags.put_on(truth, "security-group", &group.id);
    let mut xml = Xml::default();
    xml.text("return", true).text("groupId", &group.id);
    tags.write(&mut xml);
    xml.text("securityGroupArn", arn(truth, &group.id));
    truth.groups.insert(group.id.clone(), group);
    Ok(xml)
}

pub(super) fn delete(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let id = find(truth, query)?;
    if truth.groups.get(&id).is_some_and(|group| group.name == "default") {
        let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(Failure::new(400, "CannotDelete", message));
    }
    if truth.needs_group(&id) {
        return Err(Failure::in_use(&id));
    }
    let rules = truth.groups.shift_remove(&id).into_iter().flat_map(|group| group.rules);
    for resource in rules.map(|rule| rule.id).chain([id.clone()]) {
        truth.tags.remove(&resource);
    }
    let mut xml = Xml::default();
    xml.text("return", true).text("groupId", id);
    Ok(xml)
}

/// The id of the group that a request names by id or name.
pub(super) fn find(truth: &Truth, query: &Query<'_>) -> Result<String, Failure> {
    match (query.get("GroupId"), query.get("GroupName")) {
        (Some(id), _) => by_id(truth, id),
        (None, Some(name)) => by_name(truth, name),
        (None, None) => {
            Err(Failure::new(400, "MissingParameter", "The request must contain the parameter groupId"))
        }
    }
}

pub(super) fn by_id(truth: &Truth, id: &str) -> Result<String, Failure> {
    if !id.starts_with("sg-") {
        return Err(Failure::new(
            400,
            "InvalidGroupId.Malformed",
            format!("Invalid id: \"{id}\" (expecting \"sg-...\")"),
        ));
    }
    let found = truth.groups.get(id).filter(|group| group.visible_from <= truth.now);
    found.map(|group| group.id.clone()).ok_or_else(|| Failure::missing("InvalidGroup", "security group", id))
}

pub(super) fn by_name(truth: &Truth, name: &str) -> Result<String, Failure> {
    let mut groups = truth.groups.values();
    let found = groups.find(|group| group.name == name && group.visible_from <= truth.now);
    found
        .map(|group| group.id.clone())
        .ok_or_else(|| Failure::missing("InvalidGroup", "security group", name))
}

const FILTERS: [&str; 6] =
    ["description", "group-id", "group-name", "ip-permission.cidr", "owner-id", "vpc-id"];

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    page::no_pages_of(query, "GroupId", "groupIds")?;
    let filters = Filters::read(query, &FILTERS)?;
    let ids = query.list("GroupId").into_iter().map(|id| by_id(truth, id)).collect::<Result<Vec<_>, _>>()?;
    let names = query.list("GroupName").into_iter().map(|name| by_name(truth, name));
    let chosen = names.chain(ids.into_iter().map(Ok)).collect::<Result<Vec<_>, _>>()?;
    let found = truth.groups.values().filter(|group| {
        let field = |name: &str| match name {
            "description" => one(&group.description),
            "group-id" => one(&group.id),
            "group-name" => one(&group.name),
            "ip-permission.cidr" => group.rules.iter().filter(|rule| !rule.egress).filter_map(cidr).collect(),
            "owner-id" => one(ACCOUNT),
            _ => one(&truth.network.vpc),
        };
        group.visible_from <= truth.now
            && (chosen.is_empty() || chosen.contains(&group.id))
            && filters.accept(truth, &group.id, field)
    });
    let found = found.map(|group| group.id.clone()).collect();
    let (found, next) = Pages::WHOLE.cut(truth, query, found)?;
    let mut xml = Xml::default();
    xml.set("securityGroupInfo", found.iter().filter_map(|id| truth.groups.get(id)), |xml, group| {
        write(xml, truth, group);
    });
    page::next(&mut xml, next);
    Ok(xml)
}

fn cidr(rule: &GroupRule) -> Option<String> {
    if let Peer::Ipv4(cidr) = &rule.peer { Some(cidr.clone()) } else { None }
}

fn arn(truth: &Truth, id: &str) -> String {
    format!("arn:aws:ec2:{}:{ACCOUNT}:security-group/{id}", truth.settings.region)
}

fn write(xml: &mut Xml, truth: &Truth, group: &SecurityGroup) {
    xml.text("ownerId", ACCOUNT).text("groupId", &group.id).text("groupName", &group.name);
    xml.text("groupDescription", &group.description).text("vpcId", &truth.network.vpc);
    xml.text("securityGroupArn", arn(truth, &group.id));
    write_permissions(xml, "ipPermissions", group.rules.iter().filter(|rule| !rule.egress));
    write_permissions(xml, "ipPermissionsEgress", group.rules.iter().filter(|rule| rule.egress));
    tags::write(xml, truth, &group.id);
}

/// Writes rules as permissions: those of the same protocol and ports are one.
fn write_permissions<'a>(xml: &mut Xml, name: &str, rules: impl Iterator<Item = &'a GroupRule>) {
    let mut permissions = BTreeMap::<_, Vec<&GroupRule>>::new();
    for rule in rules {
        permissions.entry((&rule.protocol, rule.ports)).or_default().push(rule);
    }
    xml.set(name, permissions, |xml, ((protocol, ports), rules)| {
        xml.text("ipProtocol", protocol);
        if let Some((from, to)) = ports {
            xml.text("fromPort", from).text("toPort", to);
        }
        let mut peers = |set: &str, pick: fn(&Peer) -> Option<(&'static str, &String)>| {
            let picked = rules.iter().filter_map(|rule| Some((pick(&rule.peer)?, &rule.description)));
            xml.set(set, picked, |xml, ((element, peer), description)| {
                if element == "groupId" {
                    xml.text("userId", ACCOUNT);
                }
                xml.text(element, peer).maybe("description", description.as_ref());
            });
        };
        peers("groups", |peer| if let Peer::Group(id) = peer { Some(("groupId", id)) } else { None });
        peers("ipRanges", |peer| if let Peer::Ipv4(cidr) = peer { Some(("cidrIp", cidr)) } else { None });
        peers("ipv6Ranges", |peer| if let Peer::Ipv6(cidr) = peer { Some(("cidrIpv6", cidr)) } else { None });
        peers("prefixListIds", |peer| {
            if let Peer::PrefixList(id) = peer { Some(("prefixListId", id)) } else { None }
        });
    });
}
