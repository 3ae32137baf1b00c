//! scratch
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]
use bear_core::event::*;
use bear_core::fleet::Spec;
use bear_core::name::*;
use bear_core::observed::*;
use bear_core::state::v1::*;
use bear_engine::adapter::*;
use bear_hosts::*;
use bear_provider::*;
use std::process::Command;
use std::time::Instant;

fn docker(words: &[&str]) -> String {
    let out = Command::new("docker").args(words).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).unwrap()
}
fn start(name: &str, ip: &str, image: &str) {
    let key = std::fs::read_to_string(std::env::var("LAB_KEY_PUB").unwrap()).unwrap();
    let _ = Command::new("docker").args(["rm", "-f", "-v", name]).output();
    let env = format!("AUTHORIZED_KEY={}", key.trim());
    docker(&[
        "run",
        "--detach",
        "--name",
        name,
        "--hostname",
        name,
        "--network",
        "labnet",
        "--ip",
        ip,
        "--label",
        "lab.host=yes",
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
        "--volume=/var/lib/docker",
        "--volume=/var/lib/containerd",
        "--env",
        &env,
        image,
    ]);
    std::thread::sleep(std::time::Duration::from_secs(3));
}

async fn round(hosts: &Hosts, ip: &str, user: &str, broker: &str, change: &str, name: &str) {
    let spec: Spec = serde_json::from_str(&format!(
        r#"{{"provider":"hosts",{broker},"host":{{"address":"{ip}","user":"{user}","identity":"{}"}}}}"#,
        std::env::var("LAB_KEY").unwrap()
    ))
    .unwrap();
    let instance = InstanceName::new(format!("plant-b-{}", ip.replace('.', "-"))).unwrap();
    let t = Instant::now();
    let machine = hosts
        .create(&[CreateRequest { instance: instance.clone(), token: "t0ken".into(), spec: spec.clone() }])
        .await
        .remove(0);
    println!("create {:?} {machine:?}", t.elapsed());
    let Ok(machine) = machine else { return };
    let remote = Remote::new(hosts.clone(), |_| {
        Ok(Secrets {
            admin_password: Some("Bear_first1".into()),
            cookie: Some("abc".into()),
            user_password: Some("pw one".into()),
            ..Secrets::default()
        })
    });
    let mut installed = None;
    for _ in 0..2 {
        let t = Instant::now();
        let report = |b: BlockReport| {
            if b.state != BlockState::Started {
                println!("   {:?} {} {:.2}", b.state, b.name, b.seconds)
            }
        };
        let r = remote
            .install(
                InstallRequest {
                    instance: instance.clone(),
                    token: "t0ken".into(),
                    machine: machine.clone(),
                    spec: spec.clone(),
                    installed: None,
                },
                &report,
            )
            .await;
        println!("install {:?} {r:#?}", t.elapsed());
        installed = r.ok();
    }
    let recorded = Recorded {
        group: GroupName::new("b").unwrap(),
        spec: spec.clone(),
        generation: 1,
        token: "t0ken".into(),
        phase: Phase::Verified,
        since: jiff::Timestamp::UNIX_EPOCH,
        machine: Some(machine.clone()),
        installed: installed.clone(),
        checks: None,
        unfinished: None,
    };
    let place = Place { instance: &instance, spec: &spec, machine: Some(&machine) };
    if let Some(installed) = &installed {
        let t = Instant::now();
        let seen = hosts.observe(&[Known { instance: &instance, recorded: &recorded }]).await;
        println!("observe {:?} {seen:?}", t.elapsed());
        let look = hosts.look(place, installed.ports).await;
        for (n, p) in installed.ports.iter() {
            println!("look {n} {p}: {}", look.detail(p));
        }
        println!("log {:?}", hosts.log(place, 3).await);
        for (n, p) in installed.ports.iter() {
            let f = hosts.forward(place, p).await.unwrap();
            println!("forward {n}: {:?}", tokio::net::TcpStream::connect(f.local()).await.is_ok());
        }
        println!("{:?}", docker(&["exec", name, "sh", "-c", change]));
        let seen = hosts.observe(&[Known { instance: &instance, recorded: &recorded }]).await;
        println!("observe changed {:?}", seen);
        let r = remote
            .install(
                InstallRequest {
                    instance: instance.clone(),
                    token: "t0ken".into(),
                    machine: machine.clone(),
                    spec: spec.clone(),
                    installed: None,
                },
                &|b: BlockReport| {
                    if b.state == BlockState::Changed {
                        println!("   {:?} {} {:.2}", b.state, b.name, b.seconds)
                    }
                },
            )
            .await;
        println!("mend {:?}", r.is_ok());
        let look = hosts.look(place, installed.ports).await;
        println!("after: {:?}", look.log());
    }
    let t = Instant::now();
    let d = hosts
        .destroy(&[DestroyRequest {
            instance: instance.clone(),
            token: "t0ken".into(),
            spec: spec.clone(),
            machine: Some(machine),
        }])
        .await;
    println!("destroy {:?} {d:?}", t.elapsed());
    println!(
        "{}",
        docker(&[
            "exec",
            name,
            "sh",
            "-c",
            "ls /etc/bear /var/lib/bear /etc/mosquitto 2>&1; dpkg -l | grep -c ^ii; docker ps -a 2>&1; docker images 2>&1; docker volume ls 2>&1; true"
        ])
    );
}

