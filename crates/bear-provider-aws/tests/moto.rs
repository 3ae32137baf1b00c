//! The provider against moto, an EC2 that none of us wrote, as far as it goes: it knows neither client tokens nor
//! delays, throttling, capacity or dependencies.
//!
//! `BEAR_MOTO_URL` names one that runs; otherwise `moto_server` is started, from `BEAR_MOTO_SERVER` or the path. Without
//! either the test says so and passes, unless `BEAR_TEST_MOTO=required`.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

use std::env;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::{BehaviorVersion, Config, Credentials, Region};
use bear_core::fleet::{Foundation, Instance};
use bear_core::name::FleetName;
use bear_core::observed::{FoundationSeen, Observation};
use bear_core::state::v1::{Machine, Phase, Recorded};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};
use bear_provider_aws::{Aws, HostKeySecret, Notify, Settings};
use jiff::Timestamp;

const REGION: &str = "eu-central-1";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnN1q6xJ9s7SJrpmHhBMSSWgZDu1aJVtV5CdPtWKYYJ me@here";
/// How many machines the fleet has.
const COUNT: usize = 3;

/// A moto that is stopped when it is dropped, unless it was there before.
struct Moto {
    url: String,
    server: Option<Child>,
}

impl Moto {
    fn start() -> Option<Self> {
        if let Ok(url) = env::var("BEAR_MOTO_URL") {
            return Some(Self { url, server: None });
        }
        let program = env::var("BEAR_MOTO_SERVER").unwrap_or_else(|_| "moto_server".to_owned());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let moto = Self { url: format!("http://127.0.0.1:{port}"), server: Some(server) };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < Duration::from_mins(1), "moto does not listen");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(moto)
    }

    fn client(&self) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("testing", "testing", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&self.url);
        Client::from_conf(config.build())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// A fleet, whose image is one that moto tells of.
struct Fleet {
    lineage: String,
    instances: Vec<Instance>,
    foundation: Foundation,
}

impl Fleet {
    async fn new(client: &Client, lineage: &str) -> Self {
        let images = client.describe_images().owners("amazon").send().await.unwrap();
        let fits = |image: &&aws_sdk_ec2::types::Image| {
            image.architecture().is_some_and(|it| it.as_str() == "x86_64")
                && image.root_device_name().is_some()
        };
        let image = images.images().iter().find(fits).and_then(|image| image.image_id()).unwrap().to_owned();
        let text = format!(
            "
fleet: daily
provider: {{ aws: {{ region: {REGION}, user: ubuntu }} }}
network: {{ operators: [203.0.113.7/32], clients: [0.0.0.0/0] }}
groups:
  emqx:
    count: {COUNT}
    machine: {{ type: t3.small, image: {image}, disk: 20 GiB, elastic_ip: true }}
    broker: {{ emqx: {{ version: 5.0.9 }} }}
"
        );
        let fleet = bear_core::fleet::parse("fleet.yaml", text.as_bytes())
            .unwrap_or_else(|it| panic!("{it:?}"))
            .fleet;
        let (instances, foundation) = (fleet.instances().unwrap(), fleet.foundation().unwrap());
        Self { lineage: lineage.to_owned(), instances, foundation }
    }

    fn aws(&self, client: &Client) -> Aws {
        let settings = Settings {
            fleet: FleetName::new("daily").unwrap(),
            lineage: self.lineage.clone(),
            foundation: self.foundation.clone(),
            public_key: Some(KEY.to_owned()),
            host_key_secret: HostKeySecret::new("0123456789abcdef0123456789abcdef"),
            notify: Notify::silent(),
        };
        Aws::with_client(settings, client.clone())
    }

    fn requests(&self, again: bool) -> Vec<CreateRequest> {
        let request = |(index, instance): (usize, &Instance)| CreateRequest {
            instance: instance.name.clone(),
            token: format!("{index:016x}{:048x}", 0),
            launch: format!("{:064x}", 0),
            again,
            spec: (*instance.spec).clone(),
        };
        self.instances.iter().enumerate().map(request).collect()
    }

