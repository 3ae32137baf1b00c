//! The printer: the only one that writes to the terminal. Data goes to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, OnceLock};

use anstream::{AutoStream, ColorChoice};
use bear_core::plan::Plan;
use bear_core::problem::Problem;
use bear_ui::Message;
use owo_colors::OwoColorize;
use serde::Serialize;
use serde_json::json;

use crate::args::GlobalArgs;
use crate::diagnostic;
use crate::fault::Fault;
use crate::render::report::Detail;
use crate::render::{self, Look};
use crate::screen::Screen;

/// How much is said besides data and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Quiet,
    Normal,
    Verbose,
}

/// Writes to stdout and stderr. Texts come in colour, and lose it on their way to where colour is not wanted.
#[derive(Debug)]
pub(crate) struct Printer {
    level: Level,
    json: bool,
    colour: ColorChoice,
    /// Why stdout takes no more: the first write that failed.
    broken: OnceLock<io::Error>,
    /// What gets everything instead while the full-screen manager is up.
    screen: Option<Arc<Screen>>,
}

impl Printer {
    /// The printer that these flags ask for.
    pub(crate) fn new(args: GlobalArgs) -> Self {
        Self {
            level: match args {
                GlobalArgs { quiet: true, .. } => Level::Quiet,
                GlobalArgs { verbose: true, .. } => Level::Verbose,
                _ => Level::Normal,
            },
            json: args.json,
            // `Auto` looks at the terminal, `NO_COLOR`, `CLICOLOR_FORCE` and `TERM`, for each stream by itself.
            colour: if args.no_color { ColorChoice::Never } else { ColorChoice::Auto },
            broken: OnceLock::new(),
            screen: None,
        }
    }

    /// A printer that prints nothing: the screen gets what there is to say.
    pub(crate) fn on(screen: Arc<Screen>) -> Self {
        let (level, colour) = (Level::Normal, ColorChoice::Never);
        Self { level, json: false, colour, broken: OnceLock::new(), screen: Some(screen) }
    }

    /// What gets everything while the full-screen manager is up.
    pub(crate) fn screen(&self) -> Option<&Arc<Screen>> {
        self.screen.as_ref()
    }

    /// Whether results are wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// How text on stdout shall look.
    pub(crate) fn stdout_look(&self) -> Look {
        Look::stdout(self.is_coloured(AutoStream::choice(&io::stdout())))
    }

    /// How text on stderr shall look.
    pub(crate) fn stderr_look(&self) -> Look {
        Look::stderr(self.is_coloured(AutoStream::choice(&io::stderr())))
    }

    fn is_coloured(&self, detected: ColorChoice) -> bool {
        self.colour != ColorChoice::Never && detected != ColorChoice::Never
    }

    /// How much of a run is told.
    pub(crate) fn run_detail(&self) -> Detail {
        match self.level {
            Level::Quiet => Detail::Quiet,
            Level::Normal => Detail::Normal,
            Level::Verbose => Detail::Verbose,
        }
    }

    /// Shows people the plan on stdout.
    pub(crate) fn plan(&self, plan: &Plan) {
        match &self.screen {
            Some(screen) => screen.plan(plan),
            None => self.data(render::plan::plan(plan, self.stdout_look(), self.level == Level::Verbose)),
        }
    }

    /// Writes what was asked for to stdout, as one or more whole lines.
    pub(crate) fn data(&self, text: impl Display) {
        if let Some(screen) = &self.screen {
            return screen.tell(Message::Note(text.to_string()));
        }
        let mut out = AutoStream::new(io::stdout().lock(), self.colour);
        self.remember(writeln!(out, "{text}").and_then(|()| out.flush()));
    }

    /// Writes what was asked for to stdout as JSON, on one line.
    pub(crate) fn document(&self, document: &impl Serialize) {
        // Documents of large fleets are many megabytes, so they are never held as a whole.
        let mut out = BufWriter::new(io::stdout().lock());
        let written = serde_json::to_writer(&mut out, document).map_err(io::Error::from);
        self.remember(written.and_then(|()| writeln!(out)).and_then(|()| out.flush()));
    }

