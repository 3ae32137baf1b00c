//! Where machines are made: the network, its subnets, and which machine goes into which.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::Subnet as SdkSubnet;
use bear_core::event::StepError;
use bear_core::fleet::Foundation;
use bear_core::name::InstanceName;

use crate::call::Api;
use crate::explain::NO_DEFAULT_VPC;
use crate::seen::filter;
use crate::words;

/// Over how many zones of a network the machines are spread, unless subnets are named. Further zones are only gone to
/// where these have no room. Each zone costs a call for every launch, and three keep a majority when one is lost.
const SPREAD: usize = 3;

/// A subnet to make machines in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) zone: String,
}

/// Where machines are made.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) vpc: String,
    subnets: Vec<Subnet>,
    /// How many of the subnets machines are spread over.
    spread: usize,
}

impl Place {
    /// Looks up what the foundation names, else the default network of the region.
    pub(crate) async fn find(api: &Api, foundation: &Foundation) -> Result<Self, StepError> {
        let named = &foundation.subnets;
        let filters = match &foundation.vpc {
            Some(vpc) => vec![filter("vpc-id", [vpc])],
            None if named.is_empty() => vec![filter("default-for-az", ["true"])],
            None => Vec::new(),
        };
        let answer = api
            .call("DescribeSubnets", |ec2| {
                let request = ec2.describe_subnets().set_filters(Some(filters.clone()));
                request.set_subnet_ids(Some(named.clone()).filter(|named| !named.is_empty())).send()
            })
            .await;
        let region = &foundation.region;
        let answer = answer.map_err(|failure| failure.explain("looking up the subnets", region))?;
        Self::choose(answer.subnets(), foundation)
    }

    fn choose(found: &[SdkSubnet], foundation: &Foundation) -> Result<Self, StepError> {
        let Some(vpc) = found.first().and_then(SdkSubnet::vpc_id) else { return Err(nowhere(foundation)) };
        let subnet = |found: &SdkSubnet| {
            let (id, zone) = (found.subnet_id()?.to_owned(), found.availability_zone()?.to_owned());
            Some(Subnet { id, zone })
        };
        let subnets: Vec<_> = if foundation.subnets.is_empty() {
            // One in each zone: of several that which gives public addresses, and then always the same.
            let private = |found: &SdkSubnet| found.map_public_ip_on_launch() != Some(true);
            let sorted = found.iter().filter_map(|found| Some((private(found), subnet(found)?)));
            let mut by_zone = BTreeMap::<String, (bool, Subnet)>::new();
            for (private, subnet) in sorted {
                let best = by_zone.entry(subnet.zone.clone()).or_insert((private, subnet.clone()));
                if (private, &subnet.id) < (best.0, &best.1.id) {
                    *best = (private, subnet);
                }
            }
            by_zone.into_values().map(|(_, subnet)| subnet).collect()
        } else {
            let named = foundation.subnets.iter();
            named.filter_map(|id| subnet(found.iter().find(|found| found.subnet_id() == Some(id))?)).collect()
        };
        if subnets.is_empty() {
            return Err(nowhere(foundation));
        }
        let spread = if foundation.subnets.is_empty() { subnets.len().min(SPREAD) } else { subnets.len() };
        Ok(Self { vpc: vpc.to_owned(), subnets, spread })
    }

    /// The number of the subnet that an instance belongs into. It depends on nothing but the name, so that whoever asks
    /// for a machine again, together with whichever others, asks in the same place.
    pub(crate) fn home(&self, instance: &InstanceName) -> usize {
        let last = instance.as_str().rsplit('-').next().unwrap_or_default();
        let number = last.parse::<usize>().unwrap_or_else(|_| last.bytes().map(usize::from).sum());
        number % self.spread.max(1)
    }

    /// The subnets to try for the machines of one home, in order.
    pub(crate) fn starting_at(&self, home: usize) -> impl Iterator<Item = &Subnet> {
        let (before, from) = self.subnets.split_at(home.min(self.subnets.len()));
        from.iter().chain(before)
    }

    /// Whether machines may be in another subnet than their home.
    pub(crate) fn has_choice(&self) -> bool {
        self.subnets.len() > 1
    }
}

fn nowhere(foundation: &Foundation) -> StepError {
    let region = &foundation.region;
    match &foundation.vpc {
        Some(vpc) => words::no_subnet(region, vpc),
        None => StepError::permanent(
            "bear::aws::no_default_vpc",
            format!("{region} has no default VPC to make machines in"),
        )
        .with_help(NO_DEFAULT_VPC),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(zones: &[&str]) -> Place {
        let subnets =
            zones.iter().map(|zone| Subnet { id: format!("subnet-{zone}"), zone: (*zone).to_owned() });
        Place { vpc: "vpc-1".to_owned(), subnets: subnets.collect(), spread: zones.len().min(SPREAD) }
    }

    #[test]
    fn instances_are_spread_and_stay_where_they_were_asked_for() {
        let place = place(&["a", "b", "c", "d"]);
        let home = |name: &str| place.home(&InstanceName::new(name).unwrap());
        let homes = (1..=4).map(|index| home(&format!("daily-emqx-{index}"))).collect::<Vec<_>>();
        assert_eq!(homes, [1, 2, 0, 1]);
        assert_eq!(home("daily-edge-paris"), home("daily-core-paris"));
    }

    #[test]
    fn a_full_zone_leads_to_all_others() {
        let place = place(&["a", "b", "c", "d"]);
        let zones = place.starting_at(1).map(|subnet| subnet.zone.as_str()).collect::<Vec<_>>();
        assert_eq!(zones, ["b", "c", "d", "a"]);
    }
}
