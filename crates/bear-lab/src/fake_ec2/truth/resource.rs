//! The smaller things that an account has: key pairs, elastic addresses, volumes and tags.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use tokio::time::Instant;

use super::super::failure::Failure;
use super::Truth;

/// A public key that was imported.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// Such as `key-0123456789abcdef0`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The line of `authorized_keys`.
    pub public_key: String,
    /// `ed25519` or `rsa`.
    pub kind: &'static str,
    /// As EC2 tells it.
    pub fingerprint: String,
    pub(in super::super) made: Instant,
    pub(in super::super) visible_from: Instant,
}

/// An elastic address.
#[derive(Clone, Debug)]
pub struct Address {
    /// Such as `eipalloc-0123456789abcdef0`.
    pub allocation: String,
    /// The address.
    pub ip: Ipv4Addr,
    /// The id of its association, and the instance that it is with.
    pub association: Option<(String, String)>,
    pub(in super::super) visible_from: Instant,
}

impl Address {
    /// Whether it is with this instance.
    pub fn is_with(&self, instance: &str) -> bool {
        self.association.as_ref().is_some_and(|(_, with)| with == instance)
    }
}

/// A disk.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Such as `vol-0123456789abcdef0`.
    pub id: String,
    /// Where it is.
    pub zone: String,
    /// In GiB.
    pub size: u32,
    /// Such as `gp3`.
    pub kind: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The instance that it is attached to.
    pub instance: Option<String>,
    /// The name under which it is attached.
    pub device: String,
    /// Whether it ends with its instance.
    pub delete_on_termination: bool,
    /// Operations in a second that were asked for.
    pub iops: Option<u32>,
    /// MiB in a second that were asked for.
    pub throughput: Option<u32>,
    pub(in super::super) made: Instant,
}

/// What a tag says.
#[derive(Clone, Debug)]
pub(in super::super) struct Tag {
    value: String,
    visible_from: Instant,
    /// What it said before, which is what is told until the new value is visible.
    earlier: Option<String>,
}

/// The tags of a resource may not be more.
const TAGS_MAX: usize = 50;

impl Truth {
    /// Tags a resource.
    pub(in super::super) fn tag(&mut self, resource: &str, key: &str, value: &str, visible_from: Instant) {
        let tags = self.tags.entry(resource.to_owned()).or_default();
        let earlier = tags.remove(key).map(|tag| tag.value);
        tags.insert(key.to_owned(), Tag { value: value.to_owned(), visible_from, earlier });
    }

    /// The tags of a resource that can be seen.
    pub(in super::super) fn seen_tags(&self, resource: &str) -> BTreeMap<&str, &str> {
        let tags = self.tags.get(resource).into_iter().flatten();
        tags.filter_map(|(key, tag)| {
            let value = if tag.visible_from <= self.now { Some(&tag.value) } else { tag.earlier.as_ref() };
            Some((key.as_str(), value?.as_str()))
        })
        .collect()
    }

    /// The tags that a resource really has.
    pub(in super::super) fn true_tags(&self, resource: &str) -> BTreeMap<String, String> {
        let tags = self.tags.get(resource).into_iter().flatten();
        tags.map(|(key, tag)| (key.clone(), tag.value.clone())).collect()
    }

    /// The kind of a resource that can be tagged, by its id; an error unless it exists and can be found.
    pub(in super::super) fn kind_of(&self, id: &str) -> Result<&'static str, Failure> {
        let (kind, code, visible_from) = match id.split('-').next().unwrap_or_default() {
            "i" => ("instance", "InvalidInstanceID", self.instances.get(id).map(|it| it.visible_from)),
            "sg" => ("security-group", "InvalidGroup", self.groups.get(id).map(|it| it.visible_from)),
            "sgr" => {
                let mut groups = self.groups.values();
                let group = groups.find(|group| group.rules.iter().any(|rule| rule.id == id));
                ("security-group-rule", "InvalidSecurityGroupRuleId", group.map(|it| it.visible_from))
            }
            "key" => {
                let key = self.keys.values().find(|key| key.id == id);
                ("key-pair", "InvalidKeyPair", key.map(|it| it.visible_from))
            }
            "vol" => ("volume", "InvalidVolume", self.volumes.get(id).map(|it| it.made)),
            "eipalloc" => {
                ("elastic-ip", "InvalidAllocationID", self.addresses.get(id).map(|it| it.visible_from))
            }
            "eni" => {
                let instance = self.instances.values().find(|it| it.interface == id);
                ("network-interface", "InvalidNetworkInterfaceID", instance.map(|it| it.visible_from))
            }
            "sir" => {
                let instance = self.instances.values().find(|it| it.spot.as_deref() == Some(id));
                ("spot-instances-request", "InvalidSpotInstanceRequestID", instance.map(|it| it.visible_from))
            }
            "subnet" => ("subnet", "InvalidSubnetID", self.network.subnet(id).ok().map(|_| self.now)),
            "vpc" => ("vpc", "InvalidVpcID", (self.network.vpc == id).then_some(self.now)),
            "ami" => ("image", "InvalidAMIID", self.images.get(id).map(|_| self.now)),
            _ => return Err(Failure::new(400, "InvalidID", format!("The ID '{id}' is not valid"))),
        };
        match visible_from {
            Some(visible_from) if visible_from <= self.now => Ok(kind),
            _ => Err(Failure::missing(code, &format!("{kind} ID"), id)),
        }
    }

    /// An error if a resource would have too many tags.
    pub(in super::super) fn check_tag_count(&self, resource: &str, more: usize) -> Result<(), Failure> {
        if self.tags.get(resource).map_or(0, BTreeMap::len) + more > TAGS_MAX {
            let message = "The maximum number of Tags for a resource has been reached.";
            return Err(Failure::new(400, "TagLimitExceeded", message));
        }
        Ok(())
    }
}
