//! What a launch asks for: read in full and checked against what there is, before anything is made.

use std::net::Ipv4Addr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::settings::ACCOUNT;
use super::super::truth::Truth;
use super::super::truth::catalogue::{Image, InstanceType, instance_type};
use super::super::truth::instance::Metadata;
use super::tags::NewTags;
use super::{attributes, groups, images};

/// What user data may have, decoded, in bytes.
const USER_DATA_MAX: usize = 16 * 1024;
const TAGGABLE: [&str; 4] = ["instance", "network-interface", "spot-instances-request", "volume"];

/// A launch that could be done, if there is room.
#[expect(clippy::struct_excessive_bools, reason = "EC2 tells so many things of an instance by yes and no")]
pub(super) struct Launch {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) image: Image,
    pub(super) kind: InstanceType,
    pub(super) key_name: Option<String>,
    pub(super) groups: Vec<String>,
    /// Where it shall be; anywhere for `None`.
    pub(super) subnet: Option<String>,
    pub(super) private_ip: Option<Ipv4Addr>,
    pub(super) with_public_ip: bool,
    pub(super) user_data: Option<Arc<str>>,
    pub(super) iam_profile: Option<String>,
    pub(super) spot: bool,
    pub(super) metadata: Metadata,
    pub(super) disks: Vec<Disk>,
    pub(super) tags: NewTags,
    pub(super) protected: bool,
    pub(super) monitored: bool,
    pub(super) ebs_optimized: bool,
    pub(super) shutdown_terminates: bool,
}

/// A disk to make.
pub(super) struct Disk {
    pub(super) device: String,
    pub(super) size: u32,
    pub(super) kind: String,
    pub(super) encrypted: bool,
    pub(super) delete_on_termination: bool,
    pub(super) iops: Option<u32>,
    pub(super) throughput: Option<u32>,
}

impl Launch {
    pub(super) fn read(truth: &Truth, query: &Query<'_>) -> Result<Self, Failure> {
        let (min, max) = read_counts(query)?;
        let image = images::find(truth, query.required("ImageId")?)?.clone();
        let kind = read_kind(query, &image)?;
        let network = ReadNetwork::read(truth, query)?;
        if network.private_ip.is_some() && max > 1 {
            return Err(Failure::combination(
                "The parameter privateIpAddress cannot be used with more than one instance",
            ));
        }
        let behaviour = query.get("InstanceInitiatedShutdownBehavior");
        query.within("Placement").get("Tenancy");
        query.within("CreditSpecification").get("CpuCredits");
        query.within("MaintenanceOptions").get("AutoRecovery");
        query.flag("DisableApiStop")?;
        let defaults = Metadata {
            tokens: "optional".to_owned(),
            endpoint: "enabled".to_owned(),
            hop_limit: 1,
            tags: "disabled".to_owned(),
        };
        Ok(Self {
            min,
            max,
            kind,
            key_name: read_key(truth, query)?,
            groups: network.groups,
            subnet: network.subnet,
            private_ip: network.private_ip,
            with_public_ip: network.with_public_ip,
            user_data: query.get("UserData").map(check_user_data).transpose()?,
            iam_profile: read_profile(truth, query)?,
            spot: read_market(query)?,
            metadata: attributes::read_metadata(&query.within("MetadataOptions"), defaults)?,
            disks: read_disks(query, &image)?,
            image,
            tags: NewTags::read(query, &TAGGABLE)?,
            protected: query.flag("DisableApiTermination")?.unwrap_or_default(),
            monitored: query.within("Monitoring").flag("Enabled")?.unwrap_or_default(),
            ebs_optimized: query.flag("EbsOptimized")?.unwrap_or_default(),
            shutdown_terminates: behaviour == Some("terminate"),
        })
    }
}

fn read_counts(query: &Query<'_>) -> Result<(usize, usize), Failure> {
    query.required("MinCount")?;
    query.required("MaxCount")?;
    let (min, max) = (query.parse("MinCount")?.unwrap_or(0), query.parse("MaxCount")?.unwrap_or(0));
    if min == 0 || max < min {
        let message = format!(
            "Value ({min}) for parameter minCount is invalid: it must be from 1 up to maxCount ({max})"
        );
        return Err(Failure::invalid_value(message));
    }
    Ok((min, max))
}

