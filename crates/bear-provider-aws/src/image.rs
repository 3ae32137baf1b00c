//! Which image a machine gets, and what must be known of it to launch from it.

use std::collections::HashMap;

use aws_sdk_ec2::types::{ArchitectureType, Image as SdkImage, InstanceType, ProcessorInfo};
use bear_core::event::StepError;
use bear_core::fleet::model::Machine;
use tokio::sync::Mutex;

use crate::call::Api;
use crate::seen::filter;

/// The account of Canonical, who makes Ubuntu: <https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/>.
const CANONICAL: &str = "099720109477";
/// The account of Debian's cloud team: <https://wiki.debian.org/Cloud/AmazonEC2Image>.
const DEBIAN: &str = "136693071363";

/// Releases, with who makes their images and how those are named; `ARCH` is `amd64` or `arm64`. A pattern that is less
/// exact would find daily builds, minimal images and backports as well.
const RELEASES: [(&str, &str, &str); 5] = [
    ("ubuntu-24.04", CANONICAL, "ubuntu/images/hvm-ssd*/ubuntu-noble-24.04-ARCH-server-*"),
    ("ubuntu-22.04", CANONICAL, "ubuntu/images/hvm-ssd*/ubuntu-jammy-22.04-ARCH-server-*"),
    ("ubuntu-20.04", CANONICAL, "ubuntu/images/hvm-ssd*/ubuntu-focal-20.04-ARCH-server-*"),
    ("debian-12", DEBIAN, "debian-12-ARCH-*"),
    ("debian-11", DEBIAN, "debian-11-ARCH-*"),
];

/// An image to launch from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) id: String,
    /// The name of its root disk, such as `/dev/sda1`.
    pub(crate) root: String,
}

/// Images by name and architecture, and architectures by type, each looked up once.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    images: Mutex<HashMap<(String, String), Image>>,
    architectures: Mutex<HashMap<String, String>>,
}

impl Catalogue {
    /// The image for a machine: the newest of its release for the region and for the architecture of its type, or the
    /// very one that is named.
    pub(crate) async fn image(&self, api: &Api, region: &str, machine: &Machine) -> Result<Image, StepError> {
        let architecture = self.architecture(api, region, &machine.kind).await?;
        let key = (machine.image.clone(), architecture.clone());
        let mut images = self.images.lock().await;
        if let Some(image) = images.get(&key) {
            return Ok(image.clone());
        }
        let image = if machine.image.starts_with("ami-") {
            exact(api, region, &machine.image).await?
        } else {
            newest(api, region, &machine.image, &architecture).await?
        };
        images.insert(key, image.clone());
        Ok(image)
    }

    async fn architecture(&self, api: &Api, region: &str, kind: &str) -> Result<String, StepError> {
        let mut known = self.architectures.lock().await;
        if let Some(architecture) = known.get(kind) {
            return Ok(architecture.clone());
        }
        let answer = api
            .call("DescribeInstanceTypes", |ec2| {
                ec2.describe_instance_types().instance_types(InstanceType::from(kind)).send()
            })
            .await
            .map_err(|failure| failure.explain(&format!("looking up the type {kind}"), region))?;
        let info = answer.instance_types().first().and_then(|kind| kind.processor_info());
        // The oldest types know i386 beside x86_64; none of our images does.
        let supported = info.map(ProcessorInfo::supported_architectures).unwrap_or_default();
        let architecture =
            supported.iter().map(ArchitectureType::as_str).find(|it| ["x86_64", "arm64"].contains(it));
        let Some(architecture) = architecture else {
            let said =
                format!("{region} tells of no architecture of the type {kind} that there are images for");
            return Err(StepError::permanent("bear::aws::unknown_type", said));
        };
        known.insert(kind.to_owned(), architecture.to_owned());
        Ok(architecture.to_owned())
    }
}

async fn exact(api: &Api, region: &str, id: &str) -> Result<Image, StepError> {
    let answer = api.call("DescribeImages", |ec2| ec2.describe_images().image_ids(id).send()).await;
    let answer = answer.map_err(|failure| failure.explain(&format!("looking up the image {id}"), region))?;
    answer.images().first().and_then(read).map(|(_, image)| image).ok_or_else(|| unknown(region, id))
}

async fn newest(api: &Api, region: &str, release: &str, architecture: &str) -> Result<Image, StepError> {
    let Some((_, owner, pattern)) = RELEASES.iter().find(|(name, ..)| *name == release) else {
        return Err(unknown(region, release));
    };
    let debian_name = if architecture == "x86_64" { "amd64" } else { architecture };
    let filters = vec![
        filter("name", [pattern.replace("ARCH", debian_name)]),
        filter("architecture", [architecture]),
        filter("state", ["available"]),
        filter("root-device-type", ["ebs"]),
        filter("virtualization-type", ["hvm"]),
    ];
    let answer = api
        .call("DescribeImages", |ec2| {
            ec2.describe_images().owners(*owner).set_filters(Some(filters.clone())).send()
        })
        .await
        .map_err(|failure| failure.explain(&format!("looking up the newest image of {release}"), region))?;
    // Dates are written so that they sort as texts.
    let newest = answer.images().iter().filter_map(read).max_by(|one, other| one.0.cmp(&other.0));
    newest.map(|(_, image)| image).ok_or_else(|| unknown(region, release))
}

/// When an image was made, and the image.
fn read(image: &SdkImage) -> Option<((String, String), Image)> {
    let id = image.image_id()?.to_owned();
    let made = image.creation_date().unwrap_or_default().to_owned();
    Some(((made, id.clone()), Image { id, root: image.root_device_name()?.to_owned() }))
}

fn unknown(region: &str, image: &str) -> StepError {
    let known = RELEASES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    StepError::permanent("bear::aws::unknown_image", format!("{region} has no image {image}")).with_help(
        format!("known are {known}, or the id of an image of that region, such as ami-0123456789abcdef0"),
    )
}