#[tokio::test]
async fn real() {
    if std::env::var("BEAR_TEST_LAB").is_err() {
        return;
    }
    let which = std::env::var("WHICH").unwrap_or_default();
    let folder = tempfile::tempdir().unwrap();
    let hosts = Hosts::new(Settings {
        first_contact: FirstContactRule::Accept,
        ..Settings::new(
            FleetName::new("plant").unwrap(),
            "lin".into(),
            folder.path().join("kh"),
            folder.path().into(),
        )
    });

    let _ = which;
    let tar = folder.path().join("m.tar");
    docker(&["save", "-o", tar.to_str().unwrap(), "eclipse-mosquitto:2.0.18"]);
    start("bhosts-1", "10.77.0.91", "bear-lab/host-docker");
    println!("{}", docker(&["exec", "bhosts-1", "sh", "-c", "dpkg -l | grep -c ^ii"]));
    round(&hosts, "10.77.0.91", "ubuntu", r#""broker":{"mosquitto":{"version":"2.0.18","container":true,"image_file":"m.tar","authentication":{"username":"sensors"}}}"#, "docker stop bear-mosquitto", "bhosts-1").await;
    // kind change
    let spec = |broker: &str| -> Spec {
        serde_json::from_str(&format!(r#"{{"provider":"hosts",{broker},"host":{{"address":"10.77.0.91","user":"ubuntu","identity":"{}"}}}}"#, std::env::var("LAB_KEY").unwrap())).unwrap()
    };
    let instance = InstanceName::new("plant-b-1").unwrap();
    let a = spec(r#""broker":{"emqx":{"version":"5.0.9"}}"#);
    let machine = hosts
        .create(&[CreateRequest { instance: instance.clone(), token: "t0ken".into(), spec: a.clone() }])
        .await
        .remove(0)
        .unwrap();
    let remote = Remote::new(hosts.clone(), |_| {
        Ok(Secrets {
            admin_password: Some("Bear_first1".into()),
            cookie: Some("abc".into()),
            user_password: Some("pw one".into()),
            ..Secrets::default()
        })
    });
    for spec in [
        a,
        spec(r#""broker":{"emqx":{"version":"5.8.9"}}"#),
        spec(r#""broker":{"mosquitto":{"version":"2.0.11-1.2+deb12u2"}}"#),
        spec(r#""broker":{"mosquitto":{"version":"2.0.18","container":true}}"#),
    ] {
        let r = remote
            .install(
                InstallRequest {
                    instance: instance.clone(),
                    token: "t0ken".into(),
                    machine: machine.clone(),
                    spec: spec.clone(),
                    installed: None,
                },
                &|b: BlockReport| {
                    if b.state == BlockState::Changed || b.state == BlockState::Failed {
                        println!("   {:?} {} {:.2}", b.state, b.name, b.seconds)
                    }
                },
            )
            .await;
        println!("{r:?}");
        let recorded = Recorded {
            group: GroupName::new("b").unwrap(),
            spec: spec.clone(),
            generation: 1,
            token: "t0ken".into(),
            phase: Phase::Verified,
            since: jiff::Timestamp::UNIX_EPOCH,
            machine: Some(machine.clone()),
            installed: r.ok(),
            checks: None,
            unfinished: None,
        };
        println!("{:?}", hosts.observe(&[Known { instance: &instance, recorded: &recorded }]).await);
    }
    let d = hosts
        .destroy(&[DestroyRequest {
            instance: instance.clone(),
            token: "t0ken".into(),
            spec: spec(r#""broker":{"mosquitto":{"version":"2.0.18","container":true}}"#),
            machine: Some(machine),
        }])
        .await;
    println!(
        "{d:?} {}",
        docker(&[
            "exec",
            "bhosts-1",
            "sh",
            "-c",
            "dpkg -l | grep -c ^ii; docker ps -a; docker images; docker volume ls; ls /etc/bear /var/lib/bear; true"
        ])
    );
    docker(&["rm", "-f", "-v", "bhosts-1"]);
}
