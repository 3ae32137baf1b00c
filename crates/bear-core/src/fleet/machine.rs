//! Reading the machine that EC2 is to make for each instance of a group.

use super::aws::wrong;
use super::fields::Fields;
use super::findings::Findings;
use super::model::Machine;
use super::tree::Slot;
use super::words::quoted;
use super::{image, text};
use crate::unit::ByteSize;

const GIB: u64 = 1 << 30;
/// The smallest disk that the images fit on, and the largest that is made, in GiB.
const DISK_GIB: std::ops::RangeInclusive<u64> = 8..=16 * 1024;

/// A machine to make.
pub(super) fn read(slot: &Slot<'_>, findings: &mut Findings) -> Option<Machine> {
    let mut fields = Fields::open(slot, "`machine`", findings)?;
    let kind = fields.required("type", findings, kind);
    let image = fields.required("image", findings, image::read);
    let disk = fields.optional("disk", findings, disk);
    let spare = fields.optional("spot", findings, text::truth).unwrap_or_default();
    let elastic_ip = fields.optional("elastic_ip", findings, text::truth).unwrap_or_default();
    let iam_profile = fields.optional("iam_profile", findings, iam_profile);
    fields.finish(findings);
    Some(Machine { kind: kind?, image: image?, disk, spot: spare, elastic_ip, iam_profile })
}

fn kind(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::word(slot, findings)?;
    if is_kind(&text) {
        return Some(text);
    }
    let lower = text.to_ascii_lowercase();
    let help =
        if is_kind(&lower) { format!("did you mean `{lower}`?") } else { String::from("such as `t3.small`") };
    wrong(slot, "instance type", &text, findings)
        .label("expected a family, a dot and a size, in lower case")
        .help(help);
    None
}

/// `t3.small`, `m7i-flex.large`, `u-6tb1.metal`. Which types there are, only EC2 knows.
fn is_kind(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.split_once('.').is_some_and(|(family, size)| is_part(family) && is_part(size))
}

fn disk(slot: &Slot<'_>, findings: &mut Findings) -> Option<ByteSize> {
    let size = text::size(slot, findings)?;
    let gib = size.as_bytes().div_ceil(GIB);
    let is_whole = size.as_bytes().is_multiple_of(GIB);
    let fits = DISK_GIB.contains(&gib);
    if fits && is_whole {
        return Some(size);
    }
    let finding = findings.error("bear::fleet::aws", slot.span(), "EC2 makes no disk of that size");
    if fits {
        finding.label("not in whole GiB").help(format!("write `{gib} GiB`"));
    } else {
        finding.label("a disk has between 8 GiB and 16 TiB").help("such as `20 GiB`");
    }
    None
}

fn iam_profile(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::word(slot, findings)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if text.len() <= 128 && text.chars().all(fits) {
        return Some(text);
    }
    let help = match text.rsplit_once('/') {
        Some((arn, name)) if arn.starts_with("arn:") && !name.is_empty() && name.chars().all(fits) => {
            format!("write its name alone, {}", quoted(name))
        }
        _ => String::from("such as `broker`; it is the profile's name, not the role's"),
    };
    wrong(slot, "name of an instance profile", &text, findings)
        .label("expected up to 128 letters, digits and `+=,.@_-`")
        .help(help);
    None
}
