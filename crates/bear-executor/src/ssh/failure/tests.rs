//! Each failure of a connection as people read it.

use super::*;
use crate::host_keys::{FirstContact, FirstContactRule, HostKeys};

const FILE: &str = "/home/ann/project/.bear/plant/known_hosts";

fn route(jump: Option<&str>) -> Route {
    let place = jump.map_or(String::new(), |jump| format!(" through {jump}"));
    Route {
        place: format!("ubuntu@192.0.2.10:22{place}"),
        name: "192.0.2.10".into(),
        jump: jump.map(str::to_owned),
        direct: jump.is_none(),
        servers: Vec::new(),
        address: "192.0.2.10".into(),
        user: "ubuntu".into(),
        port: 22,
    }
}

fn key(base64: &str) -> HostKey {
    format!("ssh-ed25519 {base64}").parse().unwrap()
}

/// What comes of the log of an ssh.
#[test]
fn in_the_words_of_ssh() {
    let direct = [
        "ssh: connect to host 192.0.2.10 port 22: Connection refused",
        "ssh: connect to host 192.0.2.10 port 22: Connection timed out",
        "ssh: Could not resolve hostname broker.example: Name or service not known",
        "ubuntu@192.0.2.10: Permission denied (publickey).",
        "kex_exchange_identification: Connection closed by remote host\nConnection closed by 192.0.2.10 port 22",
        "Unable to negotiate with 192.0.2.10 port 22: no matching host key type found. Their offer: ssh-dss",
        "/home/ann/.ssh/config: line 3: Bad configuration option: identitfile\n\
         /home/ann/.ssh/config: terminating, 1 bad configuration options",
        "ssh does not know what happened",
    ];
    let (direct_route, jump_route) = (route(None), route(Some("ann@bastion.example")));
    let errors = direct.map(|log| of(log, &direct_route).into_error());
    insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
    bear::ssh::refused: connecting to ubuntu@192.0.2.10:22: ssh: connect to host 192.0.2.10 port 22: Connection refused
      | ssh: connect to host 192.0.2.10 port 22: Connection refused
      help: nothing listens there: see that sshd runs and that the port is right
    bear::ssh::unreachable: connecting to ubuntu@192.0.2.10:22: ssh: connect to host 192.0.2.10 port 22: Connection timed out
      | ssh: connect to host 192.0.2.10 port 22: Connection timed out
      help: see that the host is up, that the address is right, and that no firewall is in the way
    bear::ssh::unresolved: connecting to ubuntu@192.0.2.10:22: ssh: Could not resolve hostname broker.example: Name or service not known
      | ssh: Could not resolve hostname broker.example: Name or service not known
      help: see that the address in the fleet file is right
    bear::ssh::auth: connecting to ubuntu@192.0.2.10:22: ubuntu@192.0.2.10: Permission denied (publickey).
      | ubuntu@192.0.2.10: Permission denied (publickey).
      help: see that the user is right and that its authorized_keys has the key of `identity`, of your agent, or of your ~/.ssh/config; to see what ssh offers: `ssh -v -p 22 ubuntu@192.0.2.10`
    bear::ssh::hung_up: connecting to ubuntu@192.0.2.10:22: Connection closed by 192.0.2.10 port 22
      | kex_exchange_identification: Connection closed by remote host
      | Connection closed by 192.0.2.10 port 22
      help: the sshd is full (`MaxStartups`), keeps this address out (fail2ban), or is just starting
    bear::ssh::protocol: connecting to ubuntu@192.0.2.10:22: Unable to negotiate with 192.0.2.10 port 22: no matching host key type found. Their offer: ssh-dss
      | Unable to negotiate with 192.0.2.10 port 22: no matching host key type found. Their offer: ssh-dss
      help: one of the two is too old for the other: `ssh -v -p 22 ubuntu@192.0.2.10` says more
    bear::ssh::config: connecting to ubuntu@192.0.2.10:22: /home/ann/.ssh/config: terminating, 1 bad configuration options
      | /home/ann/.ssh/config: line 3: Bad configuration option: identitfile
      | /home/ann/.ssh/config: terminating, 1 bad configuration options
      help: correct your ssh configuration, until `ssh -v -p 22 ubuntu@192.0.2.10` works
    bear::ssh::failed: connecting to ubuntu@192.0.2.10:22: ssh does not know what happened
      | ssh does not know what happened
      help: to see more: `ssh -v -p 22 ubuntu@192.0.2.10`
    ");
    let jump = "ann@bastion.example: Permission denied (publickey).\n\
                kex_exchange_identification: Connection closed by remote host\n\
                Connection closed by UNKNOWN port 65535";
    insta::assert_snapshot!(of(jump, &jump_route).into_error().told(), @"
    bear::ssh::jump: connecting to ubuntu@192.0.2.10:22 through ann@bastion.example: ann@bastion.example: Permission denied (publickey).
      | ann@bastion.example: Permission denied (publickey).
      | kex_exchange_identification: Connection closed by remote host
      | Connection closed by UNKNOWN port 65535
      help: this is about the jump host, whose key is checked against your own known_hosts: `ssh ann@bastion.example` must work without a question
    ");
}

#[test]
fn of_host_keys() {
    let route = route(None);
    let known = key("AAAAC3NzaC1lZDI1NTE5AAAAIGQR9aXrF0ajMArO1cBwGQZ881OVcIztF2stDe6faZnj");
    let presented = key("AAAAC3NzaC1lZDI1NTE5AAAAIJ1vF5h0QFAXnKVwH4b0t7hVJ8vQvO2mN0pQx9bKcT3Y");
    let pin = Pin::Key(known.clone());
    let contact =
        FirstContact { host: route.place.clone(), name: route.name.clone(), key: presented.clone() };
    let machine = Route { name: "i-0123456789abcdef0".into(), ..self::route(None) };
    let errors = [
        changed(&route, &[known], &presented, Path::new(FILE)),
        not_pinned(&route.place, &pin, &presented),
        StepError::from(contact),
        never_given(&machine, Path::new(FILE)),
    ];
    insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
    bear::ssh::host_key_changed: the host key of ubuntu@192.0.2.10:22 has changed: known is ssh-ed25519 SHA256:QtdYR27WbO0b58tXvtZ1XO73bMUiIAKVBQCgrks1M9I, presented is ssh-ed25519 SHA256:FoLt9K8+1tflqCkjKju6mK9bZThkqoY2ydHBa4TA5zo
      help: another machine answers at this address, or somebody is in between. If the host was made anew and the presented fingerprint is its own, remove the line of `192.0.2.10` from /home/ann/project/.bear/plant/known_hosts
    bear::ssh::host_key_not_pinned: the host key of ubuntu@192.0.2.10:22 is not the one in the fleet file: pinned is SHA256:QtdYR27WbO0b58tXvtZ1XO73bMUiIAKVBQCgrks1M9I, presented is ssh-ed25519 SHA256:FoLt9K8+1tflqCkjKju6mK9bZThkqoY2ydHBa4TA5zo
      help: another machine answers at this address, or somebody is in between. If the presented fingerprint is the host's own, write it as `host_key` into the fleet file
    bear::ssh::host_key_unknown: the host key of ubuntu@192.0.2.10:22 is not known: it presents ssh-ed25519 SHA256:FoLt9K8+1tflqCkjKju6mK9bZThkqoY2ydHBa4TA5zo
      help: compare the fingerprint on the host (`ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub`), then write `host_key: SHA256:FoLt9K8+1tflqCkjKju6mK9bZThkqoY2ydHBa4TA5zo` into the fleet file, or trust what is presented with `--accept-new-host-keys`
    bear::ssh::host_key_unknown: connecting to ubuntu@192.0.2.10:22: /home/ann/project/.bear/plant/known_hosts has no host key for it, under the name i-0123456789abcdef0
      help: bear gives each machine that it makes a host key, and trusts no other on first sight: apply puts it there for a machine that is new; for one that is not, bring the file back, or replace the instance
    ");
}

#[tokio::test]
async fn of_the_file_of_host_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known_hosts");
    std::fs::write(&path, "# bear\n192.0.2.10 ssh-ed25519 AAAA\n").unwrap();
    let keys = HostKeys::new(&path, FirstContactRule::Refuse);
    let error = keys.known("192.0.2.10").await.unwrap_err();
    let told = error.told().replace(&path.display().to_string(), FILE);
    insta::assert_snapshot!(told, @"
    bear::ssh::known_hosts: reading line 2 of the host keys in /home/ann/project/.bear/plant/known_hosts: the base64 after `ssh-ed25519` is not that of a key of this type; it may have been cut off
      help: only bear writes this file: mend the line, or remove it, and the host is met as for the first time
    ");
}

#[test]
fn of_what_comes_after_the_login() {
    let place = "ubuntu@192.0.2.10:22";
    let absent = io::Error::from_raw_os_error(2);
    let full = io::Error::from_raw_os_error(28);
    let errors = [
        login_timeout(place, Duration::from_secs(30), ""),
        session_refused(place, "Session open refused by peer"),
        not_forwarded(place, "127.0.0.1:18083".parse().unwrap(), "administratively prohibited: open failed"),
        no_client("connecting to ubuntu@192.0.2.10:22", &absent),
        no_folder(place, &full),
    ];
    insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
    bear::ssh::login_timeout: logging in to ubuntu@192.0.2.10:22 took longer than 30 s
      help: the host answers, but is too slow or stuck: look at its load and its name server
    bear::ssh::session_refused: opening a session on ubuntu@192.0.2.10:22: Session open refused by peer
      help: its sshd allows too few sessions for each connection: see `MaxSessions` in its sshd_config
    bear::ssh::forward: forwarding a port of this machine to 127.0.0.1:18083 on ubuntu@192.0.2.10:22: administratively prohibited: open failed
      help: its sshd may forbid it: see `AllowTcpForwarding` in its sshd_config
    bear::ssh::no_client: connecting to ubuntu@192.0.2.10:22: running `ssh`: No such file or directory (os error 2)
      help: bear needs the OpenSSH client on this machine, where PATH finds it
    bear::ssh::control_folder: connecting to ubuntu@192.0.2.10:22: preparing a folder for its control socket: No space left on device (os error 28)
      help: set XDG_RUNTIME_DIR or TMPDIR to a folder of your own with room in it
    ");
}
