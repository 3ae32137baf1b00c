//! The images of the lab: the system that all others stand on, the hosts, the services, and the brokers.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::command::{LONG, SHORT, run};
use super::engine::{NETWORK, docker};
use super::state::{Inputs, State, ensure};

/// The label of what was made, with the mark of what it was made from.
pub(super) const LABEL: &str = "lab.inputs";

/// Debian as a cloud gives it, and what the tools need that bear is measured against.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,iptables,iputils-ping,netbase,procps,\
    ca-certificates,curl,gpg,python3,python3-apt,libfaketime";
const SOURCES: [&str; 3] = [
    "deb http://deb.debian.org/debian bookworm main",
    "deb http://deb.debian.org/debian bookworm-updates main",
    "deb http://deb.debian.org/debian-security bookworm-security main",
];
/// No documents, no translations, no waiting for the disk, in the hosts neither: a package is there sooner.
const OPTIONS: [&str; 6] = [
    "--variant=minbase",
    "--aptopt=Acquire::Languages none",
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
];

const BASE: &str = "bear-lab/base";
/// A machine without Docker.
pub(super) const HOST: &str = "bear-lab/host";
/// A machine with Docker.
pub(super) const HOST_DOCKER: &str = "bear-lab/host-docker";
/// A machine of EC2.
pub(super) const HOST_EC2: &str = "bear-lab/host-ec2";
/// What serves the lab.
pub(super) const SERVICES: &str = "bear-lab/services";

/// Makes the system that all others stand on. It is kept as an archive too, should the engine lose its images.
pub(super) fn make_base(state: &State) -> Result<(), String> {
    let inputs = OPTIONS.iter().chain(&SOURCES).fold(Inputs::default(), |inputs, text| inputs.text(text));
    let mark = inputs.text(PACKAGES).mark();
    let archive = state.path(&format!("system-{mark}.tar"));
    ensure(
        "system of the hosts",
        || archive.exists(),
        || {
            // A name of its own: what an interrupted run left may still be written to. By its end mmdebstrap knows
            // what to make.
            let part = state.path(&format!("system-part-{}.tar", std::process::id()));
            let mut command = Command::new("mmdebstrap");
            command
                .args(OPTIONS)
                .arg(format!("--include={PACKAGES}"))
                .arg("bookworm")
                .arg(&part)
                .args(SOURCES);
            run(&mut command, LONG)?;
            fs::rename(&part, &archive)
                .map_err(|error| format!("could not rename `{}`: {error}", part.display()))
        },
    )?;
    ensure(
        &format!("image {BASE}"),
        || is_made_of(BASE, &mark),
        || {
            let label = format!("LABEL {LABEL}={mark}");
            run(docker(["import", "--change", &label]).arg(&archive).arg(BASE), LONG).map(drop)
        },
    )
}

/// Makes the machines.
pub(super) fn make_hosts(state: &State) -> Result<(), String> {
    make_upon(state, BASE, HOST, &[])?;
    make_upon(state, HOST, HOST_DOCKER, &[])?;
    make_upon(state, HOST, HOST_EC2, &[])
}

/// Makes what serves the lab.
pub(super) fn make_services(state: &State) -> Result<(), String> {
    make_upon(state, BASE, SERVICES, &[])
}

/// Makes an image like Eclipse's of Mosquitto, which says that it is this version.
pub(super) fn make_mosquitto(state: &State, reference: &str, version: &str) -> Result<(), String> {
    make_upon(state, BASE, reference, &[("VERSION", version)])
}

/// Makes an image upon another, of the folder of `tests/lab` that its name ends with.
fn make_upon(state: &State, upon: &str, reference: &str, arguments: &[(&str, &str)]) -> Result<(), String> {
    let name = reference.split(':').next().unwrap_or_default();
    let folder = state.sources.join(name.rsplit('/').next().unwrap_or_default());
    let upon = inspect(upon, "{{.Id}}").ok_or_else(|| format!("there is no image {upon}"))?;
    let mark = Inputs::default().text(&upon).folder(&folder)?.mark();
    build(reference, &folder, arguments, &mark)
}

/// Builds a folder, unless the image was built with these arguments of something with this mark.
pub(super) fn build(
    reference: &str,
    folder: &Path,
    arguments: &[(&str, &str)],
    mark: &str,
) -> Result<(), String> {
    ensure(
        &format!("image {reference}"),
        || is_made_of(reference, mark),
        || {
            let mut command = docker(["build", "-q", "--network", NETWORK, "--tag", reference]);
            command.arg("--label").arg(format!("{LABEL}={mark}"));
            for (name, value) in arguments {
                command.arg("--build-arg").arg(format!("{name}={value}"));
            }
            run(command.arg(folder), LONG).map(drop)
        },
    )
}

/// Whether there is an image of this name that was made of something with this mark.
pub(super) fn is_made_of(reference: &str, mark: &str) -> bool {
    let format = format!("{{{{index .Config.Labels \"{LABEL}\"}}}}");
    inspect(reference, &format).is_some_and(|found| found == mark)
}

/// What Docker knows of an image, if there is one of that name.
pub(super) fn inspect(reference: &str, format: &str) -> Option<String> {
    run(&mut docker(["image", "inspect", "--format", format, reference]), SHORT).ok()
}
