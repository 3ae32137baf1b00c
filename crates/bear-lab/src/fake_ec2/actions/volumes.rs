//! Volumes, as far as instances bring them along.

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::truth::Truth;
use super::super::truth::resource::Volume;
use super::super::xml::Xml;
use super::filter::{Filters, any, one};
use super::page::{self, Pages};
use super::{Answer, done, tags};

const FILTERS: [&str; 9] = [
    "attachment.delete-on-termination",
    "attachment.device",
    "attachment.instance-id",
    "availability-zone",
    "encrypted",
    "size",
    "status",
    "volume-id",
    "volume-type",
];

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    page::no_pages_of(query, "VolumeId", "volumesSet")?;
    let filters = Filters::read(query, &FILTERS)?;
    let ids = query.list("VolumeId");
    for id in &ids {
        find(truth, id)?;
    }
    let found = truth.volumes.values().filter(|volume| {
        let field = |name: &str| match name {
            "attachment.delete-on-termination" => one(volume.delete_on_termination),
            "attachment.device" => one(&volume.device),
            "attachment.instance-id" => any(volume.instance.as_ref()),
            "availability-zone" => one(&volume.zone),
            "encrypted" => one(volume.encrypted),
            "size" => one(volume.size),
            "status" => one(status(volume)),
            "volume-id" => one(&volume.id),
            _ => one(&volume.kind),
        };
        (ids.is_empty() || ids.contains(&volume.id.as_str())) && filters.accept(truth, &volume.id, field)
    });
    let found = found.map(|volume| volume.id.clone()).collect();
    let (found, next) = Pages::WHOLE.cut(truth, query, found)?;
    let mut xml = Xml::default();
    xml.set("volumeSet", found.iter().filter_map(|id| truth.volumes.get(id)), |xml, volume| {
        write(xml, truth, volume);
        tags::write(xml, truth, &volume.id);
    });
    page::next(&mut xml, next);
    Ok(xml)
}

fn status(volume: &Volume) -> &'static str {
    if volume.instance.is_some() { "in-use" } else { "available" }
}

fn write(xml: &mut Xml, truth: &Truth, volume: &Volume) {
    let made = truth.date(volume.made);
    xml.text("volumeId", &volume.id).text("size", volume.size).text("snapshotId", "");
    xml.text("availabilityZone", &volume.zone).text("status", status(volume)).text("createTime", &made);
    xml.set("attachmentSet", &volume.instance, |xml, instance| {
        xml.text("volumeId", &volume.id).text("instanceId", instance).text("device", &volume.device);
        xml.text("status", "attached").text("attachTime", &made);
        xml.text("deleteOnTermination", volume.delete_on_termination);
    });
    xml.text("volumeType", &volume.kind).text("encrypted", volume.encrypted);
    xml.maybe("iops", volume.iops).maybe("throughput", volume.throughput).text("multiAttachEnabled", false);
}

fn find<'a>(truth: &'a Truth, id: &str) -> Result<&'a Volume, Failure> {
    truth.volumes.get(id).ok_or_else(|| {
        Failure::new(400, "InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
    })
}

pub(super) fn delete(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let id = query.required("VolumeId")?;
    if let Some(instance) = &find(truth, id)?.instance {
        let message = format!("Volume {id} is currently attached to {instance}");
        return Err(Failure::new(400, "VolumeInUse", message));
    }
    truth.volumes.shift_remove(id);
    truth.tags.remove(id);
    Ok(done())
}
