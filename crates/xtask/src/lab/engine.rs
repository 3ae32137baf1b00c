//! The engine that the lab runs on: what this machine needs for it, a Docker daemon of its own, and the network.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::unistd::Pid;

use super::command::{self, LONG, SHORT, run, succeeds, wait_for};
use super::state::{RUNTIME, State, ensure, write};

/// Where the engine listens, as Docker's client wants it.
pub(super) const DOCKER_HOST: &str = "unix:///run/bear-lab/docker.sock";
const PID_FILE: &str = "/run/bear-lab/dockerd.pid";
const CONTAINERD_PID_FILE: &str = "/run/bear-lab/exec/containerd/containerd.pid";

/// The network of the hosts and services.
pub(super) const NETWORK: &str = "labnet";
/// The network of the machines of EC2, whose addresses it chooses itself. Its own machines begin with SUBNET.
pub(super) const EC2_NETWORK: &str = "labec2";
pub(super) const EC2_SUBNET: &str = "10.77.16.0/20";

/// The networks: name, bridge, addresses, the address of this machine, and those that Docker gives out by itself.
const NETWORKS: [[&str; 5]; 2] = [
    [NETWORK, "lab0", "10.77.0.0/24", "10.77.0.1", "10.77.0.128/25"],
    [EC2_NETWORK, "lab1", EC2_SUBNET, "10.77.31.254", "10.77.28.0/22"],
];
/// Docker keeps its networks apart. The machines of EC2 need the registry and the packages all the same.
const LET_THROUGH: [[&str; 6]; 2] =
    [["-i", "lab0", "-o", "lab1", "-j", "ACCEPT"], ["-i", "lab1", "-o", "lab0", "-j", "ACCEPT"]];
/// What must never leave this machine, whether the networks are there or not.
const ROUTE: &str = "10.77.0.0/16";

/// The programs that the lab needs on this machine, each with the package that has it.
const PROGRAMS: [(&str, &str); 8] = [
    ("dockerd", "docker.io"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("sshd", "openssh-server"),
    ("ssh", "openssh-client"),
    ("mmdebstrap", "mmdebstrap"),
    ("mosquitto_pub", "mosquitto-clients"),
    ("busybox", "busybox-static"),
];

/// A systemd takes about seven instances; with the usual 128, hosts beyond the seventeenth silently don't come up.
const INOTIFY_INSTANCES: u32 = 8192;
const INOTIFY_FILE: &str = "/proc/sys/fs/inotify/max_user_instances";

/// A command of Docker's client, for the lab's engine.
pub(super) fn docker<const N: usize>(words: [&str; N]) -> Command {
    let mut command = Command::new(client());
    // The engine of this age knows no other builder.
    command.args(words).env("DOCKER_HOST", DOCKER_HOST).env("DOCKER_BUILDKIT", "0");
    command
}

/// The client of the engine's own package where it is there: it is as old as the engine.
pub(super) fn client() -> &'static str {
    if Path::new("/usr/bin/docker").exists() { "/usr/bin/docker" } else { "docker" }
}

/// Installs what this machine lacks.
pub(super) fn install_programs() -> Result<(), String> {
    let missing =
        || PROGRAMS.iter().filter(|(program, _)| !is_installed(program)).map(|(_, package)| *package);
    ensure(
        "programs of this machine",
        || missing().next().is_none(),
        || {
            let apt = |words: &[&str]| {
                run(Command::new("apt-get").args(words).env("DEBIAN_FRONTEND", "noninteractive"), LONG)
            };
            apt(&["update", "-q"])?;
            let install = ["install", "-qy", "--no-install-recommends", "debian-archive-keyring"];
            apt(&install.into_iter().chain(missing()).collect::<Vec<_>>())?;
            Ok(())
        },
    )
}

