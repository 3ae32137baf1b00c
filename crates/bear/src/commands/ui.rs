//! `bear ui`: the whole of it as a full-screen manager.
//!
//! The manager itself is the crate `bear-ui`, which knows no terminal. Here messages get to it and its effects are
//! done, by the same functions as the commands.

mod desk;
mod history;
mod jobs;
mod keys;
mod snapshot;
mod terminal;
#[cfg(test)]
mod told;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use bear_core::name::InstanceName;
use bear_engine::{Clock, SystemClock};
use bear_ui::{Effect, Failure, Message, Model, Style, update};
use clap::Args;

use self::desk::Desk;
use self::keys::Keys;
use self::terminal::Screenful;
use super::ssh;
use crate::args::FleetArgs;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// How long what was told may wait to be shown.
const FRAME: Duration = Duration::from_millis(30);

/// How often the time on the screen changes.
const TICK: Duration = Duration::from_millis(250);

/// How many messages wait before those who send them do.
const QUEUE: usize = 4_096;

/// How many messages are taken before the screen is drawn again.
const BATCH: usize = 2_000;

/// What `ssh` ends with where it could not log in, or lost the connection: ssh(1).
const SSH_LOST: i32 = 255;

/// The arguments of `bear ui`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UiArgs {
    #[command(flatten)]
    fleet: FleetArgs,
}

pub(crate) fn run(args: &UiArgs, context: &Context) -> Result<ExitStatus, Fault> {
    if context.printer.json() || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let message = "`bear ui` fills a terminal, and there is none";
        return Err(Fault::input("bear::ui::no_terminal", message)
            .with_help("without one there are `bear status`, `bear plan` and `bear apply --yes`"));
    }
    let look = context.printer.stdout_look();
    let style = Style { colour: look.colour, unicode: look.unicode };
    let (messages, told) = mpsc::sync_channel(QUEUE);
    let leave = terminal::asked_to_leave()?;
    let mut screen = Screenful::enter(messages.clone())?;
    let model = Model::new(terminal::size()?, style, SystemClock.now());
    let keys = Keys::listen(messages.clone())?;
    let mut desk = Desk::new(messages, context.environment.clone());
    desk.perform(Effect::Load { file: args.fleet.fleet.as_deref().map(shown) });
    let outcome = Manager { model, desk: &mut desk, told, keys, screen: &mut screen }.run(&leave);
    // What still runs gets the chance to leave things in order before the terminal is given back.
    desk.close();
    drop(screen);
    outcome.map(|()| ExitStatus::Done)
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

struct Manager<'a> {
    model: Model,
    desk: &'a mut Desk,
    told: Receiver<Message>,
    keys: Keys,
    screen: &'a mut Screenful,
}

impl Manager<'_> {
    fn run(&mut self, leave: &terminal::Leave) -> Result<(), Fault> {
        let mut ticked = Instant::now();
        let (mut is_new, mut is_leaving) = (true, false);
        loop {
            // Whoever leaves because the terminal is gone has nothing to draw on.
            if is_new && !is_leaving {
                self.screen.draw(&self.model)?;
            }
            // Whatever was typed and told until now is one picture.
            let first = self.told.recv_timeout(FRAME).ok();
            let told = first.into_iter().chain(self.told.try_iter().take(BATCH)).collect::<Vec<_>>();
            is_new = !told.is_empty();
            for message in told {
                if self.take(message)? {
                    return Ok(());
                }
            }
            if leave.is_asked() || (self.keys.are_gone() && !is_leaving) {
                is_leaving = true;
                self.desk.perform(Effect::Interrupt);
            }
            if is_leaving && self.desk.is_idle() {
                return Ok(());
            }
            if ticked.elapsed() >= TICK {
                (ticked, is_new) = (Instant::now(), true);
                if self.take(Message::Tick(SystemClock.now()))? {
                    return Ok(());
                }
            }
        }
    }

    /// Takes one message, and does what comes of it; whether that is to leave.
    fn take(&mut self, message: Message) -> Result<bool, Fault> {
        if matches!(message, Message::Finished) {
            self.desk.forget_job();
        }
        for effect in update(&mut self.model, message) {
            match effect {
                Effect::Quit => return Ok(true),
                Effect::Shell(instance) => self.log_in(&instance)?,
                other => self.desk.perform(other),
            }
        }
        Ok(false)
    }

    /// Leaves the terminal to a shell on an instance. What `ssh` says goes with its screen, so where it could not log in
    /// that is told here.
    fn log_in(&mut self, instance: &InstanceName) -> Result<(), Fault> {
        let Some(mut ssh) = self.desk.shell() else { return Ok(()) };
        let ended = self.keys.aside(|| self.screen.lend(&mut ssh))?;
        // What was typed before the shell had the terminal was meant for the shell.
        let is_typed =
            |message: &Message| matches!(message, Message::Key(_) | Message::Mouse(_) | Message::Pasted(_));
        let told = self.told.try_iter().take(QUEUE).filter(|message| !is_typed(message)).collect::<Vec<_>>();
        for message in told {
            self.take(message)?;
        }
        let failure = match ended {
            // Any other status is that of the last command in the shell, and nobody's business here.
            Ok(ended) if ended.code() != Some(SSH_LOST) => return Ok(()),
            Ok(_) => Failure {
                what: format!("could not log in to `{instance}`, or lost the connection"),
                why: Vec::new(),
                help: Some(format!("`bear ssh {instance}` shows what `ssh` says")),
            },
            Err(error) => ssh::no_client(&error).failure(),
        };
        self.take(Message::Failed(failure)).map(drop)
    }
}
