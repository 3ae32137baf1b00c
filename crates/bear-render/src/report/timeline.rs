//! The timeline: a row for each instance, a bar for each of its steps, and what is behind a row when it is opened.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use bear_core::step::StepKind;

use super::record::BlockState;
use super::story::{Outcome, StepStory, Story};
use crate::markup::text;
use crate::words::{count, duration, grouped, millis};

/// The most rows with which all groups stand open.
const OPEN_MAX: usize = 60;

/// About how many marks the axis has.
const MARKS: f64 = 6.0;

/// Where the last of them may stand, so that what is written beside it has room on a telephone.
const LAST_MARK: f64 = 0.87;

pub(super) fn render(out: &mut String, story: &Story<'_>) {
    if story.steps.is_empty() {
        return;
    }
    let critical = story.critical.iter().copied().collect();
    let rows = rows(story);
    let chart = Chart { story, critical, length: story.seconds.max(0.001), all_open: rows.len() <= OPEN_MAX };
    out.push_str("<section id=\"timeline\">\n<h2>When it happened</h2>\n");
    legend(out, story);
    chart.axis(out);
    for group in rows.chunk_by(|a, b| a.group == b.group) {
        chart.group(out, group);
    }
    out.push_str("</section>\n");
}

/// What is done to one instance, or to what instances share; numbers of the story's steps.
struct Row<'r> {
    name: &'r str,
    group: Option<&'r str>,
    steps: Vec<usize>,
}

fn rows<'r>(story: &Story<'r>) -> Vec<Row<'r>> {
    let mut rows = Vec::<Row<'r>>::new();
    let mut row_of = HashMap::new();
    for (number, step) in story.steps.iter().enumerate() {
        let at = *row_of.entry(step.resource).or_insert_with(|| {
            rows.push(Row { name: step.resource, group: step.group, steps: Vec::new() });
            rows.len() - 1
        });
        rows[at].steps.push(number);
    }
    rows
}

/// What the bars mean, of which there are any.
fn legend(out: &mut String, story: &Story<'_>) {
    out.push_str("<p class=\"legend\">");
    for kind in StepKind::ALL.into_iter().filter(|kind| story.steps.iter().any(|step| step.kind == *kind)) {
        let _ = write!(out, "<span><i class=\"{kind}\"></i>{kind}</span>");
    }
    if let Some(step) = story.critical.first().map(|&number| &story.steps[number]) {
        let _ = write!(out, "<span><i class=\"{} critical\"></i>on the critical path</span>", step.kind);
    }
    if story.failed().next().is_some() {
        out.push_str("<span><i class=\"failed\"></i>failed</span>");
    }
    out.push_str("</p>\n");
}

struct Chart<'s, 'r> {
    story: &'s Story<'r>,
    critical: HashSet<usize>,
    /// In seconds, above 0.
    length: f64,
    all_open: bool,
}

impl Chart<'_, '_> {
    /// A moment as percents of the whole width.
    fn at(&self, seconds: f64) -> f64 {
        (seconds / self.length * 100.0).clamp(0.0, 100.0)
    }

    fn axis(&self, out: &mut String) {
        out.push_str("<div class=\"axis\"><span></span><span class=\"track\">");
        let step = round_step(self.length / MARKS);
        let mut mark = 0.0;
        while mark < self.length * LAST_MARK {
            let _ = write!(out, "<b style=\"left:{:.2}%\">{}</b>", self.at(mark), mark_label(mark, step));
            mark += step;
        }
        out.push_str("</span><span></span></div>\n");
    }

