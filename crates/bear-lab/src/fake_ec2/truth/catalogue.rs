//! What AWS and others offer: instance types and images.

use super::super::chance::Chance;

/// The owner of Ubuntu's images.
pub const CANONICAL: &str = "099720109477";
/// An account that offers images with names just like Canonical's.
pub const COPYCAT: &str = "666666666666";

/// An image as it is described.
#[derive(Clone, Debug)]
pub(in super::super) struct Image {
    /// Such as `ami-0123456789abcdef0`.
    pub(in super::super) id: String,
    /// Its name, which its owner chose.
    pub(in super::super) name: String,
    /// The account that offers it.
    pub(in super::super) owner: String,
    /// `x86_64` or `arm64`.
    pub(in super::super) architecture: String,
    /// Such as `2024-03-01T01:23:45.000Z`.
    pub(in super::super) created: String,
    /// The size of its root disk, in GiB.
    pub(in super::super) root_size: u32,
    /// Whether it is described only if asked for.
    pub(in super::super) deprecated: bool,
}

/// An image to add.
#[derive(Clone, Debug)]
pub struct NewImage {
    /// Its name.
    pub name: String,
    /// The account that offers it.
    pub owner: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Such as `2024-03-01T01:23:45.000Z`.
    pub created: String,
}

impl NewImage {
    /// Canonical's image of `release`, such as `jammy-22.04`, for `architecture`, such as `arm64` or `amd64`, of a day
    /// such as `20240301`.
    pub fn ubuntu(release: &str, architecture: &str, day: &str) -> Self {
        // Canonical changed the folder with the first release that is made for gp3.
        let folder = if release < "noble" { "hvm-ssd" } else { "hvm-ssd-gp3" };
        let (year, rest) = day.split_at(4);
        let (month, date) = rest.split_at(2);
        Self {
            name: format!("ubuntu/images/{folder}/ubuntu-{release}-{architecture}-server-{day}"),
            owner: CANONICAL.to_owned(),
            architecture: if architecture == "amd64" { "x86_64" } else { architecture }.to_owned(),
            created: format!("{year}-{month}-{date}T04:30:12.000Z"),
        }
    }

    pub(in super::super) fn with_id(self, id: String) -> Image {
        let Self { name, owner, architecture, created } = self;
        Image { id, name, owner, architecture, created, root_size: 8, deprecated: false }
    }
}

/// The images of a region, whose ids are its own.
pub(super) fn images(region: &str) -> Vec<Image> {
    let seed = region.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(131).wrapping_add(byte.into()));
    let mut chance = Chance::new(seed);
    let mut images = Vec::new();
    let mut add = |image: NewImage, deprecated| {
        images.push(Image { deprecated, ..image.with_id(chance.id("ami")) });
    };
    for release in ["focal-20.04", "jammy-22.04", "noble-24.04"] {
        for architecture in ["amd64", "arm64"] {
            let of_day = |day| NewImage::ubuntu(release, architecture, day);
            add(of_day("20220609"), true);
            for day in ["20240301", "20240927", "20250115"] {
                add(of_day(day), false);
            }
            // What a careless pattern or a forgotten owner finds as well, and newer than the right one.
            let newest = of_day("20250301");
            add(
                NewImage { name: newest.name.replace("images/", "images-testing/"), ..newest.clone() },
                false,
            );
            add(
                NewImage {
                    name: newest.name.replace("ubuntu/images", "ubuntu-minimal/images"),
                    ..newest.clone()
                },
                false,
            );
            add(NewImage { owner: COPYCAT.to_owned(), ..newest }, false);
        }
    }
    let debian = NewImage {
        name: "debian-12-amd64-20240717-1811".to_owned(),
        owner: "136693071363".to_owned(),
        architecture: "x86_64".to_owned(),
        created: "2024-07-17T18:11:00.000Z".to_owned(),
    };
    add(debian, false);
    images
}

/// A kind of machine.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct InstanceType {
    pub(in super::super) name: &'static str,
    pub(in super::super) architecture: &'static str,
    pub(in super::super) vcpus: u32,
    pub(in super::super) mebibytes: u32,
}

const fn kind(name: &'static str, architecture: &'static str, vcpus: u32, mebibytes: u32) -> InstanceType {
    InstanceType { name, architecture, vcpus, mebibytes }
}

const INTEL: &str = "x86_64";
const ARM: &str = "arm64";

/// Some of EC2's types, as its pages list them.
pub(in super::super) const TYPES: [InstanceType; 24] = [
    kind("t2.micro", INTEL, 1, 1024),
    kind("t3.nano", INTEL, 2, 512),
    kind("t3.micro", INTEL, 2, 1024),
    kind("t3.small", INTEL, 2, 2048),
    kind("t3.medium", INTEL, 2, 4096),
    kind("t3.large", INTEL, 2, 8192),
    kind("t3.xlarge", INTEL, 4, 16_384),
    kind("t3a.small", INTEL, 2, 2048),
    kind("t3a.medium", INTEL, 2, 4096),
    kind("t4g.nano", ARM, 2, 512),
    kind("t4g.micro", ARM, 2, 1024),
    kind("t4g.small", ARM, 2, 2048),
    kind("t4g.medium", ARM, 2, 4096),
    kind("t4g.large", ARM, 2, 8192),
    kind("m5.large", INTEL, 2, 8192),
    kind("m5.xlarge", INTEL, 4, 16_384),
    kind("m6i.large", INTEL, 2, 8192),
    kind("m7g.medium", ARM, 1, 4096),
    kind("m7g.large", ARM, 2, 8192),
    kind("c6i.large", INTEL, 2, 4096),
    kind("c6i.xlarge", INTEL, 4, 8192),
    kind("c7g.large", ARM, 2, 4096),
    kind("c7g.xlarge", ARM, 4, 8192),
    kind("r6i.large", INTEL, 2, 16_384),
];

pub(in super::super) fn instance_type(name: &str) -> Option<InstanceType> {
    TYPES.into_iter().find(|kind| kind.name == name)
}
