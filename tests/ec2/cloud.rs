//! What every test stands on: an account of the fake EC2 behind a port, and a project whose fleet is made there.

use std::fs;
use std::net::SocketAddr;
use std::sync::Mutex;

use bear_lab::fake_ec2::{
    ACCESS_KEY, Endpoint, FakeEc2, Instance, NewImage, SECRET_KEY, SecurityGroup, Settings, Zone,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Outcome, Project};

/// The fleet file of every test.
pub(crate) const FILE: &str = "fleets/daily.yaml";
/// A fleet of three.
pub(crate) const FLEET: &str = "\
fleet: daily
provider:
  aws:
    region: eu-central-1
    user: ubuntu
network: { operators: [203.0.113.7/32], clients: [198.51.100.0/24] }
groups:
  emqx:
    count: 3
    machine: { type: t3.small, image: ubuntu-22.04, disk: 20 GiB }
    broker: { emqx: { version: 5.0.9 } }
";
/// An operator's key, of which nobody has the other half.
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnN1q6xJ9s7SJrpmHhBMSSWgZDu1aJVtV5CdPtWKYYJ me@here";
/// Makes machines. Nothing is installed, since [`Project`]s of these tests have no `ssh`, and so don't wait for it.
pub(crate) const APPLY: &str = "apply fleets/daily.yaml --yes";

/// An account on EC2, and a project with the fleet `daily`.
pub(crate) struct Cloud {
    pub(crate) fake: FakeEc2,
    pub(crate) project: Project,
    endpoint: Mutex<Option<Endpoint>>,
    runtime: Runtime,
}

/// An EC2 where everything happens at once, and whose addresses are this machine's own.
pub(crate) fn settings() -> Settings {
    let zone = |(letter, third): (char, u8)| Zone {
        name: format!("eu-central-1{letter}"),
        cidr: format!("127.79.{third}.0/24").parse().unwrap(),
    };
    let zones = [('a', 0), ('b', 1), ('c', 2)].map(zone).into();
    Settings { zones, public_cidr: "127.80.0.0/16".parse().unwrap(), ..Settings::default() }
}

impl Cloud {
    /// With [`FLEET`].
    pub(crate) fn new() -> Self {
        Self::of(FLEET)
    }

    /// With this fleet file.
    pub(crate) fn of(fleet: &str) -> Self {
        Self::with(fleet, settings())
    }