    fn group(&self, out: &mut String, rows: &[Row<'_>]) {
        let numbers = || rows.iter().flat_map(|row| row.steps.iter().copied());
        let failed =
            numbers().filter(|&number| matches!(self.story.steps[number].outcome, Outcome::Failed(_)));
        let failed = failed.count();
        let open = if self.all_open || failed > 0 { " open" } else { "" };
        let (name, what) = match rows.first().and_then(|row| row.group) {
            Some(group) => (group, count(rows.len(), "instance")),
            None => ("shared", String::new()),
        };
        let _ = write!(
            out,
            "<details class=\"group\"{open}>\n<summary><span class=\"name\">{} <small>{what}</small></span>\
             <span class=\"track\">",
            text(name)
        );
        for kind in StepKind::ALL {
            self.span_of_all(out, kind, numbers());
        }
        let told = if failed > 0 {
            format!("<b class=\"bad\">{} failed</b>", grouped(failed))
        } else {
            String::new()
        };
        let _ = writeln!(out, "</span><span class=\"took\">{told}</span></summary>");
        for row in rows {
            self.row(out, row);
        }
        out.push_str("</details>\n");
    }

    /// From the first beginning to the last end of a kind of step in a group.
    fn span_of_all(&self, out: &mut String, kind: StepKind, numbers: impl Iterator<Item = usize>) {
        let ran = numbers.map(|number| &self.story.steps[number]).filter(|step| step.kind == kind);
        let spans = ran.filter_map(|step| Some((step.began?, step.ended.unwrap_or(self.length))));
        let span = spans.reduce(|(from, to), (began, ended)| (from.min(began), to.max(ended)));
        if let Some((from, to)) = span {
            let (left, width) = (self.at(from), self.at(to) - self.at(from));
            let _ = write!(out, "<i class=\"all {kind}\" style=\"left:{left:.2}%;width:{width:.2}%\"></i>");
        }
    }

    fn row(&self, out: &mut String, row: &Row<'_>) {
        let _ = write!(
            out,
            "<details class=\"row\"><summary><span class=\"name\">{}</span><span class=\"track\">",
            text(row.name)
        );
        let mut took = 0.0;
        for &number in &row.steps {
            let step = &self.story.steps[number];
            let Some(began) = step.began else { continue };
            let ended = step.ended.unwrap_or(self.length);
            took += ended - began;
            let failed = if matches!(step.outcome, Outcome::Failed(_)) { " failed" } else { "" };
            let critical = if self.critical.contains(&number) { " critical" } else { "" };
            let (left, width) = (self.at(began), self.at(ended) - self.at(began));
            let _ = write!(
                out,
                "<i class=\"{0}{failed}{critical}\" style=\"left:{left:.2}%;width:{width:.2}%\" title=\"{0} {1}\"></i>",
                step.kind,
                duration(ended - began)
            );
        }
        let _ = write!(
            out,
            "</span><span class=\"took\">{}</span></summary><div class=\"detail\">",
            duration(took)
        );
        for &number in &row.steps {
            self.step(out, &self.story.steps[number]);
        }
        out.push_str("</div></details>\n");
    }

    fn step(&self, out: &mut String, step: &StepStory<'_>) {
        let _ = write!(out, "<p><span class=\"action {0}\">{0}</span> ", step.kind);
        let from = step.began.map(duration).unwrap_or_default();
        let took =
            step.began.map(|began| duration(step.ended.unwrap_or(self.length) - began)).unwrap_or_default();
        let _ = match step.outcome {
            Outcome::Succeeded => write!(out, "from {from}, took {took}"),
            Outcome::Failed(failure) => {
                write!(out, "from {from}, took {took}: <span class=\"bad\">{}</span>", text(&failure.message))
            }
            Outcome::Running => write!(out, "from {from}; its end is not known"),
            Outcome::Waiting => write!(out, "not begun"),
            Outcome::Skipped(Some(because)) => write!(out, "skipped: {} failed", text(because)),
            Outcome::Skipped(None) => write!(out, "skipped: the run ended before it"),
        };
        out.push_str("</p>\n");
        for retry in &step.retries {
            let _ = writeln!(
                out,
                "<p class=\"warn\">try {} failed at {}: {}; again after {}</p>",
                retry.attempt,
                duration(retry.at),
                text(retry.message),
                duration(retry.wait)
            );
        }
        blocks_and_checks(out, step);
    }
}

fn blocks_and_checks(out: &mut String, step: &StepStory<'_>) {
    if step.blocks.is_empty() && step.checks.is_empty() {
        return;
    }
    out.push_str("<ul class=\"facts\">");
    for block in &step.blocks {
        let (class, word) = match block.state {
            BlockState::Ok => ("dim", "as wanted"),
            BlockState::Changed => ("good", "changed"),
            BlockState::Started | BlockState::Failed => ("bad", "failed"),
        };
        let (name, took) = (text(&block.name), duration(block.seconds));
        let _ = write!(out, "<li><code>{name}</code> <span class=\"{class}\">{word}</span> {took}</li>");
    }
    for check in &step.checks {
        let (class, word) = if check.ok { ("good", "passed") } else { ("bad", "failed") };
        let (name, took) = (check.name, millis(check.millis));
        let detail = check.detail.as_deref().unwrap_or_default();
        let _ = write!(
            out,
            "<li><code>{name}</code> <span class=\"{class}\">{word}</span> {took} {}</li>",
            text(detail)
        );
    }
    out.push_str("</ul>\n");
}

/// A moment on the axis, as exactly as it takes to tell it from the marks beside it.
fn mark_label(mark: f64, step: f64) -> String {
    match step {
        _ if mark <= 0.0 => "0s".to_owned(),
        1.0.. => duration(mark),
        0.1.. => format!("{mark:.1}s"),
        0.01.. => format!("{mark:.2}s"),
        _ => format!("{mark:.3}s"),
    }
}

/// The next of 1, 2, 3 and 5 times a power of ten; above a minute, of what people count in.
fn round_step(at_least: f64) -> f64 {
    const LONG: [f64; 9] = [60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21_600.0, 86_400.0];
    if at_least > 30.0 {
        return LONG.into_iter().find(|step| *step >= at_least).unwrap_or(at_least);
    }
    let power = 10_f64.powf(at_least.max(0.000_1).log10().floor());
    [1.0, 2.0, 3.0, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| *step >= at_least)
        .unwrap_or(at_least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_the_axis_differ() {
        #[track_caller]
        fn check(length: f64, expected: &str) {
            let step = round_step(length / MARKS);
            let marks = (0..4).map(|number| mark_label(f64::from(number) * step, step));
            assert_eq!(marks.collect::<Vec<_>>().join(" "), expected);
        }
        check(0.005, "0s 0.001s 0.002s 0.003s");
        check(0.1, "0s 0.02s 0.04s 0.06s");
        check(0.31, "0s 0.1s 0.2s 0.3s");
        check(3.0, "0s 0.5s 1.0s 1.5s");
        check(40.0, "0s 10.0s 20.0s 30.0s");
        check(400.0, "0s 2m 00s 4m 00s 6m 00s");
    }
}
