//! The simulated world behind the traits of the real one.

use async_trait::async_trait;
use bear_core::check::{CheckName, CheckResult};
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::{Foundation, Spec};
use bear_core::name::InstanceName;
use bear_core::observed::{BrokerSeen, Drift, Observation, Observed};
use bear_core::plan::{Resource, StepKind};
use bear_core::state::v1::{Installed, Machine, Process, Recorded};
use bear_engine::adapter::{Done, InstallRequest, VerifyRequest};
use bear_engine::{Installer, Verifier};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};

use super::{Answer, Deed, Effect, SimulatedBroker, SimulatedMachine, Truth, World, lock};

impl World {
    /// Lets requests of one kind take their time, their effect and their faults.
    async fn carry_out<R: Sync, T>(
        &self,
        kind: StepKind,
        requests: &[R],
        what: impl Fn(&R) -> Resource,
        effect: impl Fn(&mut Truth, &R) -> Result<(T, bool), StepError>,
        late: impl Fn(&mut Truth, &R),
    ) -> Vec<Result<T, StepError>> {
        let _under_way = UnderWay::new(self, kind, requests.len());
        let nth = self.calls(kind).len();
        let times = requests.iter().map(|request| self.latency.of(kind, &what(request), nth));
        let half = times.max().unwrap_or_default() / 2;
        tokio::time::sleep(half).await;
        let mut answers = Vec::with_capacity(requests.len());
        let mut faults = Vec::new();
        for request in requests {
            let resource = what(request);
            let fault = self.truth().next_fault(&resource, kind);
            faults.extend(fault);
            let answer = match fault.map(|fault| fault.effect) {
                None | Some(Effect::Done) => self.act(kind, resource, |truth| effect(truth, request)),
                Some(Effect::Late) => {
                    late(&mut self.truth(), request);
                    Err(StepError::permanent("lab::late", "not yet"))
                }
                Some(Effect::None) => Err(StepError::permanent("lab::lost", "lost on its way")),
            };
            answers.push(fault.map_or(answer, |fault| Err(fault.error())));
        }
        tokio::time::sleep(half).await;
        if faults.iter().any(|fault| fault.answer == Answer::Never) {
            std::future::pending::<()>().await;
        }
        if faults.iter().any(|fault| fault.answer == Answer::Panic) {
            // Like a panic, but without a message on standard error.
            std::panic::resume_unwind(Box::new("the lab panicked, as its script says"));
        }
        answers
    }

    fn act<T>(
        &self,
        kind: StepKind,
        resource: Resource,
        effect: impl FnOnce(&mut Truth) -> Result<(T, bool), StepError>,
    ) -> Result<T, StepError> {
        let outcome = effect(&mut self.truth());
        let changed = matches!(&outcome, Ok((_, true)));
        let deed = Deed { kind, resource, changed };
        if let Some(witness) = &*lock(&self.witness) {
            witness(&deed);
        }
        self.truth().deeds.push(deed);
        outcome.map(|(answer, _)| answer)
    }
}

#[async_trait]
impl Provider for World {
    fn batch_max(&self) -> usize {
        self.batch_max
    }

    async fn observe(&self, known: &[Known<'_>], foundations: &[&Foundation]) -> Result<Observed, StepError> {
        let seen = {
            let truth = self.truth();
            let instances = known.iter().map(|known| (known.instance.clone(), truth.look(known.recorded)));
            let foundations = foundations.iter().map(|it| (it.region.clone(), truth.look_at_foundation(it)));
            Observed { foundations: foundations.collect(), ..instances.collect() }
        };
        self.settle();
        Ok(seen)
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let again = requests.iter().filter(|request| request.again).map(|request| request.instance.clone());
        self.truth().again.extend(again);
        let make = |truth: &mut Truth, request: &CreateRequest| Ok(truth.make(request));
        let late = |truth: &mut Truth, request: &CreateRequest| truth.late.push(request.clone());
        self.carry_out(StepKind::Create, requests, |request| of(&request.instance), make, late).await
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        let end = |truth: &mut Truth, request: &DestroyRequest| {
            truth.ended.insert(request.token.clone());
            Ok(((), truth.machines.remove(&request.token).is_some()))
        };
        self.carry_out(StepKind::Destroy, requests, |request| of(&request.instance), end, |_, _| {}).await
    }

    async fn lay_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        let lay = |truth: &mut Truth, foundation: &Foundation| Ok(((), truth.lay(foundation)));
        let requests = std::slice::from_ref(foundation);
        self.carry_out(StepKind::Create, requests, below, lay, |_, _| {}).await.remove(0)
    }

    async fn remove_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        let remove =
            |truth: &mut Truth, it: &Foundation| truth.remove(&it.region).map(|changed| ((), changed));
        let requests = std::slice::from_ref(foundation);
        self.carry_out(StepKind::Destroy, requests, below, remove, |_, _| {}).await.remove(0)
    }
}

fn of(instance: &InstanceName) -> Resource {
    Resource::Instance(instance.clone())
}

fn below(foundation: &Foundation) -> Resource {
    Resource::Foundation(foundation.region.clone())
}

