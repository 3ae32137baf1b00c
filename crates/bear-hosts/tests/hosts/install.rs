//! Brokers put on hosts: what is reported, what comes back, and that no secret shows.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bear_core::observed::{BrokerSeen, Observation};
use bear_core::state::v1::Installed;
use bear_engine::adapter::Installer;
use bear_hosts::{Remote, Secrets};

use crate::lab::{COOKIE, EMQX, Host, Lab, MOSQUITTO, MOSQUITTO_FILE, PASSWORD, lab};

/// A host on which EMQX 5.8.9 can come up.
fn emqx(lab: &Lab, member: &str) -> Host {
    let host = lab.host(member, EMQX);
    fs::write(host.stub("emqx-version"), "5.8.9").unwrap();
    fs::write(host.stub("emqx-method"), "POST").unwrap();
    host
}

#[tokio::test]
async fn each_block_is_reported_as_it_begins_and_ends() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let (installed, blocks) = host.install(&lab.hosts()).await;
    insta::assert_snapshot!(compact(&installed.unwrap()), @"2.0.11-1 on mqtt 1883; image None, docker None");
    for pair in blocks.chunks(2) {
        let [began, ended] = pair else { panic!("{blocks:?}") };
        let (name, state) = began.split_once(' ').unwrap();
        assert!(state == "started" && ended.starts_with(name), "{blocks:?}");
    }
    insta::assert_snapshot!(ends(&blocks), @"
    host.ours ok
    broker.others ok
    mosquitto.package changed
    mosquitto.users changed
    mosquitto.configuration changed
    mosquitto.running changed
    ");
}

/// A broker in one line, but for the digest of its settings.
fn compact(installed: &Installed) -> String {
    let Installed { ports, version, image, docker, .. } = installed;
    let ports = ports.iter().map(|(name, port)| format!("{name} {port}")).collect::<Vec<_>>().join(", ");
    format!("{version} on {ports}; image {image:?}, docker {docker:?}")
}

/// How the blocks ended, in order.
fn ends(blocks: &[String]) -> String {
    let ended = blocks.iter().filter(|block| !block.ends_with(" started"));
    ended.map(|block| format!("{block}\n")).collect()
}

#[tokio::test]
async fn emqx_comes_with_docker_and_says_what_runs() {
    let lab = lab!();
    let host = emqx(&lab, "a");
    let hosts = lab.hosts();
    let before = host.picture();
    let machine = host.create(&hosts).await.unwrap();
    let (installed, blocks) = host.install_on(&hosts, machine.clone()).await;
    let installed = installed.unwrap_or_else(|error| panic!("{error:?} {blocks:?}"));
    insta::assert_snapshot!(compact(&installed), @r#"5.8.9 on mqtt 1883, ws 8083, dashboard 18083; image Some("sha256:emqx/emqx:5.8.9"), docker Some("20.10.13")"#);
    let settings = fs::read_to_string(host.root("etc/bear/emqx/settings.env")).unwrap();
    let digest =
        Command::new("sh").args(["-c", "printf %s \"$1\" | sha256sum", "-", &settings]).output().unwrap();
    let digest = String::from_utf8(digest.stdout).unwrap();
    assert_eq!(digest.split(' ').next(), installed.configuration.as_deref());

    let (again, blocks) = host.install_on(&hosts, machine.clone()).await;
    assert_eq!(again.unwrap(), installed);
    assert!(!blocks.iter().any(|block| block.ends_with(" changed")), "{blocks:?}");
    let seen = host.observe(&hosts, Some(machine.clone()), Some(installed)).await.unwrap();
    assert_eq!(seen, Observation::Present { machine, changed: Vec::new(), broker: BrokerSeen::Running });
    assert_eq!(host.sshd.connections(), 1);

    host.destroy(&hosts).await.unwrap();
    assert_eq!(host.picture(), before);
}

#[tokio::test]
async fn many_hosts_are_worked_on_at_once_with_one_connection_each() {
    let lab = lab!();
    let members = ["a", "b", "c", "d", "e"].map(|member| lab.host(member, MOSQUITTO));
    let hosts = lab.hosts();
    let installs = members.iter().map(|host| host.install(&hosts));
    for (installed, _) in futures_util::future::join_all(installs).await {
        assert_eq!(installed.unwrap().version, "2.0.11-1");
    }
    for host in &members {
        assert_eq!(host.sshd.connections(), 1);
    }
}

#[tokio::test]
async fn an_image_file_is_sent_once() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO_FILE);
    let hosts = lab.hosts();
    let (installed, _) = host.install(&hosts).await;
    let error = installed.unwrap_err();
    insta::assert_snapshot!(host.told(&lab, &error), @"
    bear::upload::unreadable: reading [folder]/images/mosquitto.tar: No such file or directory (os error 2)
    help: the fleet file names it: see that it is there, and that you may read it
    ");

    fs::create_dir(lab.world.path("images")).unwrap();
    fs::write(lab.world.path("images/mosquitto.tar"), "eclipse-mosquitto:2.0.18\n").unwrap();
    let (installed, blocks) = host.install(&hosts).await;
    assert_eq!(installed.unwrap().version, "2.0.18", "{blocks:?}");
    assert!(host.calls().contains("docker load") && !host.calls().contains("docker pull"));
    assert!(!host.root("var/lib/bear/image.tar").exists());

    fs::remove_file(lab.world.path("images/mosquitto.tar")).unwrap();
    let (installed, blocks) = host.install(&hosts).await;
    assert!(installed.is_ok(), "{blocks:?}");
}

