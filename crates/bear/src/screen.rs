//! The screen: where a command tells and asks while the full-screen manager runs it. Nothing is printed then.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use bear_core::event::Event;
use bear_core::plan::Plan;
use bear_core::progress::Progress;
use bear_engine::Stop;
use bear_ui::{Message, Question};
use tokio::sync::watch;

use crate::render::report::Reporter;

/// Where one command tells and asks.
#[derive(Debug)]
pub(crate) struct Screen {
    messages: SyncSender<Message>,
    answers: Mutex<Receiver<String>>,
    stop: watch::Receiver<Stop>,
    has_run: AtomicBool,
    /// What was warned of already, for what is done again and again.
    warned: Option<Arc<Mutex<HashSet<String>>>>,
}

impl Screen {
    /// A screen that gets `messages`; whoever looks at it sends `answers`, and may ask for a `stop`.
    pub(crate) fn new(
        messages: SyncSender<Message>,
        answers: Receiver<String>,
        stop: watch::Receiver<Stop>,
    ) -> Self {
        Self { messages, answers: Mutex::new(answers), stop, has_run: AtomicBool::new(false), warned: None }
    }

    /// A screen for what is done again and again without being asked: it notes nothing, warns of a thing once, and has
    /// nobody to ask.
    pub(crate) fn in_background(messages: SyncSender<Message>, warned: Arc<Mutex<HashSet<String>>>) -> Self {
        let (_, answers) = mpsc::channel();
        let (_, stop) = watch::channel(Stop::No);
        Self { warned: Some(warned), ..Self::new(messages, answers, stop) }
    }

    /// Tells something.
    pub(crate) fn tell(&self, message: Message) {
        if let Some(warned) = &self.warned {
            let mut warned = warned.lock().unwrap_or_else(PoisonError::into_inner);
            match &message {
                Message::Note(_) => return,
                Message::Warning(text) if !warned.insert(text.clone()) => return,
                _ => {}
            }
        }
        // Where nobody looks any more there is nobody to tell.
        let _ = self.messages.send(message);
    }

    /// Shows the plan that is asked about next.
    pub(crate) fn plan(&self, plan: &Plan) {
        self.tell(Message::Planned(Arc::new(plan.clone())));
    }

    /// Tells what lies before the run that begins next.
    pub(crate) fn begins(&self, progress: Progress) {
        self.tell(Message::Begins(Box::new(progress)));
    }

    /// Whether a run began, so that something may have been changed.
    pub(crate) fn has_run(&self) -> bool {
        self.has_run.load(Ordering::Relaxed)
    }

    /// Asks, and waits for the answer; there is none if nobody looks any more.
    pub(crate) fn ask(&self, question: Question) -> Option<String> {
        self.tell(Message::Asked(question));
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }

    /// Whether whoever looks wants it to stop, from now on.
    pub(crate) fn stop(&self) -> watch::Receiver<Stop> {
        self.stop.clone()
    }
}

impl Reporter for Arc<Screen> {
    fn event(&mut self, event: &Event) {
        self.has_run.store(true, Ordering::Relaxed);
        self.tell(Message::Happened(event.clone()));
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}
