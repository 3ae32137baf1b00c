//! Many scripts on one host, many hosts at once, and servers with the limits that they have by default.

use std::time::Instant;

use bear_executor::host_keys::FirstContactRule;
use bear_executor::ssh::Ssh;
use futures_util::future::join_all;

use crate::output;
use crate::sshd::world;

/// Runs all of them at once, and returns what they write, in order.
async fn at_once(hosts: &[&Ssh], text: &str) -> Vec<String> {
    join_all(hosts.iter().map(|host| output(host, text))).await
}

#[tokio::test]
async fn forty_scripts_on_one_host_are_all_served() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let since = Instant::now();
    ssh.connect().await.unwrap();
    println!("first contact and connection: {:?}", since.elapsed());
    let since = Instant::now();
    Ssh::connect(&world.ssh(&sshd)).await.unwrap();
    println!("connection to a known host: {:?}", since.elapsed());
    let since = Instant::now();
    assert_eq!(at_once(&[&ssh; 40], "sleep 0.2; echo ok").await, ["ok\n"; 40]);
    println!("40 scripts of 0.2 s: {:?}", since.elapsed());
    let since = Instant::now();
    at_once(&[&ssh; 200], "echo ok").await;
    println!("scripts a second: {:.0}", 200.0 / since.elapsed().as_secs_f64());
    let since = Instant::now();
    for _ in 0..20 {
        output(&ssh, "echo ok").await;
    }
    println!("one script after the other: {:?} each", since.elapsed() / 20);
}

#[tokio::test]
async fn a_host_that_allows_two_sessions_serves_all_the_same() {
    let world = world!();
    let sshd = world.start("host", &["MaxSessions=2"]);
    let ssh = world.ssh(&sshd);
    assert_eq!(at_once(&[&ssh; 10], "sleep 0.1; echo ok").await, ["ok\n"; 10]);
}

#[tokio::test]
async fn a_host_that_allows_no_session_is_told() {
    let world = world!();
    let sshd = world.start("host", &["MaxSessions=0"]);
    let error = crate::run(&world.ssh(&sshd), "true").await.unwrap_err();
    let message = world.redacted(&error, &sshd);
    insta::assert_snapshot!(message, @"opening a session on [user]@[address]:[port]: Server refused the request: Session open refused by peer.");
    assert_eq!((error.code, error.transient), ("bear::ssh::session_refused", true));
}

#[tokio::test]
async fn sixty_hosts_at_once_with_the_limits_of_a_default_sshd() {
    let world = world!();
    let sshds = (0..60).map(|_| world.start("host", &["MaxStartups=10:30:100"])).collect::<Vec<_>>();
    let hosts = sshds.iter().map(|sshd| world.ssh(sshd)).collect::<Vec<_>>();
    let since = Instant::now();
    assert_eq!(at_once(&hosts.iter().collect::<Vec<_>>(), "echo ok").await, vec!["ok\n"; 60]);
    println!("60 hosts, first contact: {:?}", since.elapsed());
    drop(hosts);
    let hosts = sshds.iter().map(|sshd| world.ssh(sshd)).collect::<Vec<_>>();
    let since = Instant::now();
    assert_eq!(at_once(&hosts.iter().collect::<Vec<_>>(), "echo ok").await, vec!["ok\n"; 60]);
    println!("60 known hosts: {:?}", since.elapsed());
    let since = Instant::now();
    assert_eq!(at_once(&hosts.iter().collect::<Vec<_>>(), "echo ok").await, vec!["ok\n"; 60]);
    println!("60 connected hosts: {:?}", since.elapsed());
}

#[tokio::test]
async fn forty_connections_to_one_sshd_are_not_dropped() {
    let world = world!();
    let sshd = world.start("host", &["MaxStartups=10:100:10"]);
    let host_keys = world.host_keys(FirstContactRule::Accept);
    let hosts = (0..40).map(|_| Ssh::new(world.target(&sshd), host_keys.clone())).collect::<Vec<_>>();
    let since = Instant::now();
    assert_eq!(at_once(&hosts.iter().collect::<Vec<_>>(), "echo ok").await, ["ok\n"; 40]);
    println!("40 connections to one sshd: {:?}", since.elapsed());
    let log = std::fs::read_to_string(world.path("sshd.log")).unwrap();
    assert!(!log.contains("MaxStartups"), "{log}");
}
