//! A lab of hosts on this machine: an sshd each, a folder that stands for its `/`, and stand-ins for its programs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::Spec;
use bear_core::name::{FleetName, GroupName, InstanceName};
use bear_core::observed::{Observation, Observed};
use bear_core::state::v1::{Installed, Machine, Phase, Recorded};
use bear_engine::adapter::{InstallRequest, Installer};
use bear_hosts::{FirstContactRule, Hosts, Place, Remote, Secrets, Settings};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};

use crate::sshd::{Sshd, World};

/// The secrets of every test, to be found nowhere.
pub(crate) const PASSWORD: &str = "hunter2-canary";
pub(crate) const COOKIE: &str = "c00kiecanary";
pub(crate) const TLS_KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nprivate-key-canary-of-a-broker\n-----END PRIVATE KEY-----\n";

const PROGRAMS: [&str; 27] = [
    "apt-get",
    "apt-cache",
    "apt-mark",
    "dpkg",
    "dpkg-query",
    "chown",
    "stat",
    "id",
    "docker",
    "systemctl",
    "mosquitto_passwd",
    "curl",
    "snap",
    "sleep",
    "sync",
    "journalctl",
    "timedatectl",
    "sysctl",
    "modprobe",
    "gpg",
    "cloud-init",
    "update-ca-certificates",
    "hostname",
    "udevadm",
    "ip",
    "ss",
    "sshd",
];

/// Where the stand-ins keep what is true of the host.
const STUB_FOLDERS: [&str; 12] = [
    "bin",
    "packages",
    "held",
    "auto",
    "active",
    "enabled",
    "containers",
    "images",
    "volumes",
    "listening",
    "owners",
    "fail",
];

/// Skips the test where there is no sshd.
macro_rules! lab {
    () => {
        match crate::lab::Lab::new() {
            Some(lab) => lab,
            None => return,
        }
    };
}
pub(crate) use lab;

pub(crate) struct Lab {
    pub(crate) world: World,
}

/// A host of the lab, and the instance that it shall carry.
pub(crate) struct Host {
    pub(crate) sshd: Sshd,
    pub(crate) instance: InstanceName,
    pub(crate) spec: Spec,
    /// Of one that bear made.
    pub(crate) made: Option<Machine>,
    pub(crate) root: PathBuf,
    pub(crate) stub: PathBuf,
}

impl Lab {
    pub(crate) fn new() -> Option<Self> {
        World::new().map(|world| Self { world })
    }

    /// A host for the broker that the fleet file would describe by `broker`, in JSON.
    pub(crate) fn host(&self, member: &str, broker: &str) -> Host {
        let address = crate::sshd::free_address();
        let (root, stub) = self.furnished(&address.0);
        let sshd = self.sshd(address, member, &stub, &[]);
        let spec = spec(&sshd, &self.world, broker);
        let instance = InstanceName::new(format!("plant-brokers-{member}")).unwrap();
        Host { sshd, instance, spec, made: None, root, stub }
    }

    /// The folders that stand for the `/` of a host, and for its programs.
    pub(crate) fn furnished(&self, address: &str) -> (PathBuf, PathBuf) {
        let root = self.world.path("roots").join(address);
        let stub = self.world.path("stubs").join(address).join("stub");
        furnish(&root, &stub);
        (root, stub)
    }

    /// An sshd that presents the key of this name, and whose sessions find these programs.
    pub(crate) fn sshd(&self, address: (String, u16), key: &str, stub: &Path, options: &[&str]) -> Sshd {
        let set = format!(
            "SetEnv=SHLVL=5 STUB={} PATH={}:/usr/bin:/bin",
            stub.display(),
            stub.join("bin").display()
        );
        let options = [&[set.as_str(), "LogLevel=VERBOSE"], options].concat();
        self.world.start_at(address, key, &options)
    }

    /// How many sessions all hosts have opened so far: each is one round trip.
    pub(crate) fn sessions(&self) -> usize {
        fs::read_to_string(self.world.path("sshd.log")).unwrap().matches("Starting session: ").count()
    }

    /// The fleet `plant`, which trusts hosts on first contact.
    pub(crate) fn hosts(&self) -> Hosts {
        self.hosts_of("plant", FirstContactRule::Accept)
    }

    pub(crate) fn hosts_of(&self, fleet: &str, first_contact: FirstContactRule) -> Hosts {
        let name = FleetName::new(fleet).unwrap();
        let project = self.world.folder.path().to_owned();
        let known_hosts = self.world.path(&format!("known_hosts-{fleet}"));
        let settings = Settings::new(name, format!("lineage-of-{fleet}"), known_hosts, project);
        Hosts::new(Settings {
            first_contact,
            ssh_config: Some(self.world.path("ssh_config")),
            roots: Some(self.world.path("roots")),
            ..settings
        })
    }
}

