//! The rules of security groups.

use ipnet::{Ipv4Net, Ipv6Net};

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::settings::ACCOUNT;
use super::super::truth::Truth;
use super::super::truth::group::{GroupRule, Peer};
use super::super::xml::Xml;
use super::filter::{Filters, one};
use super::page::{self, Pages};
use super::tags::{self, NewTags};
use super::{Answer, done, groups};

pub(super) fn authorize_ingress(truth: &mut Truth, query: &Query<'_>) -> Answer {
    authorize(truth, query, false)
}

pub(super) fn authorize_egress(truth: &mut Truth, query: &Query<'_>) -> Answer {
    authorize(truth, query, true)
}

pub(super) fn revoke_ingress(truth: &mut Truth, query: &Query<'_>) -> Answer {
    revoke(truth, query, false)
}

pub(super) fn revoke_egress(truth: &mut Truth, query: &Query<'_>) -> Answer {
    revoke(truth, query, true)
}

pub(super) fn describe_anew_ingress(truth: &mut Truth, query: &Query<'_>) -> Answer {
    describe_anew(truth, query, false)
}

pub(super) fn describe_anew_egress(truth: &mut Truth, query: &Query<'_>) -> Answer {
    describe_anew(truth, query, true)
}

fn authorize(truth: &mut Truth, query: &Query<'_>, egress: bool) -> Answer {
    let group = groups::find(truth, query)?;
    let tags = NewTags::read(query, &["security-group-rule"])?;
    let mut rules = read(truth, query, egress)?;
    let max = truth.settings.quotas.rules_per_group;
    let had = truth.groups.get(&group).map(|group| group.rules.clone()).unwrap_or_default();
    for (index, rule) in rules.iter().enumerate() {
        if had.iter().chain(&rules[..index]).any(|other| other.same_as(rule)) {
            return Err(duplicate(rule));
        }
    }
    if had.iter().filter(|rule| rule.egress == egress).count() + rules.len() > max {
        let message = "The maximum number of rules per security group has been reached.";
        return Err(Failure::new(400, "RulesPerSecurityGroupLimitExceeded", message));
    }
    for rule in &mut rules {
        rule.id = truth.chance.id("sgr");
        tags.put_on(truth, "security-group-rule", &rule.id);
    }
    let mut xml = Xml::default();
    xml.text("return", true);
    xml.set("securityGroupRuleSet", &rules, |xml, rule| write(xml, truth, &group, rule));
    if let Some(group) = truth.groups.get_mut(&group) {
        group.rules.extend(rules);
    }
    Ok(xml)
}

fn duplicate(rule: &GroupRule) -> Failure {
    let (peer, kind) = match &rule.peer {
        Peer::Ipv4(peer) | Peer::Ipv6(peer) => (peer, "peer"),
        Peer::Group(peer) => (peer, "group"),
        Peer::PrefixList(peer) => (peer, "prefix list"),
    };
    let ports = match rule.ports {
        None => "ALL".to_owned(),
        Some((from, to)) => format!("from port: {from}, to port: {to}"),
    };
    let protocol = if rule.protocol == "-1" { "ALL" } else { &rule.protocol };
    let message = format!("the specified rule \"{kind}: {peer}, {protocol}, {ports}, ALLOW\" already exists");
    Failure::new(400, "InvalidPermission.Duplicate", message)
}

