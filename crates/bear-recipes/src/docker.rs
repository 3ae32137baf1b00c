//! Docker: from its own package source, from the distribution, or as it is on the host.
//!
//! Facts about packages, sources and their failures: Docker's manual for Ubuntu, and what its repository holds.

use bear_core::fleet::model;

use crate::recipe::Recipe;
use crate::refusal::{Refusal, one_word};
use crate::{apt, host, image, ports};

pub(crate) const CODE: &str = include_str!("sh/docker.sh");
const ALL: &[&str] = &[host::CODE, apt::CODE, image::CODE, ports::CODE, CODE];

/// What the blocks make true, all of them: each of these is part of what to install, or of where it comes from.
const CONCERNS: &[&str] = &[
    "docker_version",
    "docker_server_version",
    "docker_packages",
    "docker_runtime",
    "docker_rivals",
    "docker_repository",
    "docker_suite",
    "docker_key_url",
    "docker_fingerprint",
    "docker_containerd",
    "docker_containerd_line",
];

/// The fingerprint of the key that signs Docker's own package source.
pub const FINGERPRINT: &str = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88";

/// Docker as a fleet wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Docker {
    /// Whatever Docker the host has.
    Present,
    /// The distribution's `docker.io` of exactly this version.
    Distribution(String),
    /// `docker-ce` of exactly this version, such as `5:20.10.13~3-0~ubuntu-jammy`, from Docker or a mirror of it.
    Official(String, Repository),
}

/// A package source with Docker's packages. What is left out is Docker's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its address; `https://download.docker.com/linux/…` if left out.
    pub url: Option<String>,
    /// Its suite; the code name of the host's release if left out.
    pub suite: Option<String>,
    /// The address of its signing key in ASCII armour; `gpg` below the source's address if left out.
    pub key_url: Option<String>,
    /// The fingerprint of that key, in 40 hexadecimal digits.
    pub fingerprint: String,
    /// The exact version of `containerd.io`; the newest that fits the Docker if left out.
    pub containerd: Option<String>,
}

impl Default for Repository {
    fn default() -> Self {
        Self { url: None, suite: None, key_url: None, fingerprint: FINGERPRINT.to_owned(), containerd: None }
    }
}

impl Docker {
    /// Docker as a fleet file asks for it. A version that begins with `5:` is of Docker's own packages.
    ///
    /// # Errors
    ///
    /// Settings of Docker's own packages beside a version of the distribution's.
    pub fn from_fleet(docker: Option<&model::Docker>) -> Result<Self, Refusal> {
        let Some(model::Docker { version, containerd, repository }) = docker else {
            return Ok(Self::Present);
        };
        let version = version.0.clone();
        if !version.starts_with("5:") {
            let extra = containerd.is_some() || repository.is_some();
            let why =
                "is of the distribution's package, which has neither `containerd` nor `repository` beside it";
            return if extra {
                Err(Refusal::Text { what: "the version of Docker", text: version, why })
            } else {
                Ok(Self::Distribution(version))
            };
        }
        let default = Repository { containerd: containerd.clone().map(|pin| pin.0), ..Repository::default() };
        let repository = repository.clone().map_or_else(
            || default.clone(),
            |site| Repository {
                url: Some(site.url),
                suite: site.suite,
                key_url: site.key_url,
                fingerprint: site.fingerprint.unwrap_or(default.fingerprint.clone()),
                ..default.clone()
            },
        );
        Ok(Self::Official(version, repository))
    }

    /// What puts it on a host. It ends only when `docker info` answers with the pinned version.
    ///
    /// # Errors
    ///
    /// A setting that holds white space or a control character.
    pub fn install(&self) -> Result<Recipe, Refusal> {
        let recipe = self.describe()?;
        let blocks: &[(&str, &str)] = match self {
            Self::Present => &[],
            Self::Distribution(_) => {
                &[("docker.rivals", "docker_rivals"), ("docker.packages", "docker_packages")]
            }
            Self::Official(..) => &[
                ("docker.tools", "docker_tools"),
                ("docker.rivals", "docker_rivals"),
                ("docker.source", "docker_source"),
                ("docker.packages", "docker_packages"),
            ],
        };
        let running = ("docker.running", "docker_running");
        let blocks = blocks.iter().chain([&running]);
        Ok(blocks.fold(recipe, |recipe, &(name, function)| recipe.block_of(CONCERNS, name, function)))
    }

    fn describe(&self) -> Result<Recipe, Refusal> {
        let default = Repository::default();
        let (version, repository, packages, runtime, rivals) = match self {
            Self::Present => ("", &default, "", "", ""),
            Self::Distribution(version) => {
                (version.as_str(), &default, "docker.io", "containerd", "docker-ce podman-docker")
            }
            Self::Official(version, repository) => (
                version.as_str(),
                repository,
                "docker-ce docker-ce-cli",
                "containerd.io",
                "docker.io podman-docker",
            ),
        };
        let server = server_version(version);
        let line = if major(server) < 28 { r"1\." } else { "" };
        let setting = |what, text: &'_ Option<String>| {
            one_word(what, text.as_deref().unwrap_or_default()).map(str::to_owned)
        };
        Ok(Recipe::new("docker", ALL)
            .set("docker_version", one_word("the version of Docker", version)?)?
            .set("docker_server_version", server)?
            .set("docker_packages", packages)?
            .set("docker_runtime", runtime)?
            .set("docker_rivals", rivals)?
            .set("docker_repository", &setting("the repository", &repository.url)?)?
            .set("docker_suite", &setting("the suite", &repository.suite)?)?
            .set("docker_key_url", &setting("the address of the key", &repository.key_url)?)?
            .set("docker_fingerprint", &fingerprint(&repository.fingerprint)?)?
            .set("docker_containerd", &setting("the version of containerd", &repository.containerd)?)?
            .set("docker_containerd_line", line)?)
    }
}

/// A fingerprint as gpg prints it: people write it in groups and in small letters too.
fn fingerprint(text: &str) -> Result<String, Refusal> {
    let plain: String = text.chars().filter(|c| *c != ' ').collect::<String>().to_ascii_uppercase();
    if plain.len() == 40 && plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(plain);
    }
    let why = "is not made of 40 hexadecimal digits";
    Err(Refusal::Text { what: "the fingerprint", text: text.to_owned(), why })
}

/// What `docker info` says of a package of this version: `5:20.10.13~3-0~ubuntu-jammy` is Docker 20.10.13.
fn server_version(package: &str) -> &str {
    let without_epoch = package.split_once(':').map_or(package, |(_, rest)| rest);
    without_epoch.split(['~', '-', '+']).next().unwrap_or_default()
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{major, server_version};

    #[test]
    fn the_server_version_is_read_from_the_packages() {
        for (package, server, number) in [
            ("5:20.10.13~3-0~ubuntu-jammy", "20.10.13", 20),
            ("5:28.5.2-1~ubuntu.22.04~jammy", "28.5.2", 28),
            ("20.10.24+dfsg1-1+deb12u1+b6", "20.10.24", 20),
            ("", "", 0),
        ] {
            assert_eq!((server_version(package), major(server)), (server, number));
        }
    }
}
