//! What a plan asks before anything is done: no host is needed for it.

use std::fs;
use std::path::Path;

use bear_core::fleet::Spec;
use bear_core::name::FleetName;
use bear_hosts::{Hosts, Settings};

fn hosts(project: &Path) -> Hosts {
    let fleet = FleetName::new("plant").unwrap();
    Hosts::new(Settings::new(fleet, "lineage".into(), project.join("known_hosts"), project.to_owned()))
}

fn spec(broker: &str) -> Spec {
    let text =
        format!(r#"{{"provider": "hosts", "broker": {{{broker}}}, "host": {{"address": "192.0.2.10"}}}}"#);
    serde_json::from_str(&text).unwrap()
}

fn emqx(version: &str) -> Spec {
    spec(&format!(r#""emqx": {{"version": "{version}"}}"#))
}

/// What is said of going from one spec to another, with the help.
fn refusal(from: Option<&Spec>, to: &Spec) -> String {
    let folder = tempfile::tempdir().unwrap();
    match hosts(folder.path()).refuse(from, to) {
        Ok(()) => "fine".to_owned(),
        Err(error) => {
            let help = error.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
            format!("{error}{help}").replace(&folder.path().display().to_string(), "[project]")
        }
    }
}

#[test]
fn upgrades_that_emqx_forbids_are_refused_with_the_way_around() {
    assert_eq!(refusal(Some(&emqx("5.0.9")), &emqx("5.8.9")), "fine");
    insta::assert_snapshot!(refusal(Some(&emqx("5.8.9")), &emqx("6.2.2")), @"
    planning emqx: EMQX can't go from 5.8.9 to 6.2.2: the step is too long
    help: go to 6.0.3 first, prove it, then go on
    ");
    insta::assert_snapshot!(refusal(Some(&emqx("5.8.9")), &emqx("5.0.9")), @"
    planning emqx: EMQX can't go from 5.8.9 to 5.0.9: an older version can't read what a newer one wrote
    help: destroy the instance and apply again, which makes it new and empty
    ");
    insta::assert_snapshot!(refusal(None, &emqx("4.4.19")), @r#"
    planning emqx: "4.4.19" is no version of EMQX that bear knows
    help: write an exact version from 5.0.0 on, such as `5.8.9`
    "#);
}

#[test]
fn a_certificate_must_be_there() {
    let tls = spec(
        r#""mosquitto": {"version": "2.0.11-1", "tls": {"certificate": "tls/broker.pem", "key": {"env": "KEY"}}}"#,
    );
    insta::assert_snapshot!(refusal(None, &tls), @"
    planning mosquitto: reading [project]/tls/broker.pem: No such file or directory (os error 2)
    help: the fleet file names it under `tls`: see that it is there, and that you may read it
    ");
}

#[test]
fn settings_show_a_new_certificate_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = hosts(folder.path());
    let tls = spec(
        r#""mosquitto": {"version": "2.0.11-1", "tls": {"certificate": "broker.pem", "key": {"env": "KEY"}}}"#,
    );
    let with = |body: &str| {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        fs::write(folder.path().join("broker.pem"), pem).unwrap();
        hosts.configuration(&tls).unwrap()
    };
    assert_ne!(with("b25l"), with("dHdv"));
    assert_eq!(with("b25l"), with("b25l"));
    assert!(!with("b25l").contains("PRIVATE"));
}
