//! The page: its sections from top to bottom, what matters most first.

use std::fmt::Write;

use bear_core::check::CheckName;
use bear_core::event::Operation;
use bear_core::step::StepKind;

use super::record::{ChangeItem, Failure, ReasonItem};
use super::story::{Ending, Outcome, StepStory, Story};
use super::timeline;
use crate::markup::text;
use crate::words::{count, duration, grouped, millis, shell};

/// A wait that is worth telling of, in seconds.
const WAIT_MIN: f64 = 0.05;

/// The whole document.
pub(super) fn render(story: &Story<'_>) -> String {
    let title = format!("bear {} {}", command(story.operation), story.fleet);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
        text(&title),
        include_str!("style.css"),
    );
    head(&mut out, story);
    failures(&mut out, story);
    changes(&mut out, story);
    critical(&mut out, story);
    timeline::render(&mut out, story);
    checks(&mut out, story);
    notices(&mut out, story);
    let _ = writeln!(
        out,
        "<footer>bear {}, fleet file <code>{}</code></footer>",
        text(story.bear),
        text(story.file)
    );
    out.push_str("</body>\n</html>\n");
    out
}

const fn command(operation: Operation) -> &'static str {
    match operation {
        Operation::Apply => "apply",
        Operation::Destroy => "destroy",
        Operation::Verify => "verify",
    }
}

/// How a run ended, as a class of the style sheet and in words.
fn ending(story: &Story<'_>) -> (&'static str, &'static str) {
    let failed = story.failed().next().is_some();
    match story.ending {
        Ending::Interrupted => ("warn", "stopped"),
        Ending::Unknown => ("bad", "did not come to its end"),
        Ending::Whole if failed => ("bad", "failed"),
        Ending::Whole => ("good", "done"),
    }
}