/// A host as it comes: Ubuntu, booted, with package sources.
fn furnish(root: &Path, stub: &Path) {
    for folder in ["run", "etc/ssl/certs", "var/lib/cloud/instance"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for folder in STUB_FOLDERS {
        fs::create_dir_all(stub.join(folder)).unwrap();
    }
    // Where the stand-ins look for the files of their host.
    symlink(root, stub.with_file_name("root")).unwrap();
    let script = stub.join("stub.sh");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bear-recipes/tests/stubs/stub.sh");
    fs::copy(source, &script).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    for program in PROGRAMS {
        symlink(&script, stub.join("bin").join(program)).unwrap();
    }
    fs::write(root.join("etc/os-release"), "ID=ubuntu\nVERSION_ID=22.04\nVERSION_CODENAME=jammy\n").unwrap();
    fs::write(root.join("etc/ssl/certs/ca-certificates.crt"), "").unwrap();
    fs::write(root.join("var/lib/cloud/instance/boot-finished"), "").unwrap();
    let pin = "5:20.10.13~3-0~ubuntu-jammy";
    let available = format!(
        "mosquitto 2.0.11-1\nmosquitto 2.0.18-1\ndocker-ce {pin}\ndocker-ce-cli {pin}\ncontainerd.io 1.6.33-1\n"
    );
    fs::write(stub.join("available"), available).unwrap();
    fs::write(stub.join("key"), "key F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6\n").unwrap();
    fs::write(stub.join("calls"), "").unwrap();
}

fn spec(sshd: &Sshd, world: &World, broker: &str) -> Spec {
    let identity = world.path("id");
    let text = format!(
        r#"{{"provider": "hosts", {broker},
            "host": {{"address": "{}", "port": {}, "identity": "{}"}}}}"#,
        sshd.address,
        sshd.port,
        identity.display()
    );
    serde_json::from_str(&text).unwrap()
}