fn is_installed(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

/// Lets the kernel carry many hosts, and keeps their addresses on this machine.
pub(super) fn prepare_kernel() -> Result<(), String> {
    let instances = |text: String| text.trim().parse::<u32>().unwrap_or(0);
    ensure(
        "many hosts in the kernel",
        || fs::read_to_string(INOTIFY_FILE).is_ok_and(|text| instances(text) >= INOTIFY_INSTANCES),
        || write(Path::new(INOTIFY_FILE), &INOTIFY_INSTANCES.to_string()),
    )?;
    ensure("route that keeps the lab in", route_is_there, || {
        let words = ["route", "add", "blackhole", ROUTE, "metric", "4000"];
        run(Command::new("ip").args(words), SHORT).map(drop)
    })
}

fn route_is_there() -> bool {
    run(Command::new("ip").args(["route", "show", "type", "blackhole", ROUTE]), SHORT)
        .is_ok_and(|routes| !routes.is_empty())
}

/// Starts the engine.
pub(super) fn start(state: &State) -> Result<(), String> {
    ensure("engine", answers, || {
        stop()?;
        // Where nobody waits for processes that ended, dockerd takes those in the files for some that run. Its
        // containerd has ended with it.
        for file in [PID_FILE, CONTAINERD_PID_FILE] {
            fs::remove_file(file).ok();
        }
        let log = state.path("dockerd.log");
        let mut engine = spawn(state, &log).map_err(|error| format!("could not start dockerd: {error}"))?;
        // After a crash it first ends, one by one, the containers that it finds.
        wait_for("the engine's first answer", Duration::from_mins(3), || {
            let ended = engine.try_wait().ok().flatten();
            ended.map(|status| Err(format!("it ended with {status}"))).or_else(|| answers().then_some(Ok(())))
        })
        .flatten()
        .map_err(|error| format!("{error}; see {}", log.display()))
    })
}

fn spawn(state: &State, log: &Path) -> io::Result<Child> {
    let output = File::create(log)?;
    Command::new("dockerd")
        .args(["--host", DOCKER_HOST, "--pidfile", PID_FILE, "--bridge", "none"])
        .arg("--data-root")
        .arg(state.path("engine"))
        .arg("--exec-root")
        .arg(Path::new(RUNTIME).join("exec"))
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output)
        // Out of reach of an interrupt at the terminal.
        .process_group(0)
        .spawn()
}

/// Whether the engine is up.
pub(super) fn answers() -> bool {
    Path::new(RUNTIME).join("docker.sock").exists()
        && succeeds(&mut docker(["info", "--format", "{{.ServerVersion}}"]))
}

/// The process of the engine, if it runs.
pub(super) fn process() -> Option<Pid> {
    command::process(Path::new(PID_FILE), PID_FILE)
}

/// Ends the engine, and with it every container.
pub(super) fn stop() -> Result<(), String> {
    command::end("dockerd", process)
}

/// Makes the networks, and the way between them.
pub(super) fn make_networks() -> Result<(), String> {
    for [name, bridge, subnet, gateway, by_itself] in NETWORKS {
        let look = || network(name).is_some();
        ensure(&format!("network {name}"), look, || {
            let option = format!("com.docker.network.bridge.name={bridge}");
            let mut command = docker(["network", "create", "-o", &option, "--subnet", subnet]);
            command.args(["--gateway", gateway, "--ip-range", by_itself, name]);
            run(&mut command, SHORT).map(drop)
        })?;
    }
    for rule in LET_THROUGH {
        ensure(
            &format!("way from {} to {}", rule[1], rule[3]),
            || comes_first(rule),
            || {
                // One that Docker has put its own before is as good as none.
                succeeds(&mut iptables("-D", rule));
                run(&mut iptables("-I", rule), SHORT).map(drop)
            },
        )?;
    }
    Ok(())
}

/// What Docker calls a network that is there. A network that was made anew is another.
pub(super) fn network(name: &str) -> Option<String> {
    run(&mut docker(["network", "inspect", "--format", "{{.Id}}", name]), SHORT).ok()
}

/// Whether a rule stands before those of Docker, which keep its networks from each other.
fn comes_first(rule: [&str; 6]) -> bool {
    let rules = run(Command::new("iptables").args(["-w", "10", "-S", "FORWARD"]), SHORT).unwrap_or_default();
    let before = rules.lines().take_while(|line| !line.contains("DOCKER"));
    let rule = rule.join(" ");
    before.into_iter().any(|line| line.ends_with(&rule))
}

/// A command about a rule for what is passed on.
fn iptables(change: &str, rule: [&str; 6]) -> Command {
    let mut command = Command::new("iptables");
    command.args(["-w", "10", change, "FORWARD"]).args(rule);
    command
}

/// Removes every container, volume and network, and lets go of the addresses.
pub(super) fn clear(state: &State) -> Result<(), String> {
    // An engine that did not end by `down` left its containers on the disk.
    let containers = state.path("engine/containers");
    let left = fs::read_dir(containers).is_ok_and(|mut entries| entries.next().is_some());
    if left {
        start(state)?;
    }
    if answers() {
        let containers = run(&mut docker(["ps", "-aq"]), SHORT)?;
        if !containers.is_empty() {
            run(docker(["rm", "-f", "-v"]).args(containers.lines()), LONG)?;
        }
        let volumes = run(&mut docker(["volume", "ls", "-q"]), SHORT)?;
        if !volumes.is_empty() {
            run(docker(["volume", "rm", "-f"]).args(volumes.lines()), LONG)?;
        }
        run(&mut docker(["network", "prune", "-f"]), SHORT)?;
        // What was built anew under the same name.
        run(&mut docker(["image", "prune", "-f"]), LONG)?;
    }
    stop()?;
    for rule in LET_THROUGH {
        if succeeds(&mut iptables("-C", rule)) {
            run(&mut iptables("-D", rule), SHORT)?;
        }
    }
    if route_is_there() {
        run(Command::new("ip").args(["route", "del", "blackhole", ROUTE, "metric", "4000"]), SHORT)?;
    }
    Ok(())
}
