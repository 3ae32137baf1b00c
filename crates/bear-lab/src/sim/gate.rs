//! The gate through which a bear lives: it dies where its case says so, and whatever it held does nothing more.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::case::Moment;
use super::witness::Witness;
use crate::disk::{Crash, SimulatedProcess};

/// How a life behind a gate ended.
pub(super) enum Passed<T> {
    /// By itself.
    Ended(T),
    /// It died; whether at a change to the disk.
    Died { at_change: bool },
    /// It panicked, and said so.
    Panicked(String),
}

/// The life of a process, until it dies.
pub(super) struct Gate<'a, T> {
    /// None once it is over.
    life: Option<Pin<Box<dyn Future<Output = T> + 'a>>>,
    process: SimulatedProcess,
    dies_after: Option<Pin<Box<Sleep>>>,
    dies_at_poll: Option<u32>,
    /// Who sees whether it has to die at a deed.
    witness: Option<Arc<Witness>>,
    polls: u32,
}

impl<'a, T> Gate<'a, T> {
    pub(super) fn new(life: impl Future<Output = T> + 'a, process: &SimulatedProcess) -> Self {
        Self {
            life: Some(Box::pin(life)),
            process: process.clone(),
            dies_after: None,
            dies_at_poll: None,
            witness: None,
            polls: 0,
        }
    }

    /// The same, with a moment at which it dies. Deaths at events are for the bear itself.
    pub(super) fn until(mut self, moment: Option<Moment>, witness: &Arc<Witness>) -> Self {
        match moment {
            Some(Moment::At(at)) => self.dies_after = Some(Box::pin(sleep(Duration::from_millis(at.into())))),
            Some(Moment::Poll(poll)) => self.dies_at_poll = Some(poll),
            Some(Moment::Deed(_)) => self.witness = Some(Arc::clone(witness)),
            Some(Moment::Event(_)) | None => {}
        }
        self
    }

    fn has_to_die(&mut self, context: &mut Context<'_>) -> bool {
        self.polls += 1;
        let by_time = self.dies_after.as_mut().is_some_and(|sleep| sleep.as_mut().poll(context).is_ready());
        let by_deed = self.witness.as_ref().is_some_and(|witness| witness.doom_has_come(context.waker()));
        by_time || by_deed || self.dies_at_poll.is_some_and(|poll| self.polls > poll)
    }
}

impl<T> Future for Gate<'_, T> {
    type Output = Passed<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.has_to_die(context) {
            self.process.kill();
            self.life = None;
            return Poll::Ready(Passed::Died { at_change: false });
        }
        let Some(life) = self.life.as_mut() else { return Poll::Pending };
        let polled = catch_unwind(AssertUnwindSafe(|| life.as_mut().poll(context)));
        let passed = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(end)) => Passed::Ended(end),
            Err(payload) if payload.is::<Crash>() => Passed::Died { at_change: true },
            Err(payload) => Passed::Panicked(said(payload.as_ref())),
        };
        self.life = None;
        Poll::Ready(passed)
    }
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no word").to_owned()
}