#[async_trait]
impl Installer for World {
    async fn install(
        &self,
        request: InstallRequest,
        _: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Done, StepError> {
        let put = |truth: &mut Truth, request: &InstallRequest| truth.install(request);
        let requests = [request];
        let mut answers = self
            .carry_out(StepKind::Install, &requests, |request| of(&request.instance), put, |_, _| {})
            .await;
        answers.remove(0)
    }
}

#[async_trait]
impl Verifier for World {
    async fn verify(
        &self,
        request: VerifyRequest,
        report: &(dyn Fn(CheckResult) + Send + Sync),
    ) -> Option<String> {
        let started = tokio::time::Instant::now();
        let prove = |truth: &mut Truth, request: &VerifyRequest| {
            report(CheckResult::passed(CheckName::Tcp, started.elapsed()));
            truth.prove(&request.machine, &request.spec).map(|()| ((), false))
        };
        let requests = [request];
        let answers = self
            .carry_out(StepKind::Verify, &requests, |request| of(&request.instance), prove, |_, _| {})
            .await;
        for answer in answers {
            report(match answer {
                Ok(()) => CheckResult::passed(CheckName::Qos2, started.elapsed()),
                Err(error) => CheckResult::failed(CheckName::Qos2, started.elapsed(), error.message),
            });
        }
        None
    }
}

impl Truth {
    fn next_fault(&mut self, resource: &Resource, kind: StepKind) -> Option<super::Fault> {
        self.faults.get_mut(&(resource.clone(), kind))?.pop_front()
    }

    fn look(&self, recorded: &Recorded) -> Observation {
        let Some(machine) = self.machines.get(&recorded.token) else { return Observation::Absent };
        let stopped = || Drift { what: "state".into(), is: "stopped".into(), was: "running".into() };
        Observation::Present {
            machine: machine.known_as(&recorded.token),
            changed: machine.stopped.then(stopped).into_iter().collect(),
            broker: match &machine.broker {
                Some(broker) if broker.running => BrokerSeen::Running,
                Some(_) => BrokerSeen::Stopped { why: "its process is gone".into() },
                None => BrokerSeen::Stopped { why: "never installed".into() },
            },
        }
    }

    /// Makes a machine, or finds the one that an earlier request with the same token made.
    pub(super) fn make(&mut self, request: &CreateRequest) -> (Machine, bool) {
        // EC2 refuses the client token of a machine that was terminated.
        if self.ended.contains(&request.token) {
            self.scandals
                .push(format!("{} was asked for under the token of an ended machine", request.instance));
        }
        if !self.has_ground(request.spec.region.as_deref()) {
            self.scandals.push(format!("{} was made where there is no foundation", request.instance));
        }
        let is_new = !self.machines.contains_key(&request.token);
        if is_new {
            if self.machines.values().any(|machine| machine.instance == request.instance) {
                self.scandals.push(format!("{} had two machines at once", request.instance));
            }
            let machine = SimulatedMachine {
                instance: request.instance.clone(),
                spec: request.spec.clone(),
                made_after: self.made.len(),
                address: self.next_address(),
                stopped: false,
                launch: request.launch.clone(),
                broker: None,
            };
            self.made.insert(request.token.clone());
            self.machines.insert(request.token.clone(), machine);
        }
        (self.machines[&request.token].known_as(&request.token), is_new)
    }

    fn install(&mut self, request: &InstallRequest) -> Result<(Done, bool), StepError> {
        if !self.has_ground(request.spec.region.as_deref()) {
            self.scandals.push(format!("{} was installed where there is no foundation", request.instance));
        }
        let (process, address) = (self.next_process(), self.next_address());
        let machine = self.machine(&request.machine)?;
        if std::mem::take(&mut machine.stopped) {
            machine.address = address;
        }
        let spec = request.spec.clone();
        machine.broker = Some(SimulatedBroker { spec, process, running: true });
        let now = machine.known_as(&request.token);
        let ports = request.installed.as_ref().map_or(request.spec.ports, |before| before.ports);
        let installed = Installed { process: Some(process), ..Installed::new(ports, "1") };
        let done = Done { installed, machine: Some(now).filter(|now| *now != request.machine) };
        Ok((done, true))
    }

    fn prove(&mut self, machine: &Machine, spec: &Spec) -> Result<(), StepError> {
        let there = self.machine(machine)?;
        if there.address != machine.address {
            return Err(StepError::permanent("lab::elsewhere", "nothing answers at this address"));
        }
        match &there.broker {
            Some(broker) if broker.running && broker.spec == *spec => Ok(()),
            Some(broker) if broker.running => {
                Err(StepError::permanent("lab::other", "another broker than expected"))
            }
            _ => Err(StepError::permanent("lab::silent", "no broker answers")),
        }
    }

    fn machine(&mut self, machine: &Machine) -> Result<&mut SimulatedMachine, StepError> {
        let token = machine.id.strip_prefix(ID_PREFIX).unwrap_or_default();
        let gone = || StepError::permanent("lab::gone", format!("there is no machine {}", machine.id));
        self.machines.get_mut(token).ok_or_else(gone)
    }

    /// Documentation addresses, each used once.
    pub(super) fn next_address(&mut self) -> String {
        self.addresses += 1;
        format!("2001:db8::{:x}", self.addresses)
    }

    fn next_process(&mut self) -> Process {
        self.processes += 1;
        Process { pid: self.processes, started: u64::from(self.processes) }
    }
}

const ID_PREFIX: &str = "machine-";

impl SimulatedMachine {
    /// The machine as the world's provider names it.
    fn known_as(&self, token: &str) -> Machine {
        Machine::new(format!("{ID_PREFIX}{token}"), self.address.as_str())
    }
}

/// Counts requests for as long as they are under way, however they end.
struct UnderWay<'w> {
    world: &'w World,
    kind: StepKind,
    requests: usize,
}

impl<'w> UnderWay<'w> {
    fn new(world: &'w World, kind: StepKind, requests: usize) -> Self {
        let mut truth = world.truth();
        truth.calls.entry(kind).or_default().push(requests);
        let (now, most) = truth.under_way.entry(kind).or_default();
        *now += requests;
        *most = (*most).max(*now);
        Self { world, kind, requests }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut truth = self.world.truth();
        if let Some((now, _)) = truth.under_way.get_mut(&self.kind) {
            *now -= self.requests;
        }
    }
}
