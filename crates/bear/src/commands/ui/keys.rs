//! What is typed and clicked: read in a thread of its own, since what reads it never comes back once the terminal is gone.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bear_ui::Message;
use bear_ui::ratatui::crossterm::event::{self, Event, MouseEventKind};

use crate::fault::Fault;

/// How long the thread waits for a key before somebody else may have the terminal.
const TURN: Duration = Duration::from_millis(50);

/// How long it leaves the terminal to whoever waits for it.
const PAUSE: Duration = Duration::from_millis(1);

/// The keys and the mouse of the terminal.
pub(super) struct Keys {
    /// Held by whoever reads from the terminal.
    turn: Arc<Mutex<()>>,
    gone: Arc<AtomicBool>,
}

impl Keys {
    /// Sends everything that is typed and clicked from now on.
    pub(super) fn listen(messages: SyncSender<Message>) -> Result<Self, Fault> {
        let keys = Self { turn: Arc::default(), gone: Arc::default() };
        let (turn, gone) = (Arc::clone(&keys.turn), Arc::clone(&keys.gone));
        let listening = thread::Builder::new().name("keys".to_owned()).spawn(move || {
            loop {
                match next(&turn) {
                    Ok(None) => thread::sleep(PAUSE),
                    Ok(Some(event)) => {
                        // Where nobody takes it any more, nobody wants another.
                        if of_terminal(event).is_some_and(|message| messages.send(message).is_err()) {
                            return;
                        }
                    }
                    Err(_) => return gone.store(true, Ordering::Relaxed),
                }
            }
        });
        listening.map(|_| keys).map_err(|error| Fault::no_thread(&error))
    }

    /// Whether nothing can be typed any more.
    pub(super) fn are_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Does something during which another program reads what is typed.
    pub(super) fn aside<T>(&self, during: impl FnOnce() -> T) -> T {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        during()
    }
}

fn next(turn: &Mutex<()>) -> io::Result<Option<Event>> {
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    if event::poll(TURN)? { event::read().map(Some) } else { Ok(None) }
}

fn of_terminal(event: Event) -> Option<Message> {
    match event {
        Event::Key(key) => Some(Message::Key(key)),
        // Where the mouse merely is changes nothing, and terminals tell of every column on the way.
        Event::Mouse(event) if matches!(event.kind, MouseEventKind::Moved | MouseEventKind::Drag(_)) => None,
        Event::Mouse(event) => Some(Message::Mouse(event)),
        Event::Resize(columns, rows) => Some(Message::Resized(columns, rows)),
        Event::Paste(text) => Some(Message::Pasted(text)),
        Event::FocusGained | Event::FocusLost => None,
    }
}
