//! The tables that close an apply and a verify.

use super::super::{example, style_guide};
use super::*;

fn look(width: Option<usize>) -> Look {
    Look { colour: false, width, unicode: true }
}

/// So many proven instances, and one more that failed.
fn many(number: usize) -> Summary {
    let mut summary = example::trouble();
    let failed = summary.instances.remove(2);
    let proven = (1..=number).map(|index| example::proven(&format!("demo-broker-{index}")));
    Summary { instances: proven.chain([failed]).collect(), ..summary }
}

#[test]
fn an_apply_that_went_well() {
    insta::assert_snapshot!(applied(&example::all_well(), &example::deployed(example::LOCAL), look(Some(80))), @"
    instance       address          broker          checks         seconds
    demo-broker-1  127.0.0.1:20000  embedded 0.1.0  3 of 3 passed     0.84
    demo-broker-2  127.0.0.1:20003  embedded 0.1.0  3 of 3 passed     0.84
    demo-broker-3  127.0.0.1:20006  embedded 0.1.0  3 of 3 passed     0.84
    demo-broker-4                                   destroyed         0.21
    ");
}

#[test]
fn an_apply_with_trouble() {
    let text = applied(&example::trouble(), &example::deployed(example::LOCAL), look(Some(80)));
    style_guide::shows(&text);
    insta::assert_snapshot!(text, @"
    instance       address          broker          checks         seconds
    demo-broker-1  127.0.0.1:20000  embedded 0.1.0  3 of 3 passed    60.33
    demo-broker-2  127.0.0.1:20003  embedded 0.1.0  failed            1.17
    demo-broker-3  127.0.0.1:20006  embedded 0.1.0  1 of 3 passed    61.88
    demo-edge-1                                     skipped           0.00
    ");
}

#[test]
fn an_apply_on_a_narrow_terminal() {
    insta::assert_snapshot!(applied(&example::trouble(), &example::deployed(example::LOCAL), look(Some(40))), @"
    instance  demo-broker-1
    address   127.0.0.1:20000
    broker    embedded 0.1.0
    checks    3 of 3 passed
    seconds   60.33

    instance  demo-broker-2
    address   127.0.0.1:20003
    broker    embedded 0.1.0
    checks    failed
    seconds   1.17

    instance  demo-broker-3
    address   127.0.0.1:20006
    broker    embedded 0.1.0
    checks    1 of 3 passed
    seconds   61.88

    instance  demo-edge-1
    checks    skipped
    seconds   0.00
    ");
}

#[test]
fn a_terminal_is_shown_those_of_many_that_need_a_look() {
    insta::assert_snapshot!(applied(&many(3_000), &example::deployed(example::LOCAL), look(Some(80))), @"
    instance       address          broker          checks         seconds
    demo-broker-3  127.0.0.1:20006  embedded 0.1.0  1 of 3 passed    61.88
    3,000 more: `bear status` lists them all
    ");
    let in_a_file = applied(&many(3_000), &example::deployed(example::LOCAL), look(None));
    assert_eq!(in_a_file.lines().count(), 1 + 3_001);
}

#[test]
fn a_verify_is_shown_check_by_check() {
    let text = verified(&example::trouble(), look(Some(100)));
    style_guide::shows(&text);
    insta::assert_snapshot!(text, @"
    check         demo-broker-1  demo-broker-2  demo-broker-3  demo-edge-1
    tcp               ok  0.4ms                     ok  0.4ms
    mqtt.qos2         ok   12ms                 FAILED  2.1ms
    mqtt.session      ok   1.2s
    ws.connect                                  FAILED   1.0s
    ");
}

#[test]
fn a_verify_of_more_instances_than_fit_is_shown_instance_by_instance() {
    insta::assert_snapshot!(verified(&example::trouble(), look(Some(60))), @"
    instance       checks         failed                seconds
    demo-broker-1  3 of 3 passed                          60.33
    demo-broker-2  failed                                  1.17
    demo-broker-3  1 of 3 passed  mqtt.qos2 ws.connect    61.88
    demo-edge-1    skipped                                 0.00
    ");
    insta::assert_snapshot!(verified(&many(3_000), look(Some(100))), @"
    instance       checks         failed                seconds
    demo-broker-3  1 of 3 passed  mqtt.qos2 ws.connect    61.88
    3,000 more: `bear status` lists them all
    ");
}
