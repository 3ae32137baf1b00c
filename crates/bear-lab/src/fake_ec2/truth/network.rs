//! The VPC with a subnet in each zone, and the addresses that they have to give.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::super::chance::Chance;
use super::super::failure::Failure;
use super::super::settings::Settings;

/// The one VPC.
#[derive(Debug)]
pub(in super::super) struct Network {
    pub(in super::super) vpc: String,
    pub(in super::super) cidr: Ipv4Net,
    pub(in super::super) subnets: Vec<Subnet>,
    public: Pool,
}

/// A subnet, which is the only one of its zone.
#[derive(Debug)]
pub(in super::super) struct Subnet {
    pub(in super::super) id: String,
    pub(in super::super) zone: String,
    pool: Pool,
}

/// Addresses, of which those that were given back come last, as on EC2.
#[derive(Debug)]
struct Pool {
    cidr: Ipv4Net,
    next: u32,
    taken: BTreeSet<Ipv4Addr>,
}

impl Network {
    pub(super) fn new(settings: &Settings, chance: &mut Chance) -> Self {
        let subnets = settings.zones.iter().map(|zone| Subnet {
            id: chance.id("subnet"),
            zone: zone.name.clone(),
            pool: Pool::new(zone.cidr),
        });
        let cidrs = settings.zones.iter().map(|zone| zone.cidr).collect::<Vec<_>>();
        Self {
            subnets: subnets.collect(),
            vpc: chance.id("vpc"),
            cidr: around(&cidrs),
            public: Pool::new(settings.public_cidr),
        }
    }

    pub(in super::super) fn subnet(&self, id: &str) -> Result<&Subnet, Failure> {
        let found = self.subnets.iter().find(|subnet| subnet.id == id);
        found.ok_or_else(|| Failure::missing("InvalidSubnetID", "subnet ID", id))
    }

    /// Takes an address for an instance: the one that was asked for, or any.
    pub(in super::super) fn take(
        &mut self,
        subnet: &str,
        wanted: Option<Ipv4Addr>,
    ) -> Result<Ipv4Addr, Failure> {
        let subnet = self.subnets.iter_mut().find(|it| it.id == subnet).expect("the caller looked it up");
        let Some(wanted) = wanted else {
            return subnet.pool.any().ok_or_else(|| {
                let message = format!("There are not enough free addresses in subnet '{}'.", subnet.id);
                Failure::new(400, "InsufficientFreeAddressesInSubnet", message)
            });
        };
        if !subnet.pool.cidr.contains(&wanted) {
            return Err(Failure::invalid_value("Address does not fall within the subnet's address range"));
        }
        if subnet.pool.taken.insert(wanted) {
            Ok(wanted)
        } else {
            Err(Failure::new(400, "InvalidIPAddress.InUse", format!("Address {wanted} is in use.")))
        }
    }

    pub(in super::super) fn take_public(&mut self) -> Result<Ipv4Addr, Failure> {
        let none = "Insufficient capacity to satisfy your Elastic IP address request.";
        self.public.any().ok_or_else(|| Failure::new(500, "InsufficientAddressCapacity", none))
    }

    pub(super) fn give_back(&mut self, subnet: &str, address: Ipv4Addr) {
        if let Some(subnet) = self.subnets.iter_mut().find(|it| it.id == subnet) {
            subnet.pool.taken.remove(&address);
        }
    }
}

impl Subnet {
    pub(in super::super) fn cidr(&self) -> Ipv4Net {
        self.pool.cidr
    }

    pub(in super::super) fn free(&self) -> usize {
        self.pool.size() as usize - self.pool.taken.len()
    }
}

impl Pool {
    fn new(cidr: Ipv4Net) -> Self {
        Self { cidr, next: 0, taken: BTreeSet::new() }
    }

    /// How many addresses there are: AWS keeps the first four and the last.
    fn size(&self) -> u32 {
        let all = u32::from(self.cidr.broadcast()) - u32::from(self.cidr.network());
        all.saturating_sub(4)
    }

    fn any(&mut self) -> Option<Ipv4Addr> {
        for _ in 0..self.size() {
            let address = Ipv4Addr::from(u32::from(self.cidr.network()) + 4 + self.next);
            self.next = (self.next + 1) % self.size();
            if self.taken.insert(address) {
                return Some(address);
            }
        }
        None
    }
}

/// The smallest block with all of these within, as far as a VPC may be large.
fn around(cidrs: &[Ipv4Net]) -> Ipv4Net {
    let mut block = cidrs.first().copied().unwrap_or_default();
    while !cidrs.iter().all(|cidr| block.contains(cidr)) {
        let Some(larger) = block.supernet() else { break };
        block = larger;
    }
    block
}