fn read_kind(query: &Query<'_>, image: &Image) -> Result<InstanceType, Failure> {
    // EC2's own default is m1.small, which no current image runs on.
    let name = query.required("InstanceType")?;
    let kind = instance_type(name)
        .ok_or_else(|| Failure::invalid_value(format!("Invalid value '{name}' for InstanceType.")))?;
    if kind.architecture != image.architecture {
        let message = format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified \
             AMI. Specify an instance type and an AMI that have matching architectures, and try again.",
            kind.architecture, image.architecture
        );
        return Err(Failure::invalid_value(message));
    }
    Ok(kind)
}

fn read_key(truth: &Truth, query: &Query<'_>) -> Result<Option<String>, Failure> {
    let Some(name) = query.get("KeyName") else { return Ok(None) };
    match truth.keys.get(name) {
        Some(key) if key.visible_from <= truth.now => Ok(Some(name.to_owned())),
        _ => Err(Failure::missing("InvalidKeyPair", "key pair", name)),
    }
}

pub(super) fn read_profile(truth: &Truth, query: &Query<'_>) -> Result<Option<String>, Failure> {
    let profile = query.within("IamInstanceProfile");
    let (name, arn) = (profile.get("Name"), profile.get("Arn"));
    let Some(name) = name.or_else(|| arn?.rsplit('/').next()) else { return Ok(None) };
    if !truth.settings.iam_profiles.iter().any(|known| known == name) {
        let message = format!(
            "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
        );
        return Err(Failure::invalid_value(message));
    }
    Ok(Some(format!("arn:aws:iam::{ACCOUNT}:instance-profile/{name}")))
}

/// Whether it is a spot instance.
fn read_market(query: &Query<'_>) -> Result<bool, Failure> {
    let options = query.within("InstanceMarketOptions");
    let spot = options.within("SpotOptions");
    for accepted in ["MaxPrice", "InstanceInterruptionBehavior", "SpotInstanceType"] {
        spot.get(accepted);
    }
    match options.get("MarketType") {
        None => Ok(false),
        Some("spot") => Ok(true),
        Some(other) => {
            Err(Failure::invalid_value(format!("Value ({other}) for parameter marketType is invalid")))
        }
    }
}

/// User data as it was sent, if it is base64 of not too much.
pub(super) fn check_user_data(encoded: &str) -> Result<Arc<str>, Failure> {
    let decoded = STANDARD
        .decode(encoded)
        .map_err(|_| Failure::invalid_value("Invalid BASE64 encoding of user data"))?;
    if decoded.len() > USER_DATA_MAX {
        return Err(Failure::invalid_value(format!("User data is limited to {USER_DATA_MAX} bytes")));
    }
    Ok(encoded.into())
}

/// Where it shall be, and who may reach it.
struct ReadNetwork {
    subnet: Option<String>,
    groups: Vec<String>,
    private_ip: Option<Ipv4Addr>,
    with_public_ip: bool,
}

impl ReadNetwork {
    fn read(truth: &Truth, query: &Query<'_>) -> Result<Self, Failure> {
        let interfaces = query.members("NetworkInterface");
        let spelled_out = ["SubnetId", "SecurityGroupId.1", "SecurityGroup.1", "PrivateIpAddress"];
        if !interfaces.is_empty() && spelled_out.iter().any(|name| query.get(name).is_some()) {
            let message = "Network interfaces and an instance-level subnet ID, security groups or private address may \
                           not be specified on the same request";
            return Err(Failure::combination(message));
        }
        let place = interfaces.first().unwrap_or(query);
        for accepted in ["DeviceIndex", "DeleteOnTermination", "Description"] {
            interfaces.first().map(|interface| interface.get(accepted));
        }
        let subnet = read_subnet(truth, query, place)?;
        let dynamic = place.flag("AssociatePublicIpAddress")?;
        Ok(Self {
            subnet,
            groups: read_groups(truth, place)?,
            private_ip: place.parse("PrivateIpAddress")?,
            with_public_ip: dynamic.unwrap_or(truth.settings.default_vpc),
        })
    }
}

