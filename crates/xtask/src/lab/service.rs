//! What the hosts find in their network: the registry, and the web server with the packages.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use super::command::{LONG, SHORT, run, wait_for};
use super::engine::{NETWORK, docker};
use super::image::{LABEL, SERVICES, inspect};
use super::state::{Inputs, State, ensure, make_folder};

/// The registry as the hosts see it. It is also their mirror, so that they pull by the names that the world uses.
pub(super) const REGISTRY: &str = "10.77.0.2:5000";
/// The registry as this machine sees it: an address that a client trusts without TLS.
const PUSH: &str = "127.0.0.1:5000";
/// The web server with the package source.
pub(super) const APT: &str = "10.77.0.3:80";

/// Starts the registry.
pub(super) fn start_registry(state: &State) -> Result<(), String> {
    let folder = state.path("registry");
    make_folder(&folder)?;
    let publish = format!("{PUSH}:5000");
    let words = ["docker-registry", "serve", "/etc/lab-registry.yml"];
    start("lab-registry", REGISTRY, (&folder, "/data"), &["--publish", &publish], &words)
}

/// Starts the web server with the package source.
pub(super) fn start_apt(folder: &Path) -> Result<(), String> {
    start("lab-apt", APT, (folder, "/srv"), &[], &["busybox", "httpd", "-f", "-p", "80", "-h", "/srv"])
}

/// Starts a container at an address, unless it runs with these very settings.
fn start(
    name: &str,
    address: &str,
    volume: (&Path, &str),
    options: &[&str],
    words: &[&str],
) -> Result<(), String> {
    let ip = address.split(':').next().unwrap_or_default();
    let volume = format!("{}:{}", volume.0.display(), volume.1);
    let image = inspect(SERVICES, "{{.Id}}").ok_or("the image of the services is not there")?;
    let inputs = options.iter().chain(words).fold(Inputs::default(), |inputs, text| inputs.text(text));
    let mark = inputs.text(&volume).text(&image).text(address).mark();
    let runs = || {
        let format = format!("{{{{.State.Running}}}} {{{{index .Config.Labels \"{LABEL}\"}}}}");
        let mut look = docker(["inspect", "--type", "container", "--format", &format, name]);
        run(&mut look, SHORT).is_ok_and(|found| found == format!("true {mark}"))
    };
    ensure(&format!("{name} at {address}"), runs, || {
        run(&mut docker(["rm", "-f", "-v", name]), SHORT).ok();
        let label = format!("{LABEL}={mark}");
        let mut command = docker(["run", "--detach", "--name", name, "--network", NETWORK, "--ip", ip]);
        command.args(["--label", &label, "--volume", &volume]).args(options);
        run(command.arg(SERVICES).args(words), SHORT)?;
        let address: SocketAddr = address.parse().map_err(|error| format!("`{address}`: {error}"))?;
        wait_for(&format!("an answer of {name}"), Duration::from_secs(30), || {
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok().map(drop)
        })
    })
}

/// Puts an image into the registry under its own name, where hosts find it.
pub(super) fn push(state: &State, reference: &str) -> Result<(), String> {
    let (name, tag) = reference.split_once(':').ok_or_else(|| format!("`{reference}` has no tag"))?;
    // Docker's own registry keeps what has no owner under this one.
    let name = if name.contains('/') { name.to_owned() } else { format!("library/{name}") };
    let remote = format!("{PUSH}/{name}");
    let link = state
        .path(&format!("registry/docker/registry/v2/repositories/{name}/_manifests/tags/{tag}/current/link"));
    let is_pushed = || {
        let digests = inspect(reference, "{{range .RepoDigests}}{{println .}}{{end}}").unwrap_or_default();
        let link = std::fs::read_to_string(&link).unwrap_or_default();
        !link.is_empty() && digests.lines().any(|digest| digest == format!("{remote}@{}", link.trim()))
    };
    ensure(&format!("{reference} in the registry"), is_pushed, || {
        let remote = format!("{remote}:{tag}");
        run(&mut docker(["tag", reference, &remote]), SHORT)?;
        run(&mut docker(["push", "-q", &remote]), LONG).map(drop)
    })
}

/// The services that run, with where they listen.
pub(super) fn list() -> Result<Vec<String>, String> {
    let names = run(&mut docker(["ps", "--format", "{{.Names}}", "--filter", "name=^lab-"]), SHORT)?;
    let services = [("lab-registry", REGISTRY), ("lab-apt", APT)];
    let runs = services.into_iter().filter(|(name, _)| names.lines().any(|line| line == *name));
    Ok(runs.map(|(name, address)| format!("{name} {address}")).collect())
}