    /// Writes raw bytes to stdout, such as those of a log.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        self.remember(out.write_all(bytes).and_then(|()| out.flush()));
    }

    /// Says what was done, or what to do next.
    pub(crate) fn note(&self, text: impl Display) {
        if let Some(screen) = &self.screen {
            screen.tell(Message::Note(text.to_string()));
        } else if self.level >= Level::Normal && !self.json {
            self.error_line(text);
        }
    }

    /// Says what only those want to know who asked for more.
    pub(crate) fn detail(&self, text: impl Display) {
        if self.level >= Level::Verbose && !self.json {
            self.error_line(text.dimmed());
        }
    }

    /// Writes to stderr what is as much of a result as what stands on stdout, such as what a command said there.
    pub(crate) fn relay(&self, text: impl Display) {
        self.error_line(text);
    }

    /// Says what the user should do something about.
    pub(crate) fn warn(&self, text: impl Display) {
        if let Some(screen) = &self.screen {
            screen.tell(Message::Warning(text.to_string()));
        } else if self.json {
            self.error_line(json!({ "version": 1, "warning": { "message": text.to_string() } }));
        } else {
            self.error_line(format_args!("{} {text}", "warning:".yellow().bold()));
        }
    }

    /// Says what a fleet file warns of, with the text underlined.
    pub(crate) fn problem(&self, problem: &Problem) {
        if let Some(screen) = &self.screen {
            screen.tell(Message::Warning(problem.to_string()));
        } else if self.json {
            self.error_line(json!({ "version": 1, "warning": diagnostic::document(problem) }));
        } else {
            self.error_line(diagnostic::report_problem(problem, self.stderr_look()));
        }
    }

    /// Says why the command failed.
    pub(crate) fn fault(&self, fault: &Fault) {
        if self.json {
            self.error_line(fault.document());
        } else {
            self.error_line(fault.report(self.stderr_look()));
        }
    }

    /// Puts a question, and leaves the cursor behind it.
    pub(crate) fn ask(&self, question: impl Display) {
        let mut err = AutoStream::new(io::stderr().lock(), self.colour);
        // Where nobody can see the question nobody answers it, and that counts as a no.
        let _ = write!(err, "{question} ").and_then(|()| err.flush());
    }

    /// Whether stdout takes no more, so that there is no point in going on.
    pub(crate) fn is_closed(&self) -> bool {
        self.broken.get().is_some()
    }

    /// Why stdout did not take everything. A reader who went away, such as `head`, has what it wanted.
    pub(crate) fn unwritten(&self) -> Option<&io::Error> {
        self.broken.get().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    fn remember(&self, written: io::Result<()>) {
        if let Err(error) = written {
            // Only the first reason counts.
            let _ = self.broken.set(error);
        }
    }

    fn error_line(&self, text: impl Display) {
        let mut err = AutoStream::new(io::stderr().lock(), self.colour);
        // There is nobody left to tell that stderr is broken.
        let _ = writeln!(err, "{text}");
    }
}

/// Says that the arguments are wrong, as JSON.
pub(crate) fn mistake(error: &clap::Error) {
    let text = error.render().to_string();
    let (message, rest) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
    let message = message.trim_start_matches("error: ");
    let mut fault = Fault::input("bear::arguments", message);
    if !rest.trim().is_empty() {
        fault = fault.with_help(rest.trim());
    }
    // There is nobody left to tell that stderr is broken.
    let _ = writeln!(io::stderr(), "{}", fault.document());
}

/// Says that bear itself is wrong. Nothing else may panic while a panic is explained, so this is as plain as can be.
pub(crate) fn bug(what: &str) {
    let _ = writeln!(
        io::stderr(),
        "error: this is a bug in bear: {what}\nhelp: please report it, with the command that you ran"
    );
}
