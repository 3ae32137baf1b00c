//! Which permissions bear needs, and whether it has them.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{DomainType, InstanceType, ResourceType, Tag};
use bear_core::event::StepError;
use futures_util::future::{BoxFuture, FutureExt as _, join_all};

use crate::Inner;
use crate::failure::{Cause, Failure};
use crate::marks;

/// Whether an action is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Such as `ec2:RunInstances`.
    pub action: &'static str,
    /// None where EC2 did not say: it checked something else of the request first.
    pub allowed: Option<bool>,
}

/// What a request that would do nothing came to.
type Tried = Result<(), Failure>;
type Probe = for<'a> fn(&'a Inner) -> BoxFuture<'a, Tried>;

/// Makes the probe of an action: the request as EC2 takes it, but for show.
macro_rules! probe {
    ($action:literal, $ec2:ident => $request:expr) => {
        (concat!("ec2:", $action), |inner: &Inner| {
            let tried = inner.api.call($action, |$ec2: &Client| $request.dry_run(true).send());
            tried.map(|answer| answer.map(|_| ())).boxed()
        })
    };
}

/// Ids that nobody has: EC2 asks whether one may before it looks for them.
const MACHINE: &str = "i-00000000000000000";
const GROUP: &str = "sg-00000000000000000";
const ADDRESS: &str = "eipalloc-00000000000000000";
const ASSOCIATION: &str = "eipassoc-00000000000000000";
const IMAGE: &str = "ami-00000000000000000";

/// What bear asks of EC2, with a request for each that does nothing.
const ACTIONS: [(&str, Probe); 25] = [
    probe!("AllocateAddress", ec2 => ec2.allocate_address().domain(DomainType::Vpc)),
    probe!("AssociateAddress", ec2 => ec2.associate_address().allocation_id(ADDRESS).instance_id(MACHINE)),
    probe!("AuthorizeSecurityGroupIngress", ec2 => ec2.authorize_security_group_ingress().group_id(GROUP)),
    probe!("CreateSecurityGroup", ec2 => ec2.create_security_group().group_name("bear").description("bear")),
    probe!("CreateTags", ec2 => ec2.create_tags().resources(MACHINE).tags(tag())),
    probe!("DeleteKeyPair", ec2 => ec2.delete_key_pair().key_name("bear")),
    probe!("DeleteSecurityGroup", ec2 => ec2.delete_security_group().group_id(GROUP)),
    probe!("DescribeAddresses", ec2 => ec2.describe_addresses()),
    probe!("DescribeImages", ec2 => ec2.describe_images().image_ids(IMAGE)),
    probe!("DescribeInstanceTypes", ec2 => ec2.describe_instance_types()),
    probe!("DescribeInstances", ec2 => ec2.describe_instances()),
    probe!("DescribeKeyPairs", ec2 => ec2.describe_key_pairs()),
    probe!("DescribeSecurityGroups", ec2 => ec2.describe_security_groups()),
    probe!("DescribeSubnets", ec2 => ec2.describe_subnets()),
    probe!("DescribeVolumes", ec2 => ec2.describe_volumes()),
    probe!("DisassociateAddress", ec2 => ec2.disassociate_address().association_id(ASSOCIATION)),
    probe!("GetConsoleOutput", ec2 => ec2.get_console_output().instance_id(MACHINE)),
    probe!("ImportKeyPair", ec2 => ec2.import_key_pair().key_name("bear").public_key_material(Blob::new("ssh-ed25519"))),
    probe!("ModifyInstanceAttribute", ec2 => ec2.modify_instance_attribute().instance_id(MACHINE)),
    probe!("ReleaseAddress", ec2 => ec2.release_address().allocation_id(ADDRESS)),
    probe!("RevokeSecurityGroupIngress", ec2 => ec2.revoke_security_group_ingress().group_id(GROUP)),
    probe!("RunInstances", ec2 => run(ec2)),
    probe!("StartInstances", ec2 => ec2.start_instances().instance_ids(MACHINE)),
    probe!("StopInstances", ec2 => ec2.stop_instances().instance_ids(MACHINE)),
    probe!("TerminateInstances", ec2 => ec2.terminate_instances().instance_ids(MACHINE)),
];