fn revoke(truth: &mut Truth, query: &Query<'_>, egress: bool) -> Answer {
    let group = groups::find(truth, query)?;
    let ids = query.list("SecurityGroupRuleId");
    let wanted = if ids.is_empty() { read(truth, query, egress)? } else { Vec::new() };
    let had = truth.groups.get(&group).map(|group| group.rules.clone()).unwrap_or_default();
    let mut doomed = Vec::new();
    for id in ids {
        let found = had.iter().find(|rule| rule.id == id && rule.egress == egress);
        doomed.push(
            found.ok_or_else(|| {
                Failure::missing("InvalidSecurityGroupRuleId", "security group rule ID", id)
            })?,
        );
    }
    for rule in &wanted {
        let found = had.iter().find(|other| other.same_as(rule));
        doomed.push(found.ok_or_else(|| {
            let message = "The specified rule does not exist in this security group.";
            Failure::new(400, "InvalidPermission.NotFound", message)
        })?);
    }
    let mut xml = Xml::default();
    xml.text("return", true);
    xml.set("revokedSecurityGroupRuleSet", &doomed, |xml, rule| {
        xml.text("securityGroupRuleId", &rule.id).text("groupId", &group).text("isEgress", rule.egress);
        write_matter(xml, rule);
        if let Peer::Group(id) = &rule.peer {
            xml.text("referencedGroupId", id);
        }
    });
    if let Some(group) = truth.groups.get_mut(&group) {
        group.rules.retain(|rule| !doomed.iter().any(|doomed| doomed.id == rule.id));
    }
    for rule in doomed {
        truth.tags.remove(&rule.id);
    }
    Ok(xml)
}

fn describe_anew(truth: &mut Truth, query: &Query<'_>, egress: bool) -> Answer {
    let group = groups::find(truth, query)?;
    let wanted = read(truth, query, egress)?;
    let Some(group) = truth.groups.get_mut(&group) else { return Ok(done()) };
    for rule in wanted {
        let Some(found) = group.rules.iter_mut().find(|other| other.same_as(&rule)) else {
            let message = "The specified rule does not exist in this security group.";
            return Err(Failure::new(400, "InvalidPermission.NotFound", message));
        };
        found.description = rule.description;
    }
    Ok(done())
}

/// Reads the rules of a request: `IpPermissions`, or one rule spelled out flat.
fn read(truth: &Truth, query: &Query<'_>, egress: bool) -> Result<Vec<GroupRule>, Failure> {
    let mut rules = Vec::new();
    let mut permissions = query.members("IpPermissions");
    if permissions.is_empty() {
        query.required("IpProtocol")?;
        permissions.push(query.clone());
    }
    for permission in permissions {
        let (protocol, ports) = read_matter(&permission)?;
        let peers = read_peers(truth, &permission)?;
        if peers.is_empty() {
            let message = "The request must contain the parameter cidrIp, or a source or destination group";
            return Err(Failure::new(400, "MissingParameter", message));
        }
        rules.extend(peers.into_iter().map(|(peer, description)| GroupRule {
            id: String::new(),
            egress,
            protocol: protocol.clone(),
            ports,
            peer,
            description,
        }));
    }
    Ok(rules)
}

/// The protocol and the ports.
fn read_matter(permission: &Query<'_>) -> Result<(String, Option<(i32, i32)>), Failure> {
    let protocol = match permission.required("IpProtocol")? {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        "all" => "-1",
        other => other,
    };
    let (from, to) = (permission.parse::<i32>("FromPort")?, permission.parse::<i32>("ToPort")?);
    let ports = match (protocol, from, to) {
        ("tcp" | "udp", Some(from), Some(to)) if 0 <= from && from <= to && to <= 65_535 => Some((from, to)),
        ("tcp" | "udp", _, _) => {
            let message = format!("Invalid TCP/UDP port range ({}:{})", from.unwrap_or(-1), to.unwrap_or(-1));
            return Err(Failure::invalid_value(message));
        }
        ("icmp" | "icmpv6", from, to) => Some((from.unwrap_or(-1), to.unwrap_or(-1))),
        _ => None,
    };
    Ok((protocol.to_owned(), ports))
}

