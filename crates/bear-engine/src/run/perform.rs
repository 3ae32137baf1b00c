//! The effect of steps: the calls to the adapters, each within its deadline.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bear_core::check::CheckResult;
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::Foundation;
use bear_core::name::InstanceName;
use bear_core::plan::{Plan, Step, StepKind};
use bear_core::state::v1::{Machine, State};
use bear_provider::{CreateRequest, DestroyRequest};
use petgraph::graph::NodeIndex;
use tokio::sync::mpsc::UnboundedSender;

use crate::adapter::{Adapters, Done, InstallRequest, VerifyRequest};

#[cfg(test)]
mod tests;

/// One call to an adapter: what is needed to make it.
pub(super) enum Call {
    Create(Vec<CreateRequest>),
    Destroy(Vec<DestroyRequest>),
    Install(Box<InstallRequest>),
    Verify(Box<VerifyRequest>),
    Lay(Box<Foundation>),
    Remove(Box<Foundation>),
    /// A step that can't be carried out; the reason stands for its result.
    Impossible(StepError),
}

impl Call {
    /// The call for these steps, which are of one kind: a batch of machines to create or to destroy, else a single one.
    /// `may_be_there` says of a machine whether an earlier request for it may have had its effect.
    pub(super) fn of(
        steps: &[NodeIndex],
        plan: &Plan,
        state: &State,
        may_be_there: impl Fn(NodeIndex, &Step) -> bool,
    ) -> Self {
        let first = steps.first().map(|&step| &plan.steps[step]);
        let call = first.and_then(|first| match (first.region(), first.kind) {
            (Some(region), kind) => foundation(first, kind, region, state),
            (None, StepKind::Create) => {
                let request = |&index: &NodeIndex| {
                    let step = &plan.steps[index];
                    create(step, state, may_be_there(index, step))
                };
                steps.iter().map(request).collect::<Option<_>>().map(Self::Create)
            }
            (None, StepKind::Destroy) => {
                let request = |&index: &NodeIndex| destroy(&plan.steps[index], state);
                steps.iter().map(request).collect::<Option<_>>().map(Self::Destroy)
            }
            (None, StepKind::Install) => install(first, state).map(Self::Install),
            (None, StepKind::Verify) => prove(first, state).map(Self::Verify),
        });
        call.unwrap_or_else(|| Self::Impossible(impossible()))
    }
}

fn foundation(step: &Step, kind: StepKind, region: &str, state: &State) -> Option<Call> {
    match kind {
        StepKind::Create => Some(Call::Lay(Box::new(step.foundation.as_deref()?.clone()))),
        StepKind::Destroy => Some(Call::Remove(Box::new(state.foundations.get(region)?.foundation.clone()))),
        StepKind::Install | StepKind::Verify => None,
    }
}

fn create(step: &Step, state: &State, again: bool) -> Option<CreateRequest> {
    let instance = step.instance()?.clone();
    let recorded = state.instances.get(&instance)?;
    Some(CreateRequest {
        instance,
        token: recorded.token.clone(),
        launch: recorded.launch.as_ref().unwrap_or(&recorded.token).clone(),
        again,
        spec: recorded.spec.clone(),
    })
}

fn destroy(step: &Step, state: &State) -> Option<DestroyRequest> {
    let instance = step.instance()?.clone();
    let recorded = state.instances.get(&instance)?;
    Some(DestroyRequest {
        instance,
        token: recorded.token.clone(),
        launch: recorded.launch.clone(),
        spec: recorded.spec.clone(),
        machine: recorded.machine.clone(),
    })
}

fn install(step: &Step, state: &State) -> Option<Box<InstallRequest>> {
    let instance = step.instance()?.clone();
    let recorded = state.instances.get(&instance)?;
    Some(Box::new(InstallRequest {
        instance,
        token: recorded.token.clone(),
        launch: recorded.launch.clone(),
        machine: recorded.machine.clone()?,
        spec: step.spec.as_deref()?.clone(),
        installed: recorded.installed.clone(),
    }))
}

fn prove(step: &Step, state: &State) -> Option<Box<VerifyRequest>> {
    let instance = step.instance()?.clone();
    let recorded = state.instances.get(&instance)?;
    Some(Box::new(VerifyRequest {
        instance,
        machine: recorded.machine.clone()?,
        spec: step.spec.as_deref()?.clone(),
        installed: recorded.installed.clone()?,
    }))
}

/// What a step that succeeded has brought to light.
#[derive(Debug)]
pub(super) enum Learned {
    Created(Machine),
    Installed(Box<Done>),
    Verified { checks: u32 },
    Destroyed,
    Laid,
    Removed,
}

pub(super) type Outcome = Result<Learned, StepError>;

/// What is learned of a step while it runs.
#[derive(Debug)]
pub(super) enum News {
    Check(CheckResult),
    Block(BlockReport),
}

