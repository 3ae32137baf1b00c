//! Runs: a run in which everything happens, and how runs end.

use bear_core::check::{CheckName, CheckResult};
use bear_core::event::{
    Event, InstanceSummary, Operation, Outcome, StepError, StepRef, Summary, VERSION, What,
};
use bear_core::name::InstanceName;
use bear_core::plan::StepKind;
use jiff::SignedDuration;

use super::dawn;

/// Events from what happened and when, in milliseconds since the run began.
pub(crate) fn events(happened: impl IntoIterator<Item = (i64, What)>) -> Vec<Event> {
    let event = |(seq, (millis, what))| Event {
        version: VERSION,
        seq,
        at: dawn() + SignedDuration::from_millis(millis),
        what,
    };
    (1..).zip(happened).map(event).collect()
}

pub(crate) fn name(text: &str) -> InstanceName {
    InstanceName::new(text).unwrap()
}

pub(crate) fn step(kind: StepKind, instance: &str) -> StepRef {
    StepRef { step: format!("{kind}/{instance}"), kind, instance: Some(name(instance)) }
}

pub(crate) fn foundation() -> StepRef {
    StepRef { step: "create/foundation".to_owned(), kind: StepKind::Create, instance: None }
}

pub(crate) fn started(step: &StepRef) -> What {
    What::StepStarted { step: step.clone() }
}

pub(crate) fn succeeded(step: &StepRef, seconds: f64) -> What {
    What::StepSucceeded { step: step.clone(), seconds }
}

pub(crate) fn failed(step: &StepRef, seconds: f64, error: StepError) -> What {
    What::StepFailed { step: step.clone(), seconds, error }
}

pub(crate) fn skipped(step: &StepRef, because: Option<&str>) -> What {
    What::StepSkipped { step: step.clone(), because: because.map(str::to_owned) }
}

pub(crate) fn check_ended(step: &StepRef, check: CheckResult) -> What {
    What::CheckEnded { step: step.clone(), check }
}

pub(crate) fn passed(name: CheckName, millis: f64) -> CheckResult {
    CheckResult { name, ok: true, millis, detail: None }
}

pub(crate) fn broken(name: CheckName, millis: f64, detail: &str) -> CheckResult {
    CheckResult { name, ok: false, millis, detail: Some(detail.to_owned()) }
}

/// A failure with all that can be said of one.
pub(crate) fn port_taken() -> StepError {
    StepError::permanent("bear::local::port_taken", "port 20001 is held by another program")
        .with_help("stop that program, or write another port for `mqtt`")
        .with_last_lines("starting demo-broker-2\nbind 127.0.0.1:20001: address already in use")
}

fn checks_failed() -> StepError {
    let message = "2 of 3 checks failed; mqtt.qos2: expected the message once, got it twice";
    StepError::permanent("bear::verify::failed", message)
        .with_help("look at what the broker says with `bear logs INSTANCE`")
}

fn timed_out() -> StepError {
    StepError::transient("bear::local::slow", "no answer from 127.0.0.1:20000 within 1s")
}