fn read_peers(truth: &Truth, permission: &Query<'_>) -> Result<Vec<(Peer, Option<String>)>, Failure> {
    let described = |peer: &Query<'_>| peer.get("Description").map(str::to_owned);
    let mut peers = Vec::new();
    for range in permission.members("IpRanges") {
        peers.push((ipv4(range.required("CidrIp")?)?, described(&range)));
    }
    for range in permission.members("Ipv6Ranges") {
        let cidr = range.required("CidrIpv6")?;
        let net = cidr.parse::<Ipv6Net>().map_err(|_| bad_cidr(cidr))?;
        peers.push((Peer::Ipv6(net.trunc().to_string()), described(&range)));
    }
    for list in permission.members("PrefixListIds") {
        peers.push((Peer::PrefixList(list.required("PrefixListId")?.to_owned()), described(&list)));
    }
    for pair in permission.members("Groups") {
        // There is only one account and one VPC; what a request says about them is taken as right.
        pair.get("UserId");
        pair.get("VpcId");
        peers.push((Peer::Group(groups::find(truth, &pair)?), described(&pair)));
    }
    if let Some(cidr) = permission.get("CidrIp") {
        peers.push((ipv4(cidr)?, None));
    }
    if let Some(name) = permission.get("SourceSecurityGroupName") {
        permission.get("SourceSecurityGroupOwnerId");
        peers.push((Peer::Group(groups::by_name(truth, name)?), None));
    }
    Ok(peers)
}

/// A block as EC2 keeps it: with the bits of its host cleared.
fn ipv4(cidr: &str) -> Result<Peer, Failure> {
    let net = cidr.parse::<Ipv4Net>().map_err(|_| bad_cidr(cidr))?;
    Ok(Peer::Ipv4(net.trunc().to_string()))
}

fn bad_cidr(cidr: &str) -> Failure {
    Failure::invalid_value(format!("CIDR block {cidr} is malformed"))
}

const FILTERS: [&str; 2] = ["group-id", "security-group-rule-id"];

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    page::no_pages_of(query, "SecurityGroupRuleId", "securityGroupRuleIds")?;
    let filters = Filters::read(query, &FILTERS)?;
    let ids = query.list("SecurityGroupRuleId");
    for id in &ids {
        truth.kind_of(id)?;
    }
    let seen = truth.groups.values().filter(|group| group.visible_from <= truth.now);
    let rules = seen.flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    let found = rules.filter(|(group, rule)| {
        let field = |name: &str| if name == "group-id" { one(&group.id) } else { one(&rule.id) };
        (ids.is_empty() || ids.contains(&rule.id.as_str())) && filters.accept(truth, &rule.id, field)
    });
    let found = found.map(|(_, rule)| rule.id.clone()).collect();
    let (found, next) = Pages::THOUSAND.cut(truth, query, found)?;
    let rules = truth.groups.values().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    let mut xml = Xml::default();
    xml.set(
        "securityGroupRuleSet",
        rules.filter(|(_, rule)| found.contains(&rule.id)),
        |xml, (group, rule)| {
            write(xml, truth, &group.id, rule);
        },
    );
    page::next(&mut xml, next);
    Ok(xml)
}

fn write(xml: &mut Xml, truth: &Truth, group: &str, rule: &GroupRule) {
    let region = &truth.settings.region;
    xml.text("securityGroupRuleId", &rule.id).text("groupId", group).text("groupOwnerId", ACCOUNT);
    xml.text("isEgress", rule.egress);
    write_matter(xml, rule);
    if let Peer::Group(id) = &rule.peer {
        xml.within("referencedGroupInfo", |xml| {
            xml.text("groupId", id).text("userId", ACCOUNT);
        });
    }
    tags::write(xml, truth, &rule.id);
    let arn = format!("arn:aws:ec2:{region}:{ACCOUNT}:security-group-rule/{}", rule.id);
    xml.text("securityGroupRuleArn", arn);
}

fn write_matter(xml: &mut Xml, rule: &GroupRule) {
    let (from, to) = rule.ports.unwrap_or((-1, -1));
    xml.text("ipProtocol", &rule.protocol).text("fromPort", from).text("toPort", to);
    match &rule.peer {
        Peer::Ipv4(cidr) => xml.text("cidrIpv4", cidr),
        Peer::Ipv6(cidr) => xml.text("cidrIpv6", cidr),
        Peer::PrefixList(id) => xml.text("prefixListId", id),
        Peer::Group(_) => xml,
    };
    xml.maybe("description", rule.description.as_ref());
}
