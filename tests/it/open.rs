//! `bear open`

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::brokers::eventually;
use crate::logs::lines;
use crate::sshd::Plant;
use crate::support::{Outcome, Project, check};

#[test]
fn the_address_of_the_dashboard() {
    let project = Project::deployed();
    check!(project.bear("open demo-broker-1"), @"
    exit status: 0
    ----- stdout -----
    http://127.0.0.1:3/
    ");
    check!(project.bear("open demo-broker-1 --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"instance":"demo-broker-1","url":"http://127.0.0.1:3/"}
    "#);
}

#[test]
fn a_browser_where_somebody_sees_it() {
    let project = Project::deployed().with("browser", "#!/bin/sh\necho \"$1\" >> \"$SEEN\"\n");
    let (program, seen) = (project.path("browser"), project.path("seen"));
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let open = |variables: &[(&str, &str)]| {
        let mut bear = project.command(["open", "demo-broker-1"]);
        bear.env("BROWSER", &program).env("SEEN", &seen).envs(variables.iter().copied());
        let outcome = Outcome::of(bear.spawn().unwrap(), &project.root()).ok();
        assert_eq!((&*outcome.stdout, &*outcome.stderr), ("http://127.0.0.1:3/\n", ""));
    };
    open(&[]);
    open(&[("DISPLAY", ":0"), ("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")]);
    open(&[("DISPLAY", ":0"), ("CI", "true")]);
    open(&[("DISPLAY", ":0")]);
    open(&[("WAYLAND_DISPLAY", "wayland-0")]);
    // Browsers are not waited for. Those that should not have been started would have been so before these two.
    let opened = || fs::read_to_string(&seen).unwrap_or_default().lines().count();
    eventually("two browsers have opened the page", || opened() >= 2);
    assert_eq!(opened(), 2);
}

#[test]
fn no_dashboard() {
    check!(Project::deployed().bear("open demo-broker-2"), @"
    exit status: 3
    ----- stderr -----
    bear::open::no_dashboard

      × `demo-broker-2` has no dashboard yet
      help: `bear apply` finishes what is not installed
    ");
    check!(Project::deployed().bear("open demo-broker-3"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `demo-broker-3`
      help: did you mean `demo-broker-1`? instances: `demo-broker-1`, `demo-broker-2`
    ");
    check!(Project::demo().bear("open demo-broker-1"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `demo-broker-1`
      help: nothing is deployed; `bear apply` deploys a fleet
    ");
}

/// A dashboard on an address of this machine: it greets whoever asks, until its thread ends with the test.
fn dashboard(address: &str) -> u16 {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut request = BufReader::new(&stream).lines().map_while(Result::ok);
            let _ = request.find(String::is_empty);
            let _ = (&stream).write_all(b"HTTP/1.0 200 OK\r\n\r\nthe dashboard");
        }
    });
    port
}

/// What stands at an address such as `http://127.0.0.1:1234/`.
fn fetch(url: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/'))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

#[test]
fn a_host_whose_dashboard_answers_from_here() {
    let Some(plant) = Plant::of(&["paris"]) else { return };
    let address = &plant.host("paris").address;
    let port = dashboard(address);
    plant.record(&json!({ "mqtt": 1883, "dashboard": port }));
    assert_eq!(
        plant.project.bear("open plant-edge-paris").ok().stdout,
        format!("http://{address}:{port}/\n")
    );
}

#[test]
fn through_ssh_where_it_does_not() {
    let Some(plant) = Plant::of(&["paris"]) else { return };
    let port = dashboard("127.0.0.1");
    plant.record(&json!({ "mqtt": 1883, "dashboard": port }));
    let mut bear = plant.project.command(["open", "plant-edge-paris"]).spawn().unwrap();
    let url = lines(&mut bear).recv_timeout(Duration::from_mins(1)).unwrap();
    assert_ne!(url, format!("http://127.0.0.1:{port}/"));
    for _ in 0..3 {
        assert!(fetch(&url).unwrap().ends_with("the dashboard"));
    }
    kill_process(Pid::from_child(&bear), Signal::INT).unwrap();
    let outcome = Outcome::of(bear, &plant.project.root());
    assert_eq!(outcome.code(), 130, "{outcome}");
    assert_eq!(outcome.stderr, format!("forwarding {url} to plant-edge-paris, Ctrl-C ends it\n"));
    eventually("the way is closed", || fetch(&url).is_err());

    let mut bear = plant.project.command(["open", "plant-edge-paris", "--json"]).spawn().unwrap();
    let document = lines(&mut bear).recv_timeout(Duration::from_mins(1)).unwrap();
    let document = serde_json::from_str::<Value>(&document).unwrap();
    assert!(fetch(document["url"].as_str().unwrap()).unwrap().ends_with("the dashboard"));
    kill_process(Pid::from_child(&bear), Signal::INT).unwrap();
    assert_eq!(Outcome::of(bear, &plant.project.root()).stderr, "");
}

#[test]
fn nothing_answers_on_the_host_either() {
    let Some(mut plant) = Plant::of(&["paris"]) else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    plant.record(&json!({ "mqtt": 1883, "dashboard": port }));
    let open = |plant: &Plant| {
        plant.redacted(&plant.project.bear("open plant-edge-paris")).replace(&port.to_string(), "[DASHBOARD]")
    };
    insta::assert_snapshot!(open(&plant), @"
    exit status: 1
    ----- stderr -----
    bear::open::no_answer

      × nothing answers on port [DASHBOARD] of `plant-edge-paris`, not even on the host itself
      help: `bear logs plant-edge-paris` shows what its broker says
    ");
    plant.record(&json!({ "mqtt": 1883 }));
    insta::assert_snapshot!(open(&plant), @"
    exit status: 3
    ----- stderr -----
    bear::open::no_dashboard

      × `plant-edge-paris` has no dashboard: it runs mosquitto
      help: `bear status` shows how it is doing, `bear logs plant-edge-paris` what it says
    ");
    plant.record(&json!({ "mqtt": 1883, "dashboard": port }));
    plant.stop("paris");
    insta::assert_snapshot!(open(&plant), @"
    exit status: 1
    ----- stderr -----
    bear::ssh::refused

      × connecting to [USER]@[paris]:[PORT]: ssh: connect to host [paris] port [PORT]: Connection refused
      ╰─▶ its last lines:
          ssh: connect to host [paris] port [PORT]: Connection refused
      help: nothing listens there: see that sshd runs and that the port is right
    ");
}