impl Host {
    pub(crate) fn place(&self) -> Place<'_> {
        Place { instance: &self.instance, spec: &self.spec, machine: self.made.as_ref() }
    }

    pub(crate) async fn create(&self, hosts: &Hosts) -> Result<Machine, StepError> {
        let request = CreateRequest {
            instance: self.instance.clone(),
            token: "t0ken".into(),
            launch: "t0ken".into(),
            again: false,
            spec: self.spec.clone(),
        };
        hosts.create(&[request]).await.remove(0)
    }

    /// Installs the broker, and tells what each block came to: `NAME changed`.
    pub(crate) async fn install(&self, hosts: &Hosts) -> (Result<Installed, StepError>, Vec<String>) {
        let machine = self.create(hosts).await.unwrap();
        self.install_on(hosts, machine).await
    }

    pub(crate) async fn install_on(
        &self,
        hosts: &Hosts,
        machine: Machine,
    ) -> (Result<Installed, StepError>, Vec<String>) {
        self.install_with(hosts, machine, PASSWORD).await
    }

    pub(crate) async fn install_with(
        &self,
        hosts: &Hosts,
        machine: Machine,
        password: &str,
    ) -> (Result<Installed, StepError>, Vec<String>) {
        self.carry_out(hosts, self.request(machine), password).await
    }

    pub(crate) async fn carry_out(
        &self,
        hosts: &Hosts,
        request: InstallRequest,
        password: &str,
    ) -> (Result<Installed, StepError>, Vec<String>) {
        let blocks = Mutex::new(Vec::new());
        let report = |block: BlockReport| {
            blocks.lock().unwrap().push(format!("{} {:?}", block.name, block.state).to_lowercase());
        };
        let installed = remote(hosts, password).install(request, &report).await;
        (installed.map(|done| done.installed), blocks.into_inner().unwrap())
    }

    pub(crate) fn request(&self, machine: Machine) -> InstallRequest {
        InstallRequest {
            instance: self.instance.clone(),
            token: "t0ken".into(),
            launch: None,
            machine,
            spec: self.spec.clone(),
            installed: None,
        }
    }

    pub(crate) async fn destroy(&self, hosts: &Hosts) -> Result<(), StepError> {
        let request = DestroyRequest {
            instance: self.instance.clone(),
            token: "t0ken".into(),
            launch: None,
            spec: self.spec.clone(),
            machine: None,
        };
        hosts.destroy(&[request]).await.remove(0)
    }

    pub(crate) async fn observe(
        &self,
        hosts: &Hosts,
        machine: Option<Machine>,
        installed: Option<Installed>,
    ) -> Result<Observation, StepError> {
        let recorded = self.recorded(machine, installed);
        let known = Known { instance: &self.instance, recorded: &recorded };
        let mut observed: Observed = hosts.observe(&[known], &[]).await?;
        Ok(observed.instances.remove(&self.instance).unwrap())
    }

    pub(crate) fn recorded(&self, machine: Option<Machine>, installed: Option<Installed>) -> Recorded {
        Recorded {
            group: GroupName::new("brokers").unwrap(),
            spec: self.spec.clone(),
            generation: 1,
            token: "t0ken".into(),
            launch: None,
            phase: Phase::Verified,
            since: jiff::Timestamp::UNIX_EPOCH,
            machine,
            installed,
            checks: None,
            unfinished: None,
        }
    }

    pub(crate) fn root(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn stub(&self, name: &str) -> PathBuf {
        self.stub.join(name)
    }

    /// Makes a program fail whose words contain this.
    pub(crate) fn fail(&self, program: &str, words: &str, status: u8, output: &str) {
        fs::write(self.stub(&format!("fail/{program}")), format!("{words}\n{status}\n{output}\n")).unwrap();
    }

    pub(crate) fn mend(&self, program: &str) {
        fs::remove_file(self.stub(&format!("fail/{program}"))).unwrap();
    }

    /// The calls of programs so far.
    pub(crate) fn calls(&self) -> String {
        fs::read_to_string(self.stub("calls")).unwrap()
    }

    /// Every file on the host and every truth of its programs, by name.
    pub(crate) fn picture(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let truths = ["packages", "held", "active", "enabled", "containers", "images", "volumes"];
        for start in ["etc", "var"].map(|name| self.root(name)) {
            collect(&start, &self.root, &mut files);
        }
        for start in truths.map(|name| self.stub(name)) {
            collect(&start, &self.stub, &mut files);
        }
        files
    }

    /// The error as people see it, with what differs from run to run replaced.
    pub(crate) fn told(&self, lab: &Lab, error: &StepError) -> String {
        let mut text = format!("{}: {error}\n", error.code);
        for line in &error.last_lines {
            writeln!(text, "  | {line}").unwrap();
        }
        if let Some(help) = &error.help {
            writeln!(text, "help: {help}").unwrap();
        }
        self.redacted(lab, &text)
    }

    /// The text with what differs from run to run replaced.
    pub(crate) fn redacted(&self, lab: &Lab, text: &impl ToString) -> String {
        lab.world.redacted(text, &self.sshd)
    }
}

fn collect(path: &Path, base: &Path, files: &mut BTreeMap<String, String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), base, files);
        }
    } else {
        let name = path.strip_prefix(base).unwrap().display().to_string();
        files.insert(name, fs::read_to_string(path).unwrap());
    }
}

/// The installer, with this password wherever one is asked for.
fn remote(hosts: &Hosts, password: &str) -> Remote {
    let secrets = Secrets {
        admin_password: Some(password.to_owned()),
        cookie: Some(COOKIE.to_owned()),
        user_password: Some(password.to_owned()),
        tls_key: Some(TLS_KEY.to_owned()),
        ..Secrets::default()
    };
    Remote::new(hosts.clone(), move |_| Ok(secrets.clone()))
}

/// Mosquitto from the distribution's package, with a user.
pub(crate) const MOSQUITTO: &str =
    r#""broker": {"mosquitto": {"version": "2.0.11-1", "authentication": {"username": "sensors"}}}"#;

/// EMQX in a container of a pinned Docker.
pub(crate) const EMQX: &str = r#"
    "install": {"docker": {
        "version": "5:20.10.13~3-0~ubuntu-jammy",
        "repository": {
            "url": "http://mirror.example/ubuntu",
            "fingerprint": "F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6"
        }
    }},
    "broker": {"emqx": {"version": "5.8.9"}}"#;

/// Mosquitto in a container of the same Docker, from a file.
pub(crate) const MOSQUITTO_FILE: &str = r#"
    "install": {"docker": {
        "version": "5:20.10.13~3-0~ubuntu-jammy",
        "repository": {
            "url": "http://mirror.example/ubuntu",
            "fingerprint": "F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6"
        }
    }},
    "broker": {"mosquitto": {"version": "2.0.18", "container": true, "image_file": "images/mosquitto.tar"}}"#;
