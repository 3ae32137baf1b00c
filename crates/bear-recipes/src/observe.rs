//! What is on a host, in one round trip that changes nothing.

use std::collections::BTreeMap;

use crate::recipe::Recipe;
use crate::shell::NulByte;
use crate::transcript::Transcript;
use crate::{apt, emqx, host, image};

const CODE: &[&str] = &[host::CODE, apt::CODE, image::CODE, emqx::CODE, include_str!("sh/observe.sh")];

/// What looks at a host. `dashboard` is where EMQX's dashboard answers on the host itself, such as `127.0.0.1:18083`.
///
/// # Errors
///
/// The address holds a NUL byte.
pub fn observe(dashboard: &str) -> Result<Recipe, NulByte> {
    Ok(Recipe::new("observe", CODE).set("emqx_api", dashboard)?.block("observe", "observe"))
}

/// What was found on a host. What is absent there is `None` here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// The fleet that the host belongs to.
    pub owner: Option<String>,
    /// The distribution and its release, such as `ubuntu 22.04`.
    pub system: Option<String>,
    /// The processor, as Debian names it, such as `amd64` or `arm64`.
    pub architecture: Option<String>,
    /// What the host's clock said, in seconds since 1970.
    pub clock: Option<u64>,
    /// The size of the memory, in KiB.
    pub memory_kib: Option<u64>,
    /// The room on the disk, in KiB.
    pub disk_free_kib: Option<u64>,
    /// The version of Docker that answers.
    pub docker: Option<String>,
    /// The version of the package that it came from.
    pub docker_package: Option<String>,
    /// EMQX.
    pub emqx: Option<ContainerFacts>,
    /// Whether EMQX lets in the password that everybody knows; `None` if it did not say.
    pub default_password_refused: Option<bool>,
    /// Whether EMQX lets in the password that bear set.
    pub password_works: bool,
    /// Mosquitto in a container.
    pub mosquitto: Option<ContainerFacts>,
    /// The version of Mosquitto's package.
    pub mosquitto_package: Option<String>,
    /// Whether the package's service runs.
    pub mosquitto_running: bool,
    /// The SHA-256 of the settings of Mosquitto that lie on the host.
    pub mosquitto_configuration: Option<String>,
}

/// A container that bear made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    /// What Docker calls its status, such as `running`.
    pub status: String,
    /// The reference of its image.
    pub image: String,
    /// The digest of its image.
    pub image_id: String,
    /// The SHA-256 of the settings that it was made with.
    pub made_with: String,
    /// The SHA-256 of the settings that lie on the host now.
    pub configuration: Option<String>,
}

impl HostFacts {
    /// Reads the answers of [`observe`], or of any other script: facts that it does not say are absent.
    pub fn read(transcript: &Transcript) -> Self {
        let facts = transcript.facts();
        let text = |name: &str| facts.get(name).filter(|value| !value.is_empty()).cloned();
        let number = |name: &str| text(name)?.parse().ok();
        Self {
            owner: text("host.owner"),
            system: text("host.system"),
            architecture: text("host.architecture"),
            clock: number("host.clock"),
            memory_kib: number("host.memory_kib"),
            disk_free_kib: number("host.disk_free_kib"),
            docker: text("docker.version"),
            docker_package: text("docker.package"),
            emqx: container(facts, "emqx"),
            default_password_refused: text("emqx.default_password").map(|word| word == "refused"),
            password_works: text("emqx.password").is_some(),
            mosquitto: container(facts, "mosquitto"),
            mosquitto_package: text("mosquitto.version"),
            mosquitto_running: text("mosquitto.running").is_some(),
            mosquitto_configuration: text("mosquitto.configuration"),
        }
    }
}

fn container(facts: &BTreeMap<String, String>, name: &str) -> Option<ContainerFacts> {
    let get = |what: &str| facts.get(&format!("{name}.{what}")).cloned();
    Some(ContainerFacts {
        status: get("container")?,
        image: get("image").unwrap_or_default(),
        image_id: get("image_id").unwrap_or_default(),
        made_with: get("container_configuration").unwrap_or_default(),
        configuration: get("configuration"),
    })
}
