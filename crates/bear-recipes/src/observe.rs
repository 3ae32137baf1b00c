//! What is on a host, in one round trip that changes nothing.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::host::{self, Owner};
use crate::look::Answer;
use crate::recipe::{Recipe, digest};
use crate::transcript::Transcript;
use crate::{apt, docker, emqx, image, mosquitto, ports};

const CODE: &[&str] = &[
    host::CODE,
    apt::CODE,
    image::CODE,
    ports::CODE,
    docker::CODE,
    mosquitto::PACKAGE,
    emqx::API,
    include_str!("sh/observe.sh"),
];

/// What looks at a host.
pub fn observe() -> Recipe {
    recipe(WHOLE)
}

/// What looks at a host of which is recorded what it is: at its owner and its broker.
pub fn observe_broker() -> Recipe {
    recipe("no")
}

/// The same for a Mosquitto from a package, on a host where bear put no Docker: a look that a host hardly feels.
pub fn observe_package() -> Recipe {
    Recipe::look("observe", CODE).block("observe", "observe_package")
}

const WHOLE: &str = "yes";

fn recipe(observe_host: &str) -> Recipe {
    let recipe = Recipe::look("observe", CODE).block("observe", "observe");
    recipe.set("observe_host", observe_host).expect("neither word holds a NUL byte")
}

/// What was found on a host. What was not said is `None`, empty or false here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// The instance that the host is.
    pub owner: Option<Owner>,
    /// The distribution and its release, such as `ubuntu 22.04`.
    pub system: Option<String>,
    /// The processor, as Debian names it, such as `amd64` or `arm64`.
    pub architecture: Option<String>,
    /// What the host calls itself.
    pub hostname: Option<String>,
    /// The identity of this boot: another one means that the host was started anew.
    pub boot_id: Option<String>,
    /// The address that the host itself sends from.
    pub private_address: Option<Ipv4Addr>,
    /// What the host's clock said, in seconds since 1970.
    pub clock: Option<u64>,
    /// The size of the memory, in KiB.
    pub memory_kib: Option<u64>,
    /// What went wrong in the host's first boot, by its own words.
    pub first_boot: Option<String>,
    /// The host key that is to come, as `known_hosts` has it.
    pub next_host_key: Option<String>,
    /// The room on the disk, in KiB.
    pub disk_free_kib: Option<u64>,
    /// The version of Docker that answers. Without it, nothing is known of containers.
    pub docker: Option<String>,
    /// The version of the package that it came from.
    pub docker_package: Option<String>,
    /// Whether that package is held.
    pub docker_held: bool,
    /// The container of EMQX.
    pub emqx: Option<ContainerFacts>,
    /// The name of EMQX's node.
    pub emqx_node: Option<String>,
    /// The version that EMQX itself says it is.
    pub emqx_version: Option<String>,
    /// Whether EMQX refuses the password that everybody knows; `None` if it did not say.
    pub default_password_refused: Option<bool>,
    /// Whether EMQX lets in the password that bear set; `None` if it did not say.
    pub password_works: Option<bool>,
    /// The container of Mosquitto.
    pub mosquitto: Option<ContainerFacts>,
    /// The package of Mosquitto.
    pub mosquitto_package: Option<PackageFacts>,
    /// Files that bear wrote, secret or not, that are no longer as it left them, or gone.
    pub changed_files: Vec<String>,
    /// What came of knocking at ports.
    pub answers: BTreeMap<u16, Answer>,
    /// The newest lines of the broker's log, at most 20.
    pub last_lines: Vec<String>,
}

/// A container that bear made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    /// What Docker calls its status, such as `running`.
    pub status: String,
    /// How often Docker started it again by itself.
    pub restarts: u32,
    /// The reference of its image.
    pub image: String,
    /// The digest of its image, as Docker has it on the host.
    pub image_id: String,
    /// The name and the digest by which a registry knows the image; none if it came from a file.
    pub image_digest: Option<String>,
    /// The SHA-256 of the settings that it was made with.
    pub made_with: String,
    /// The SHA-256 of the settings that lie on the host now.
    pub configuration: Option<String>,
    /// The ports of the host that lead to it, in order.
    pub ports: Vec<u16>,
    /// When Docker starts it again, such as `unless-stopped`.
    pub restart_policy: String,
}

