//! What the engine itself costs: a provider that does nothing, and a real journal. `cargo bench -p bear-engine`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on has nothing to say")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bear_core::check::{CheckName, CheckResult};
use bear_core::diff::{Goal, diff};
use bear_core::event::{BlockReport, Event, Operation, StepError};
use bear_core::fleet::{Foundation, parse};
use bear_core::name::FleetName;
use bear_core::observed::Observed;
use bear_core::plan::{Plan, build};
use bear_core::state::v1::{Installed, Machine, Record, State};
use bear_engine::adapter::{Done, InstallRequest, VerifyRequest};
use bear_engine::store::{FileStore, FleetFolder, FleetLock, Holder};
use bear_engine::{Adapters, Installer, Limits, Run, Stop, Store, StoreError, SystemClock, Verifier, run};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};
use jiff::Timestamp;
use tokio::sync::watch;

/// Three steps each.
const INSTANCES: [usize; 3] = [1_000 / 3, 10_000 / 3, 100_000 / 3];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!(
        "{:>8} {:>8} {:>9} {:>9} {:>9} {:>9} {:>10}",
        "steps", "at once", "seconds", "fold", "us/step", "flushes", "bytes/step"
    );
    for at_once in [None, Some(100), Some(1_000)] {
        for instances in INSTANCES {
            runtime.block_on(measure(instances, at_once));
        }
    }
}

async fn measure(instances: usize, at_once: Option<usize>) {
    let project = tempfile::tempdir().unwrap();
    let mut store = Measured::new(&FleetFolder::new(project.path(), &name()));
    let plan = plan(instances);
    let limits = match at_once {
        Some(at_once) => Limits::default().with_parallelism(at_once),
        None => Limits::default(),
    };
    let adapters = Adapters { provider: Arc::new(Idle), installer: Arc::new(Idle), verifier: Arc::new(Idle) };
    let (_, stop) = watch::channel(Stop::No);
    let began = Record::RunBegan { at: Timestamp::UNIX_EPOCH, file: "fleet.yaml".into(), plan: None };
    let order = Run {
        plan: &plan,
        operation: Operation::Apply,
        opening: vec![began],
        adapters: &adapters,
        limits: &limits,
        clock: &SystemClock,
        stop,
        notices: tokio::sync::mpsc::channel(1).1,
    };
    let mut events = 0_u64;
    let mut report = |_: &Event| events += 1;
    let started = Instant::now();
    let summary = run(order, &mut store, &mut report).await.unwrap();
    let took = started.elapsed();
    let steps = plan.steps.node_count();
    assert!(summary.ok && summary.succeeded == steps && events > steps as u64);
    println!(
        "{steps:>8} {:>8} {:>9.3} {:>9.3} {:>9.2} {:>9} {:>10}",
        at_once.map_or("default".into(), |at_once| at_once.to_string()),
        took.as_secs_f64(),
        store.fold.as_secs_f64(),
        took.as_secs_f64() * 1e6 / f64::from(u32::try_from(steps).unwrap()),
        store.flushes,
        store.bytes / steps as u64,
    );
}

fn name() -> FleetName {
    FleetName::new("demo").unwrap()
}

fn plan(instances: usize) -> Plan {
    let text = format!(
        "fleet: demo\nprovider: local\ngroups: {{ broker: {{ count: {instances}, broker: embedded }} }}\n"
    );
    let wanted = parse("fleet.yaml", text.as_bytes()).unwrap().fleet.instances().unwrap();
    let goal = Goal { instances: &wanted, ..Goal::default() };
    build(name(), diff(&goal, None, &Observed::new()), 0)
}

/// A store in files that counts what it is asked to do.
struct Measured {
    store: FileStore,
    journal: PathBuf,
    flushes: usize,
    bytes: u64,
    fold: Duration,
}

impl Measured {
    fn new(folder: &FleetFolder) -> Self {
        let holder = Holder {
            user: "bench".into(),
            host: "localhost".into(),
            pid: std::process::id(),
            boot_id: String::new(),
            command: "bench".into(),
            since: Timestamp::UNIX_EPOCH,
        };
        let lock = FleetLock::take(folder, &holder, Duration::ZERO, |_| {}).unwrap();
        let store = FileStore::open(lock, &name(), || "0123456789abcdef".into()).unwrap();
        Self { store, journal: folder.journal(), flushes: 0, bytes: 0, fold: Duration::ZERO }
    }
}

impl Store for Measured {
    fn state(&self) -> &State {
        self.store.state()
    }

    fn record(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.flushes += 1;
        self.store.record(records)
    }

    fn fold(&mut self) -> Result<(), StoreError> {
        self.bytes = fs::metadata(&self.journal).unwrap().len();
        let started = Instant::now();
        let result = self.store.fold();
        self.fold = started.elapsed();
        result
    }
}

/// Says that it did what it was asked to do.
struct Idle;

#[async_trait]
impl Provider for Idle {
    fn batch_max(&self) -> usize {
        100
    }

    async fn observe(&self, _: &[Known<'_>], _: &[&Foundation]) -> Result<Observed, StepError> {
        Ok(Observed::new())
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let make = |request: &CreateRequest| Ok(Machine::new(request.instance.to_string(), "127.0.0.1"));
        requests.iter().map(make).collect()
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        requests.iter().map(|_| Ok(())).collect()
    }
}

#[async_trait]
impl Installer for Idle {
    async fn install(
        &self,
        request: InstallRequest,
        _: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Done, StepError> {
        Ok(Installed::new(request.spec.ports, "1").into())
    }
}

#[async_trait]
impl Verifier for Idle {
    async fn verify(&self, _: VerifyRequest, report: &(dyn Fn(CheckResult) + Send + Sync)) -> Option<String> {
        report(CheckResult::passed(CheckName::Tcp, Duration::ZERO));
        None
    }
}
