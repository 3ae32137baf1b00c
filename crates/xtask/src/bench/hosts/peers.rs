//! The other contestants: parallel `ssh`, Terraform, pyinfra and Ansible, each in the fastest way that was found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::contest::Contestant;
use super::machines::{Machine, Machines, said};

/// The versions to compare with, as pip wants them.
const PACKAGES: [&str; 2] = ["ansible-core==2.19.14", "pyinfra==3.10.0"];

const SETTINGS: &str = "set_tcp_nodelay true\nallow_anonymous true\nlistener PORT\nprotocol mqtt\n";

/// All of them. What they need beforehand is done: Terraform is initialised, and the connections of the first are made.
pub(super) fn all(machines: &Machines, folder: &Path) -> Result<(Vec<Contestant>, Connections), String> {
    let programs = install()?;
    let warm =
        ssh("parallel `ssh`, connected beforehand", &["-S", "warm-%h"], machines, &folder.join("warm"))?;
    let connections = Connections::make(machines, &warm.folder)?;
    let contestants = vec![
        warm,
        ssh("parallel `ssh`", &["-S", "none"], machines, &folder.join("cold"))?,
        terraform(machines, &folder.join("terraform"))?,
        pyinfra(machines, &programs, &folder.join("pyinfra"))?,
        ansible(machines, &programs, &folder.join("ansible"))?,
    ];
    Ok((contestants, connections))
}

/// Connections that are there before anybody needs them. They end with the value.
pub(super) struct Connections(Vec<Child>);

impl Connections {
    fn make(machines: &Machines, folder: &Path) -> Result<Self, String> {
        let mut connections = Self(Vec::new());
        for machine in &machines.list {
            let mut ssh = Command::new("ssh");
            ssh.args(["-F", "ssh_config", "-M", "-N", "-S", "warm-%h", &machine.address]).current_dir(folder);
            let process = ssh.stdin(Stdio::null()).spawn();
            connections.0.push(process.map_err(|error| format!("could not start ssh: {error}"))?);
        }
        let socket = |machine: &Machine| folder.join(format!("warm-{}", machine.address));
        let connected = || machines.list.iter().all(|machine| socket(machine).exists());
        if (0..200).any(|_| connected() || (sleep(Duration::from_millis(100)), false).1) {
            return Ok(connections);
        }
        Err("ssh does not connect to every host".to_owned())
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        for process in &mut self.0 {
            // One that has ended needs no ending.
            let _ = process.kill().and_then(|()| process.wait());
        }
    }
}

fn ssh(
    name: &'static str,
    options: &[&str],
    machines: &Machines,
    folder: &Path,
) -> Result<Contestant, String> {
    let configuration = format!(
        "User ubuntu\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile known_hosts\n",
        machines.identity()
    );
    let files = [
        ("ssh_config", configuration.as_str()),
        ("known_hosts", &machines.known_hosts()),
        ("hosts", &addresses(machines, "\n")),
        ("work.sh", include_str!("peers/work.sh")),
        ("everywhere.sh", include_str!("peers/everywhere.sh")),
    ];
    let command = [&["sh", "everywhere.sh", "PORT"], options].concat();
    contestant(name, folder, &files, &command, Vec::new())
}

fn terraform(machines: &Machines, folder: &Path) -> Result<Contestant, String> {
    let hosts =
        machines.list.iter().map(|machine| (machine.address.clone(), machine.host_key.clone().into()));
    let hosts = serde_json::Value::Object(hosts.collect());
    let variables = serde_json::json!({ "port": "PORT", "identity": machines.identity(), "hosts": hosts });
    let files = [("main.tf", include_str!("peers/main.tf")), ("work.sh", include_str!("peers/work.sh"))];
    let parallelism = format!("-parallelism={}", machines.list.len());
    let command = ["terraform", "apply", "-auto-approve", "-input=false", "-no-color", &parallelism];
    let input = vec![("terraform.tfvars.json", variables.to_string())];
    let contestant = contestant("Terraform, `remote-exec`", folder, &files, &command, input)?;
    said(Command::new("terraform").args(["init", "-input=false"]).current_dir(folder))?;
    Ok(contestant)
}