/// A run in which everything happens that can happen, except for its end.
fn all_that_happens() -> Vec<(i64, What)> {
    use StepKind::{Create, Install, Verify};
    let of = |kind, number: u8| step(kind, &format!("demo-broker-{number}"));
    let (verify_1, verify_3) = (of(Verify, 1), of(Verify, 3));
    let retried =
        What::StepRetrying { step: of(Install, 1), attempt: 1, error: timed_out(), wait_seconds: 0.5 };
    vec![
        (0, What::RunStarted { operation: Operation::Apply, steps: 11 }),
        (0, started(&foundation())),
        (2_100, succeeded(&foundation(), 2.1)),
        (2_110, started(&of(Create, 1))),
        (2_120, started(&of(Create, 2))),
        (2_125, started(&of(Create, 3))),
        (2_130, succeeded(&of(Create, 1), 0.016)),
        (2_135, succeeded(&of(Create, 2), 0.016)),
        (2_140, succeeded(&of(Create, 3), 0.016)),
        (2_150, started(&of(Install, 1))),
        (2_150, started(&of(Install, 2))),
        (2_150, started(&of(Install, 3))),
        (3_160, retried),
        (3_300, failed(&of(Install, 2), 1.15, port_taken())),
        (3_300, skipped(&of(Verify, 2), Some("install/demo-broker-2"))),
        (3_400, succeeded(&of(Install, 3), 1.25)),
        (3_400, started(&verify_3)),
        (3_660, started(&of(Install, 1))),
        (4_010, succeeded(&of(Install, 1), 0.35)),
        (4_010, started(&verify_1)),
        (4_020, check_ended(&verify_1, passed(CheckName::Tcp, 0.42))),
        (4_030, check_ended(&verify_3, passed(CheckName::Tcp, 0.4))),
        (4_040, check_ended(&verify_1, passed(CheckName::Qos2, 12.3))),
        (4_050, check_ended(&verify_1, passed(CheckName::Session, 1_250.0))),
        (
            4_060,
            check_ended(&verify_3, broken(CheckName::Qos2, 2.1, "expected the message once, got it twice")),
        ),
        (
            4_200,
            What::Notice {
                text: "EC2 asks for fewer requests (RunInstances): the next one in 4 s".to_owned(),
            },
        ),
        (4_500, What::Interrupting { running: 2 }),
        (5_100, check_ended(&verify_3, broken(CheckName::WsConnect, 1_000.0, "connection refused"))),
        (64_000, succeeded(&verify_1, 59.96)),
        (64_010, failed(&verify_3, 60.61, checks_failed())),
        (64_010, skipped(&step(Create, "demo-edge-1"), None)),
    ]
}

/// All that can happen, to its end.
pub(crate) fn run_with_trouble() -> Vec<Event> {
    events(all_that_happens().into_iter().chain([(64_020, What::Summary(trouble()))]))
}

/// How that run ended.
pub(crate) fn trouble() -> Summary {
    let qos2 = broken(CheckName::Qos2, 2.1, "expected the message once, got it twice");
    let ws = broken(CheckName::WsConnect, 1_000.0, "connection refused");
    Summary {
        ok: false,
        succeeded: 7,
        failed: 2,
        skipped: 2,
        interrupted: true,
        seconds: 64.02,
        instances: vec![
            InstanceSummary { seconds: 60.33, ..proven("demo-broker-1") },
            InstanceSummary {
                outcome: Outcome::Failed,
                error: Some(port_taken()),
                seconds: 1.17,
                checks: Vec::new(),
                ..proven("demo-broker-2")
            },
            InstanceSummary {
                outcome: Outcome::Failed,
                error: Some(checks_failed()),
                seconds: 61.88,
                checks: vec![passed(CheckName::Tcp, 0.4), qos2, ws],
                ..proven("demo-broker-3")
            },
            InstanceSummary {
                outcome: Outcome::Skipped,
                seconds: 0.0,
                checks: Vec::new(),
                ..proven("demo-edge-1")
            },
        ],
    }
}

/// The end of a run in which three brokers were proven and one was taken down.
pub(crate) fn all_well() -> Summary {
    let destroyed = InstanceSummary { checks: Vec::new(), seconds: 0.21, ..proven("demo-broker-4") };
    let names = ["demo-broker-1", "demo-broker-2", "demo-broker-3"];
    Summary {
        ok: true,
        succeeded: 10,
        failed: 0,
        skipped: 0,
        interrupted: false,
        seconds: 0.91,
        instances: names.into_iter().map(proven).chain([destroyed]).collect(),
    }
}

/// An instance whose broker was proven.
pub(crate) fn proven(instance: &str) -> InstanceSummary {
    InstanceSummary {
        name: name(instance),
        outcome: Outcome::Succeeded,
        error: None,
        seconds: 0.84,
        checks: vec![
            passed(CheckName::Tcp, 0.42),
            passed(CheckName::Qos2, 12.3),
            passed(CheckName::Session, 1_250.0),
        ],
    }
}
