//! Faults: why a command failed, for people and for programs, and the exit status that follows from it.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter;
use std::path::Path;

use bear_core::event::StepError;
use bear_core::plan::PlanError;
use bear_core::problem::Problems;
use bear_core::state::SnapshotError;
use bear_core::state::journal::JournalError;
use bear_engine::StoreError;
use bear_ui::Failure;
use miette::Diagnostic;
use serde_json::{Value, json};

use crate::diagnostic;
use crate::exit::ExitStatus;
use crate::render::Look;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Fault(Box<Kind>);

#[derive(Debug)]
enum Kind {
    /// The fleet file is wrong, in one or more places.
    Problems(Problems),
    /// Anything else.
    Plain(Plain),
}

#[derive(Debug)]
struct Plain {
    status: ExitStatus,
    code: &'static str,
    message: String,
    help: Option<String>,
    cause: Option<Cause>,
}

/// One reason behind a fault, and the reason behind that.
#[derive(Debug)]
struct Cause {
    text: String,
    next: Option<Box<Cause>>,
}

impl Fault {
    /// A fault that ends the command with `status`. `message` says what was attempted and why it failed, without a
    /// full stop; `code` is stable, such as `bear::state::locked`.
    pub(crate) fn new(status: ExitStatus, code: &'static str, message: impl Into<String>) -> Self {
        let plain = Plain { status, code, message: message.into(), help: None, cause: None };
        Self(Box::new(Kind::Plain(plain)))
    }

    /// The fleet file or the arguments are wrong.
    pub(crate) fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Input, code, message)
    }

    /// Something could not be done.
    pub(crate) fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Failed, code, message)
    }

    /// A file operation failed; `attempt` is such as `read`.
    pub(crate) fn io(status: ExitStatus, attempt: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(status, "bear::io", format!("could not {attempt} `{}`", path.display()))
            .caused_by(error)
            .with_help("look at what is there, and at who may read and write it")
    }

    /// Signals, such as that of Ctrl-C, can't be listened for.
    pub(crate) fn no_signals(error: &io::Error) -> Self {
        Self::failed("bear::signals", "could not listen for signals")
            .caused_by(error)
            .with_help("this user may have too many files open: `ulimit -n` tells how many are allowed")
    }

    /// The system gives no thread.
    pub(crate) fn no_thread(error: &io::Error) -> Self {
        Self::failed("bear::runtime", "could not start the threads that bear works with")
            .caused_by(error)
            .with_help("this user may have too many processes: `ulimit -u` tells how many are allowed")
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        if let Kind::Plain(plain) = &mut *self.0 {
            plain.help = Some(help.into());
        }
        self
    }

    /// Adds the reasons behind it.
    #[must_use]
    pub(crate) fn caused_by(mut self, error: &dyn Error) -> Self {
        if let Kind::Plain(plain) = &mut *self.0 {
            plain.cause = Some(Cause::chain(error));
        }
        self
    }

    /// The exit status that follows from it.
    pub(crate) fn status(&self) -> ExitStatus {
        match &*self.0 {
            Kind::Problems(_) => ExitStatus::Input,
            Kind::Plain(plain) => plain.status,
        }
    }

    /// What to do next, if it says so.
    pub(crate) fn help(&self) -> Option<&str> {
        match &*self.0 {
            Kind::Problems(_) => None,
            Kind::Plain(plain) => plain.help.as_deref(),
        }
    }

    /// The fault as people read it.
    pub(crate) fn report(&self, look: Look) -> String {
        match &*self.0 {
            Kind::Plain(plain) => diagnostic::report(plain, look),
            Kind::Problems(problems) => diagnostic::report_problems(problems, look),
        }
    }

    /// The fault as the full-screen manager shows it.
    pub(crate) fn failure(&self) -> Failure {
        match &*self.0 {
            Kind::Plain(plain) => Failure {
                what: plain.message.clone(),
                why: plain.causes().map(str::to_owned).collect(),
                help: plain.help.clone(),
            },
            Kind::Problems(problems) => {
                let look = Look { colour: false, width: None, unicode: true };
                let why = vec![diagnostic::report_problems(problems, look)];
                Failure { what: "the fleet file can't be taken as it is".to_owned(), why, help: None }
            }
        }
    }

    /// The fault as programs read it.
    pub(crate) fn document(&self) -> Value {
        match &*self.0 {
            Kind::Plain(plain) => json!({ "version": 1, "error": plain.document() }),
            Kind::Problems(problems) => {
                let errors = problems.iter().map(diagnostic::document).collect::<Vec<_>>();
                let mut document = json!({ "version": 1, "error": errors.first() });
                if errors.len() > 1 {
                    document["errors"] = errors.into();
                }
                document
            }
        }
    }
}

/// On one line: what happened, and the reasons behind it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Problems(problems) => problems.fmt(f),
            Kind::Plain(plain) => {
                f.write_str(&plain.message)?;
                plain.causes().try_for_each(|cause| write!(f, ": {cause}"))
            }
        }
    }
}

