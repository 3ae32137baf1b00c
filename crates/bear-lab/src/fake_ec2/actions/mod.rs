//! What EC2 does, one function for each action of its API.

mod addresses;
mod attributes;
mod filter;
mod group_rules;
mod groups;
mod images;
mod instance_xml;
mod instances;
mod keys;
mod launch;
mod page;
pub(super) mod permission;
mod places;
mod power;
mod profiles;
mod run;
mod tags;
mod types;
mod volumes;

use super::failure::Failure;
use super::query::Query;
use super::settings::ACCOUNT;
use super::truth::Truth;
use super::xml::Xml;

/// What an action answers: the insides of its response.
pub(super) type Answer = Result<Xml, Failure>;

type Action = fn(&mut Truth, &Query<'_>) -> Answer;

/// The actions of EC2 that there are.
const ACTIONS: [(&str, Action); 45] = [
    ("AllocateAddress", addresses::allocate),
    ("AssociateAddress", addresses::associate),
    ("AssociateIamInstanceProfile", profiles::associate),
    ("AuthorizeSecurityGroupEgress", group_rules::authorize_egress),
    ("AuthorizeSecurityGroupIngress", group_rules::authorize_ingress),
    ("CreateSecurityGroup", groups::create),
    ("CreateTags", tags::create),
    ("DeleteKeyPair", keys::delete),
    ("DeleteSecurityGroup", groups::delete),
    ("DeleteTags", tags::delete),
    ("DeleteVolume", volumes::delete),
    ("DescribeAddresses", addresses::describe),
    ("DescribeAvailabilityZones", places::describe_zones),
    ("DescribeIamInstanceProfileAssociations", profiles::describe),
    ("DescribeImages", images::describe),
    ("DescribeInstanceAttribute", attributes::describe),
    ("DescribeInstanceStatus", instances::describe_status),
    ("DescribeInstanceTypeOfferings", types::describe_offerings),
    ("DescribeInstanceTypes", types::describe),
    ("DescribeInstances", instances::describe),
    ("DescribeKeyPairs", keys::describe),
    ("DescribeRegions", places::describe_regions),
    ("DescribeSecurityGroupRules", group_rules::describe),
    ("DescribeSecurityGroups", groups::describe),
    ("DescribeSubnets", places::describe_subnets),
    ("DescribeTags", tags::describe),
    ("DescribeVolumes", volumes::describe),
    ("DescribeVpcs", places::describe_vpcs),
    ("DisassociateAddress", addresses::disassociate),
    ("DisassociateIamInstanceProfile", profiles::disassociate),
    ("GetConsoleOutput", attributes::console_output),
    ("ImportKeyPair", keys::import),
    ("ModifyInstanceAttribute", attributes::modify),
    ("ModifyInstanceMetadataOptions", attributes::modify_metadata),
    ("RebootInstances", power::reboot),
    ("ReleaseAddress", addresses::release),
    ("ReplaceIamInstanceProfileAssociation", profiles::replace),
    ("RevokeSecurityGroupEgress", group_rules::revoke_egress),
    ("RevokeSecurityGroupIngress", group_rules::revoke_ingress),
    ("RunInstances", run::run),
    ("StartInstances", power::start),
    ("StopInstances", power::stop),
    ("TerminateInstances", power::terminate),
    ("UpdateSecurityGroupRuleDescriptionsEgress", group_rules::describe_anew_egress),
    ("UpdateSecurityGroupRuleDescriptionsIngress", group_rules::describe_anew_ingress),
];

/// The action of STS that there is.
pub(super) const CALLER_IDENTITY: &str = "GetCallerIdentity";

/// Does what a request to EC2 asks for, unless it only asks whether it might.
pub(super) fn perform(truth: &mut Truth, action: &str, query: &Query<'_>) -> Answer {
    let Some((_, perform)) = ACTIONS.iter().find(|(name, _)| *name == action) else {
        let message = format!("The action {action} is not valid for this web service.");
        return Err(Failure::new(400, "InvalidAction", message));
    };
    for common in ["Action", "Version"] {
        query.get(common);
    }
    if query.flag("DryRun")? == Some(true) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Failure::new(412, "DryRunOperation", message));
    }
    let answer = perform(truth, query)?;
    match query.unread() {
        None => Ok(answer),
        // EC2 refuses what it does not know. What the fake does not know must not be lost silently either.
        Some(name) => {
            let message = format!("The parameter {name} is not recognized (by the fake EC2)");
            Err(Failure::new(400, "UnknownParameter", message))
        }
    }
}

/// Says who asks.
pub(super) fn caller_identity() -> Xml {
    let mut xml = Xml::default();
    xml.text("UserId", "AIDAQ3EGFAKEEC2BEAR2U").text("Account", ACCOUNT);
    xml.text("Arn", permission::caller());
    xml
}

/// The answer of actions that have nothing to say.
fn done() -> Xml {
    let mut xml = Xml::default();
    xml.text("return", true);
    xml
}
