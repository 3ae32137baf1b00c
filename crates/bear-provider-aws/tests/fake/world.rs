//! A fleet and the fake EC2 that it is made in, by the real SDK.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_ec2::config::http::{HttpRequest, HttpResponse};
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::{
    AsyncSleep, BehaviorVersion, Config, Credentials, HttpClient, Region, RuntimeComponents,
    SharedAsyncSleep, Sleep,
};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bear_core::event::StepError;
use bear_core::fleet::{Foundation, Instance};
use bear_core::name::FleetName;
use bear_core::state::v1::{Machine, Phase, Recorded};
use bear_lab::fake_ec2::{ACCESS_KEY, FakeEc2, SECRET_KEY, Settings as FakeSettings};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};
use bear_provider_aws::{Aws, HostKeySecret, Notify, Settings};
use bytes::Bytes;
use jiff::Timestamp;

/// Where the fleet is made.
pub(crate) const REGION: &str = "eu-central-1";
/// An operator's key.
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnN1q6xJ9s7SJrpmHhBMSSWgZDu1aJVtV5CdPtWKYYJ me@here";

/// A fleet, and where it is made.
pub(crate) struct World {
    pub(crate) fake: FakeEc2,
    pub(crate) lineage: String,
    pub(crate) instances: Vec<Instance>,
    pub(crate) foundation: Foundation,
    pub(crate) notices: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// A fleet of so many instances of EMQX, in an EC2 where everything happens at once.
    pub(crate) fn of(count: usize) -> Self {
        Self::with(count, "", "", FakeSettings::default())
    }

    /// A fleet with further settings of the provider and of its machines, each a line of YAML.
    pub(crate) fn with(count: usize, provider: &str, machine: &str, settings: FakeSettings) -> Self {
        let text = format!(
            "
fleet: daily
provider: {{ aws: {{ region: {REGION}, {provider} }} }}
network: {{ operators: [203.0.113.7/32], clients: [0.0.0.0/0] }}
groups:
  emqx:
    count: {count}
    machine: {{ type: t3.small, image: ubuntu-22.04, disk: 20 GiB, {machine} }}
    broker: {{ emqx: {{ version: 5.0.9 }} }}
"
        );
        let fleet = bear_core::fleet::parse("fleet.yaml", text.as_bytes())
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .fleet;
        Self {
            fake: FakeEc2::new(settings),
            lineage: "0a1b2c3d-lineage-of-daily".to_owned(),
            instances: fleet.instances().unwrap(),
            foundation: fleet.foundation().unwrap(),
            notices: Arc::default(),
        }
    }

    /// Another fleet in the same account.
    pub(crate) fn neighbour(&self, lineage: &str) -> Self {
        Self {
            fake: self.fake.clone(),
            lineage: lineage.to_owned(),
            instances: self.instances.clone(),
            foundation: self.foundation.clone(),
            notices: Arc::default(),
        }
    }

    /// A provider as a run of bear has it, without sockets.
    pub(crate) fn aws(&self) -> Aws {
        self.aws_with(wire(&self.fake))
    }

    pub(crate) fn aws_with(&self, config: aws_sdk_ec2::config::Builder) -> Aws {
        Aws::with_client(self.settings(), aws_sdk_ec2::Client::from_conf(config.build()))
    }

    pub(crate) fn settings(&self) -> Settings {
        let notices = Arc::clone(&self.notices);
        Settings {
            fleet: FleetName::new("daily").unwrap(),
            lineage: self.lineage.clone(),
            foundation: self.foundation.clone(),
            public_key: Some(KEY.to_owned()),
            host_key_secret: HostKeySecret::new("0123456789abcdef0123456789abcdef"),
            notify: Notify::new(move |notice| notices.lock().unwrap().push(notice.to_string())),
        }
    }

    /// A provider whose foundation is laid.
    pub(crate) async fn laid(&self) -> Aws {
        let aws = self.aws();
        aws.lay_foundation(&self.foundation).await.unwrap();
        aws
    }

    /// What asks for the machines of all instances in one launch.
    pub(crate) fn requests(&self, again: bool) -> Vec<CreateRequest> {
        let launch = token(&self.lineage, self.instances[0].name.as_str(), 1);
        let request = |instance: &Instance| CreateRequest {
            instance: instance.name.clone(),
            token: token(&self.lineage, instance.name.as_str(), 1),
            launch: launch.clone(),
            again,
            spec: (*instance.spec).clone(),
        };
        self.instances.iter().map(request).collect()
    }

