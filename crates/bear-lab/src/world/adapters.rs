//! The simulated world behind the traits of the real one.

use async_trait::async_trait;
use bear_core::check::{CheckName, CheckResult};
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::Spec;
use bear_core::name::InstanceName;
use bear_core::observed::{BrokerSeen, Observation, Observed};
use bear_core::plan::StepKind;
use bear_core::state::v1::{Installed, Machine, Process};
use bear_engine::adapter::{InstallRequest, VerifyRequest};
use bear_engine::{Installer, Verifier};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};

use super::{Answer, Deed, Effect, SimulatedBroker, SimulatedMachine, Truth, World, lock};

impl World {
    /// Lets requests of one kind take their time, their effect and their faults.
    async fn carry_out<R: Sync, T>(
        &self,
        kind: StepKind,
        requests: &[R],
        name_of: impl Fn(&R) -> &InstanceName,
        effect: impl Fn(&mut Truth, &R) -> Result<(T, bool), StepError>,
        late: impl Fn(&mut Truth, &R),
    ) -> Vec<Result<T, StepError>> {
        let _under_way = UnderWay::new(self, kind, requests.len());
        let nth = self.calls(kind).len();
        let times = requests.iter().map(|request| self.latency.of(kind, name_of(request), nth));
        let half = times.max().unwrap_or_default() / 2;
        tokio::time::sleep(half).await;
        let mut answers = Vec::with_capacity(requests.len());
        let mut faults = Vec::new();
        for request in requests {
            let instance = name_of(request);
            let fault = self.truth().next_fault(instance, kind);
            faults.extend(fault);
            let answer = match fault.map(|fault| fault.effect) {
                None | Some(Effect::Done) => self.act(kind, instance, |truth| effect(truth, request)),
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
        instance: &InstanceName,
        effect: impl FnOnce(&mut Truth) -> Result<(T, bool), StepError>,
    ) -> Result<T, StepError> {
        let outcome = effect(&mut self.truth());
        let changed = matches!(&outcome, Ok((_, true)));
        let deed = Deed { kind, instance: instance.clone(), changed };
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

    async fn observe(&self, known: &[Known<'_>]) -> Result<Observed, StepError> {
        let seen = {
            let truth = self.truth();
            let seen = known.iter().map(|known| (known.instance.clone(), truth.look(&known.recorded.token)));
            seen.collect()
        };
        self.settle();
        Ok(seen)
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let make = |truth: &mut Truth, request: &CreateRequest| Ok(truth.make(request));
        let late = |truth: &mut Truth, request: &CreateRequest| truth.late.push(request.clone());
        self.carry_out(StepKind::Create, requests, |request| &request.instance, make, late).await
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        let end = |truth: &mut Truth, request: &DestroyRequest| {
            truth.ended.insert(request.token.clone());
            Ok(((), truth.machines.remove(&request.token).is_some()))
        };
        self.carry_out(StepKind::Destroy, requests, |request| &request.instance, end, |_, _| {}).await
    }
}

#[async_trait]
impl Installer for World {
    async fn install(
        &self,
        request: InstallRequest,
        _: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Installed, StepError> {
        let put = |truth: &mut Truth, request: &InstallRequest| truth.install(request);
        let requests = [request];
        let mut answers =
            self.carry_out(StepKind::Install, &requests, |request| &request.instance, put, |_, _| {}).await;
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
        let answers =
            self.carry_out(StepKind::Verify, &requests, |request| &request.instance, prove, |_, _| {}).await;
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
    fn next_fault(&mut self, instance: &InstanceName, kind: StepKind) -> Option<super::Fault> {
        self.faults.get_mut(&(instance.clone(), kind))?.pop_front()
    }

    fn look(&self, token: &str) -> Observation {
        match self.machines.get(token) {
            None => Observation::Absent,
            Some(machine) => Observation::Present {
                machine: known_as(token),
                broker: match &machine.broker {
                    Some(broker) if broker.running => BrokerSeen::Running,
                    Some(_) => BrokerSeen::Stopped { why: "its process is gone".into() },
                    None => BrokerSeen::Stopped { why: "never installed".into() },
                },
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
        let is_new = !self.machines.contains_key(&request.token);
        if is_new {
            if self.machines.values().any(|machine| machine.instance == request.instance) {
                self.scandals.push(format!("{} had two machines at once", request.instance));
            }
            let machine = SimulatedMachine {
                instance: request.instance.clone(),
                spec: request.spec.clone(),
                made_after: self.made.len(),
                broker: None,
            };
            self.made.insert(request.token.clone());
            self.machines.insert(request.token.clone(), machine);
        }
        (known_as(&request.token), is_new)
    }

    fn install(&mut self, request: &InstallRequest) -> Result<(Installed, bool), StepError> {
        let process = self.next_process();
        let machine = self.machine(&request.machine)?;
        let spec = request.spec.clone();
        machine.broker = Some(SimulatedBroker { spec, process, running: true });
        let ports = request.installed.as_ref().map_or(request.spec.ports, |before| before.ports);
        let installed = Installed { process: Some(process), ..Installed::new(ports, "1") };
        Ok((installed, true))
    }

    fn prove(&mut self, machine: &Machine, spec: &Spec) -> Result<(), StepError> {
        match &self.machine(machine)?.broker {
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

    fn next_process(&mut self) -> Process {
        self.processes += 1;
        Process { pid: self.processes, started: u64::from(self.processes) }
    }
}

const ID_PREFIX: &str = "machine-";

/// A machine as the world's provider names it.
fn known_as(token: &str) -> Machine {
    Machine::new(format!("{ID_PREFIX}{token}"), "192.0.2.1")
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