    fn recorded(&self, machines: &[Machine]) -> Vec<Recorded> {
        let recorded = |(request, machine): (CreateRequest, &Machine)| Recorded {
            group: "emqx".parse().unwrap(),
            spec: request.spec,
            generation: 1,
            token: request.token,
            launch: Some(request.launch),
            phase: Phase::Created,
            since: Timestamp::UNIX_EPOCH,
            machine: Some(machine.clone()),
            installed: None,
            unfinished: None,
            checks: None,
        };
        self.requests(false).into_iter().zip(machines).map(recorded).collect()
    }

    fn doomed(&self, machines: &[Machine]) -> Vec<DestroyRequest> {
        let doomed = |(request, machine): (CreateRequest, &Machine)| DestroyRequest {
            instance: request.instance,
            token: request.token,
            launch: Some(request.launch),
            spec: request.spec,
            machine: Some(machine.clone()),
        };
        self.requests(false).into_iter().zip(machines).map(doomed).collect()
    }
}

/// What is told of each instance: how much of it is not as it was left.
async fn drift(fleet: &Fleet, aws: &Aws, machines: &[Machine]) -> (Vec<Option<usize>>, FoundationSeen) {
    let recorded = fleet.recorded(machines);
    let known = fleet.instances.iter().zip(&recorded);
    let known =
        known.map(|(instance, recorded)| Known { instance: &instance.name, recorded }).collect::<Vec<_>>();
    let observed = aws.observe(&known, &[&fleet.foundation]).await.unwrap();
    assert_eq!(observed.strays, []);
    let count = |observation: &Observation| match observation {
        Observation::Present { changed, .. } => Some(changed.len()),
        _ => None,
    };
    (observed.instances.values().map(count).collect(), observed.foundations[REGION].clone())
}

#[tokio::test]
async fn a_fleet_is_made_observed_mended_and_destroyed() {
    let Some(moto) = Moto::start() else {
        assert_ne!(env::var("BEAR_TEST_MOTO").as_deref(), Ok("required"), "moto_server is not to be had");
        return println!("skipped: moto_server is not to be had (pip install 'moto[server,ec2]')");
    };
    let client = moto.client();
    let lineage = format!("moto-{}", std::process::id());
    let fleet = Fleet::new(&client, &lineage).await;
    let aws = fleet.aws(&client);
    aws.lay_foundation(&fleet.foundation).await.unwrap();
    aws.lay_foundation(&fleet.foundation).await.unwrap();
    let made = aws.create(&fleet.requests(false)).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    let again = fleet.aws(&client).create(&fleet.requests(true)).await;
    let again = again.into_iter().map(|found| found.unwrap().id).collect::<Vec<_>>();
    assert_eq!(
        again,
        made.iter().map(|machine| machine.id.clone()).collect::<Vec<_>>(),
        "found by their tags"
    );
    let mut machines = Vec::new();
    for (request, machine) in fleet.requests(false).iter().zip(&made) {
        machines.push(aws.ready(&request.instance, &request.token, machine, &request.spec).await.unwrap());
    }
    assert_eq!(drift(&fleet, &aws, &machines).await, (vec![Some(0); COUNT], FoundationSeen::AsRecorded));

    client.stop_instances().instance_ids(&machines[0].id).send().await.unwrap();
    client.terminate_instances().instance_ids(&machines[1].id).send().await.unwrap();
    let (told, _) = drift(&fleet, &fleet.aws(&client), &machines).await;
    assert_eq!((told[0].is_some_and(|changes| changes > 0), told[1], told[2]), (true, None, Some(0)));
    let request = &fleet.requests(false)[0];
    machines[0] = aws.ready(&request.instance, &request.token, &machines[0], &request.spec).await.unwrap();
    assert_eq!(drift(&fleet, &aws, &machines).await.0[0], Some(0));

    let aws = fleet.aws(&client);
    for destroyed in aws.destroy(&fleet.doomed(&machines)).await {
        destroyed.unwrap();
    }
    aws.remove_foundation(&fleet.foundation).await.unwrap();
    assert_eq!(aws.remains().await.unwrap(), [""; 0]);
}
