//! The executor of this machine.

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use bear_core::event::StepError;
use tokio::process::Command;
use tokio::time::Instant;

use crate::conversation::{Hearing, Message, Pipes, Reader, converse};
use crate::trouble::{Trouble, Way};
use crate::upload::{self, Parcel};
use crate::wrapper::{Then, Wrapper};
use crate::{Executor, Line, OnLine, Outcome, Privilege, Redactor, Script, Upload, Uploaded};

/// What this machine is called in errors.
const PLACE: &str = "this machine";

/// Runs scripts on this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

#[async_trait]
impl Executor for Local {
    async fn run(&self, script: &Script<'_>, lines: &mut OnLine<'_>) -> Result<Outcome, StepError> {
        let hearing = Hearing::new(script.redactor, lines);
        run(script.text, None, script.privilege, script.deadline, hearing).await
    }

    async fn upload(&self, upload: &Upload<'_>) -> Result<Uploaded, StepError> {
        let Parcel { script, input, length } = Parcel::of(upload).await?;
        let (redactor, mut lines) = (Redactor::default(), |_: Line<'_>| {});
        let hearing = Hearing::new(&redactor, &mut lines);
        let outcome = run(&script, Some((input, length)), upload.privilege, upload.deadline, hearing).await?;
        upload::read(upload, PLACE, &outcome)
    }
}

async fn run(
    text: &str,
    input: Option<(Reader, u64)>,
    privilege: Privilege,
    deadline: Duration,
    mut hearing: Hearing<'_>,
) -> Result<Outcome, StepError> {
    let until = Instant::now() + deadline;
    let input_length = input.as_ref().map_or(0, |(_, length)| *length);
    let wrapper = Wrapper::new().map_err(|error| not_started(&error))?;
    let script = wrapper.opening() + &wrapper.script(text, input_length, Then::End);
    let argv = wrapper.argv(privilege, None, deadline + Duration::from_secs(30));
    let mut child = Command::new(&argv[0])
        .args(&argv[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // The wrapper ends its whole process group when time is up, which must not be bear's own.
        .process_group(0)
        .spawn()
        .map_err(|error| not_started(&error))?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        unreachable!("all three were asked for");
    };
    let mut pipes =
        Pipes { stdin: Some(Box::new(stdin)), stdout: Box::new(stdout), stderr: Box::new(stderr) };
    let message = Message { script, input, begun: false };
    let ending = converse(&wrapper, &mut pipes, message, until, &mut hearing).await;
    let trouble = Trouble { way: Way::Local, place: PLACE, privilege, deadline };
    trouble.judge(ending, hearing, true)
}

fn not_started(error: &dyn std::fmt::Display) -> StepError {
    StepError::permanent("bear::local::no_shell", format!("starting a shell on {PLACE}: {error}"))
        .with_help("bear needs a POSIX `sh` where PATH finds it")
}
