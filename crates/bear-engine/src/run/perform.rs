//! The effect of steps: the calls to the adapters, each within its deadline.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bear_core::check::CheckResult;
use bear_core::event::{BlockReport, StepError};
use bear_core::name::InstanceName;
use bear_core::plan::{Step, StepKind};
use bear_core::state::v1::{Installed, Machine, State};
use bear_provider::{CreateRequest, DestroyRequest};
use petgraph::graph::NodeIndex;
use tokio::sync::mpsc::UnboundedSender;

use crate::adapter::{Adapters, InstallRequest, VerifyRequest};

/// One call to an adapter: what is needed to make it.
pub(super) enum Call {
    Create(Vec<CreateRequest>),
    Destroy(Vec<DestroyRequest>),
    Install(Box<InstallRequest>),
    Verify(Box<VerifyRequest>),
    /// A step that can't be carried out; the reason stands for its result.
    Impossible(StepError),
}

impl Call {
    /// The call for these steps, which are of one kind: a batch to create or to destroy, else a single one.
    pub(super) fn of<'s>(steps: impl Iterator<Item = &'s Step>, state: &State) -> Self {
        let mut steps = steps.peekable();
        let kind = steps.peek().map(|step| step.kind);
        let call = match kind {
            Some(StepKind::Create) => {
                steps.map(|step| create(step, state)).collect::<Option<_>>().map(Self::Create)
            }
            Some(StepKind::Destroy) => {
                steps.map(|step| destroy(step, state)).collect::<Option<_>>().map(Self::Destroy)
            }
            Some(StepKind::Install) => steps.next().and_then(|step| install(step, state)).map(Self::Install),
            Some(StepKind::Verify) => steps.next().and_then(|step| prove(step, state)).map(Self::Verify),
            None => None,
        };
        call.unwrap_or_else(|| {
            Self::Impossible(StepError::permanent(
                "bear::engine::unknown",
                "the state holds too little about this instance",
            ))
        })
    }
}

fn create(step: &Step, state: &State) -> Option<CreateRequest> {
    let instance = step.instance()?.clone();
    let recorded = state.instances.get(&instance)?;
    Some(CreateRequest { instance, token: recorded.token.clone(), spec: recorded.spec.clone() })
}

fn destroy(step: &Step, state: &State) -> Option<DestroyRequest> {
    let instance = step.instance()?.clone();
    let recorded = state.instances.get(&instance)?;
    Some(DestroyRequest {
        instance,
        token: recorded.token.clone(),
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
    Installed(Installed),
    Verified { checks: u32 },
    Destroyed,
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
    let missing = || {
        Err(StepError::permanent("bear::engine::no_answer", "the provider gave no answer for this instance"))
    };
    let mut outcomes = outcomes.into_iter();
    steps.into_iter().map(|step| (step, outcomes.next().unwrap_or_else(missing))).collect()
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
            vec![adapters.installer.install(*request, &report).await.map(Learned::Installed)]
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
            Err(StepError::permanent("bear::verify::nothing", "no check of this broker was run"))
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

fn too_late(deadline: Duration) -> StepError {
    StepError::permanent("bear::engine::deadline", format!("no end within {}s", deadline.as_secs()))
        .with_help("if it only needs longer, allow for it with `--timeout`")
}

/// The outcome of every step of a call that panicked.
pub(super) fn panicked(kind: StepKind) -> StepError {
    StepError::permanent("bear::engine::panic", format!("bear has a fault: the {kind} step panicked"))
        .with_help("please report it, with what stands above")
}
