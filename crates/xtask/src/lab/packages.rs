//! A package source like Docker's own, signed, with packages of its names and versions. In them are Debian's programs,
//! each made to say the version of its package.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::command::{LONG, run};
use super::engine::docker;
use super::image::{SERVICES, inspect};
use super::state::{Inputs, State, ensure, make_empty_folder, make_folder};

/// The version that Debian's programs say they are.
const FOUND: &str = "20.10.24+dfsg1";
/// The versions of Docker: the one that fleets pin, and one to change to.
pub(super) const DOCKER: [&str; 2] = ["5:20.10.13~3-0~ubuntu-jammy", "5:20.10.14~3-0~ubuntu-jammy"];
/// The versions of containerd. The last one is for who takes the newest without looking.
pub(super) const CONTAINERD: [&str; 2] = ["1.6.28-1", "2.2.0-2~ubuntu.22.04~jammy"];
/// Both have the same packages.
const SUITES: [&str; 2] = ["jammy", "bookworm"];

/// What one kind of package is made of.
struct Kind {
    name: &'static str,
    /// Where a file is in Debian's packages, and where in this one.
    files: &'static [(&'static str, &'static str)],
    /// Its units, in the order in which they start.
    units: &'static [&'static str],
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "docker-ce",
        files: &[
            ("usr/sbin/dockerd", "usr/bin/dockerd"),
            ("usr/sbin/docker-proxy", "usr/bin/docker-proxy"),
            ("usr/bin/tini-static", "usr/bin/docker-init"),
        ],
        units: &["docker.service", "docker.socket"],
    },
    Kind { name: "docker-ce-cli", files: &[("usr/bin/docker", "usr/bin/docker")], units: &[] },
    Kind {
        name: "containerd.io",
        files: &[
            ("usr/bin/containerd", "usr/bin/containerd"),
            ("usr/bin/containerd-shim-runc-v2", "usr/bin/containerd-shim-runc-v2"),
            ("usr/bin/ctr", "usr/bin/ctr"),
            ("usr/sbin/runc", "usr/bin/runc"),
        ],
        units: &["containerd.service"],
    },
];

/// Makes the package source and returns its folder, which a web server gives out.
pub(super) fn make(state: &State) -> Result<PathBuf, String> {
    let folder = state.sources.join("docker-packages");
    let image = inspect(SERVICES, "{{.Id}}").ok_or("the image of the services is not there")?;
    let inputs = DOCKER
        .iter()
        .chain(&CONTAINERD)
        .chain(&SUITES)
        .fold(Inputs::default(), |inputs, text| inputs.text(text));
    let mark = inputs.text(&image).folder(&folder)?.mark();
    let repository = state.path(&format!("packages-{mark}"));
    ensure(
        "package source",
        || repository.exists(),
        || {
            let work = state.path("packages-work");
            make_empty_folder(&work)?;
            make_folder(&state.path("gnupg"))?;
            inside(state, &["sh", "-euc", "for deb in /parts/*.deb; do dpkg -x \"$deb\" /work/parts; done"])?;
            let architecture = inside(state, &["dpkg", "--print-architecture"])?;
            for kind in &KINDS {
                let versions: &[&str] = if kind.name == "containerd.io" { &CONTAINERD } else { &DOCKER };
                for version in versions {
                    kind.lay_out(&folder, &work, version, &architecture)?;
                }
            }
            inside(state, &[["/publish"].as_slice(), &SUITES].concat())?;
            fs::rename(work.join("repository"), &repository)
                .and_then(|()| fs::remove_dir_all(&work))
                .map_err(|error| format!("could not put `{}` into its place: {error}", repository.display()))
        },
    )?;
    Ok(repository)
}

