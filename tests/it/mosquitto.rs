//! A second opinion on every broker: Mosquitto's clients, which none of us wrote

use std::process::{Command, Output};

use crate::brokers::fleet_of;
use crate::support::Project;

/// Set to `required` where the clients must be there.
const VARIABLE: &str = "BEAR_TEST_MOSQUITTO";

/// Whether Mosquitto's clients are on this machine.
pub(crate) fn is_here() -> bool {
    let here = Command::new("mosquitto_sub").arg("--help").output().is_ok();
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(
        here || !required,
        "{VARIABLE} is `required`, but there is no mosquitto_sub; Debian: mosquitto-clients"
    );
    here
}

#[test]
fn mosquitto_talks_to_every_broker_that_the_inventory_lists() {
    if !is_here() {
        println!("skipped: there is no mosquitto_sub on this machine");
        return;
    }
    let project = Project::new().with("fleets/demo.yaml", fleet_of(2));
    project.bear("apply --yes").ok();
    let inventory = project.bear("inventory --format json").ok().json();
    let brokers = inventory["instances"].as_array().unwrap();
    assert_eq!(brokers.len(), 2);
    for broker in brokers {
        let address = broker["address"].as_str().unwrap();
        let port = broker["ports"]["mqtt"].to_string();
        for version in ["311", "5"] {
            let name = format!("{}-{version}", broker["name"].as_str().unwrap());
            let broker = Broker { address, port: &port, version, name: &name };
            broker.hands_out_what_came_while_a_client_was_away();
            broker.keeps_a_message();
        }
    }
}

struct Broker<'a> {
    address: &'a str,
    port: &'a str,
    version: &'a str,
    /// What makes topics, client ids and messages those of this broker and version alone.
    name: &'a str,
}

impl Broker<'_> {
    fn hands_out_what_came_while_a_client_was_away(&self) {
        let expiry = if self.version == "5" { "-x 300" } else { "" };
        let session = format!("-t {0} -q 2 -i {0} -c {expiry}", self.name);
        self.mosquitto("sub", &format!("{session} -E"));
        for message in ["first", "second"] {
            self.mosquitto("pub", &format!("-t {0} -q 2 -m {message}-{0}", self.name));
        }
        let received = self.mosquitto("sub", &format!("{session} -C 2"));
        assert_eq!(received, format!("first-{0}\nsecond-{0}\n", self.name));
    }

    fn keeps_a_message(&self) {
        let topic = format!("kept/{}", self.name);
        self.mosquitto("pub", &format!("-t {topic} -q 2 -r -m kept-{}", self.name));
        for _ in 0..2 {
            let received = self.mosquitto("sub", &format!("-t {topic} -q 2 -C 1 --retained-only"));
            assert_eq!(received, format!("kept-{}\n", self.name));
        }
    }

    /// Runs `mosquitto_sub` or `mosquitto_pub`, which must succeed; what it prints.
    #[track_caller]
    fn mosquitto(&self, program: &str, arguments: &str) -> String {
        let mut command = Command::new(format!("mosquitto_{program}"));
        command
            .args(["-h", self.address, "-p", self.port, "-V", self.version])
            .args(arguments.split_whitespace());
        if program == "sub" {
            // The longest that it waits, in seconds.
            command.args(["-W", "60"]);
        }
        let Output { status, stdout, stderr } = command.output().unwrap();
        assert!(status.success(), "{command:?}: {status}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }
}