/// Makes one call for `steps`, which stand in the order of its requests. Every step gets an outcome.
pub(super) async fn perform(
    steps: Vec<NodeIndex>,
    call: Call,
    deadline: Duration,
    adapters: Adapters,
    news: UnboundedSender<(NodeIndex, News)>,
) -> Vec<(NodeIndex, Outcome)> {
    let first = steps[0];
    let outcomes = match tokio::time::timeout(deadline, make(call, first, &adapters, &news)).await {
        Ok(outcomes) => outcomes,
        Err(_) => steps.iter().map(|_| Err(too_late(deadline))).collect(),
    };
    // An adapter that answers fewer requests than it was sent must not leave a step without an outcome.
    let mut outcomes = outcomes.into_iter();
    steps.into_iter().map(|step| (step, outcomes.next().unwrap_or_else(|| Err(no_answer())))).collect()
}

async fn make(
    call: Call,
    step: NodeIndex,
    adapters: &Adapters,
    news: &UnboundedSender<(NodeIndex, News)>,
) -> Vec<Outcome> {
    match call {
        Call::Create(requests) => {
            let results = adapters.provider.create(&requests).await;
            results.into_iter().map(|result| result.map(Learned::Created)).collect()
        }
        Call::Destroy(requests) => {
            let results = adapters.provider.destroy(&requests).await;
            results.into_iter().map(|result| result.map(|()| Learned::Destroyed)).collect()
        }
        Call::Install(request) => {
            let report = |block| {
                let _ = news.send((step, News::Block(block)));
            };
            let done = adapters.installer.install(*request, &report).await;
            vec![done.map(|done| Learned::Installed(Box::new(done)))]
        }
        Call::Lay(foundation) => {
            vec![adapters.provider.lay_foundation(&foundation).await.map(|()| Learned::Laid)]
        }
        Call::Remove(foundation) => {
            vec![adapters.provider.remove_foundation(&foundation).await.map(|()| Learned::Removed)]
        }
        Call::Verify(request) => vec![verify(*request, step, adapters, news).await],
        Call::Impossible(error) => vec![Err(error)],
    }
}

async fn verify(
    request: VerifyRequest,
    step: NodeIndex,
    adapters: &Adapters,
    news: &UnboundedSender<(NodeIndex, News)>,
) -> Outcome {
    let instance = request.instance.clone();
    let results = Mutex::new(Vec::new());
    let report = |check: CheckResult| {
        // The receiver lives as long as the run; after it nobody wants to know.
        let _ = news.send((step, News::Check(check.clone())));
        results.lock().unwrap_or_else(PoisonError::into_inner).push(check);
    };
    let log = adapters.verifier.verify(request, &report).await;
    let outcome = judge(&instance, &results.into_inner().unwrap_or_else(PoisonError::into_inner));
    outcome.map_err(|error| error.with_last_lines(&log.unwrap_or_default()))
}

/// A broker is proven if every check that was run passed, and one was run at all. A check that failed is not run
/// again: a broker that carries a message only sometimes is not to be trusted.
fn judge(instance: &InstanceName, results: &[CheckResult]) -> Outcome {
    let failed = results.iter().filter(|check| !check.ok).collect::<Vec<_>>();
    match failed.as_slice() {
        [] if results.is_empty() => {
            Err(StepError::permanent("bear::verify::nothing", "no check of this broker was run")
                .with_help(format!("see what is known of it with `bear status` and `bear logs {instance}`")))
        }
        [] => Ok(Learned::Verified { checks: u32::try_from(results.len()).unwrap_or(u32::MAX) }),
        [first, ..] => {
            let message = format!(
                "{} of {} checks failed; {}: {}",
                failed.len(),
                results.len(),
                first.name,
                first.detail.as_deref().unwrap_or("no detail")
            );
            Err(StepError::permanent("bear::verify::failed", message)
                .with_help(format!("see what its broker says with `bear logs {instance}`")))
        }
    }
}

fn impossible() -> StepError {
    let message = "bear has a fault: the state holds too little for this step";
    StepError::permanent("bear::engine::unknown", message)
        .with_help("please report it, with what `bear state show` prints")
}

fn no_answer() -> StepError {
    let message = "bear has a fault: the provider gave no answer for this instance";
    StepError::permanent("bear::engine::no_answer", message)
        .with_help("please report it; the next `bear apply` looks up what became of it")
}

/// What became of the step is in doubt.
pub(super) fn cut_off() -> StepError {
    StepError::permanent("bear::engine::cut_off", "stopped before its end")
        .with_help("the next `bear apply` looks up what became of it")
}

pub(crate) fn too_late(deadline: Duration) -> StepError {
    StepError::permanent("bear::engine::deadline", format!("no end within {}s", deadline.as_secs()))
        .with_help("if it only needs longer, allow for it with `--timeout`")
}

/// The outcome of every step of a call that panicked.
pub(super) fn panicked(kind: StepKind) -> StepError {
    StepError::permanent("bear::engine::panic", format!("bear has a fault: the {kind} step panicked"))
        .with_help("please report it, with what stands above")
}
