//! Recipes run on a host: one script, one round trip, and what came of it.

use std::fmt::Display;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bear_core::event::StepError;
use bear_executor::ssh::Ssh;
use bear_executor::{Executor, Exit, Line, Privilege, Redactor, Script, Stream};
use bear_recipes::{HostFacts, Nonce, Outcome, Recipe, Refusal, Report, Setting, Transcript, render};

use crate::{Hosts, Place};

/// How long to wait for another bear on the host, or for what one that was cut off has left to its end: at most this, and
/// a third of what the script may take.
const LOCK_WAIT: Duration = Duration::from_mins(1);

/// The script ended without a word about how it went.
pub(crate) const CUT: &str = "bear::recipe::cut";
/// A recipe can't be made from these settings.
const REFUSED: &str = "bear::recipe::refused";
/// There is no randomness.
const RANDOM: &str = "bear::hosts::random";

/// Recipes to run as root on the host of an instance.
pub(crate) struct Job<'a> {
    pub(crate) place: Place<'a>,
    /// What it is for, such as `installing emqx on plant-a-1`.
    pub(crate) doing: &'a str,
    pub(crate) recipes: &'a [Recipe],
    pub(crate) deadline: Duration,
    pub(crate) then: Then,
}

/// What becomes of the shell after its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It stays for the script that may follow.
    Keep,
    /// It ends.
    End,
}

impl Hosts {
    /// Runs recipes, and hands on each report as it comes. Nothing that is returned or handed on holds a secret.
    pub(crate) async fn run(
        &self,
        job: &Job<'_>,
        report: &mut (dyn FnMut(&Report) + Send),
    ) -> Result<Transcript, StepError> {
        let ssh = self.ssh(job.place)?;
        let nonce = Nonce::new(random_word()?).map_err(|error| no_randomness(job.doing, &error))?;
        let lock_wait = LOCK_WAIT.min(job.deadline / 3);
        let setting = Setting {
            nonce: nonce.clone(),
            root: self.root(job.place),
            lock_wait_seconds: u32::try_from(lock_wait.as_secs()).unwrap_or(u32::MAX),
        };
        let rendered = render(job.recipes, &setting).map_err(|nul| refused(job.doing, &nul.into()))?;
        // What the script says of itself is read first and redacted after: a password such as `ok` must not turn its
        // reports into something else.
        let redactor = Redactor::new(rendered.secrets());
        let nothing = Redactor::default();
        let script = Script {
            text: rendered.text(),
            privilege: Privilege::Root,
            deadline: job.deadline,
            redactor: &nothing,
            keep: (job.then == Then::Keep).then_some(self.settings().deadline),
        };
        let mut transcript = Transcript::new(nonce.clone());
        let mut line = |line: Line<'_>| {
            if line.stream == Stream::Stdout {
                let reports = transcript.push(format!("{}\n", line.text).as_bytes());
                reports.iter().for_each(&mut *report);
            }
        };
        let ran = ssh.run(&script, &mut line).await;
        job.judge(&ssh, ran, &transcript, &nonce).await.map_err(|error| clean(&redactor, error))?;
        Ok(transcript)
    }
}

impl Job<'_> {
    async fn judge(
        &self,
        ssh: &Ssh,
        ran: Result<bear_executor::Outcome, StepError>,
        transcript: &Transcript,
        nonce: &Nonce,
    ) -> Result<(), StepError> {
        match (transcript.outcome(), ran) {
            (Outcome::Done { .. }, _) => Ok(()),
            (Outcome::Failed(failure), _) => {
                Err(after_first_boot(failure.error(ssh.place().await?), transcript))
            }
            (Outcome::Cut { block }, Err(error)) => {
                let within = block.map(|block| format!("{block}: ")).unwrap_or_default();
                let last_lines = words(error.last_lines.iter().map(String::as_str), nonce);
                Err(StepError { message: format!("{within}{}", error.message), ..error }
                    .with_last_lines(&last_lines))
            }
            (Outcome::Cut { block }, Ok(outcome)) => {
                let within = block.as_deref().unwrap_or(self.doing);
                let last_lines = words(outcome.transcript.lines(), nonce);
                Err(cut(within, ssh.place().await?, outcome.exit).with_last_lines(&last_lines))
            }
        }
    }
}

/// A first boot that went wrong may be why something else does.
fn after_first_boot(error: StepError, transcript: &Transcript) -> StepError {
    let Some(first_boot) = HostFacts::read(transcript).first_boot else { return error };
    let help = error.help.as_ref().map(|help| format!("{help}; ")).unwrap_or_default();
    error.with_help(format!("{help}the host's first boot had errors, says cloud-init: {first_boot}"))
}

/// What a script wrote that was meant for people: all but its reports.
fn words<'l>(lines: impl Iterator<Item = &'l str>, nonce: &Nonce) -> String {
    let report = format!("bear:{} ", nonce.as_str());
    lines.filter(|line| !line.starts_with(&report)).collect::<Vec<_>>().join("\n")
}

/// What a recipe refuses, as an error of what is attempted.
pub(crate) fn refused(doing: &str, refusal: &Refusal) -> StepError {
    StepError::permanent(REFUSED, format!("{doing}: {refusal}")).with_help(refusal.help())
}

/// The error without any secret.
fn clean(redactor: &Redactor, error: StepError) -> StepError {
    StepError {
        code: error.code,
        message: redactor.redact(&error.message),
        help: error.help.map(|help| redactor.redact(&help)),
        last_lines: error.last_lines.iter().map(|line| redactor.redact(line)).collect(),
        ..error
    }
}

/// The error for a script that stopped without a word.
pub(crate) fn cut(within: &str, place: &str, exit: Exit) -> StepError {
    StepError::transient(CUT, format!("{within}: the script on {place} ended too soon: {exit}"))
        .with_help("applying again goes on from where the host is")
}

/// The error for a system that is out of random numbers.
pub(crate) fn no_randomness(doing: &str, error: &dyn Display) -> StepError {
    StepError::permanent(RANDOM, format!("{doing}: {error}"))
        .with_help("the random numbers come from the system of this machine: look at /dev/urandom")
}

fn random_word() -> Result<String, StepError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| no_randomness("drawing a random number", &error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The time right now, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