fn head(out: &mut String, story: &Story<'_>) {
    let (class, word) = ending(story);
    let _ = writeln!(
        out,
        "<header>\n<h1>{} <strong>{}</strong> <span class=\"badge {class}\">{word}</span></h1>",
        command(story.operation),
        text(story.fleet)
    );
    if let Some(began) = story.began {
        let _ = writeln!(
            out,
            "<p><time datetime=\"{began:.3}\">{} UTC</time>, {}</p>",
            began.strftime("%Y-%m-%d %H:%M:%S"),
            duration(story.seconds)
        );
    }
    let number = |is: fn(&Outcome<'_>) -> bool| story.steps.iter().filter(|step| is(&step.outcome)).count();
    let figures = [
        ("steps", story.steps.len(), ""),
        ("succeeded", number(|it| matches!(it, Outcome::Succeeded)), "good"),
        ("failed", number(|it| matches!(it, Outcome::Failed(_))), "bad"),
        ("skipped", number(|it| matches!(it, Outcome::Skipped(_))), "warn"),
        ("without an end", number(|it| matches!(it, Outcome::Running | Outcome::Waiting)), "bad"),
        ("tried again", story.steps.iter().map(|step| step.retries.len()).sum(), "warn"),
    ];
    out.push_str("<dl class=\"figures\">\n");
    for (name, number, class) in
        figures.into_iter().filter(|(name, number, _)| *number > 0 || *name == "steps")
    {
        let _ = writeln!(out, "<div><dd class=\"{class}\">{}</dd><dt>{name}</dt></div>", grouped(number));
    }
    out.push_str("</dl>\n</header>\n");
}

/// Those that differ in the instance only are told once.
fn failures(out: &mut String, story: &Story<'_>) {
    let mut groups: Vec<(&Failure, Vec<&StepStory<'_>>)> = Vec::new();
    for (step, failure) in story.failed() {
        let kind = |steps: &[&StepStory<'_>]| steps.first().map(|step| step.kind);
        match groups.iter_mut().find(|(told, steps)| *told == failure && kind(steps) == Some(step.kind)) {
            Some((_, steps)) => steps.push(step),
            None => groups.push((failure, vec![step])),
        }
    }
    if groups.is_empty() {
        return;
    }
    out.push_str("<section id=\"failures\">\n<h2>What failed</h2>\n");
    for (failure, steps) in groups {
        failed(out, failure, &steps, story);
    }
    out.push_str("</section>\n");
}

fn failed(out: &mut String, failure: &Failure, steps: &[&StepStory<'_>], story: &Story<'_>) {
    let Some(first) = steps.first() else { return };
    let more =
        if steps.len() > 1 { format!(" and {} more", grouped(steps.len() - 1)) } else { String::new() };
    let _ = writeln!(
        out,
        "<article class=\"failure\">\n<h3>could not {} {}{more}</h3>\n<p>{}</p>\n<p class=\"dim\"><code>{}</code></p>",
        first.kind,
        text(first.resource),
        text(&failure.message),
        text(&failure.code)
    );
    let bad = first.checks.iter().filter(|check| !check.ok);
    for check in bad {
        let detail = check.detail.as_deref().unwrap_or_default();
        let _ = writeln!(out, "<p><strong class=\"bad\">{}</strong> {}</p>", check.name, text(detail));
    }
    if !failure.last_lines.is_empty() {
        let _ = writeln!(out, "<pre>{}</pre>", text(&failure.last_lines.join("\n")));
    }
    if let Some(help) = &failure.help {
        let _ = writeln!(out, "<p class=\"help\">{}</p>", text(help));
    }
    let retry = format!("bear {} {}", command(story.operation), shell(story.file));
    let _ = writeln!(out, "<p>Retry: <code>{}</code></p>\n</article>", text(&retry));
}

/// Like changes that follow each other are told once.
fn changes(out: &mut String, story: &Story<'_>) {
    if story.changes.is_empty() && story.foundations.is_empty() {
        return;
    }
    out.push_str("<section id=\"changes\">\n<h2>What it changed</h2>\n<ul class=\"changes\">\n");
    for foundation in story.foundations {
        let what = format!("what is shared in {}", foundation.region);
        change(out, &foundation.action, &what, &foundation.reasons, None);
    }
    let alike = |a: &ChangeItem, b: &ChangeItem| {
        a.action == b.action && a.reasons == b.reasons && a.configuration == b.configuration
    };
    for run in story.changes.chunk_by(alike) {
        let [first, rest @ ..] = run else { continue };
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", grouped(rest.len())) };
        let what = format!("{}{more}", first.instance);
        change(out, &first.action, &what, &first.reasons, first.configuration.as_deref());
    }
    out.push_str("</ul>\n</section>\n");
}

fn change(out: &mut String, action: &str, what: &str, reasons: &[ReasonItem], configuration: Option<&str>) {
    let _ = write!(out, "<li><span class=\"action {0}\">{0}</span> {1}", text(action), text(what));
    // That something new is new is what its action says.
    let reasons = reasons.iter().filter(|reason| action != "create" || !reason.from.is_null());
    for ReasonItem { field, from, to } in reasons {
        let _ = write!(
            out,
            "<span class=\"reason\"><code>{}</code> {} → {}</span>",
            text(field),
            text(&value(from)),
            text(&value(to))
        );
    }
    if let Some(diff) = configuration {
        let _ = write!(out, "<details><summary>configuration</summary><pre>{}</pre></details>", text(diff));
    }
    out.push_str("</li>\n");
}

fn value(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "none".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What the end of the run waited for.
fn critical(out: &mut String, story: &Story<'_>) {
    if story.critical.is_empty() {
        return;
    }
    out.push_str(
        "<section id=\"critical\">\n<h2>What took so long</h2>\n\
         <p class=\"dim\">The steps that the end waited for, one after the other. Had any other been faster, the run would have taken as long.</p>\n\
         <table>\n<thead><tr><th>step</th><th class=\"number\">waited</th><th class=\"number\">took</th></tr></thead>\n<tbody>\n",
    );
    let mut free = 0.0;
    for &number in &story.critical {
        let step = &story.steps[number];
        let (Some(began), Some(ended)) = (step.began, step.ended) else { continue };
        let waited = if began - free >= WAIT_MIN { duration(began - free) } else { String::new() };
        let _ = writeln!(
            out,
            "<tr><td><span class=\"action {0}\">{0}</span> {1}</td><td class=\"number\">{waited}</td>\
             <td class=\"number\">{2}</td></tr>",
            step.kind,
            text(step.resource),
            duration(ended - began)
        );
        free = ended;
    }
    out.push_str("</tbody>\n</table>\n</section>\n");
}

/// What each check found, over all brokers.
fn checks(out: &mut String, story: &Story<'_>) {
    let proofs = story.steps.iter().filter(|step| step.kind == StepKind::Verify && !step.checks.is_empty());
    let proofs = proofs.collect::<Vec<_>>();
    if proofs.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<section id=\"checks\">\n<h2>What was proven</h2>\n<p class=\"dim\">{}, over the network, as a client does it.</p>\n\
         <div class=\"wide\"><table>\n<thead><tr><th>check</th><th class=\"number\">passed</th><th class=\"number\">median</th>\
         <th class=\"number\">95%</th><th class=\"number\">slowest</th><th class=\"on\">on</th></tr></thead>\n<tbody>",
        count(proofs.len(), "broker")
    );
    for name in CheckName::ALL {
        let mut found = proofs
            .iter()
            .flat_map(|step| {
                step.checks.iter().filter(|check| check.name == name).map(|check| (check, step.resource))
            })
            .collect::<Vec<_>>();
        found.sort_by(|(a, _), (b, _)| a.millis.total_cmp(&b.millis));
        let Some((slowest, on)) = found.last() else { continue };
        let passed = found.iter().filter(|(check, _)| check.ok).count();
        let (class, passed) = match found.len() {
            all if all == passed => ("good", format!("all {}", grouped(all))),
            all => ("bad", format!("{} of {}", grouped(passed), grouped(all))),
        };
        // What so many of a hundred were at most.
        let share = |percent: usize| millis(found[(found.len() * percent).div_ceil(100) - 1].0.millis);
        let _ = writeln!(
            out,
            "<tr><td>{name}</td><td class=\"number {class}\">{passed}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"on\">{}</td></tr>",
            share(50),
            share(95),
            millis(slowest.millis),
            text(on)
        );
    }
    out.push_str("</tbody>\n</table></div>\n</section>\n");
}

fn notices(out: &mut String, story: &Story<'_>) {
    if story.notices.is_empty() {
        return;
    }
    out.push_str("<section id=\"notices\">\n<h2>What kept it waiting</h2>\n<ul>\n");
    for (at, notice) in &story.notices {
        let _ = writeln!(out, "<li><span class=\"dim\">{}</span> {}</li>", duration(*at), text(notice));
    }
    out.push_str("</ul>\n</section>\n");
}
