//! Each error of a run itself as people read it.

use std::time::Duration;

use bear_core::check::{CheckName, CheckResult};

use super::*;

#[test]
fn each_says_what_happened_and_what_to_do() {
    let instance = InstanceName::new("demo-broker-1").unwrap();
    let check = |name, detail: Option<&str>| CheckResult {
        name,
        ok: detail.is_none(),
        millis: 2.1,
        detail: detail.map(str::to_owned),
    };
    let failed = "expected the message once, got it twice";
    let checks = [check(CheckName::Tcp, None), check(CheckName::Qos2, Some(failed))];
    let errors = [
        judge(&instance, &checks).unwrap_err().with_last_lines("session broker-check of demo taken over"),
        judge(&instance, &[]).unwrap_err(),
        too_late(Duration::from_mins(15)),
        cut_off(),
        panicked(StepKind::Install),
        no_answer(),
        impossible(),
    ];
    insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
    bear::verify::failed: 1 of 2 checks failed; mqtt.qos2: expected the message once, got it twice
      | session broker-check of demo taken over
      help: see what its broker says with `bear logs demo-broker-1`
    bear::verify::nothing: no check of this broker was run
      help: see what is known of it with `bear status` and `bear logs demo-broker-1`
    bear::engine::deadline: no end within 900s
      help: if it only needs longer, allow for it with `--timeout`
    bear::engine::cut_off: stopped before its end
      help: the next `bear apply` looks up what became of it
    bear::engine::panic: bear has a fault: the install step panicked
      help: please report it, with what stands above
    bear::engine::no_answer: bear has a fault: the provider gave no answer for this instance
      help: please report it; the next `bear apply` looks up what became of it
    bear::engine::unknown: bear has a fault: the state holds too little for this step
      help: please report it, with what `bear state show` prints
    ");
}
