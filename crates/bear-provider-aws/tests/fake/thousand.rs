//! The whole apply of a thousand machines in simulated time: no machine waits for another.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bear_core::check::{CheckName, CheckResult};
use bear_core::diff::{Goal, diff};
use bear_core::event::{BlockReport, Operation, StepError};
use bear_core::fleet::model::{Ports, ProviderKind};
use bear_core::name::FleetName;
use bear_core::observed::Observed;
use bear_core::plan;
use bear_core::state::v1::{Installed, Phase};
use bear_engine::adapter::{Done, InstallRequest, VerifyRequest};
use bear_engine::store::{FileStore, FleetFolder, FleetLock, Holder};
use bear_engine::{Adapters, Installer, Limits, Run, Stop, Store, Verifier, run};
use bear_lab::clock::SimulatedClock;
use bear_lab::disk::SimulatedDisk;
use bear_lab::fake_ec2::{Between, Delays, FakeEc2, Happening, Settings, Zone};
use bear_provider_aws::Aws;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::world::{REGION, World};

const MACHINES: usize = 1000;

/// How long a proof takes.
const PROOF: Duration = Duration::from_secs(1);

/// An EC2 with room for all, where machines take 20 to 40 s to boot.
fn settings(seed: u64, throttled: bool) -> Settings {
    let zone = |(letter, third): (char, u8)| Zone {
        name: format!("{REGION}{letter}"),
        cidr: format!("10.77.{third}.0/22").parse().unwrap(),
    };
    let zones = [('a', 0), ('b', 4), ('c', 8)].map(zone).into();
    let delays = Delays { pending: Between::secs(20, 40), ..Settings::realistic(seed).delays };
    Settings { seed, zones, delays, throttled, ..Settings::default() }
}

/// Waits for the machine as the binary does, and then for as long as installing takes.
struct Installing {
    aws: Aws,
    /// The rest of the path of each machine, by its id.
    rest: Arc<Mutex<HashMap<String, Duration>>>,
    seed: u64,
}

impl Installing {
    /// 30 to 60 s, as the seed and the name decide.
    fn takes(&self, name: &str) -> Duration {
        let drawn = name.bytes().fold(self.seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Duration::from_millis(30_000 + (drawn >> 20) % 30_001)
    }
}

#[async_trait]
impl Installer for Installing {
    async fn install(
        &self,
        request: InstallRequest,
        _: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Done, StepError> {
        let InstallRequest { instance, token, machine, spec, .. } = &request;
        let machine = self.aws.ready(instance, token, machine, spec).await?;
        let takes = self.takes(instance.as_str());
        self.rest.lock().unwrap().insert(machine.id.clone(), takes + PROOF);
        sleep(takes).await;
        Ok(Done { installed: Installed::new(Ports::default(), "5.0.9"), machine: Some(machine) })
    }
}

struct Proving;

#[async_trait]
impl Verifier for Proving {
    async fn verify(&self, _: VerifyRequest, report: &(dyn Fn(CheckResult) + Send + Sync)) -> Option<String> {
        sleep(PROOF).await;
        report(CheckResult::passed(CheckName::Tcp, PROOF));
        None
    }
}

/// How long each machine took to boot, by its id.
async fn boots(fake: FakeEc2) -> HashMap<String, Duration> {
    let (mut machines, mut launched, mut boots) = (fake.machines(), HashMap::new(), HashMap::new());
    while boots.len() < MACHINES {
        let event = machines.next().await;
        match event.happening {
            Happening::Launched => drop(launched.insert(event.instance.id, Instant::now())),
            Happening::Running => {
                let took = launched[&event.instance.id].elapsed();
                boots.insert(event.instance.id, took);
            }
            other => panic!("{other:?}"),
        }
    }
    boots
}

/// The real store, on a disk that costs nothing.
fn new_store() -> FileStore {
    let fleet = FleetName::new("daily").unwrap();
    let folder = FleetFolder::on(Arc::new(SimulatedDisk::new().process()), "/".as_ref(), &fleet);
    let holder = Holder {
        user: "ann".into(),
        host: "mill".into(),
        pid: 1,
        boot_id: "b007".into(),
        command: "bear apply".into(),
        since: Timestamp::UNIX_EPOCH,
    };
    let lock = FleetLock::take(&folder, &holder, Duration::ZERO, |_| {}).unwrap();
    FileStore::open(lock, &fleet, || "lineage".into()).unwrap()
}

/// Applies a fleet of a thousand from nothing. How much longer that takes than the longest way of one machine: from its
/// launch over its boot and its installation to its proof.
async fn apply(seed: u64, throttled: bool) -> f64 {
    let mut world = World::with(MACHINES, "", "", settings(seed, throttled));
    let mut store = new_store();
    world.lineage.clone_from(&store.state().lineage);
    let booting = tokio::spawn(boots(world.fake.clone()));
    let aws = world.aws();
    let goal = Goal { instances: &world.instances, foundation: Some(&world.foundation), ..Goal::default() };
    let changes = diff(&goal, Some(store.state()), &Observed::new());
    let plan = plan::build(FleetName::new("daily").unwrap(), changes, 0);
    let rest = Arc::<Mutex<HashMap<_, _>>>::default();
    let installer = Installing { aws: aws.clone(), rest: Arc::clone(&rest), seed };
    let adapters =
        Adapters { provider: Arc::new(aws), installer: Arc::new(installer), verifier: Arc::new(Proving) };
    let order = Run {
        plan: &plan,
        operation: Operation::Apply,
        opening: Vec::new(),
        adapters: &adapters,
        limits: &Limits::for_provider(ProviderKind::Aws),
        clock: &SimulatedClock::new(),
        stop: watch::channel(Stop::No).1,
        notices: mpsc::channel(1).1,
    };
    let began = Instant::now();
    let summary = run(order, &mut store, &mut |_| {}).await.unwrap();
    let took = began.elapsed();
    assert!(summary.ok, "{summary:?}");
    assert!(store.state().instances.values().all(|recorded| recorded.phase == Phase::Verified));
    assert_eq!(world.fake.alive().len(), MACHINES);
    let (boots, rest) = (booting.await.unwrap(), rest.lock().unwrap());
    let longest = boots.iter().map(|(id, boot)| *boot + rest[id]).max().unwrap();
    let ratio = took.as_secs_f64() / longest.as_secs_f64();
    let how = if throttled { "throttled" } else { "not throttled" };
    let calls = world.fake.calls();
    println!("seed {seed}, {how}: {took:.1?} for a longest single way of {longest:.1?}, {ratio:.3}; {calls}");
    ratio
}

/// Holds that nothing but the longest single way decides how long it takes.
#[track_caller]
fn check(ratio: f64) {
    assert!((1.0..=1.05).contains(&ratio), "{ratio:.3} times the longest single way");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_machines_take_as_long_as_the_slowest_of_them() {
    check(apply(1, false).await);
}

#[tokio::test(start_paused = true)]
async fn also_where_ec2_takes_only_so_many_requests_in_a_second() {
    check(apply(2, true).await);
}