fn pyinfra(machines: &Machines, programs: &Path, folder: &Path) -> Result<Contestant, String> {
    let inventory = format!(
        "hosts = ([{}], {{\"ssh_user\": \"ubuntu\", \"ssh_key\": \"{}\", \
         \"ssh_known_hosts_file\": \"known_hosts\", \"ssh_strict_host_key_checking\": \"yes\", \
         \"ssh_allow_agent\": False, \"ssh_look_for_keys\": False}})\n",
        machines.list.iter().map(|machine| format!("\"{}\"", machine.address)).collect::<Vec<_>>().join(", "),
        machines.identity()
    );
    let files = [
        ("inventory.py", inventory.as_str()),
        ("known_hosts", &machines.known_hosts()),
        ("deploy.py", include_str!("peers/deploy.py")),
    ];
    let (program, parallel) = (path(&programs.join("pyinfra")), machines.list.len().to_string());
    let command =
        [&program, "inventory.py", "deploy.py", "--parallel", &parallel, "--data", "port=PORT", "-y"];
    let input = vec![("bench.conf", SETTINGS.to_owned())];
    contestant("pyinfra", folder, &files, &command, input)
}

fn ansible(machines: &Machines, programs: &Path, folder: &Path) -> Result<Contestant, String> {
    let inventory = format!(
        "[all]\n{}\n[all:vars]\nansible_user=ubuntu\nansible_ssh_private_key_file={}\n\
         ansible_python_interpreter=/usr/bin/python3\n",
        addresses(machines, "\n"),
        machines.identity()
    );
    // A folder of connections for each port: the change begins without any, and what comes after it finds them.
    let configuration = format!(
        "[defaults]\nforks = {}\n[ssh_connection]\npipelining = True\ncontrol_path_dir = {}/PORT\n\
         ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o IdentitiesOnly=yes -o UserKnownHostsFile=known_hosts\n",
        machines.list.len(),
        folder.display()
    );
    let files = [
        ("inventory", inventory.as_str()),
        ("known_hosts", &machines.known_hosts()),
        ("playbook.yaml", include_str!("peers/playbook.yaml")),
    ];
    let program = path(&programs.join("ansible-playbook"));
    let command = [&program, "-i", "inventory", "playbook.yaml", "-e", "port=PORT"];
    let input = vec![("bench.conf", SETTINGS.to_owned()), ("ansible.cfg", configuration)];
    contestant("Ansible", folder, &files, &command, input)
}

fn contestant(
    name: &'static str,
    folder: &Path,
    files: &[(&str, &str)],
    command: &[&str],
    input: Vec<(&'static str, String)>,
) -> Result<Contestant, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    files.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text)).map_err(failed)?;
    let command = command.iter().map(|&word| word.to_owned()).collect();
    Ok(Contestant { name, folder: folder.to_owned(), command, input, done_before_end: None })
}

fn addresses(machines: &Machines, separator: &str) -> String {
    let addresses = machines.list.iter().map(|machine| machine.address.as_str());
    addresses.collect::<Vec<_>>().join(separator) + "\n"
}

/// Installs pyinfra and Ansible for the user, unless they are there, and says in which folder they are.
fn install() -> Result<PathBuf, String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let folder = cache.or(home).ok_or("neither XDG_CACHE_HOME nor HOME is set")?.join("bear-bench");
    let programs = folder.join("bin");
    let list = said(Command::new(programs.join("pip")).args(["freeze"])).unwrap_or_default();
    if !PACKAGES.iter().all(|package| list.lines().any(|line| line == *package)) {
        said(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        said(Command::new(programs.join("pip")).args(["install", "-q"]).args(PACKAGES))?;
    }
    Ok(programs)
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