/// The zone that a request names, by itself or by its subnet. A client token counts within it.
pub(super) fn named_zone(truth: &Truth, query: &Query<'_>) -> Option<String> {
    let interface = query.within("NetworkInterface.1");
    let subnet = query.get("SubnetId").or_else(|| interface.get("SubnetId"));
    let zone = query.within("Placement").get("AvailabilityZone").map(str::to_owned);
    subnet.and_then(|subnet| truth.network.subnet(subnet).ok()).map(|subnet| subnet.zone.clone()).or(zone)
}

fn read_subnet(truth: &Truth, query: &Query<'_>, place: &Query<'_>) -> Result<Option<String>, Failure> {
    let zone = query.within("Placement").get("AvailabilityZone");
    if let Some(id) = place.get("SubnetId") {
        let subnet = truth.network.subnet(id)?;
        if zone.is_some_and(|zone| zone != subnet.zone) {
            let message =
                format!("The availability zone and the subnet '{id}' are not in the same availability zone");
            return Err(Failure::combination(message));
        }
        return Ok(Some(id.to_owned()));
    }
    if !truth.settings.default_vpc {
        let message =
            "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.";
        return Err(Failure::new(400, "VPCIdNotSpecified", message));
    }
    let Some(zone) = zone else { return Ok(None) };
    let mut subnets = truth.network.subnets.iter();
    let subnet = subnets.find(|subnet| subnet.zone == zone);
    subnet
        .map(|subnet| Some(subnet.id.clone()))
        .ok_or_else(|| Failure::invalid_value(format!("Invalid availability zone: [{zone}]")))
}

fn read_groups(truth: &Truth, place: &Query<'_>) -> Result<Vec<String>, Failure> {
    let ids = place.list("SecurityGroupId").into_iter().map(|id| groups::by_id(truth, id));
    let names = place.list("SecurityGroup").into_iter().map(|name| groups::by_name(truth, name));
    let groups = ids.chain(names).collect::<Result<Vec<_>, _>>()?;
    if groups.is_empty() { Ok(vec![groups::by_name(truth, "default")?]) } else { Ok(groups) }
}

fn read_disks(query: &Query<'_>, image: &Image) -> Result<Vec<Disk>, Failure> {
    let mut disks = vec![Disk {
        device: "/dev/sda1".to_owned(),
        size: image.root_size,
        kind: "gp3".to_owned(),
        encrypted: false,
        delete_on_termination: true,
        iops: None,
        throughput: None,
    }];
    for mapping in query.members("BlockDeviceMapping") {
        let (device, ebs) = (mapping.required("DeviceName")?, mapping.within("Ebs"));
        ebs.get("KmsKeyId");
        let is_root = device == disks[0].device;
        let size = ebs.parse::<u32>("VolumeSize")?.or(is_root.then_some(image.root_size));
        let size = size.ok_or_else(|| {
            Failure::new(400, "MissingParameter", "The request must contain the size or the snapshot ID")
        })?;
        if is_root && size < image.root_size {
            let message = format!(
                "Volume of size {size}GB is smaller than snapshot, expect size >= {}GB",
                image.root_size
            );
            return Err(Failure::new(400, "InvalidBlockDeviceMapping", message));
        }
        let disk = Disk {
            device: device.to_owned(),
            size,
            kind: ebs.get("VolumeType").unwrap_or("gp3").to_owned(),
            encrypted: ebs.flag("Encrypted")?.unwrap_or_default(),
            delete_on_termination: ebs.flag("DeleteOnTermination")?.unwrap_or(is_root),
            iops: ebs.parse("Iops")?,
            throughput: ebs.parse("Throughput")?,
        };
        match disks.iter_mut().find(|other| other.device == device) {
            Some(other) => *other = disk,
            None => disks.push(disk),
        }
    }
    Ok(disks)
}
