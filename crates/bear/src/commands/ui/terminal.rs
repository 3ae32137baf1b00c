//! The terminal: taken over as a whole, lent to other programs, and given back as it was, whatever happens.

use std::io::{self, Stdout};
use std::panic;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;

use bear_ui::ratatui::Terminal;
use bear_ui::ratatui::backend::CrosstermBackend;
use bear_ui::ratatui::crossterm::cursor::Show;
use bear_ui::ratatui::crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use bear_ui::ratatui::crossterm::execute;
use bear_ui::ratatui::crossterm::terminal::{
    self, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use bear_ui::{Failure, Message, Model, view};
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::on_runtime;
use crate::fault::Fault;
use crate::printer;

/// The whole of a terminal, until it is dropped.
pub(super) struct Screenful {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screenful {
    /// Takes the terminal over. What panics elsewhere is told in `messages`.
    pub(super) fn enter(messages: SyncSender<Message>) -> Result<Self, Fault> {
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout())).map_err(|error| lost(&error))?;
        let screen = Self { terminal };
        tell_of_panics(messages);
        take_over().map_err(|error| lost(&error))?;
        Ok(screen)
    }

    pub(super) fn draw(&mut self, model: &Model) -> Result<(), Fault> {
        self.terminal.draw(|frame| view(model, frame)).map(drop).map_err(|error| lost(&error))
    }

    /// Lends the terminal to a program until that ends, and tells how it did.
    pub(super) fn lend(&mut self, program: &mut Command) -> Result<io::Result<ExitStatus>, Fault> {
        give_back();
        let ended = program.status();
        take_over().and_then(|()| self.terminal.clear()).map_err(|error| lost(&error))?;
        Ok(ended)
    }
}

impl Drop for Screenful {
    fn drop(&mut self) {
        give_back();
        // Nobody may change what is done about a panic while there is one.
        if thread::panicking() {
            return;
        }
        panic::set_hook(Box::new(|panic| printer::bug(&crate::describe(panic))));
    }
}

/// Columns and rows of the terminal.
pub(super) fn size() -> Result<(u16, u16), Fault> {
    terminal::size().map_err(|error| lost(&error))
}

fn take_over() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste)
}

fn give_back() {
    // A terminal that is gone needs nothing any more.
    let _ = execute!(io::stdout(), DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// The terminal does not do what it is asked to.
pub(super) fn lost(error: &io::Error) -> Fault {
    Fault::failed("bear::ui::terminal", "could not use the terminal")
        .caused_by(error)
        .with_help("what was done is recorded: `bear status` shows it")
}

/// What panics in this thread ends the manager, and the terminal is given back first. What panics in another ends
/// what that thread did, and is told on the screen.
fn tell_of_panics(messages: SyncSender<Message>) {
    let here = thread::current().id();
    panic::set_hook(Box::new(move |panic| {
        let what = crate::describe(panic);
        if thread::current().id() == here {
            give_back();
            printer::bug(&what);
        } else {
            let failure = Failure {
                what: format!("this is a bug in bear: {what}"),
                why: Vec::new(),
                help: Some("please report it, with what you did".to_owned()),
            };
            let _ = messages.try_send(Message::Failed(failure));
        }
    }));
}

/// Whether somebody outside asked bear to leave.
pub(super) struct Leave(Arc<AtomicBool>);

impl Leave {
    /// Whether it was asked since this was last looked at.
    pub(super) fn is_asked(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Listens for polite requests to end. Ctrl-C is a key here; as a signal it is meant for what the terminal is lent to.
pub(super) fn asked_to_leave() -> Result<Leave, Fault> {
    let asked = Arc::new(AtomicBool::new(false));
    let leave = Leave(Arc::clone(&asked));
    let listening = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let listen = |kind| signal(kind).map_err(|error| Fault::no_signals(&error));
        // There is nobody to tell that nobody listens: a signal ends bear then, as it does any program.
        let _ = on_runtime(async {
            let (mut hangup, mut terminate) =
                (listen(SignalKind::hangup())?, listen(SignalKind::terminate())?);
            let mut interrupt = listen(SignalKind::interrupt())?;
            loop {
                tokio::select! {
                    _ = hangup.recv() => asked.store(true, Ordering::Relaxed),
                    _ = terminate.recv() => asked.store(true, Ordering::Relaxed),
                    _ = interrupt.recv() => {}
                }
            }
            #[expect(unreachable_code, reason = "says what the loop would fail with")]
            Ok::<(), Fault>(())
        });
    });
    listening.map(|_| leave).map_err(|error| Fault::no_thread(&error))
}

#[cfg(test)]
mod tests;
