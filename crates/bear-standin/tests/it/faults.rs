//! The faults that tests of bear ask for.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::world::{Setup, StandIn, folder};

const FAULTS: &str = "EMQX_STANDIN_FAULTS";

fn is_running(standin: &StandIn) -> bool {
    standin.get("/status").body.ends_with("is running")
}

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < until, "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn never_ready_answers_and_listens_to_no_mqtt() {
    let folder = folder();
    let standin = Setup::new("5.0.9", folder.path()).with(FAULTS, "never-ready").start();
    assert!(!is_running(&standin));
    TcpStream::connect(standin.mqtt()[0]).unwrap_err();
}

#[test]
fn a_crash_ends_the_boot_with_a_line_in_the_log() {
    let folder = folder();
    let mut standin = Setup::new("5.0.9", folder.path()).with(FAULTS, "crash").spawn();
    assert_eq!(standin.ended().code(), Some(1));
    assert!(standin.log().contains("[error] crasher"), "{}", standin.log());
}

#[test]
fn the_file_in_the_data_folder_counts_too() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/standin-faults"), "default-password-stays\nversion=5.0.8\n")
        .unwrap();
    let setup = Setup::new("5.0.9", folder.path());
    let standin = setup.with("EMQX_DASHBOARD__DEFAULT_PASSWORD", "Secret_1").start();
    assert_eq!(standin.login("admin", "public").status, 200);
    assert!(standin.login("admin", "Secret_1").body.contains(r#""version":"5.0.8""#));
}

#[test]
fn a_fault_that_is_none_ends_the_boot() {
    let folder = folder();
    let mut standin = Setup::new("5.0.9", folder.path()).with(FAULTS, "crush").spawn();
    assert_eq!(standin.ended().code(), Some(1));
}

#[test]
fn drop_mqtt_closes_every_connection() {
    let folder = folder();
    let standin = Setup::new("5.0.9", folder.path()).with(FAULTS, "drop-mqtt").start();
    assert!(is_running(&standin));
    let mut stream = TcpStream::connect(standin.mqtt()[0]).unwrap();
    // It may be closed before this is sent.
    let _ = stream.write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a");
    assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
}

#[test]
fn a_node_that_rejoins_goes_and_comes_back() {
    let folder = folder();
    let standin = Setup::new("5.0.9", folder.path()).with(FAULTS, "rejoins").start();
    assert!(is_running(&standin));
    until("it goes", || !is_running(&standin));
    TcpStream::connect(standin.mqtt()[0]).unwrap_err();
    until("it comes back", || is_running(&standin));
    TcpStream::connect(standin.mqtt()[0]).unwrap();
}
