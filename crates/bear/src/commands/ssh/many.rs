//! One command on several instances at once: every line with the name of its instance, and who failed in the end.

use std::collections::BTreeSet;
use std::time::Duration;

use bear_core::event::StepError;
use bear_core::name::InstanceName;
use bear_core::state::v1::Recorded;
use bear_executor::{Executor, Exit, Line, Privilege, Redactor, Script, Stream};
use bear_hosts::Hosts;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::signal::ctrl_c;
use tokio::sync::Notify;

use crate::commands::reach;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::render::look::Tone;
use crate::render::table::{Cell, Table};
use crate::render::words::{count, printable, shell};

/// What is to be run, and how.
pub(super) struct Errand {
    pub(super) command: String,
    /// On how many instances at once.
    pub(super) parallelism: usize,
    /// How long it may take on each.
    pub(super) deadline: Duration,
}

/// How it ended on one instance.
struct Return<'a> {
    instance: &'a InstanceName,
    outcome: Result<Exit, StepError>,
}

/// Runs the errand on all of them. Ctrl-C ends it everywhere.
pub(super) async fn run(
    errand: &Errand,
    instances: &[(&InstanceName, &Recorded)],
    hosts: &Hosts,
    context: &Context,
) -> Result<ExitStatus, Fault> {
    let voice = Voice::new(instances, context);
    let runs = instances.iter().map(|&(instance, recorded)| async {
        let outcome = run_on(instance, recorded, errand, hosts, &voice).await;
        Return { instance, outcome }
    });
    let all = stream::iter(runs).buffer_unordered(errand.parallelism).collect::<Vec<_>>();
    let mut returns = tokio::select! {
        returns = all => returns,
        () = voice.nobody_hears.notified() => return Ok(ExitStatus::Done),
        _ = ctrl_c() => return Ok(ExitStatus::Interrupted),
    };
    returns.sort_by_key(|it| it.instance);
    summarise(&returns, context);
    Ok(if returns.iter().all(Return::is_ok) { ExitStatus::Done } else { ExitStatus::Failed })
}

async fn run_on(
    instance: &InstanceName,
    recorded: &Recorded,
    errand: &Errand,
    hosts: &Hosts,
    voice: &Voice<'_>,
) -> Result<Exit, StepError> {
    // As sshd runs a command: the login shell gets it as one text.
    let text = format!("\"${{SHELL:-/bin/sh}}\" -c {}", shell(&errand.command));
    let script = Script {
        text: &text,
        privilege: Privilege::User,
        deadline: errand.deadline,
        // What people ask for they may see.
        redactor: &Redactor::default(),
        keep: None,
    };
    let host = hosts.ssh(reach::place(instance, recorded))?;
    let outcome = host.run(&script, &mut |line| voice.say(instance, line)).await?;
    Ok(outcome.exit)
}

/// Prints the lines.
struct Voice<'a> {
    context: &'a Context,
    /// The length of the longest name.
    width: usize,
    nobody_hears: Notify,
}

impl<'a> Voice<'a> {
    fn new(instances: &[(&InstanceName, &Recorded)], context: &'a Context) -> Self {
        let width = instances.iter().map(|(name, _)| name.as_str().len()).max().unwrap_or(0);
        Self { context, width, nobody_hears: Notify::new() }
    }

    fn say(&self, instance: &InstanceName, line: Line<'_>) {
        let printer = &self.context.printer;
        let text = printable(line.text);
        let width = self.width;
        match line.stream {
            stream if printer.json() => printer.document(&json!({
                "version": 1,
                "type": "line",
                "instance": instance,
                "stream": if stream == Stream::Stdout { "stdout" } else { "stderr" },
                "line": line.text,
            })),
            Stream::Stdout => {
                let name = printer.stdout_look().paint(Tone::Dim, instance.as_str());
                printer.data(format_args!("{name:width$}  {text}"));
            }
            Stream::Stderr => {
                let name = printer.stderr_look().paint(Tone::Dim, instance.as_str());
                printer.relay(format_args!("{name:width$}  {text}"));
            }
        }
        if printer.is_closed() {
            self.nobody_hears.notify_one();
        }
    }
}

fn summarise(returns: &[Return<'_>], context: &Context) {
    let failed = returns.iter().filter(|it| !it.is_ok()).collect::<Vec<_>>();
    let printer = &context.printer;
    if printer.json() {
        printer.document(&json!({
            "version": 1,
            "type": "summary",
            "ok": failed.is_empty(),
            "succeeded": returns.len() - failed.len(),
            "failed": failed.len(),
            "instances": returns.iter().map(Return::document).collect::<Vec<_>>(),
        }));
        return;
    }
    if failed.is_empty() {
        return;
    }
    let mut table = Table::new(["instance", "outcome"]);
    for it in &failed {
        table.row([it.instance.as_str().into(), Cell::new(it.described(), Tone::Bad)]);
    }
    let total = count(returns.len(), "instance");
    printer.relay(format_args!("\nFailed on {} of {total}.", failed.len()));
    printer.relay(table.render(printer.stderr_look()));
    let helps = failed.iter().filter_map(|it| it.outcome.as_ref().err()?.help.as_deref());
    for help in helps.collect::<BTreeSet<_>>() {
        printer.relay(format_args!("{} {help}", printer.stderr_look().paint(Tone::Hint, "help:")));
    }
}

impl Return<'_> {
    fn is_ok(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|exit| exit.ok())
    }

    /// How it ended, on one line.
    fn described(&self) -> String {
        match &self.outcome {
            Ok(exit) => exit.to_string(),
            Err(error) => printable(&error.message).into_owned(),
        }
    }

    fn document(&self) -> Value {
        let mut document = json!({ "name": self.instance });
        match &self.outcome {
            Ok(Exit::Status(status)) => document["status"] = (*status).into(),
            Ok(Exit::Signal(signal)) => document["signal"] = (*signal).into(),
            Err(error) => {
                document["error"] =
                    json!({ "code": error.code, "message": error.message, "help": error.help });
            }
        }
        document
    }
}
