//! The simulated world behind the traits of the real one.

use async_trait::async_trait;
use bear_core::check::{CheckName, CheckResult};
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::{Foundation, Spec};
use bear_core::name::InstanceName;
use bear_core::observed::Observed;
use bear_core::plan::{Resource, StepKind};
use bear_core::state::v1::Machine;
use bear_engine::adapter::{Done, InstallRequest, VerifyRequest};
use bear_engine::{Installer, Verifier};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};

use super::{Answer, Deed, Effect, Orphans, Truth, World, lock};

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
        let on_the_way = OnTheWay(Some(|| {
            let orphans = self.truth().orphans;
            for request in requests.iter().filter(|_| orphans != Orphans::Lost) {
                self.truth().orphaned += 1;
                match (orphans, what(request)) {
                    (Orphans::Late, Resource::Instance(_)) if kind == StepKind::Create => {
                        late(&mut self.truth(), request);
                    }
                    (_, resource) => {
                        let _ = self.act(kind, resource, |truth| effect(truth, request));
                    }
                }
            }
        }));
        tokio::select! {
            biased;
            () = self.hurry.notified() => {}
            () = tokio::time::sleep(half) => {}
        }
        on_the_way.arrived();
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

    pub(super) fn act<T>(
        &self,
        kind: StepKind,
        resource: Resource,
        effect: impl FnOnce(&mut Truth) -> Result<(T, bool), StepError>,
    ) -> Result<T, StepError> {
        let outcome = effect(&mut self.truth());
        let changed = matches!(&outcome, Ok((_, true)));
        let deed = Deed { kind, resource, changed, done: outcome.is_ok() };
        if let Some(witness) = &*lock(&self.witness) {
            witness(&deed);
        }
        self.truth().deeds.push(deed);
        outcome.map(|(answer, _)| answer)
    }
}

/// Requests that have not had their effect yet. If nobody waits for them any more, something becomes of them all the
/// same.
struct OnTheWay<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnTheWay<F> {
    fn arrived(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for OnTheWay<F> {
    fn drop(&mut self) {
        if let Some(abandoned) = self.0.take() {
            abandoned();
        }
    }
}

#[async_trait]
impl Provider for World {
    fn batch_max(&self) -> usize {
        self.batch_max
    }

    async fn observe(&self, known: &[Known<'_>], foundations: &[&Foundation]) -> Result<Observed, StepError> {
        let seen = {
            let mut truth = self.truth();
            let instances = known.iter().map(|known| (known.instance.clone(), truth.look(known.recorded)));
            let foundations = foundations.iter().map(|it| (it.region.clone(), truth.look_at_foundation(it)));
            let strays = truth.strays(known);
            let seen = Observed { foundations: foundations.collect(), strays, ..instances.collect() };
            truth.machines.values_mut().for_each(|machine| machine.unseen = false);
            seen
        };
        self.settle();
        Ok(seen)
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let again = requests.iter().filter(|request| request.again).map(|request| request.instance.clone());
        self.truth().again.extend(again);
        self.truth().expect_exactly_once(requests, self.batch_max);
        let make =
            |truth: &mut Truth, request: &CreateRequest| match truth.on_its_host(request) {
                Some(other) => Err(StepError::permanent("lab::host", format!("{other} is on this host"))
                    .with_nothing_changed()),
                None => Ok(truth.make(request)),
            };
        let late = |truth: &mut Truth, request: &CreateRequest| truth.late.push(request.clone());
        let answers =
            self.carry_out(StepKind::Create, requests, |request| of(&request.instance), make, late).await;
        for (request, answer) in requests.iter().zip(&answers) {
            if !request.again && answer.as_ref().is_err_and(|error| error.untouched) {
                self.truth().asked.remove(&request.token);
            }
        }
        answers
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        let end = |truth: &mut Truth, request: &DestroyRequest| {
            truth.ended.insert(request.token.clone());
            Ok(((), truth.end(request)))
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

impl World {
    /// Marks a machine that somebody else made as that of an instance, as an import does.
    pub async fn import(
        &self,
        instance: &InstanceName,
        token: &str,
        machine: &str,
        spec: &Spec,
    ) -> Result<Machine, StepError> {
        let mark = |truth: &mut Truth, id: &&str| truth.mark(id, instance, token, spec);
        let late = |_: &mut Truth, _: &&str| {};
        self.carry_out(StepKind::Create, &[machine], |_| of(instance), mark, late).await.remove(0)
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
