//! The page about a run, in a real browser: whatever the width and the colours, without scripts

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::brokers::fleet_of;
use crate::chromium::{self, Browser, Look};
use crate::support::Project;

/// A telephone's width, and a desk's, each by day and by night.
const LOOKS: [Look; 4] = [
    Look { width: 400, dark: false },
    Look { width: 400, dark: true },
    Look { width: 1400, dark: false },
    Look { width: 1400, dark: true },
];

/// Whether Chromium is there; says so if not.
fn can_look() -> bool {
    let here = chromium::is_here();
    if !here {
        println!("skipped: there is no chromium on this machine");
    }
    here
}

/// Opens a page at every width and in all colours, and holds it against what every page must be. Leaves pictures of it in
/// the folder for what tests make, for people to look at.
#[track_caller]
fn expect_readable(browser: &mut Browser, page: &Path, name: &str, texts: &[&str]) {
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    std::fs::create_dir_all(&pictures).unwrap();
    let mut backgrounds = Vec::new();
    for look in LOOKS {
        browser.open(page, look);
        let colours = if look.dark { "dark" } else { "light" };
        browser.picture(&pictures.join(format!("{name}-{}-{colours}.png", look.width)));
        assert_eq!(browser.requests(), [format!("file://{}", page.display())], "{look:?}");
        assert!(browser.complaints().is_empty(), "{look:?}: {:?}", browser.complaints());
        let shown = browser.value("document.body.innerText");
        for text in texts {
            assert!(shown.as_str().unwrap().contains(text), "{look:?}: no {text:?} in {shown}");
        }
        expect_fit(browser, look);
        assert_eq!(browser.value(FAINT), Value::Array(Vec::new()), "{look:?}: text that is hard to read");
        backgrounds.push(browser.value("getComputedStyle(document.body).backgroundColor"));
    }
    assert!(backgrounds[0] == backgrounds[2] && backgrounds[1] == backgrounds[3], "{backgrounds:?}");
    assert_ne!(backgrounds[0], backgrounds[1], "dark is light");
}

/// Nothing of the page lies beside the window, however much of it is unfolded.
#[track_caller]
fn expect_fit(browser: &mut Browser, look: Look) {
    for unfold in ["", "#changes details, #timeline .group", "details"] {
        if !unfold.is_empty() {
            browser.value(&format!("document.querySelectorAll({unfold:?}).forEach(it => it.open = true)"));
        }
        let (content, window) = browser.widths();
        assert!(
            content <= window,
            "{look:?}, {unfold:?} unfolded: {content} of {window}: {}",
            browser.value(WIDE)
        );
    }
}

/// What is wider than the window, and lies in nothing that scrolls by itself.
const WIDE: &str = r"
    [...document.querySelectorAll('body *')]
        .filter(it => it.getBoundingClientRect().right > document.documentElement.clientWidth)
        .filter(it => !it.closest('pre, .wide')).map(it => it.outerHTML.slice(0, 200))";