#[tokio::test]
async fn settings_are_shown_without_secrets_and_as_they_are_written() {
    let lab = lab!();
    let host = emqx(&lab, "a");
    let hosts = lab.hosts();
    let shown = hosts.configuration(&host.spec).unwrap();
    host.install(&hosts).await.0.unwrap();
    assert_eq!(shown, fs::read_to_string(host.root("etc/bear/emqx/settings.env")).unwrap());
    for secret in [PASSWORD, COOKIE] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_certificate_comes_from_the_project_and_its_key_from_the_secrets() {
    let lab = lab!();
    let broker = r#""broker": {"mosquitto": {"version": "2.0.11-1",
        "tls": {"certificate": "tls/broker.pem", "key": {"env": "KEY"}}}}"#;
    let host = lab.host("a", broker);
    let hosts = lab.hosts();
    fs::create_dir(lab.world.path("tls")).unwrap();
    let chain = "-----BEGIN CERTIFICATE-----\nb25l\n-----END CERTIFICATE-----\n";
    fs::write(lab.world.path("tls/broker.pem"), chain).unwrap();
    let (installed, blocks) = host.install(&hosts).await;
    let installed = installed.unwrap_or_else(|error| panic!("{error:?} {blocks:?}"));
    assert_eq!(installed.ports.mqtts, Some(8883));
    let files = host.picture();
    let holding = |text: &str| files.iter().filter(|(_, held)| held.contains(text)).count();
    assert_eq!((holding("b25l"), holding("private-key-canary")), (1, 1));
    assert!(!host.calls().contains("canary"));
}

#[tokio::test]
async fn a_secret_that_nobody_gave_is_missed_before_anything_is_done() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let machine = host.create(&hosts).await.unwrap();
    let sessions = lab.sessions();
    let remote = Remote::new(hosts, |_| Ok(Secrets::default()));
    let error = remote.install(host.request(machine), &|_| {}).await.unwrap_err();
    insta::assert_snapshot!(error, @"installing mosquitto on plant-brokers-a: the password of its clients is not known");
    assert_eq!(lab.sessions(), sessions);
}

/// The arguments of every process of this machine, seen again and again until told to stop.
fn watch_arguments(stop: Arc<AtomicBool>) -> std::thread::JoinHandle<BTreeSet<String>> {
    std::thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while !stop.load(Ordering::Relaxed) {
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                if let Ok(bytes) = fs::read(entry.path().join("cmdline")) {
                    seen.insert(String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
        seen
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_any_argument_report_or_error() {
    let lab = lab!();
    let host = emqx(&lab, "a");
    let hosts = lab.hosts();
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch_arguments(Arc::clone(&stop));
    let told = Mutex::new(String::new());
    let tell = |text: String| told.lock().unwrap().push_str(&text);

    // It fails in its last part, and the log that is shown repeats every secret.
    host.fail("docker", "logs", 0, &format!("a log with {PASSWORD} and {COOKIE}"));
    fs::write(host.stub("emqx-status"), "Node emqx@10.0.0.5 is stopped\nemqx is not_running").unwrap();
    let (installed, blocks) = host.install(&hosts).await;
    let error = installed.unwrap_err();
    assert!(error.last_lines.iter().any(|line| line.contains("a log with *** and ***")), "{error:?}");
    tell(format!("{error:?}{blocks:?}"));
    fs::remove_file(host.stub("emqx-status")).unwrap();
    host.mend("docker");
    let (installed, blocks) = host.install(&hosts).await;
    tell(format!("{:?}{blocks:?}", installed.unwrap()));
    tell(host.calls());
    stop.store(true, Ordering::Relaxed);
    let arguments = watching.join().unwrap();
    assert!(arguments.iter().any(|words| words.contains("sshd")));
    for secret in [PASSWORD, COOKIE] {
        assert!(!told.lock().unwrap().contains(secret), "{}", told.lock().unwrap());
        let shown = arguments.iter().filter(|words| words.contains(secret)).collect::<Vec<_>>();
        assert!(shown.is_empty(), "{shown:?}");
    }
}

/// A password that is a word of the protocol must not turn a report into something else.
#[tokio::test]
async fn a_password_may_be_any_word() {
    for password in ["ok", "changed", "mosquitto", "bear"] {
        let lab = lab!();
        let host = lab.host("a", MOSQUITTO);
        let hosts = lab.hosts();
        let machine = host.create(&hosts).await.unwrap();
        let (installed, blocks) = host.install_with(&hosts, machine, password).await;
        assert_eq!(installed.unwrap().version, "2.0.11-1");
        assert!(blocks.contains(&"mosquitto.users changed".to_owned()), "{blocks:?}");
    }
}
