//! The operating systems that a machine can have: releases by name, or exact images.

use super::aws;
use super::findings::Findings;
use super::text;
use super::tree::Slot;
use super::words::{quoted, suggestion};

/// The releases whose newest image a machine can have.
pub const RELEASES: [&str; 5] = ["ubuntu-24.04", "ubuntu-22.04", "ubuntu-20.04", "debian-12", "debian-11"];

/// A release that bear knows, or an exact image.
pub(super) fn read(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::word(slot, findings)?;
    if RELEASES.contains(&&*text) || is_exact(&text) {
        return Some(text);
    }
    let (label, help) = if text.starts_with("ami-") {
        ("expected `ami-` and 8 or 17 hexadecimal digits", String::from("such as `ami-0123456789abcdef0`"))
    } else {
        (
            "not a release that bear can find images of",
            format!(
                "{}\nany other is written as its id, `ami-…`, with its `user` below `aws:`",
                suggestion(&text, &RELEASES)
            ),
        )
    };
    findings
        .error("bear::fleet::aws", slot.span(), format!("{} is no image", quoted(&text)))
        .label(label)
        .help(help);
    None
}

/// Whether it is one image for good, and not the newest of a release.
pub(super) fn is_exact(image: &str) -> bool {
    aws::is_id(image, "ami")
}

/// The user that the images of a release let in: those of Canonical, and those of Debian
/// (<https://wiki.debian.org/Cloud/AmazonEC2Image>). None for an exact image, of which nobody knows.
pub(super) fn user(image: &str) -> Option<&'static str> {
    let release = RELEASES.iter().find(|release| **release == image)?;
    Some(if release.starts_with("ubuntu") { "ubuntu" } else { "admin" })
}