/// A package of a broker, and its service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageFacts {
    /// The version of the package.
    pub version: String,
    /// Whether the service runs.
    pub running: bool,
    /// Whether the service starts with the host.
    pub enabled: bool,
    /// Whether the package is held.
    pub held: bool,
    /// The SHA-256 of the settings of bear's that lie on the host now.
    pub configuration: Option<String>,
}

impl HostFacts {
    /// Reads what a script said, be it [`observe`], [`crate::look()`], a claim or an install.
    pub fn read(transcript: &Transcript) -> Self {
        let facts = Facts(transcript.facts());
        Self {
            owner: facts.owner(),
            system: facts.text("host.system"),
            architecture: facts.text("host.architecture"),
            hostname: facts.text("host.name"),
            boot_id: facts.text("host.boot_id"),
            private_address: facts.number("host.private_address"),
            clock: facts.number("host.clock"),
            memory_kib: facts.number("host.memory_kib"),
            first_boot: facts.text("host.first_boot"),
            next_host_key: facts.text("host.next_key"),
            disk_free_kib: facts.number("host.disk_free_kib"),
            docker: facts.text("docker.version"),
            docker_package: facts.text("docker.package"),
            docker_held: facts.has("docker.held"),
            emqx: facts.container("emqx"),
            emqx_node: facts.text("emqx.node"),
            emqx_version: facts.text("emqx.version"),
            default_password_refused: facts.text("emqx.default_password").map(|word| word == "refused"),
            password_works: facts.text("emqx.password").map(|word| word == "works"),
            mosquitto: facts.container("mosquitto"),
            mosquitto_package: facts.package("mosquitto"),
            changed_files: facts.changed_files(),
            answers: facts.answers(),
            last_lines: transcript.last_lines().map(str::to_owned).collect(),
        }
    }
}

/// The facts by name.
struct Facts<'t>(&'t BTreeMap<String, String>);

impl Facts<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name)?.parse().ok()
    }

    fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    fn words(&self, name: &str) -> Vec<String> {
        self.text(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    fn owner(&self) -> Option<Owner> {
        let word = |what: &str| self.text(&format!("host.owner.{what}"));
        Some(Owner {
            lineage: word("lineage")?,
            fleet: word("fleet").unwrap_or_default(),
            instance: word("instance").unwrap_or_default(),
            token: word("token").unwrap_or_default(),
        })
    }

    fn container(&self, broker: &str) -> Option<ContainerFacts> {
        let get = |what: &str| self.text(&format!("{broker}.{what}"));
        let ports = self.words(&format!("{broker}.ports"));
        let mut ports: Vec<u16> = ports.iter().filter_map(|port| port.parse().ok()).collect();
        ports.sort_unstable();
        Some(ContainerFacts {
            status: get("container")?,
            restarts: self.number(&format!("{broker}.restarts")).unwrap_or_default(),
            image: get("image").unwrap_or_default(),
            image_id: get("image_id").unwrap_or_default(),
            image_digest: get("image_digest"),
            made_with: get("made_with").unwrap_or_default(),
            configuration: get("configuration"),
            ports,
            restart_policy: get("restart_policy").unwrap_or_default(),
        })
    }

    fn package(&self, broker: &str) -> Option<PackageFacts> {
        Some(PackageFacts {
            version: self.text(&format!("{broker}.package"))?,
            running: self.has(&format!("{broker}.running")),
            enabled: self.has(&format!("{broker}.enabled")),
            held: self.has(&format!("{broker}.held")),
            configuration: self.configuration(broker),
        })
    }

    /// The digest of the settings, found out on the host or, where it told what they are, here.
    fn configuration(&self, broker: &str) -> Option<String> {
        let told = self.0.get(&format!("{broker}.text")).map(|text| digest(&text.replace('\t', "\n")));
        told.or_else(|| self.text(&format!("{broker}.configuration")))
    }

    fn changed_files(&self) -> Vec<String> {
        match self.0.get("mosquitto.seal") {
            Some(seal) if self.configuration("mosquitto").as_ref() == Some(seal) => Vec::new(),
            Some(_) => vec![mosquitto::SETTINGS.to_owned()],
            None => self.words("host.changed_files"),
        }
    }

    fn answers(&self) -> BTreeMap<u16, Answer> {
        let ports = self.0.iter().filter_map(|(name, word)| {
            Some((name.strip_prefix("port.")?.parse().ok()?, Answer::from_word(word)?))
        });
        ports.collect()
    }
}
