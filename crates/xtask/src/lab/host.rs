//! Machines of the lab, each a container: made, reached for the first time, and removed.

use std::fs;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use super::command::{LONG, SHORT, run, wait_for};
use super::engine::{NETWORK, docker};
use super::image::{HOST, HOST_DOCKER};
use super::state::State;

const USAGE: &str = "usage: cargo xtask lab host NAME [--image host|host-docker] [--ip 10.77.0.N] \
    [--key PUBLIC-KEY-FILE] [--disk-limit SIZE]";

/// What makes a container a machine. `--privileged` would ask for every capability, more than some machines have.
pub(super) const MACHINE: [&str; 12] = [
    "--cap-add=ALL",
    "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--device-cgroup-rule=a *:* rwm",
    "--cgroupns=private",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp:exec",
    // A `reboot` in it is one: systemd ends, and is started again.
    "--restart=unless-stopped",
    "--label=lab.host=yes",
];

/// Where a machine writes much. Docker's own folders can't lie on the container's file system.
pub(super) const DOCKER_FOLDERS: [&str; 2] = ["/var/lib/docker", "/var/lib/containerd"];
const APT_FOLDER: &str = "/var/cache/apt/archives";

/// How long a machine may take to let somebody in. Thirty at once take 22 s on two busy processors.
const BOOT: Duration = Duration::from_mins(2);

struct Wanted {
    name: String,
    image: &'static str,
    ip: Option<String>,
    key: PathBuf,
    disk_limit: Option<String>,
}

/// Makes a machine, waits until sshd answers, and prints what a test needs to know of it as one line of JSON.
pub(super) fn make(state: &State, arguments: &[String]) -> Result<(), String> {
    let wanted = parse(state, arguments)?;
    let name = wanted.name.as_str();
    let key = fs::read_to_string(&wanted.key)
        .map_err(|error| format!("could not read `{}`: {error}", wanted.key.display()))?;
    let mut command = docker(["run", "--detach", "--name", name, "--hostname", name, "--network", NETWORK]);
    command.args(MACHINE).arg("--env").arg(format!("AUTHORIZED_KEY={}", key.trim()));
    command.args(wanted.ip.iter().map(|ip| format!("--ip={ip}")));
    match &wanted.disk_limit {
        None => command.args(DOCKER_FOLDERS.map(|folder| format!("--volume={folder}"))),
        Some(size) => {
            let folders = DOCKER_FOLDERS.iter().chain([&APT_FOLDER]);
            command.args(folders.map(|folder| format!("--tmpfs={folder}:size={size},exec")))
        }
    };
    if let Err(error) = run(command.arg(wanted.image), SHORT) {
        // A container that could not start would keep the name.
        run(&mut docker(["rm", "-f", "-v", name]), SHORT).ok();
        return Err(error);
    }
    println!("{}", describe(name)?);
    Ok(())
}

/// Removes machines with what they hold.
pub(super) fn remove(names: &[String]) -> Result<(), String> {
    if names.is_empty() {
        return Err("usage: cargo xtask lab rm NAME …".to_owned());
    }
    run(docker(["rm", "-f", "-v"]).args(names), LONG).map(drop)
}

/// The names and addresses of the machines that run.
pub(super) fn list() -> Result<Vec<String>, String> {
    let ids = run(&mut docker(["ps", "-q", "--filter", "label=lab.host"]), SHORT)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let format = "{{.Name}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}} {{.Config.Image}}";
    let lines = run(docker(["inspect", "--format", format]).args(ids.lines()), SHORT)?;
    Ok(lines.lines().map(|line| line.trim_start_matches('/').to_owned()).collect())
}

fn describe(name: &str) -> Result<serde_json::Value, String> {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let ip = run(&mut docker(["inspect", "--format", format, name]), SHORT)?;
    let address: IpAddr = ip.parse().map_err(|error| format!("{name} has the address `{ip}`: {error}"))?;
    let ssh = SocketAddr::new(address, 22);
    wait_for(&format!("an answer of sshd on {name}"), BOOT, || banner(ssh))?;
    let public = "/etc/ssh/ssh_host_ed25519_key.pub";
    let key = run(&mut docker(["exec", name, "cat", public]), SHORT)?;
    let key = key.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let listed = run(&mut docker(["exec", name, "ssh-keygen", "-l", "-f", public]), SHORT)?;
    let fingerprint = listed.split(' ').nth(1).unwrap_or_default();
    Ok(serde_json::json!({ "name": name, "ip": ip, "host_key": key, "fingerprint": fingerprint }))
}

/// Whether an SSH server answers, not only a port.
fn banner(address: SocketAddr) -> Option<()> {
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes).ok()?;
    (&bytes == b"SSH-").then_some(())
}

fn parse(state: &State, arguments: &[String]) -> Result<Wanted, String> {
    let [name, options @ ..] = arguments else { return Err(USAGE.to_owned()) };
    let mut wanted =
        Wanted { name: name.clone(), image: HOST, ip: None, key: state.path("key.pub"), disk_limit: None };
    for option in options.chunks(2) {
        match option {
            [flag, value] if flag == "--image" && value == "host" => wanted.image = HOST,
            [flag, value] if flag == "--image" && value == "host-docker" => wanted.image = HOST_DOCKER,
            [flag, value] if flag == "--ip" => wanted.ip = Some(value.clone()),
            [flag, value] if flag == "--key" => wanted.key = value.into(),
            [flag, value] if flag == "--disk-limit" => wanted.disk_limit = Some(value.clone()),
            _ => return Err(USAGE.to_owned()),
        }
    }
    if name.starts_with('-') { Err(USAGE.to_owned()) } else { Ok(wanted) }
}