/// The fingerprint of the key that signs the package source.
pub(super) fn fingerprint(repository: &Path) -> Result<String, String> {
    let path = repository.join("fingerprint");
    let text =
        fs::read_to_string(&path).map_err(|error| format!("could not read `{}`: {error}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// Runs a program among the tools of the services' image.
fn inside(state: &State, words: &[&str]) -> Result<String, String> {
    let mount = |path: PathBuf, place: &str| format!("{}:{place}", path.display());
    let mut command = docker(["run", "--rm", "--init", "--network", "none", "--env", "GNUPGHOME=/gnupg"]);
    command.arg("--volume").arg(mount(state.path("packages-work"), "/work"));
    command.arg("--volume").arg(mount(state.path("gnupg"), "/gnupg"));
    command.arg("--volume").arg(mount(state.sources.join("docker-packages/publish"), "/publish:ro"));
    run(command.arg(SERVICES).args(words), LONG)
}

impl Kind {
    /// Lays a package out as dpkg wants to find it.
    fn lay_out(&self, sources: &Path, work: &Path, version: &str, architecture: &str) -> Result<(), String> {
        let tree = work.join("trees").join(format!("{}_{version}", self.name));
        let mut bytes_in_all = 0;
        for (from, to) in self.files {
            let from = work.join("parts").join(from);
            let bytes =
                fs::read(&from).map_err(|error| format!("could not read `{}`: {error}", from.display()))?;
            let bytes = if matches!(*to, "usr/bin/dockerd" | "usr/bin/docker") {
                with_version(bytes, FOUND, server_version(version)).ok_or_else(|| {
                    format!("`{}` does not hold the version {FOUND} where Go keeps it", from.display())
                })?
            } else {
                bytes
            };
            place(&tree.join(to), &bytes, 0o755)?;
            bytes_in_all += bytes.len();
        }
        let control = |text: String| {
            text.replace("{version}", version)
                .replace("{architecture}", architecture)
                .replace("{units}", &self.units.join(" "))
                // In KiB, as Debian's policy wants it.
                .replace("{size}", &(bytes_in_all / 1024).to_string())
        };
        let copy = |from: &str, to: &str, mode: u32| {
            let from = sources.join(from);
            let text = fs::read_to_string(&from)
                .map_err(|error| format!("could not read `{}`: {error}", from.display()))?;
            place(&tree.join(to), control(text).as_bytes(), mode)
        };
        copy(&format!("{}.control", self.name), "DEBIAN/control", 0o644)?;
        if self.units.is_empty() {
            return Ok(());
        }
        for script in ["postinst", "prerm", "postrm"] {
            copy(script, &format!("DEBIAN/{script}"), 0o755)?;
        }
        self.units.iter().try_for_each(|unit| copy(unit, &format!("lib/systemd/system/{unit}"), 0o644))
    }
}

fn place(path: &Path, bytes: &[u8], mode: u32) -> Result<(), String> {
    make_folder(path.parent().unwrap_or(path))?;
    fs::write(path, bytes)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .map_err(|error| format!("could not write `{}`: {error}", path.display()))
}

/// What a program in a package of this version says: `5:20.10.13~3-0~ubuntu-jammy` is 20.10.13.
fn server_version(package: &str) -> &str {
    let version = package.split_once(':').map_or(package, |(_, version)| version);
    version.split('~').next().unwrap_or_default()
}

/// A Go program that says another version, which is no longer than its own. Go keeps the text in one place, and a
/// pointer to it with its length in another; in these programs a pointer is the place in the file. Nothing if the
/// program has none of this, or more than one.
fn with_version(mut program: Vec<u8>, found: &str, wanted: &str) -> Option<Vec<u8>> {
    if wanted.len() > found.len() {
        return None;
    }
    let number = |at: usize| {
        let bytes = program.get(at..at + 8)?.try_into().ok()?;
        usize::try_from(u64::from_le_bytes(bytes)).ok()
    };
    let text = |header: usize| {
        let text = number(header).filter(|_| number(header + 8) == Some(found.len()))?;
        (program.get(text..text.checked_add(found.len())?)? == found.as_bytes()).then_some((header, text))
    };
    let headers: Vec<_> = (0..program.len()).step_by(8).filter_map(text).collect();
    let [(header, text)] = *headers else { return None };
    program[text..text + wanted.len()].copy_from_slice(wanted.as_bytes());
    program[header + 8..header + 16].copy_from_slice(&(wanted.len() as u64).to_le_bytes());
    Some(program)
}

#[cfg(test)]
mod tests {
    use super::{server_version, with_version};

    /// A program whose text begins at 16 and is pointed to from 48, among things that only look like it.
    fn program() -> Vec<u8> {
        let mut program = vec![0; 16];
        program.extend(b"20.10.24+dfsg1 in a longer text.");
        program.extend(16_u64.to_le_bytes());
        program.extend(14_u64.to_le_bytes());
        program.extend(16_u64.to_le_bytes());
        program.extend(9_u64.to_le_bytes());
        program
    }

    #[test]
    fn a_program_says_the_version_of_its_package() {
        let changed =
            with_version(program(), "20.10.24+dfsg1", server_version("5:20.10.13~3-0~ubuntu-jammy"))
                .expect("the version is found");
        assert_eq!(&changed[16..24], b"20.10.13");
        assert_eq!(changed[56..64], 8_u64.to_le_bytes());
        assert_eq!(changed[72..80], 9_u64.to_le_bytes());
        assert_eq!(changed.len(), program().len());
    }

    #[test]
    fn a_program_that_is_not_understood_is_not_changed() {
        assert_eq!(with_version(program(), "20.10.25+dfsg1", "20.10.13"), None);
        assert_eq!(with_version(program(), "20.10.24+dfsg1", "20.10.13-and-longer"), None);
        let twice = [program(), 16_u64.to_le_bytes().into(), 14_u64.to_le_bytes().into()].concat();
        assert_eq!(with_version(twice, "20.10.24+dfsg1", "20.10.13"), None);
    }
}
