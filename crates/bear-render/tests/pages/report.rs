//! The page about a run.

use bear_core::event::StepError;
use bear_core::plan::{Step, StepKind};
use bear_render::report::{Record, html};
use insta::assert_snapshot;
use proptest::prelude::*;

use crate::scene::{plan_of, record};

fn page(record: &str) -> String {
    html(&Record::read(record).unwrap())
}

fn millis(step: &Step) -> i64 {
    match step.kind {
        StepKind::Create => 2000,
        StepKind::Install if step.resource.to_string().ends_with("-2") => 30_000,
        StepKind::Install => 10_000,
        _ => 500,
    }
}

/// The text of one section of a page, a line for each element.
fn section(page: &str, id: &str) -> String {
    let begin = page.find(&format!("<section id=\"{id}\">")).unwrap();
    let length = page[begin..].find("</section>").unwrap();
    let xml = page[begin..begin + length + "</section>".len()].replace(" open>", ">");
    let document = roxmltree::Document::parse(&xml).unwrap();
    let mut text = String::new();
    for node in document
        .descendants()
        .filter(|node| ["h2", "h3", "p", "li", "tr", "pre", "summary"].contains(&node.tag_name().name()))
    {
        let words = node.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text());
        let words = words.map(str::trim).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        text.push_str(&words);
        text.push('\n');
    }
    text
}

#[test]
fn what_took_so_long_is_the_slowest_instance() {
    let page = page(&record(&plan_of(3), millis, |_| None));
    assert_snapshot!(section(&page, "critical"), @"
    What took so long
    The steps that the end waited for, one after the other. Had any other been faster, the run would have taken as long.
    step waited took
    create foundation:eu-west-3 2.0s
    create daily-edge-2 2.0s
    install daily-edge-2 30.0s
    verify daily-edge-2 0.5s
    ");
    assert_eq!(page.matches("critical\" style").count(), 4);
    assert!(!page.contains("What failed"));
}

#[test]
fn checks_are_told_over_all_brokers() {
    let page = page(&record(&plan_of(3), millis, |_| None));
    assert_snapshot!(section(&page, "checks"), @"
    What was proven
    3 brokers, over the network, as a client does it.
    check passed median 95% slowest on
    tcp all 3 1.5ms 1.5ms 1.5ms daily-edge-3
    mqtt.qos1 all 3 3.0ms 3.0ms 3.0ms daily-edge-3
    mqtt.qos2 all 3 4.5ms 4.5ms 4.5ms daily-edge-3
    ");
}

#[test]
fn failures_of_one_cause_are_told_once_with_what_was_skipped() {
    let error = StepError::permanent("bear::ssh::refused", "the host <b>refused</b> the key")
        .with_help("look at `bear doctor`")
        .with_last_lines("one\ntwo");
    let fails = |step: &Step| {
        (step.kind == StepKind::Install && !step.resource.to_string().ends_with("-2")).then(|| error.clone())
    };
    let page = page(&record(&plan_of(3), millis, fails));
    assert_snapshot!(section(&page, "failures"), @"
    What failed
    could not install daily-edge-1 and 1 more
    the host <b>refused</b> the key
    bear::ssh::refused
    one
    two
    look at `bear doctor`
    Retry: bear apply fleets/daily.yaml
    ");
    assert!(page.contains("skipped: install/daily-edge-1 failed"));
}

#[test]
fn a_record_that_was_cut_off_is_told_as_far_as_it_goes() {
    let whole = record(&plan_of(3), millis, |_| None);
    let cut = &whole[..whole.len() / 2];
    let page = page(cut);
    assert!(page.contains("did not come to its end"));
    assert!(page.contains("without an end"));
}

#[test]
fn a_thousand_instances_are_folded_but_for_groups_that_failed() {
    let page = page(&record(&plan_of(1000), millis, |_| None));
    assert_eq!(page.matches("<details class=\"row\">").count(), 1001);
    assert_eq!(page.matches("<details class=\"group\">").count(), 2);
    assert_eq!(page.matches("<li>").count() - page.matches("<li><code>").count(), 2);
}

#[test]
fn the_page_asks_for_nothing_else() {
    let page = page(&record(&plan_of(3), millis, |_| None));
    for word in ["<script", "src=", "href=", "url(", "@import", "http://", "https://"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn a_record_that_is_none_is_refused_with_its_place() {
    let why = |text: &str| Record::read(text).unwrap_err().to_string();
    assert_snapshot!(why(""), @"it is empty");
    assert_snapshot!(why("{\"version\":2}\n"), @"it has version 2, and this bear knows versions up to 1");
    assert_snapshot!(why("{}\n"), @"line 1 is damaged: missing field `version` at line 1 column 2");
    let record = record(&plan_of(1), millis, |_| None);
    let (heading, _) = record.split_once('\n').unwrap();
    assert_snapshot!(why(&format!("{heading}\n{{\"at\":1}}\n")), @"line 2 is damaged: invalid type: integer `1`, expected a timestamp string at line 1 column 7");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_record_cut_off_anywhere_can_be_read(at in 0.0..1.0_f64) {
        let whole = record(&plan_of(2), millis, |_| None);
        let first = whole.find('\n').unwrap() + 1;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "any place will do")]
        let cut = first + ((whole.len() - first) as f64 * at) as usize;
        prop_assert!(page(&whole[..cut]).ends_with("</html>\n"));
    }
}