impl From<Problems> for Fault {
    fn from(problems: Problems) -> Self {
        Self(Box::new(Kind::Problems(problems)))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let (status, code) = match &error {
            StoreError::Locked { .. } => (ExitStatus::Locked, "bear::state::locked"),
            StoreError::NoSnapshot { .. } => (ExitStatus::Input, "bear::state::no_snapshot"),
            StoreError::Plan { cause, .. } => of_plan(cause),
            StoreError::Snapshot { cause: SnapshotError::Newer { .. }, .. }
            | StoreError::Journal { cause: JournalError::Newer { .. }, .. } => {
                (ExitStatus::State, "bear::state::newer")
            }
            StoreError::Snapshot { .. } | StoreError::Journal { .. } | StoreError::SnapshotMissing { .. } => {
                (ExitStatus::State, "bear::state::damaged")
            }
            StoreError::Secrets { .. } => (ExitStatus::State, "bear::secret::unreadable"),
            StoreError::OtherFleet { .. } | StoreError::OtherLineage { .. } => {
                (ExitStatus::State, "bear::state::foreign")
            }
            StoreError::LockLost { .. }
            | StoreError::Changed { .. }
            | StoreError::Stopped { .. }
            | StoreError::Unsettled { .. } => (ExitStatus::State, "bear::state::disturbed"),
            StoreError::Io { .. } => (ExitStatus::State, "bear::state::io"),
        };
        let fault = Self::new(status, code, error.to_string());
        match error.help() {
            Some(help) => fault.with_help(help),
            None => fault,
        }
    }
}

impl From<PlanError> for Fault {
    fn from(error: PlanError) -> Self {
        let (status, code) = of_plan(&error);
        Self::new(status, code, error.to_string()).with_help("run `bear plan` to record a new plan")
    }
}

const fn of_plan(error: &PlanError) -> (ExitStatus, &'static str) {
    match error {
        PlanError::OtherBear(_) => (ExitStatus::Input, "bear::plan::other_bear"),
        PlanError::Damaged(_) | PlanError::Dangling(_) => (ExitStatus::State, "bear::plan::damaged"),
    }
}

impl From<StepError> for Fault {
    fn from(error: StepError) -> Self {
        let mut fault = Self::failed(error.code, error.message);
        if let Kind::Plain(plain) = &mut *fault.0 {
            plain.help = error.help;
            plain.cause = (!error.last_lines.is_empty()).then(|| Cause {
                text: format!("its last lines:\n{}", error.last_lines.join("\n")),
                next: None,
            });
        }
        fault
    }
}

impl Plain {
    fn document(&self) -> Value {
        let mut document = json!({ "code": self.code, "message": self.message });
        if let Some(help) = &self.help {
            document["help"] = json!(help);
        }
        document["causes"] = self.causes().collect();
        document
    }

    fn causes(&self) -> impl Iterator<Item = &str> {
        let causes = iter::successors(self.cause.as_ref(), |cause| cause.next.as_deref());
        causes.map(|cause| cause.text.as_str())
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Plain {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as &dyn Error)
    }
}

impl Diagnostic for Plain {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }
}

impl Cause {
    fn chain(error: &dyn Error) -> Self {
        let text = error.to_string();
        // Errors that already say their reason in their own text would say it twice.
        let news = error.source().filter(|source| !text.ends_with(&source.to_string()));
        Self { next: news.map(|source| Box::new(Self::chain(source))), text }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.next.as_deref().map(|next| next as &dyn Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { colour: false, width: None, unicode: true };

    fn fault() -> Fault {
        let denied = io::Error::new(io::ErrorKind::PermissionDenied, "permission denied");
        Fault::io(ExitStatus::State, "read", Path::new("/x/state.json"), &denied)
            .with_help("make it readable")
    }

    #[test]
    fn for_people() {
        insta::assert_snapshot!(fault().report(LOOK), @"
        bear::io

          × could not read `/x/state.json`
          ╰─▶ permission denied
          help: make it readable
        ");
        insta::assert_snapshot!(fault().report(Look { unicode: false, ..LOOK }), @"
        bear::io

          x could not read `/x/state.json`
          `-> permission denied
          help: make it readable
        ");
        let coloured = fault().report(Look { colour: true, ..LOOK });
        assert!(coloured.contains("\u{1b}[31m"), "{coloured:?}");
        insta::assert_snapshot!(fault(), @"could not read `/x/state.json`: permission denied");
    }

    #[test]
    fn for_programs() {
        insta::assert_snapshot!(fault().document(), @r#"{"version":1,"error":{"code":"bear::io","message":"could not read `/x/state.json`","help":"make it readable","causes":["permission denied"]}}"#);
    }

    #[test]
    fn of_a_step() {
        let error = StepError::permanent("bear::local::not_ready", "the broker of `a` did not start")
            .with_help("look at its log")
            .with_last_lines("one\ntwo\n");
        let fault = Fault::from(error);
        assert_eq!(fault.status(), ExitStatus::Failed);
        insta::assert_snapshot!(fault.report(LOOK), @"
        bear::local::not_ready

          × the broker of `a` did not start
          ╰─▶ its last lines:
              one
              two
          help: look at its log
        ");
        insta::assert_snapshot!(fault.document(), @r#"{"version":1,"error":{"code":"bear::local::not_ready","message":"the broker of `a` did not start","help":"look at its log","causes":["its last lines:\none\ntwo"]}}"#);
    }

    #[test]
    fn a_reason_is_said_once() {
        let cause = io::Error::other("no space left on device");
        let path = "/x/journal".into();
        let error = StoreError::Io { attempt: "append to", path, cause };
        let outer = Fault::failed("bear::test", "could not apply").caused_by(&error);
        insta::assert_snapshot!(outer, @"could not apply: could not append to /x/journal: no space left on device");
    }
}
