//! Machines that bear made: their first key came with their user data, and the provider says where they are.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use bear_core::event::{BlockReport, StepError};
use bear_core::name::InstanceName;
use bear_core::state::v1::Machine;
use bear_executor::host_keys::{FirstContactRule, HostKey, HostKeys};
use bear_hosts::{Hosts, SSH_LIMIT};

use crate::lab::{Host, Lab};

/// Where the host key of a machine is, below its `/`.
pub(crate) const KEY: &str = "etc/ssh/ssh_host_ed25519_key";

/// A machine that has its first key, and no sshd yet.
pub(crate) struct Ground {
    pub(crate) address: (String, u16),
    pub(crate) root: PathBuf,
    pub(crate) stub: PathBuf,
    pub(crate) given: HostKey,
}

impl Ground {
    pub(crate) fn new(lab: &Lab) -> Self {
        let address = crate::sshd::free_address();
        let (root, stub) = lab.furnished(&address.0);
        fs::create_dir_all(root.join("etc/ssh")).unwrap();
        let given = lab.world.public_key(&key_of(&address.0));
        // EC2's machines listen on port 22, which is one for all here.
        let config = lab.world.path("ssh_config");
        let before = fs::read_to_string(&config).unwrap();
        fs::write(config, format!("{before}Host {}\n Port {}\n", address.0, address.1)).unwrap();
        Self { address, root, stub, given }
    }

    /// Starts its sshd with the key that it has.
    pub(crate) fn start(self, lab: &Lab, member: &str, broker: &str) -> Host {
        self.start_with(lab, member, broker, &[])
    }

    pub(crate) fn start_with(self, lab: &Lab, member: &str, broker: &str, options: &[&str]) -> Host {
        let Self { address, root, stub, .. } = self;
        let pid_file = format!("PidFile={}", root.join("run/sshd.pid").display());
        let options = [&[pid_file.as_str()], options].concat();
        let made = Some(Machine::new(format!("i-0{member}"), address.0.clone()));
        let key = key_of(&address.0);
        let sshd = lab.sshd(address, &key, &stub, &options);
        let text = format!(
            r#"{{"provider": "aws", "region": "eu-west-3", {broker},
                "login": {{"user": "{}", "identity": "{}"}}}}"#,
            user(),
            lab.world.path("id").display(),
        );
        let spec = serde_json::from_str(&text).unwrap();
        let instance = InstanceName::new(format!("plant-brokers-{member}")).unwrap();
        Host { sshd, instance, spec, made, root, stub }
    }
}

fn key_of(address: &str) -> String {
    format!("roots/{address}/{KEY}")
}

fn user() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

/// What becomes of preparing it, and what each block came to.
pub(crate) async fn prepare(
    hosts: &Hosts,
    host: &Host,
    given: &HostKey,
) -> (Result<(), StepError>, Vec<String>) {
    let blocks = Mutex::new(Vec::new());
    let report = |block: BlockReport| {
        blocks.lock().unwrap().push(format!("{} {:?}", block.name, block.state).to_lowercase());
    };
    let prepared = hosts.prepare(host.place(), &given.to_string(), SSH_LIMIT, &report).await;
    (prepared, blocks.into_inner().unwrap())
}

/// The fleet's host keys.
pub(crate) fn host_keys(lab: &Lab) -> HostKeys {
    HostKeys::new(lab.world.path("known_hosts-plant"), FirstContactRule::Refuse)
}

pub(crate) async fn known(lab: &Lab, host: &Host) -> Vec<HostKey> {
    host_keys(lab).known(&host.made.as_ref().unwrap().id).await.unwrap()
}

/// The key that lies on the machine.
pub(crate) fn key_on(host: &Host) -> HostKey {
    fs::read_to_string(host.root(&format!("{KEY}.pub"))).unwrap().parse().unwrap()
}
