//! One machine of EC2: a container that cloud-init makes a machine of its owner's, by what EC2 tells it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::query::{call, first, items, parse, text};
use super::watcher::Instance;
use crate::lab::command::{LONG, SHORT, run};
use crate::lab::engine::{EC2_NETWORK, docker};
use crate::lab::host::{DOCKER_FOLDERS, MACHINE};
use crate::lab::image::HOST_EC2;
use crate::lab::state::{make_folder, write};

/// The label of such a container, which is named like its instance.
pub(super) const LABEL: &str = "lab.ec2=yes";

/// Makes the machine of an instance and switches it on. It answers a moment later.
pub(super) fn boot(instance: &Instance) -> Result<(), String> {
    let files = tempfile::tempdir().map_err(|error| format!("could not make a folder: {error}"))?;
    let (seed, settings) = (files.path().join("nocloud"), files.path().join("90_machine.cfg"));
    lay_out(instance, &seed, &settings)?;
    let Instance { id, ip, .. } = instance;
    let host = format!("ip-{}", ip.replace('.', "-"));
    let mut create =
        docker(["create", "--name", id, "--hostname", &host, "--network", EC2_NETWORK, "--ip", ip]);
    create.args(MACHINE).arg("--label").arg(LABEL);
    create.args(DOCKER_FOLDERS.map(|folder| format!("--volume={folder}")));
    let copy =
        |from: &Path, to: &str| run(docker(["cp"]).arg(from).arg(format!("{id}:{to}")), SHORT).map(drop);
    let made = run(create.arg(HOST_EC2), SHORT)
        // As files, and not by the environment, which Docker would show to everybody.
        .and_then(|_| copy(&seed, "/var/lib/cloud/seed/"))
        .and_then(|()| copy(&settings, "/etc/cloud/cloud.cfg.d/"))
        .and_then(|()| run(&mut docker(["start", id]), SHORT));
    if made.is_err() {
        // It would keep the name.
        remove(id).ok();
    }
    made.map(drop)
}

/// Switches a machine on again, with the disk that it had.
pub(super) fn start(id: &str) -> Result<(), String> {
    run(&mut docker(["start", id]), SHORT).map(drop)
}

/// Has a machine shut itself down.
pub(super) fn stop(id: &str) -> Result<(), String> {
    run(&mut docker(["stop", "--time", "20", id]), SHORT).map(drop)
}

/// Removes a machine with all that it holds.
pub(super) fn remove(id: &str) -> Result<(), String> {
    run(&mut docker(["rm", "-f", "-v", id]), LONG).map(drop)
}

/// Writes down what EC2's metadata service would answer, and what is particular to the image.
fn lay_out(instance: &Instance, seed: &Path, settings: &Path) -> Result<(), String> {
    make_folder(seed)?;
    fs::set_permissions(seed, fs::Permissions::from_mode(0o700))
        .map_err(|error| format!("could not close `{}`: {error}", seed.display()))?;
    let keys: Vec<_> = instance.key.as_deref().map(public_key).transpose()?.into_iter().collect();
    let name = format!("ip-{}", instance.ip.replace('.', "-"));
    let metadata = json!({ "instance-id": instance.id, "local-hostname": name, "public-keys": keys });
    write(&seed.join("meta-data"), &metadata.to_string())?;
    let user_data = seed.join("user-data");
    fs::write(&user_data, self::user_data(&instance.id)?)
        .map_err(|error| format!("could not write `{}`: {error}", user_data.display()))?;
    let user = default_user(&image_name(&instance.image)?);
    write(
        settings,
        &json!({ "system_info": { "default_user": { "name": user, "gecos": user } } }).to_string(),
    )
}

/// The user whom an image lets its owner log in as.
fn default_user(image: &str) -> &'static str {
    if image.starts_with("debian-") { "admin" } else { "ubuntu" }
}

fn image_name(image: &str) -> Result<String, String> {
    let answer = call("DescribeImages", &[("ImageId.1", image)])?;
    let document = parse(&answer)?;
    let name = first(document.root(), "name").and_then(|name| name.text());
    name.map(str::to_owned).ok_or_else(|| format!("the image {image} has no name"))
}

fn public_key(name: &str) -> Result<String, String> {
    let answer = call("DescribeKeyPairs", &[("KeyName.1", name), ("IncludePublicKey", "true")])?;
    let document = parse(&answer)?;
    let key = items(&document, "keySet").find_map(|item| text(item, "publicKey"));
    key.map(|key| key.trim().to_owned()).ok_or_else(|| format!("the key pair {name} has no public key"))
}

fn user_data(id: &str) -> Result<Vec<u8>, String> {
    let answer = call("DescribeInstanceAttribute", &[("InstanceId", id), ("Attribute", "userData")])?;
    let document = parse(&answer)?;
    let value = first(document.root(), "userData").and_then(|data| text(data, "value")).unwrap_or_default();
    BASE64_STANDARD.decode(value).map_err(|error| format!("the user data of {id} can't be read: {error}"))
}
