//! What people and other programs get: commands that log in as bear does, and ports that lead to a host.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use bear_executor::host_keys::FirstContactRule;
use bear_executor::ssh::Ssh;

use crate::sshd::world;

async fn by_hand(ssh: &Ssh, command: &str) -> Output {
    let words = ssh.command_by_hand().await.unwrap();
    Command::new(&words[0])
        .args(&words[1..])
        .arg(command)
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env("SSH_ASKPASS", "/bin/false")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[tokio::test]
async fn a_command_by_hand_logs_in_as_bear_does() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let output = by_hand(&world.ssh(&sshd), "echo \"it's $((6 * 7))\"; exit 3").await;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "it's 42\n");
    assert_eq!(output.status.code(), Some(3));
}

#[tokio::test]
async fn a_command_by_hand_refuses_another_host_key() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    ssh.connect().await.unwrap();
    let address = (sshd.address.clone(), sshd.port);
    drop(sshd);
    let _other = world.start_at(address, "another", &[]);
    let output = by_hand(&ssh, "true").await;
    assert_eq!(output.status.code(), Some(255));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("Host key verification failed"), "{said}");
}

#[tokio::test]
async fn a_command_by_hand_needs_a_known_host() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = Ssh::new(world.target(&sshd), world.host_keys(FirstContactRule::Refuse));
    let error = ssh.command_by_hand().await.unwrap_err();
    assert_eq!(error.code, "bear::ssh::host_key_unknown");
}

#[tokio::test]
async fn its_settings_are_those_of_ssh_config() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    ssh.connect().await.unwrap();
    let mut config = "Host plant\n".to_owned();
    for (keyword, value) in ssh.settings_by_hand().await.unwrap() {
        writeln!(config, "    {keyword} {value}").unwrap();
    }
    insta::assert_snapshot!(world.redacted(&config, &sshd).replace(&user(), "[user]"), @r#"
    Host plant
        HostName [address]
        Port [port]
        User [user]
        HostKeyAlias [[address]]:[port]
        IdentityFile "[folder]/id"
        IdentitiesOnly yes
        UserKnownHostsFile "[folder]/known_hosts"
        GlobalKnownHostsFile /dev/null
        StrictHostKeyChecking yes
        UpdateHostKeys no
    "#);
    fs::write(world.path("made"), config).unwrap();
    let output = Command::new("ssh").arg("-F").arg(world.path("made")).args(["plant", "echo there"]).output();
    assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), "there\n");
}

fn user() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_forward_leads_to_the_host_until_it_is_dropped() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let there = TcpListener::bind((sshd.address.as_str(), 0)).unwrap();
    let remote = there.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = there.accept().unwrap();
        stream.write_all(b"hello").unwrap();
    });
    let forward = ssh.forward(remote).await.unwrap();
    let local = forward.local();
    assert!(local.ip().is_loopback());
    assert_eq!(read_all(local), "hello");
    serving.join().unwrap();
    // Nobody listens there any more, which shows as an end without a word.
    assert_eq!(read_all(local), "");
    drop(forward);
    for _ in 0..500 {
        if TcpStream::connect(local).is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{local} is still listened on");
}

#[tokio::test]
async fn forwards_survive_a_connection_that_was_lost() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    ssh.connect().await.unwrap();
    sshd.cut_connections();
    let there = TcpListener::bind((sshd.address.as_str(), 0)).unwrap();
    let forward = ssh.forward(there.local_addr().unwrap()).await.unwrap();
    assert!(forward.local().ip().is_loopback());
}

fn read_all(address: SocketAddr) -> String {
    let mut text = String::new();
    // A connection that was reset says no more than one that was closed.
    let _ = TcpStream::connect(address).unwrap().read_to_string(&mut text);
    text
}