/// What bear needs only for `iam_profile`, and what can't be tried without being done.
const UNTRIED: [&str; 5] = [
    "ec2:AssociateIamInstanceProfile",
    "ec2:DescribeIamInstanceProfileAssociations",
    "ec2:DisassociateIamInstanceProfile",
    "ec2:ReplaceIamInstanceProfileAssociation",
    "iam:PassRole",
];

fn tag() -> Tag {
    Tag::builder().key(marks::FLEET).value("bear").build()
}

/// A launch with tags, as all of bear's are: so it needs `ec2:CreateTags` as well.
fn run(ec2: &Client) -> RunInstancesFluentBuilder {
    let tags = marks::Tags::from([(marks::FLEET.to_owned(), "bear".to_owned())]);
    let request = ec2.run_instances().image_id(IMAGE).instance_type(InstanceType::T3Small);
    request.min_count(1).max_count(1).tag_specifications(marks::on(ResourceType::Instance, &tags))
}

impl Inner {
    /// Tries every action without doing it.
    pub(crate) async fn permissions(&self) -> Result<Vec<Permission>, StepError> {
        let tried = ACTIONS.iter().map(|(action, probe)| async move { (*action, probe(self).await) });
        let mut permissions = Vec::new();
        for (action, tried) in join_all(tried).await {
            let allowed = match tried {
                Ok(()) => Some(true),
                Err(failure) => match failure.code() {
                    "DryRunOperation" => Some(true),
                    "UnauthorizedOperation" | "AccessDenied" => Some(false),
                    _ if self.is_about_access(&failure) => {
                        return Err(self.explain(&failure, "trying what the credentials may do"));
                    }
                    _ => None,
                },
            };
            permissions.push(Permission { action, allowed });
        }
        permissions.extend(UNTRIED.map(|action| Permission { action, allowed: None }));
        permissions.sort_by_key(|permission| permission.action);
        Ok(permissions)
    }

    /// Whether a request failed for a reason that all others share.
    fn is_about_access(&self, failure: &Failure) -> bool {
        let shared = ["no_credentials", "expired", "credentials_refused", "clock_skew", "region_disabled"];
        let silent = !matches!(failure.cause, Cause::Refused { .. });
        silent || shared.iter().any(|code| self.explain(failure, "").code.ends_with(code))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_policy_in_the_documentation_allows_what_bear_asks_for_and_nothing_else() {
        let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/aws-iam-policy.json");
        let policy = std::fs::read_to_string(policy).unwrap();
        let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        let allowed = statements.iter().flat_map(|statement| statement["Action"].as_array().unwrap());
        let allowed = allowed.map(|action| action.as_str().unwrap()).collect::<BTreeSet<_>>();
        let asked = ACTIONS.iter().map(|(action, _)| *action).chain(UNTRIED).collect::<BTreeSet<_>>();
        assert_eq!(allowed, asked);
    }

    #[test]
    fn every_action_that_the_code_asks_for_stands_in_the_table() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        let mut asked = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for call in [".call(", ".call_once("] {
                let begins = text.split(call).skip(1).filter_map(|rest| rest.split_once('"'));
                let names = begins.filter(|(before, _)| before.trim().is_empty());
                let names = names.filter_map(|(_, rest)| rest.split('"').next());
                let names = names
                    .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
                asked.extend(names.map(|name| format!("ec2:{name}")));
            }
        }
        let known = ACTIONS.iter().map(|(action, _)| (*action).to_owned());
        let known = known.chain(UNTRIED.map(str::to_owned)).collect::<BTreeSet<_>>();
        let unknown = asked.difference(&known).collect::<Vec<_>>();
        assert!(unknown.is_empty(), "{unknown:?}");
        assert!(asked.len() > 20, "{asked:?}");
    }
}
