//! Images.

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::settings::ACCOUNT;
use super::super::truth::Truth;
use super::super::truth::catalogue::Image;
use super::super::xml::Xml;
use super::Answer;
use super::filter::{Filters, any, one};
use super::page::{self, Pages};
use super::tags;

const FILTERS: [&str; 12] = [
    "architecture",
    "block-device-mapping.volume-type",
    "creation-date",
    "image-id",
    "image-type",
    "is-public",
    "name",
    "owner-alias",
    "owner-id",
    "root-device-type",
    "state",
    "virtualization-type",
];

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let filters = Filters::read(query, &FILTERS)?;
    let (ids, owners) = (query.list("ImageId"), query.list("Owner"));
    let with_deprecated = query.flag("IncludeDeprecated")?.unwrap_or_default();
    query.flag("IncludeDisabled")?;
    query.list("ExecutableBy");
    for id in &ids {
        find(truth, id)?;
    }
    let owners =
        owners.into_iter().map(|owner| if owner == "self" { ACCOUNT } else { owner }).collect::<Vec<_>>();
    let found = truth.images.values().filter(|image| {
        let asked_for = ids.contains(&image.id.as_str());
        (ids.is_empty() || asked_for)
            && (owners.is_empty() || owners.contains(&image.owner.as_str()))
            && (!image.deprecated || with_deprecated || asked_for)
            && filters.accept(truth, &image.id, |name| field(image, name))
    });
    let found = found.map(|image| image.id.clone()).collect();
    let (found, next) = Pages::WHOLE.cut(truth, query, found)?;
    let mut xml = Xml::default();
    xml.set("imagesSet", found.iter().filter_map(|id| truth.images.get(id)), |xml, image| {
        write(xml, image);
        tags::write(xml, truth, &image.id);
    });
    page::next(&mut xml, next);
    Ok(xml)
}

pub(super) fn find<'a>(truth: &'a Truth, id: &str) -> Result<&'a Image, Failure> {
    if !id.starts_with("ami-") {
        let message = format!("Invalid id: \"{id}\" (expecting \"ami-...\")");
        return Err(Failure::new(400, "InvalidAMIID.Malformed", message));
    }
    truth.images.get(id).ok_or_else(|| {
        Failure::new(400, "InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"))
    })
}

fn field(image: &Image, name: &str) -> Vec<String> {
    match name {
        "architecture" => one(&image.architecture),
        "block-device-mapping.volume-type" => one(root_volume(image)),
        "creation-date" => one(&image.created),
        "image-id" => one(&image.id),
        "image-type" => one("machine"),
        "is-public" => one(image.owner != ACCOUNT),
        "name" => one(&image.name),
        "owner-alias" => any(None::<&str>),
        "owner-id" => one(&image.owner),
        "root-device-type" => one("ebs"),
        "state" => one("available"),
        _ => one("hvm"),
    }
}

fn root_volume(image: &Image) -> &'static str {
    if image.name.contains("gp3") { "gp3" } else { "gp2" }
}

fn write(xml: &mut Xml, image: &Image) {
    let snapshot = image.id.replace("ami-", "snap-");
    xml.text("imageId", &image.id).text("imageLocation", format!("{}/{}", image.owner, image.name));
    xml.text("imageState", "available")
        .text("imageOwnerId", &image.owner)
        .text("creationDate", &image.created);
    xml.text("isPublic", image.owner != ACCOUNT).text("architecture", &image.architecture);
    xml.text("imageType", "machine").text("name", &image.name).text("description", &image.name);
    xml.text("rootDeviceType", "ebs").text("rootDeviceName", "/dev/sda1");
    xml.set("blockDeviceMapping", ["/dev/sda1"], |xml, device| {
        xml.text("deviceName", device).within("ebs", |xml| {
            xml.text("snapshotId", &snapshot).text("volumeSize", image.root_size);
            xml.text("deleteOnTermination", true)
                .text("volumeType", root_volume(image))
                .text("encrypted", false);
        });
    });
    xml.text("virtualizationType", "hvm").text("hypervisor", "xen").text("enaSupport", true);
    xml.text("platformDetails", "Linux/UNIX").text("usageOperation", "RunInstances");
    xml.maybe("deprecationTime", image.deprecated.then_some("2024-06-09T00:00:00.000Z"));
}
