//! An instance as `RunInstances` and `DescribeInstances` write it.

use std::net::Ipv4Addr;

use super::super::settings::ACCOUNT;
use super::super::truth::Truth;
use super::super::truth::instance::{Instance, InstanceState};
use super::super::xml::Xml;
use super::{attributes, tags};

/// Writes a reservation with some of its instances.
pub(super) fn write_reservation(xml: &mut Xml, truth: &Truth, reservation: &str, instances: &[&Instance]) {
    xml.text("reservationId", reservation).text("ownerId", ACCOUNT).within("groupSet", |_| {});
    xml.set("instancesSet", instances, |xml, instance| write(xml, truth, instance));
}

fn write(xml: &mut Xml, truth: &Truth, instance: &Instance) {
    xml.text("instanceId", &instance.id).text("imageId", &instance.image);
    xml.within("instanceState", |xml| {
        xml.text("code", instance.state.code()).text("name", instance.state.name());
    });
    write_reason(xml, truth, instance);
    xml.maybe("keyName", instance.key_name.as_ref()).text("amiLaunchIndex", instance.launch_index);
    xml.within("productCodes", |_| {}).text("instanceType", &instance.instance_type);
    xml.text("launchTime", truth.date(instance.launched));
    xml.within("placement", |xml| {
        xml.text("availabilityZone", &instance.zone).text("groupName", "").text("tenancy", "default");
    });
    xml.within("monitoring", |xml| {
        xml.text("state", if instance.monitored { "enabled" } else { "disabled" });
    });
    // A terminated instance has lost its interface, and all that comes with it.
    if instance.ended.is_none() {
        write_network(xml, truth, instance);
    }
    xml.text("architecture", &instance.architecture).text("rootDeviceType", "ebs");
    xml.text("rootDeviceName", "/dev/sda1");
    write_disks(xml, truth, instance);
    xml.text("virtualizationType", "hvm").text("hypervisor", "xen").text("enaSupport", true);
    xml.text("clientToken", instance.client_token.as_deref().unwrap_or_default());
    tags::write(xml, truth, &instance.id);
    xml.text("ebsOptimized", instance.ebs_optimized);
    if let Some(request) = &instance.spot {
        xml.text("instanceLifecycle", "spot").text("spotInstanceRequestId", request);
    }
    if let Some(arn) = &instance.iam_profile {
        xml.within("iamInstanceProfile", |xml| {
            xml.text("arn", arn).text("id", "AIPAQ3EGFAKEEC2BEAR3Z");
        });
    }
    let applied = if instance.state == InstanceState::Pending { "pending" } else { "applied" };
    xml.within("metadataOptions", |xml| attributes::write_metadata(xml, &instance.metadata, applied));
    xml.text("platformDetails", "Linux/UNIX").text("usageOperation", "RunInstances");
}

fn write_reason(xml: &mut Xml, truth: &Truth, instance: &Instance) {
    let Some((code, message)) = instance.reason else {
        xml.text("reason", "");
        return;
    };
    let date = truth.date(instance.ended.unwrap_or(truth.now));
    xml.text("reason", if instance.doomed { String::new() } else { format!("User initiated ({date})") })
        .within("stateReason", |xml| {
            xml.text("code", code).text("message", message);
        });
}

/// The public address, once it is told.
pub(super) fn public_ip(instance: &Instance) -> Option<Ipv4Addr> {
    instance.public_ip.filter(|_| instance.ended.is_none() && instance.state != InstanceState::Pending)
}

fn write_network(xml: &mut Xml, truth: &Truth, instance: &Instance) {
    let region = &truth.settings.region;
    let dashed = |address: Ipv4Addr| address.to_string().replace('.', "-");
    let private_name = format!("ip-{}.{region}.compute.internal", dashed(instance.private_ip));
    let public = public_ip(instance);
    let public_name = |address| format!("ec2-{}.{region}.compute.amazonaws.com", dashed(address));
    xml.text("subnetId", &instance.subnet).text("vpcId", &truth.network.vpc);
    xml.text("privateIpAddress", instance.private_ip).text("privateDnsName", &private_name);
    xml.maybe("ipAddress", public).text("dnsName", public.map(public_name).unwrap_or_default());
    xml.text("sourceDestCheck", true);
    write_groups(xml, truth, &instance.groups);
    xml.set("networkInterfaceSet", [&instance.interface], |xml, interface| {
        xml.text("networkInterfaceId", interface).text("subnetId", &instance.subnet);
        xml.text("vpcId", &truth.network.vpc).text("description", "").text("ownerId", ACCOUNT);
        xml.text("status", "in-use").text("privateIpAddress", instance.private_ip);
        xml.text("sourceDestCheck", true).text("interfaceType", "interface");
        write_groups(xml, truth, &instance.groups);
        xml.within("attachment", |xml| {
            xml.text("deviceIndex", 0).text("status", "attached").text("deleteOnTermination", true);
            xml.text("attachTime", truth.date(instance.launched));
        });
        let elastic = truth.addresses.values().any(|address| address.is_with(&instance.id));
        let association = |xml: &mut Xml| {
            if let Some(address) = public {
                xml.within("association", |xml| {
                    xml.text("publicIp", address).text("publicDnsName", public_name(address));
                    xml.text("ipOwnerId", if elastic { ACCOUNT } else { "amazon" });
                });
            }
        };
        association(xml);
        xml.set("privateIpAddressesSet", [instance.private_ip], |xml, address| {
            xml.text("privateIpAddress", address).text("privateDnsName", &private_name).text("primary", true);
            association(xml);
        });
    });
}

/// Writes security groups with their names.
pub(super) fn write_groups(xml: &mut Xml, truth: &Truth, groups: &[String]) {
    xml.set("groupSet", groups, |xml, id| {
        xml.text("groupId", id).maybe("groupName", truth.groups.get(id).map(|group| &group.name));
    });
}

fn write_disks(xml: &mut Xml, truth: &Truth, instance: &Instance) {
    let attached = instance.disks.iter().filter_map(|id| truth.volumes.get(id));
    xml.set("blockDeviceMapping", attached, |xml, volume| {
        xml.text("deviceName", &volume.device).within("ebs", |xml| {
            xml.text("volumeId", &volume.id).text("status", "attached");
            xml.text("attachTime", truth.date(volume.made));
            xml.text("deleteOnTermination", volume.delete_on_termination);
        });
    });
}
