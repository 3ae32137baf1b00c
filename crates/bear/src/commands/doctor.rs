//! `bear doctor`: whether everything is there that bear needs, and what to do where it is not. It changes nothing.

mod aws;
mod machine;
mod project;
mod ssh;

use clap::Args;
use serde_json::{Value, json};

use self::project::Scene;
use crate::args::FleetArgs;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::render::Look;
use crate::render::look::Tone;
use crate::render::words::{count, printable};

/// The arguments of `bear doctor`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    fleet: FleetArgs,
}

/// What came of one check.
#[derive(Clone, Debug)]
struct Finding {
    /// What was looked at.
    check: &'static str,
    verdict: Verdict,
    detail: String,
    help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, detail: detail.into(), help: None }
    }

    /// Bear can work, but something will be missed; `help` says what to do about it.
    fn warn(check: &'static str, detail: impl Into<String>, help: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, help: Some(help.into()), ..Self::ok(check, detail) }
    }

    /// Something that bear needs is not there.
    fn fail(check: &'static str, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::ok(check, detail) }
    }

    fn of_fault(check: &'static str, fault: &Fault) -> Self {
        Self { help: fault.help().map(str::to_owned), ..Self::fail(check, fault.to_string()) }
    }

    fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn document(&self) -> Value {
        let mut document =
            json!({ "check": self.check, "result": self.verdict.json(), "detail": self.detail });
        if let Some(help) = &self.help {
            document["help"] = json!(help);
        }
        document
    }

    /// The finding as people read it, `width` being the length of the longest name of a check.
    fn line(&self, width: usize, look: Look) -> String {
        let (word, tone) = self.verdict.word();
        let (word, check, detail) = (look.paint(tone, word), self.check, printable(&self.detail));
        let line = format!("{word:>4}  {check:width$}  {detail}");
        match &self.help {
            None => line,
            Some(help) => {
                format!(
                    "{line}\n{:indent$}{} {help}",
                    "",
                    look.paint(Tone::Hint, "help:"),
                    indent = width + 8
                )
            }
        }
    }
}

impl Verdict {
    const fn json(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    const fn word(self) -> (&'static str, Tone) {
        match self {
            Self::Ok => ("ok", Tone::Good),
            Self::Warn => ("warn", Tone::Warn),
            Self::Fail => ("FAIL", Tone::Bad),
        }
    }
}

pub(crate) async fn run(args: DoctorArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let (scene, mut findings) = Scene::look(args.fleet.fleet.as_deref(), context);
    findings.extend(machine::findings(&scene));
    findings.extend(project::secrets(&scene));
    findings.extend(ssh::findings(&scene).await);
    findings.extend(aws::findings(&scene, context).await);
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    show(&findings, failed, context);
    Ok(if failed == 0 { ExitStatus::Done } else { ExitStatus::Failed })
}

fn show(findings: &[Finding], failed: usize, context: &Context) {
    let printer = &context.printer;
    if printer.json() {
        printer.document(&json!({
            "version": 1,
            "ok": failed == 0,
            "checks": findings.iter().map(Finding::document).collect::<Vec<_>>(),
        }));
        return;
    }
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    for finding in findings {
        printer.data(finding.line(width, printer.stdout_look()));
    }
    if failed > 0 {
        printer.note(format_args!("{failed} of {} failed", count(findings.len(), "check")));
    }
}