    pub(crate) fn with(fleet: &str, settings: Settings) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let fake = FakeEc2::new(settings);
        let endpoint = runtime.block_on(fake.listen()).unwrap();
        let project = project(&endpoint.url()).with(FILE, fleet);
        Self { fake, project, endpoint: Mutex::new(Some(endpoint)), runtime }
    }

    /// Another project in the same account.
    pub(crate) fn neighbour(&self, fleet: &str) -> Project {
        project(&self.endpoint.lock().unwrap().as_ref().unwrap().url()).with(FILE, fleet)
    }

    /// Where EC2 answers.
    pub(crate) fn url(&self) -> String {
        self.endpoint.lock().unwrap().as_ref().unwrap().url()
    }

    /// Makes the machines of [`FLEET`]; nothing is installed.
    #[track_caller]
    pub(crate) fn made(self) -> Self {
        let outcome = self.project.bear(APPLY);
        assert_eq!(outcome.code(), 1, "{outcome}");
        assert_eq!(self.fake.alive().len(), 3, "{outcome}");
        self
    }

    /// The same, and records that all of it is installed and proven.
    #[track_caller]
    pub(crate) fn proven(self) -> Self {
        let cloud = self.made();
        let mut state = cloud.state();
        for (_, recorded) in state["instances"].as_object_mut().unwrap() {
            recorded["phase"] = json!("verified");
            recorded["installed"] = json!({ "ports": { "mqtt": 1883 }, "version": "5.0.9" });
            recorded["checks"] = json!(9);
            recorded.as_object_mut().unwrap().remove("unfinished");
        }
        cloud.project.write(".bear/daily/state.json", state.to_string());
        cloud
    }

    pub(crate) fn bear(&self, arguments: &str) -> Outcome {
        self.project.bear(arguments)
    }

    /// What is recorded, as of the end of the last run.
    pub(crate) fn state(&self) -> Value {
        state(&self.project)
    }

    /// The machine of `daily-emqx-<number>`.
    #[track_caller]
    pub(crate) fn machine(&self, number: usize) -> Instance {
        let recorded = &self.state()["instances"][format!("daily-emqx-{number}")]["machine"]["id"];
        self.fake.instance(recorded.as_str().unwrap()).unwrap()
    }

    /// The fleet's security group.
    #[track_caller]
    pub(crate) fn group(&self) -> SecurityGroup {
        let groups = self.fake.security_groups();
        groups.into_iter().find(|group| group.name != "default").unwrap()
    }

    /// What the fleet's security group lets in, sorted.
    pub(crate) fn rules(&self) -> Vec<String> {
        let rules = self.group().rules.into_iter().filter(|rule| !rule.egress);
        let mut rules = rules
            .map(|rule| format!("{} {:?} {:?}", rule.protocol, rule.ports.unwrap(), rule.peer))
            .collect::<Vec<_>>();
        rules.sort();
        rules
    }

    /// Does something at EC2 that bear knows nothing of.
    #[track_caller]
    pub(crate) fn by_hand(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let _time = self.runtime.enter();
        self.fake.by_hand(action, parameters).unwrap()
    }

    /// Launches a machine that bear knows nothing of, with further parameters.
    #[track_caller]
    pub(crate) fn launch_by_hand(&self, parameters: &[(&str, &str)]) -> String {
        let before = self.fake.instances();
        let image = self.image();
        let usual =
            [("ImageId", image.as_str()), ("InstanceType", "t3.small"), ("MinCount", "1"), ("MaxCount", "1")];
        self.by_hand("RunInstances", &[&usual, parameters].concat());
        let known = |instance: &Instance| before.iter().any(|before| before.id == instance.id);
        self.fake.instances().into_iter().find(|instance| !known(instance)).unwrap().id
    }

    fn image(&self) -> String {
        self.fake.add_image(NewImage::ubuntu("jammy-22.04", "amd64", "20240101"))
    }

    /// EC2 can't be reached any more.
    pub(crate) fn go_down(&self) -> SocketAddr {
        let endpoint = self.endpoint.lock().unwrap().take().unwrap();
        let address = endpoint.address();
        let _time = self.runtime.enter();
        drop(endpoint);
        address
    }

    /// EC2 can be reached again, where it was.
    pub(crate) fn come_back(&self, address: SocketAddr) {
        let endpoint = self.runtime.block_on(self.fake.listen_at(address)).unwrap();
        *self.endpoint.lock().unwrap() = Some(endpoint);
    }

    /// What is left in the account that is marked as the fleet's.
    pub(crate) fn tagged(&self) -> Vec<String> {
        self.fake.tagged("bear:fleet", "daily")
    }
}

/// What is recorded about the fleet `daily`, as of the end of the last run.
pub(crate) fn state(project: &Project) -> Value {
    serde_json::from_str(&project.read(".bear/daily/state.json")).unwrap()
}

fn project(url: &str) -> Project {
    let project = Project::new()
        .with_variable("AWS_ENDPOINT_URL", url)
        .with_variable("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .with_variable("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .with_variable("AWS_EC2_METADATA_DISABLED", "true")
        .with_variable("PATH", "/nonexistent");
    give_key(&project, KEY);
    project
}

/// Puts the public half of a key to where `ssh` would look for it.
pub(crate) fn give_key(project: &Project, key: &str) {
    let home = project.path("../.ssh");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("id_ed25519.pub"), format!("{key}\n")).unwrap();
}

/// What differs from run to run, besides [`crate::support::FILTERS`].
pub(crate) const CLOUD_FILTERS: [(&str, &str); 10] = [
    (r"\b(i|ami|sg|vpc|subnet|key|eipalloc|vol|eni)-[0-9a-f]{8,17}\b", "$1-[ID]"),
    (r"127\.(79|8\d)\.\d+\.\d+", "[ADDRESS]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
    (r"(?m) +\d+\.\d\d$", "  [SECONDS]"),
    (r"\bin \d+ s\b", "in [SECONDS] s"),
    (r"within \d+ m?s\b", "within [SECONDS]"),
    (r"lineage=[0-9a-f-]+", "lineage=[LINEAGE]"),
    (r"\bbear-daily-[0-9a-f]{8}\b", "bear-daily-[LINEAGE]"),
    (r"SHA256:[A-Za-z0-9+/]+", "SHA256:[FINGERPRINT]"),
    // How wide the time is that has passed.
    (r"\[ +\[SECONDS\]\]", "[[SECONDS]]"),
];

/// Holds what people read against a snapshot.
macro_rules! check_cloud {
    ($text:expr, @$expected:literal) => {
        let filters = crate::support::FILTERS.into_iter().chain(crate::cloud::CLOUD_FILTERS);
        insta::with_settings!({ filters => filters.collect::<Vec<_>>() }, {
            insta::assert_snapshot!($text.to_string(), @$expected);
        })
    };
}

pub(crate) use check_cloud;
