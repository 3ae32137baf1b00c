//! What kind of EC2 it is: its region, its zones, how long things take, and how much it lets anybody have.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

/// The account that everything belongs to.
pub const ACCOUNT: &str = "123456789012";
/// The one access key that is known.
pub const ACCESS_KEY: &str = "AKIAQ3EGFAKEEC2BEAR1";
/// The secret of [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "a/secret+of+the+fake/ec2+that+opens+nothing";

/// What kind of EC2 it is. The default takes no time, shows at once what was made, and throttles nobody.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decides ids, delays and whatever else is left to chance.
    pub seed: u64,
    /// The one region that is served; a request that was signed for another is refused.
    pub region: String,
    /// The zones of the region, each with one subnet.
    pub zones: Vec<Zone>,
    /// Whether the VPC is the default one, in which a launch without a subnet ends up.
    pub default_vpc: bool,
    /// Where public addresses come from.
    pub public_cidr: Ipv4Net,
    /// How long things take.
    pub delays: Delays,
    /// How much the account may have.
    pub quotas: Quotas,
    /// Whether requests are throttled by the token buckets of EC2's documentation.
    pub throttled: bool,
    /// What becomes of a client token once its instances have ended.
    pub ended_tokens: EndedTokens,
    /// The names of the instance profiles that exist.
    pub iam_profiles: Vec<String>,
}

/// An availability zone and its subnet.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Such as `eu-central-1a`.
    pub name: String,
    /// The addresses of its subnet. The first four and the last are AWS's own.
    pub cidr: Ipv4Net,
}

/// A delay's bounds; what it is each time, the seed decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Between(
    /// The shortest.
    pub Duration,
    /// The longest.
    pub Duration,
);

impl Between {
    /// Bounds in whole seconds.
    pub const fn secs(min: u64, max: u64) -> Self {
        Self(Duration::from_secs(min), Duration::from_secs(max))
    }
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    /// From a launch or start until the instance runs.
    pub pending: Between,
    /// From the request to stop until it has stopped.
    pub stopping: Between,
    /// From the request to terminate until it is terminated.
    pub shutting_down: Between,
    /// From running until the status checks say so.
    pub checks: Between,
    /// From making a resource or tag until Describe and other actions find it.
    pub visible: Between,
    /// For how long a terminated instance is still described.
    pub terminated_kept: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        let at_once = Between::default();
        Self {
            pending: at_once,
            stopping: at_once,
            shutting_down: at_once,
            checks: at_once,
            visible: at_once,
            terminated_kept: Duration::from_hours(1),
        }
    }
}

/// How much the account may have.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Virtual processors of all instances that are not stopped.
    pub vcpus: u32,
    /// Instances that are not stopped; no limit for `None`, as in today's EC2.
    pub instances: Option<usize>,
    /// Elastic addresses.
    pub addresses: usize,
    /// Inbound, and again outbound, rules of one security group.
    pub rules_per_group: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { vcpus: 5_000, instances: None, addresses: 5, rules_per_group: 60 }
    }
}

/// What becomes of a client token once all its instances have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedTokens {
    /// `IdempotentInstanceTerminated`, as EC2 answers since January 2025 (boto3#4406).
    Refused,
    /// The ended instances come back, as EC2 answered before.
    Returned,
}

impl Default for Settings {
    fn default() -> Self {
        let region = "eu-central-1";
        let subnet =
            |third| Ipv4Net::new(Ipv4Addr::new(10, 77, third, 0), 24).expect("24 bits are a valid prefix");
        let zone = |(letter, third)| Zone { name: format!("{region}{letter}"), cidr: subnet(third) };
        Self {
            seed: 0,
            region: region.to_owned(),
            zones: [('a', 0), ('b', 1), ('c', 2)].map(zone).into(),
            default_vpc: true,
            // Kept for benchmarks by RFC 2544: nobody on the internet has one of these.
            public_cidr: Ipv4Net::new(Ipv4Addr::new(198, 18, 0, 0), 15).expect("15 bits are a valid prefix"),
            delays: Delays::default(),
            quotas: Quotas::default(),
            throttled: false,
            ended_tokens: EndedTokens::Refused,
            iam_profiles: vec!["bear".to_owned()],
        }
    }
}

impl Settings {
    /// An EC2 that takes its time, shows late what was made, and throttles.
    pub fn realistic(seed: u64) -> Self {
        let delays = Delays {
            pending: Between::secs(5, 25),
            stopping: Between::secs(10, 30),
            shutting_down: Between::secs(20, 60),
            checks: Between::secs(60, 180),
            visible: Between::secs(0, 4),
            ..Delays::default()
        };
        Self { seed, delays, throttled: true, ..Self::default() }
    }
}