    /// Makes all machines, and gives them back in the order of the instances.
    pub(crate) async fn create(&self, aws: &Aws, again: bool) -> Vec<Machine> {
        let made = aws.create(&self.requests(again)).await;
        made.into_iter().map(|made| made.unwrap_or_else(|error| panic!("{error:#?}"))).collect()
    }

    /// The same as it is recorded once the machines are there.
    pub(crate) fn recorded(&self, machines: &[Option<Machine>]) -> Vec<Recorded> {
        let recorded = |(request, machine): (CreateRequest, &Option<Machine>)| Recorded {
            group: "emqx".parse().unwrap(),
            spec: request.spec,
            generation: 1,
            token: request.token,
            launch: Some(request.launch),
            phase: if machine.is_some() { Phase::Created } else { Phase::Creating },
            since: Timestamp::UNIX_EPOCH,
            machine: machine.clone(),
            installed: None,
            unfinished: None,
            checks: None,
        };
        self.requests(false).into_iter().zip(machines).map(recorded).collect()
    }

    /// The instances as the state knows them.
    pub(crate) fn known<'a>(&'a self, recorded: &'a [Recorded]) -> Vec<Known<'a>> {
        let known =
            |(instance, recorded): (&'a Instance, &'a Recorded)| Known { instance: &instance.name, recorded };
        self.instances.iter().zip(recorded).map(known).collect()
    }

    /// What asks for the end of all machines.
    pub(crate) fn doomed(&self, machines: &[Option<Machine>]) -> Vec<DestroyRequest> {
        let doomed = |(request, machine): (CreateRequest, &Option<Machine>)| DestroyRequest {
            instance: request.instance,
            token: request.token,
            launch: Some(request.launch),
            spec: request.spec,
            machine: machine.clone(),
        };
        self.requests(false).into_iter().zip(machines).map(doomed).collect()
    }

    pub(crate) fn notices(&self) -> String {
        self.notices.lock().unwrap().join("\n")
    }
}

/// What an instance is marked with, as the state derives it: 64 digits.
pub(crate) fn token(lineage: &str, instance: &str, generation: u64) -> String {
    let text = format!("{lineage} {instance} {generation}");
    let digits = |seed: u64| {
        text.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    [1, 2, 3, 4].map(|seed| format!("{:016x}", digits(seed))).concat()
}

/// The one error of a batch that failed as a whole.
pub(crate) fn only<T: std::fmt::Debug>(results: Vec<Result<T, StepError>>) -> StepError {
    let mut errors = results.into_iter().map(|result| result.expect_err("everything fails"));
    let first = errors.next().expect("there is one");
    assert!(errors.all(|error| error.code == first.code), "all fail for the same reason");
    first
}

/// The ids of machines.
pub(crate) fn ids(machines: &[Machine]) -> Vec<&str> {
    machines.iter().map(|machine| machine.id.as_str()).collect()
}

/// A client of the fake without sockets, so that time can be paused.
pub(crate) fn wire(fake: &FakeEc2) -> aws_sdk_ec2::config::Builder {
    config(fake).http_client(Wire(fake.clone())).endpoint_url("http://ec2.fake")
}

/// A client of the fake at an endpoint.
pub(crate) fn socket(fake: &FakeEc2, url: &str) -> aws_sdk_ec2::config::Builder {
    config(fake).http_client(aws_smithy_http_client::Builder::new().build_http()).endpoint_url(url)
}

fn config(fake: &FakeEc2) -> aws_sdk_ec2::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep))
        .time_source(FakeTime(fake.clone()))
}

#[derive(Clone, Debug)]
struct Wire(FakeEc2);

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let fake = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let request =
                request.map(|body| Bytes::copy_from_slice(body.bytes().expect("nothing is streamed")));
            match fake.answer(request).await {
                Ok(response) => {
                    Ok(HttpResponse::try_from(response.map(SdkBody::from)).expect("headers are ASCII"))
                }
                Err(_) => Err(ConnectorError::io("connection reset".into())),
            }
        })
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[derive(Debug)]
struct TokioSleep;

impl AsyncSleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration))
    }
}

/// The time that the fake goes by, and so the time to sign by.
#[derive(Debug)]
struct FakeTime(FakeEc2);

impl TimeSource for FakeTime {
    fn now(&self) -> SystemTime {
        self.0.clock().into()
    }
}