/// Texts whose contrast to what lies behind them is below what the Web's guidelines ask for, 4.5 to 1.
const FAINT: &str = r"
    (() => {
        const colour = text => {
            const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
            return { channels: [red, green, blue], alpha };
        };
        const luminance = ({ channels }) => {
            const [red, green, blue] = channels.map(value => value / 255)
                .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const behind = element => {
            for (let at = element; at; at = at.parentElement) {
                const found = colour(getComputedStyle(at).backgroundColor);
                if (found.alpha > 0) return found;
            }
            throw new Error('the page has no background');
        };
        const has_text = element => [...element.childNodes]
            .some(node => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
        const faint = [...document.querySelectorAll('body *')].filter(has_text).filter(element => {
            const [one, other] = [luminance(colour(getComputedStyle(element).color)), luminance(behind(element))];
            return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5;
        });
        return [...new Set(faint.map(element => `${element.tagName}.${element.className}`))];
    })()";

#[test]
fn the_page_about_an_apply() {
    if !can_look() {
        return;
    }
    let project = Project::of(3);
    project.bear("apply --yes --report page.html").ok();
    project.bear("destroy --yes").ok();
    let page = project.path("page.html");
    let mut browser = Browser::start();
    let texts =
        ["apply demo done", "What it changed", "What took so long", "When it happened", "What was proven"];
    expect_readable(&mut browser, &page, "applied", &texts);

    // A row unfolds where it is clicked, though no script runs.
    browser.open(&page, LOOKS[2]);
    let is_open = "document.querySelector('#timeline .row').open";
    assert_eq!(browser.value(is_open), false);
    browser.click("#timeline .row > summary");
    assert_eq!(browser.value(is_open), true);
    let shown = "document.querySelector('#timeline .row .detail').innerText";
    assert!(browser.value(shown).as_str().unwrap().contains("mqtt.qos2 passed"));
    let marked = "[...document.querySelectorAll('i.critical')].every(it => getComputedStyle(it).outlineStyle == 'solid')";
    assert_eq!(browser.value(marked), true);
}

#[test]
fn the_page_about_an_apply_that_failed() {
    if !can_look() {
        return;
    }
    // Names as long as they may be, which no line can break at a hyphen.
    let (fleet, group) = ("f".repeat(20), "g".repeat(40));
    let file =
        fleet_of(3).replace("demo", &fleet).replace("broker:\n    count", &format!("{group}:\n    count"));
    let folder = format!(".bear/{fleet}/instances/{fleet}-{group}-2");
    let project =
        Project::new().with("fleets/long.yaml", file).with(&format!("{folder}/thesis.tex"), "years");
    let failed = project.bear("apply --yes --report page.html");
    assert_eq!(failed.code(), 1, "{failed}");
    let instance = format!("could not create {fleet}-{group}-2");
    let texts = ["failed", "What failed", &instance, "1 failed"];
    expect_readable(&mut Browser::start(), &project.path("page.html"), "failed", &texts);
    std::fs::remove_dir_all(project.path(&folder)).unwrap();
    project.bear("destroy --yes").ok();
}

#[test]
fn the_page_about_a_thousand_instances() {
    if !can_look() {
        return;
    }
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    let run = project.bear("report --list --json").ok().json()["runs"][0].as_str().unwrap().to_owned();
    let record = format!(".bear/demo/runs/{run}.ndjson");
    project.write(&record, copied(&project.read(&record), 1000));
    project.bear("report --output page.html").ok();
    project.bear("destroy --yes").ok();
    let texts = ["3,000\nsteps", "1,000 instances", "demo-broker-1 and 999 more", "all 1,000"];
    expect_readable(&mut Browser::start(), &project.path("page.html"), "thousand", &texts);
}

/// The record of a run of one instance, as if so many had been made, ten at a time.
fn copied(record: &str, count: usize) -> String {
    let copy = |text: &str, number: usize| text.replace("demo-broker-1", &format!("demo-broker-{number}"));
    let (heading, lines) = record.split_once('\n').unwrap();
    let mut heading: Value = serde_json::from_str(heading).unwrap();
    for list in ["changes", "steps"] {
        let items = heading["plan"][list].as_array_mut().unwrap();
        let copies = (1..=count).flat_map(|number| {
            items
                .iter()
                .map(move |item| serde_json::from_str::<Value>(&copy(&item.to_string(), number)).unwrap())
        });
        *items = copies.collect();
    }
    let groups = (1..=count).map(|number| (format!("demo-broker-{number}"), Value::from("broker")));
    heading["groups"] = groups.collect();
    let mut copies = Vec::new();
    let mut last = Timestamp::UNIX_EPOCH;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let at: Timestamp = line["at"].as_str().unwrap().parse().unwrap();
        let times = if line["instance"].is_null() { 1 } else { count };
        for number in 1..=times {
            let later = SignedDuration::from_millis(50 * i64::try_from((number - 1) / 10).unwrap());
            let mut line: Value = serde_json::from_str(&copy(&line.to_string(), number)).unwrap();
            let at = if line["type"] == "summary" { last } else { at + later };
            line["at"] = Value::from(at.to_string());
            last = last.max(at);
            copies.push((at, line));
        }
    }
    copies.sort_by_key(|(at, _)| *at);
    let lines = copies.into_iter().map(|(_, line)| format!("{line}\n")).collect::<String>();
    format!("{heading}\n{lines}")
}
