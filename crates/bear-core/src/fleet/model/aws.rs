//! What a fleet file can say of Amazon EC2: where instances are made, how they are reached, and the machines they get.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_false;
use crate::unit::ByteSize;

/// Settings of the `aws` provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AwsProvider {
    /// The region, such as `eu-west-3`.
    #[schemars(regex(pattern = r"^[a-z]+(-[a-z]+)+-[0-9]{1,2}$"))]
    pub region: String,
    /// The profile of the AWS configuration to take credentials from; what every AWS tool would take if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Another address of the EC2 service, for emulators and private endpoints; that of the region if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// The private key file to log in with. The machines get its public half, the same name with `.pub`. What ssh
    /// itself would take, and `~/.ssh/id_ed25519.pub`, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The user to log in as; `ubuntu` or `admin`, as the image has it, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// By which of their addresses the machines are reached; by the public ones if left out.
    #[serde(default, skip_serializing_if = "Connect::is_public")]
    pub connect: Connect,
    /// The network to make the machines in; the region's default one if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub vpc: Option<String>,
    /// The subnets to spread the machines over; those of the network, one in each zone, if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1), inner(regex(pattern = r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")))]
    #[schemars(extend("uniqueItems" = true))]
    pub subnets: Vec<String>,
    /// Security groups that exist already, in place of `network`: bear then makes none and touches no rule; one that is
    /// made for the fleet if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1), inner(regex(pattern = r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")))]
    #[schemars(extend("uniqueItems" = true))]
    pub security_groups: Vec<String>,
    /// A key pair that exists already: bear then imports none; one that is imported for the fleet if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub key_pair: Option<String>,
    /// Tags for everything that bear makes, beside its own. Not `Name`, nor what begins with `aws:` or `bear:`; none if
    /// left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::fleet::schema::tags")]
    pub tags: BTreeMap<String, String>,
}

/// By which of its addresses a machine is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Connect {
    /// By its public address.
    #[default]
    Public,
    /// By its private address.
    Private,
    /// By its private address, through the host `[user@]host[:port]`, as `ssh -J` takes it.
    Jump(String),
}

impl Connect {
    fn is_public(&self) -> bool {
        *self == Self::Public
    }
}

/// A machine that a provider makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The instance type, such as `t3.small`.
    #[serde(rename = "type")]
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9-]*\.[a-z0-9][a-z0-9-]*$"))]
    pub kind: String,
    /// The operating system, such as `ubuntu-22.04`: the newest image of that release, resolved once and recorded. Or
    /// an exact image, such as `ami-0123456789abcdef0`.
    #[schemars(schema_with = "crate::fleet::schema::image")]
    pub image: String,
    /// The size of the disk, such as `20 GiB`; what the image asks for if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<ByteSize>,
    /// Whether it runs on spare capacity, for less, and may be taken away at any time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub spot: bool,
    /// Whether it has a public address of its own, which stays when the machine is stopped.
    #[serde(default, skip_serializing_if = "is_false")]
    pub elastic_ip: bool,
    /// The name of the IAM instance profile that it carries; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9+=,.@_-]{1,128}$"))]
    pub iam_profile: Option<String>,
}
