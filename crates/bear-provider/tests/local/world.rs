//! What the tests have at hand: a project with instances, and a provider that runs stand-ins for them.

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bear_core::event::StepError;
use bear_core::fleet::Spec as InstanceSpec;
use bear_core::fleet::model::{Broker, Embedded, Ports, ProviderKind};
use bear_core::name::{GroupName, InstanceName};
use bear_core::observed::Observation;
use bear_core::state::v1::{Installed, Machine, Phase, Process, Recorded};
use bear_provider::local::{InstallArgs, InstanceFile, LocalProvider, SPEC_FILE};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};

use crate::stand_in::{Behaviour, ROLE_VARIABLE, Spec};

/// A project. Whatever becomes of a test, no process of it is left behind.
pub(crate) struct World {
    pub(crate) project: tempfile::TempDir,
    pub(crate) provider: LocalProvider,
}

impl Drop for World {
    fn drop(&mut self) {
        for pid in self.brokers() {
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let project = tempfile::tempdir().unwrap();
        let provider = provider(&project.path().join("instances"));
        Self { project, provider }
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.provider.folder(&instance(name))
    }

    pub(crate) async fn create(&self, name: &str) -> Result<Machine, StepError> {
        self.create_with(name, &token(name)).await
    }

    pub(crate) async fn create_with(&self, name: &str, token: &str) -> Result<Machine, StepError> {
        let request = CreateRequest {
            instance: instance(name),
            token: token.to_owned(),
            launch: token.to_owned(),
            again: false,
            spec: spec(),
        };
        self.provider.create(&[request]).await.remove(0)
    }

    pub(crate) async fn install(&self, name: &str) -> Result<Installed, StepError> {
        self.install_with(args(name), Behaviour::Answers).await
    }

    pub(crate) async fn install_with(
        &self,
        args: InstallArgs,
        how: Behaviour,
    ) -> Result<Installed, StepError> {
        self.provider.install(args, move |_, ports| Ok(vec![render(ports, how)])).await
    }

    /// A machine with a broker that runs.
    pub(crate) async fn deploy(&self, name: &str) -> Installed {
        self.create(name).await.unwrap();
        self.install(name).await.unwrap()
    }

    pub(crate) async fn observe(
        &self,
        name: &str,
        installed: Option<&Installed>,
    ) -> Result<Observation, StepError> {
        let (instance, recorded) = (instance(name), recorded(name, installed));
        let known = Known { instance: &instance, recorded: &recorded };
        Ok(self.provider.observe(&[known], &[]).await?.instances.remove(&instance).unwrap())
    }

    pub(crate) async fn destroy(&self, name: &str) -> Result<(), StepError> {
        self.destroy_with(name, &token(name)).await
    }

    pub(crate) async fn destroy_with(&self, name: &str, token: &str) -> Result<(), StepError> {
        let request = DestroyRequest {
            instance: instance(name),
            token: token.to_owned(),
            launch: None,
            spec: recorded(name, None).spec,
            machine: None,
        };
        self.provider.destroy(&[request]).await.remove(0)
    }

    /// The ids of all processes that were started for a folder of this project.
    pub(crate) fn brokers(&self) -> Vec<u32> {
        let mark = [b"BEAR_BROKER_FOLDER=", self.project.path().as_os_str().as_bytes()].concat();
        let pids =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let marked = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|entry| entry.starts_with(&mark))
        };
        pids.filter(marked).collect()
    }

    /// A text in which the project, this process and its ports stand as such.
    pub(crate) fn redacted(&self, text: &str, ports: &Ports) -> String {
        let command = fs::read_to_string("/proc/self/comm").unwrap();
        let this = format!("process {} ({})", std::process::id(), command.trim_end());
        let text =
            text.replace(self.project.path().to_str().unwrap(), "[project]").replace(&this, "[this test]");
        ports
            .iter()
            .fold(text, |text, (listener, port)| text.replace(&format!(" {port}"), &format!(" [{listener}]")))
    }
}

/// The registry of ports: one for all tests, whichever process runs them.
pub(crate) fn registry() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("ports")
}

pub(crate) fn provider(instances: &Path) -> LocalProvider {
    provider_with(instances, &registry())
}

pub(crate) fn provider_with(instances: &Path, registry: &Path) -> LocalProvider {
    LocalProvider::new(instances.to_owned(), registry.to_owned(), program().to_owned())
}

/// Runs this test program as a stand-in. Written before the first process is started: a file that is still open for
/// writing in a process that is being started can't be run. One for all tests, whichever process writes it.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let test = std::env::current_exe().unwrap();
        let run = format!("exec '{}' stand_in::stand_in --exact --ignored --nocapture", test.display());
        let mut file = tempfile::NamedTempFile::new_in(folder).unwrap();
        writeln!(file, "#!/bin/sh\n{ROLE_VARIABLE}=\"$3\" {run}").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let path = folder.join("stand-in");
        drop(file.persist(&path).unwrap());
        path
    })
}

pub(crate) fn instance(name: &str) -> InstanceName {
    InstanceName::new(name).unwrap()
}

pub(crate) fn token(name: &str) -> String {
    format!("token-of-{name}")
}

pub(crate) fn args(name: &str) -> InstallArgs {
    InstallArgs { instance: instance(name), ports: Ports::default(), previous: None, version: "1.0".into() }
}

pub(crate) fn args_again(name: &str, previous: &Installed) -> InstallArgs {
    InstallArgs { previous: Some(previous.clone()), ..args(name) }
}

pub(crate) fn render(ports: &Ports, behaviour: Behaviour) -> InstanceFile {
    let [mqtt, ws, dashboard] = [ports.mqtt, ports.ws, ports.dashboard].map(Option::unwrap);
    let bytes = serde_json::to_vec(&Spec { mqtt, ws, dashboard, behaviour }).unwrap();
    InstanceFile { name: SPEC_FILE, bytes, mode: 0o600 }
}

pub(crate) fn spec() -> InstanceSpec {
    InstanceSpec {
        provider: ProviderKind::Local,
        region: None,
        machine: None,
        host: None,
        login: None,
        install: None,
        broker: Broker::Embedded(Embedded::default()),
        ports: Ports::default(),
        keep_data: false,
    }
}

fn recorded(name: &str, installed: Option<&Installed>) -> Recorded {
    Recorded {
        group: GroupName::new("broker").unwrap(),
        spec: spec(),
        generation: 1,
        token: token(name),
        launch: None,
        phase: Phase::Created,
        since: "2026-01-01T00:00:00Z".parse().unwrap(),
        machine: None,
        installed: installed.cloned(),
        checks: None,
        unfinished: None,
    }
}

pub(crate) fn process(installed: &Installed) -> Process {
    installed.process.unwrap()
}

/// Whether any thread of a process runs; a dead process that its parent has not asked about has none that does.
pub(crate) fn is_alive(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let stats = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    stats
        .into_iter()
        .any(|stat| stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X'])))
}

/// Ends a process without asking, and waits until it is gone.
pub(crate) fn kill_9(pid: u32) {
    let raw = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(raw, rustix::process::Signal::KILL).unwrap();
    while is_alive(pid) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
