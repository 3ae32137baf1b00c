//! Every line that a run can be told in, on one page.

use bear_core::check::CheckName;
use bear_core::event::{BlockReport, BlockState, Event, Operation, StepError, What};
use bear_core::plan::StepKind;

use super::*;
use crate::render::Look;
use crate::render::example;
use crate::render::style_guide;

const LOOK: Look = Look { colour: false, width: None, unicode: true };

fn told(events: &[Event], live: bool, detail: Detail, look: Look) -> String {
    let manner = Manner { look, detail, fleet: "examples/local.yaml".to_owned() };
    let mut lines = Lines::new(manner, live);
    events.iter().map(|event| lines.tell(event)).collect()
}

/// Every line that there is, on one page.
#[test]
fn all_status_lines() {
    let text = told(&example::run_with_trouble(), false, Detail::Normal, LOOK);
    style_guide::shows(&text);
    insta::assert_snapshot!(text, @"
        apply [ 0.00s] ( 0/11) 11 steps
        start [ 0.00s] ( 0/11) create  foundation
           ok [  2.1s] ( 1/11) create  foundation  2.1s
        start [  2.1s] ( 1/11) create  demo-broker-1
        start [  2.1s] ( 1/11) create  demo-broker-2
        start [  2.1s] ( 1/11) create  demo-broker-3
           ok [  2.1s] ( 2/11) create  demo-broker-1  0.02s
           ok [  2.1s] ( 3/11) create  demo-broker-2  0.02s
           ok [  2.1s] ( 4/11) create  demo-broker-3  0.02s
        start [  2.1s] ( 4/11) install demo-broker-1
        start [  2.1s] ( 4/11) install demo-broker-2
        start [  2.1s] ( 4/11) install demo-broker-3
        retry [  3.2s] ( 4/11) install demo-broker-1  try 1 failed: no answer from 127.0.0.1:20000 within 1s; again in 0.5s
       FAILED [  3.3s] ( 5/11) install demo-broker-2  1.1s  port 20001 is held by another program
      skipped [  3.3s] ( 6/11) verify  demo-broker-2  install/demo-broker-2 failed
           ok [  3.4s] ( 7/11) install demo-broker-3  1.2s
        start [  3.4s] ( 7/11) verify  demo-broker-3
        start [  3.7s] ( 7/11) install demo-broker-1
           ok [  4.0s] ( 8/11) install demo-broker-1  0.3s
        start [  4.0s] ( 8/11) verify  demo-broker-1
      waiting [  4.2s] ( 8/11) EC2 asks for fewer requests (RunInstances): the next one in 4 s
     stopping [  4.5s] ( 8/11) waiting for 2 running steps, no other begins; Ctrl-C again stops at once
           ok [1m 04s] ( 9/11) verify  demo-broker-1  1m 00s  3 of 3 checks passed
       FAILED [1m 04s] (10/11) verify  demo-broker-3  1m 01s  1 of 3 checks passed
               mqtt.qos2   expected the message once, got it twice
               ws.connect  connection refused
      skipped [1m 04s] (11/11) create  demo-edge-1  the run ended before it

    error: could not install demo-broker-2: port 20001 is held by another program
      bear::local::port_taken, after 1.1s
      | starting demo-broker-2
      | bind 127.0.0.1:20001: address already in use
      help: stop that program, or write another port for `mqtt`
      retry: bear apply examples/local.yaml --only demo-broker-2

    error: could not verify demo-broker-3: 2 of 3 checks failed; mqtt.qos2: expected the message once, got it twice
      bear::verify::failed, after 1m 01s
      ws.connect: connection refused
      help: look at what the broker says with `bear logs INSTANCE`
      retry: bear apply examples/local.yaml --only demo-broker-3

      stopped [1m 04s] (11/11) 7 steps succeeded, 2 failed, 2 skipped
    ");
}

#[test]
fn all_status_lines_in_colour() {
    let look = Look { colour: true, ..LOOK };
    let text = told(&example::run_with_trouble(), false, Detail::Normal, look);
    insta::assert_snapshot!(text.escape_debug().to_string().replace("\\n", "\n"), @r"
    \u{1b}[1m    apply\u{1b}[0m \u{1b}[2m[ 0.00s] ( 0/11)\u{1b}[0m 11 steps
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[ 0.00s] ( 0/11)\u{1b}[0m create  foundation
    \u{1b}[32m       ok\u{1b}[0m \u{1b}[2m[  2.1s] ( 1/11)\u{1b}[0m create  foundation  2.1s
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[  2.1s] ( 1/11)\u{1b}[0m create  demo-broker-1
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[  2.1s] ( 1/11)\u{1b}[0m create  demo-broker-2
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[  2.1s] ( 1/11)\u{1b}[0m create  demo-broker-3
    \u{1b}[32m       ok\u{1b}[0m \u{1b}[2m[  2.1s] ( 2/11)\u{1b}[0m create  demo-broker-1  0.02s
    \u{1b}[32m       ok\u{1b}[0m \u{1b}[2m[  2.1s] ( 3/11)\u{1b}[0m create  demo-broker-2  0.02s
    \u{1b}[32m       ok\u{1b}[0m \u{1b}[2m[  2.1s] ( 4/11)\u{1b}[0m create  demo-broker-3  0.02s
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[  2.1s] ( 4/11)\u{1b}[0m install demo-broker-1
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[  2.1s] ( 4/11)\u{1b}[0m install demo-broker-2
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[  2.1s] ( 4/11)\u{1b}[0m install demo-broker-3
    \u{1b}[33m    retry\u{1b}[0m \u{1b}[2m[  3.2s] ( 4/11)\u{1b}[0m install demo-broker-1  try 1 failed: no answer from 127.0.0.1:20000 within 1s; again in 0.5s
    \u{1b}[31m   FAILED\u{1b}[0m \u{1b}[2m[  3.3s] ( 5/11)\u{1b}[0m install demo-broker-2  1.1s  port 20001 is held by another program
    \u{1b}[33m  skipped\u{1b}[0m \u{1b}[2m[  3.3s] ( 6/11)\u{1b}[0m verify  demo-broker-2  install/demo-broker-2 failed
    \u{1b}[32m       ok\u{1b}[0m \u{1b}[2m[  3.4s] ( 7/11)\u{1b}[0m install demo-broker-3  1.2s
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[  3.4s] ( 7/11)\u{1b}[0m verify  demo-broker-3
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[  3.7s] ( 7/11)\u{1b}[0m install demo-broker-1
    \u{1b}[32m       ok\u{1b}[0m \u{1b}[2m[  4.0s] ( 8/11)\u{1b}[0m install demo-broker-1  0.3s
    \u{1b}[2m    start\u{1b}[0m \u{1b}[2m[  4.0s] ( 8/11)\u{1b}[0m verify  demo-broker-1
    \u{1b}[33m  waiting\u{1b}[0m \u{1b}[2m[  4.2s] ( 8/11)\u{1b}[0m EC2 asks for fewer requests (RunInstances): the next one in 4 s
    \u{1b}[33m stopping\u{1b}[0m \u{1b}[2m[  4.5s] ( 8/11)\u{1b}[0m waiting for 2 running steps, no other begins; Ctrl-C again stops at once
    \u{1b}[32m       ok\u{1b}[0m \u{1b}[2m[1m 04s] ( 9/11)\u{1b}[0m verify  demo-broker-1  1m 00s  3 of 3 checks passed
    \u{1b}[31m   FAILED\u{1b}[0m \u{1b}[2m[1m 04s] (10/11)\u{1b}[0m verify  demo-broker-3  1m 01s  1 of 3 checks passed
               \u{1b}[31mmqtt.qos2 \u{1b}[0m  expected the message once, got it twice
               \u{1b}[31mws.connect\u{1b}[0m  connection refused
    \u{1b}[33m  skipped\u{1b}[0m \u{1b}[2m[1m 04s] (11/11)\u{1b}[0m create  demo-edge-1  the run ended before it

    \u{1b}[31merror:\u{1b}[0m could not install demo-broker-2: port 20001 is held by another program
      \u{1b}[2mbear::local::port_taken, after 1.1s\u{1b}[0m
      \u{1b}[2m|\u{1b}[0m starting demo-broker-2
      \u{1b}[2m|\u{1b}[0m bind 127.0.0.1:20001: address already in use
      \u{1b}[36mhelp:\u{1b}[0m stop that program, or write another port for `mqtt`
      \u{1b}[36mretry:\u{1b}[0m \u{1b}[36mbear apply examples/local.yaml --only demo-broker-2\u{1b}[0m

    \u{1b}[31merror:\u{1b}[0m could not verify demo-broker-3: 2 of 3 checks failed; mqtt.qos2: expected the message once, got it twice
      \u{1b}[2mbear::verify::failed, after 1m 01s\u{1b}[0m
      \u{1b}[31mws.connect\u{1b}[0m: connection refused
      \u{1b}[36mhelp:\u{1b}[0m look at what the broker says with `bear logs INSTANCE`
      \u{1b}[36mretry:\u{1b}[0m \u{1b}[36mbear apply examples/local.yaml --only demo-broker-3\u{1b}[0m

    \u{1b}[33m  stopped\u{1b}[0m \u{1b}[2m[1m 04s] (11/11)\u{1b}[0m 7 steps succeeded, 2 failed, 2 skipped
    ");
}

#[test]
fn above_a_board_what_merely_starts_is_left_out() {
    let all = told(&example::run_with_trouble(), false, Detail::Normal, LOOK);
    let live = told(&example::run_with_trouble(), true, Detail::Normal, LOOK);
    let expected = all.lines().filter(|line| !line.starts_with("    start ")).collect::<Vec<_>>();
    assert_eq!(live.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn whoever_asks_for_more_is_told_of_every_check() {
    let all = told(&example::run_with_trouble(), false, Detail::Verbose, LOOK);
    let checks = all.lines().filter(|line| line.contains("ms") || line.contains("  mqtt.session"));
    insta::assert_snapshot!(checks.collect::<Vec<_>>().join("\n"), @"
    passed [  4.0s] ( 8/11) verify  demo-broker-1  tcp  0.4ms
    passed [  4.0s] ( 8/11) verify  demo-broker-3  tcp  0.4ms
    passed [  4.0s] ( 8/11) verify  demo-broker-1  mqtt.qos2  12ms
    passed [  4.0s] ( 8/11) verify  demo-broker-1  mqtt.session  1.2s
    FAILED [  4.1s] ( 8/11) verify  demo-broker-3  mqtt.qos2  2.1ms  expected the message once, got it twice
    ");
}

#[test]
fn whoever_asks_for_less_is_told_of_failures() {
    insta::assert_snapshot!(told(&example::run_with_trouble(), false, Detail::Quiet, LOOK).trim(), @"
    error: could not install demo-broker-2: port 20001 is held by another program
      bear::local::port_taken, after 1.1s
      | starting demo-broker-2
      | bind 127.0.0.1:20001: address already in use
      help: stop that program, or write another port for `mqtt`
      retry: bear apply examples/local.yaml --only demo-broker-2

    error: could not verify demo-broker-3: 2 of 3 checks failed; mqtt.qos2: expected the message once, got it twice
      bear::verify::failed, after 1m 01s
      ws.connect: connection refused
      help: look at what the broker says with `bear logs INSTANCE`
      retry: bear apply examples/local.yaml --only demo-broker-3
    ");
}

#[test]
fn a_run_that_goes_well() {
    let step = example::step(StepKind::Destroy, "demo-broker-1");
    let summary = Summary { succeeded: 1, ..example::all_well() };
    let events = example::events([
        (0, What::RunStarted { operation: Operation::Destroy, steps: 1 }),
        (3, example::started(&step)),
        (210, example::succeeded(&step, 0.207)),
        (212, What::Summary(summary)),
    ]);
    insta::assert_snapshot!(told(&events, false, Detail::Normal, LOOK), @"
    destroy [ 0.00s] (0/1) 1 step
      start [ 0.00s] (0/1) destroy demo-broker-1
         ok [  0.2s] (1/1) destroy demo-broker-1  0.2s
       done [  0.2s] (1/1) 1 step succeeded
    ");
    assert_eq!(told(&events, false, Detail::Quiet, LOOK), "");
}

/// A run of many steps, of which some fail, each for its own reason.
fn many(steps: usize, failures: usize) -> Vec<Event> {
    many_with(steps, failures, |number| {
        StepError::permanent("bear::local::port_taken", format!("port {number} is held by another program"))
    })
}

fn many_with(steps: usize, failures: usize, why: impl Fn(usize) -> StepError) -> Vec<Event> {
    let begin = (0, What::RunStarted { operation: Operation::Apply, steps });
    let steps = (1..=steps).map(|number| {
        let step = example::step(StepKind::Install, &format!("demo-broker-{number}"));
        let what = if number <= failures {
            example::failed(&step, 1.0, why(number))
        } else {
            example::succeeded(&step, 1.0)
        };
        (1_000, what)
    });
    example::events([begin].into_iter().chain(steps).chain([(2_000, What::Summary(example::trouble()))]))
}

#[test]
fn above_a_board_only_trouble_is_told_of_many_steps() {
    let text = told(&many(1_000, 1), true, Detail::Normal, LOOK);
    insta::assert_snapshot!(text.lines().take(4).collect::<Vec<_>>().join("\n"), @"
        apply [ 0.00s] (   0/1000) 1,000 steps
       FAILED [  1.0s] (   1/1000) install demo-broker-1  1.0s  port 1 is held by another program

    error: could not install demo-broker-1: port 1 is held by another program
    ");
}

#[test]
fn of_many_failures_the_first_are_told_in_full() {
    let text = told(&many(1_000, 300), false, Detail::Normal, LOOK);
    assert_eq!(text.matches("error: ").count(), 10);
    let (_, end) = text.trim_end().rsplit_once("\n\n").unwrap();
    insta::assert_snapshot!(end.trim_start(), @"stopped [  2.0s] (1000/1000) 7 steps succeeded, 2 failed, 2 skipped");
    assert!(text.contains("\n\n290 more failed; `--verbose` tells of them all\n\n"), "{text}");
    assert_eq!(told(&many(1_000, 300), false, Detail::Verbose, LOOK).matches("error: ").count(), 300);
}

/// What keeps every machine from being made is said once, and not thirty times.
#[test]
fn failures_of_one_cause_are_told_once() {
    let text = |failures| {
        let text = told(&many_with(30, failures, |_| example::port_taken()), true, Detail::Normal, LOOK);
        let (_, end) = text.split_once("\n\n").unwrap();
        end.split_once("\n\n").unwrap().0.to_owned()
    };
    insta::assert_snapshot!(text(30), @"
    error: could not install demo-broker-1 and 29 more: port 20001 is held by another program
      bear::local::port_taken, after 1.0s
      | starting demo-broker-2
      | bind 127.0.0.1:20001: address already in use
      help: stop that program, or write another port for `mqtt`
      retry: bear apply examples/local.yaml
    ");
    insta::assert_snapshot!(text(2), @"
    error: could not install demo-broker-1 and 1 more: port 20001 is held by another program
      bear::local::port_taken, after 1.0s
      | starting demo-broker-2
      | bind 127.0.0.1:20001: address already in use
      help: stop that program, or write another port for `mqtt`
      retry: bear apply examples/local.yaml --only demo-broker-1 --only demo-broker-2
    ");
}

/// What a script does on a host is told block by block to whoever asks for more.
#[test]
fn blocks_are_told_as_they_end() {
    let step = example::step(StepKind::Install, "plant-edge-paris");
    let block = |name: &str, state, seconds| What::Block {
        step: step.clone(),
        block: BlockReport { name: name.to_owned(), state, seconds },
    };
    let events = example::events([
        (0, What::RunStarted { operation: Operation::Apply, steps: 1 }),
        (0, example::started(&step)),
        (100, block("docker.packages", BlockState::Started, 0.0)),
        (900, block("docker.packages", BlockState::Ok, 0.8)),
        (900, block("emqx.container", BlockState::Started, 0.0)),
        (2100, block("emqx.container", BlockState::Changed, 1.2)),
        (2200, block("emqx.ready", BlockState::Failed, 0.1)),
    ]);
    insta::assert_snapshot!(told(&events, false, Detail::Verbose, LOOK), @"
        apply [ 0.00s] (0/1) 1 step
        start [ 0.00s] (0/1) install plant-edge-paris
    as wanted [  0.9s] (0/1) install plant-edge-paris  docker.packages  0.8s
      changed [  2.1s] (0/1) install plant-edge-paris  emqx.container  1.2s
       FAILED [  2.2s] (0/1) install plant-edge-paris  emqx.ready  0.1s
    ");
    assert!(!told(&events, false, Detail::Normal, LOOK).contains("docker.packages"));
}

/// Nobody reads one reason ten times.
#[test]
fn checks_that_failed_for_one_reason_are_told_together() {
    let step = example::step(StepKind::Verify, "plant-edge-paris");
    let not_tried = "not tried, since the port can't be reached";
    let error = StepError::permanent("bear::verify::failed", "3 of 3 checks failed; tcp: connection refused");
    let events = example::events([
        (0, What::RunStarted { operation: Operation::Apply, steps: 1 }),
        (0, example::started(&step)),
        (1, example::check_ended(&step, example::broken(CheckName::Tcp, 1.0, "connection refused"))),
        (1, example::check_ended(&step, example::broken(CheckName::Mqtt311Connect, 0.0, not_tried))),
        (1, example::check_ended(&step, example::broken(CheckName::Mqtt5Connect, 0.0, not_tried))),
        (2, example::failed(&step, 0.002, error)),
    ]);
    insta::assert_snapshot!(told(&events, false, Detail::Normal, LOOK), @"
     apply [ 0.00s] (0/1) 1 step
     start [ 0.00s] (0/1) verify  plant-edge-paris
    FAILED [ 0.00s] (1/1) verify  plant-edge-paris  0.00s  0 of 3 checks passed
            tcp                         connection refused
            mqtt311.connect and 1 more  not tried, since the port can't be reached
    ");
}
