//! Wills that wait: their connection is gone, but their client asked for some patience.

use std::collections::BTreeMap;

use super::link::NEVER;
use super::message::Will;

/// At most one waiting will a session.
#[derive(Debug, Default)]
pub(super) struct Wills {
    waiting: BTreeMap<String, (u64, Will)>,
}

impl Wills {
    /// Keeps a will until its delay is over or its session ends, whichever comes first. Gives it back where that is now.
    pub(super) fn wait(&mut self, client: &str, will: Will, expiry_seconds: u32, now: u64) -> Option<Will> {
        let session = if expiry_seconds == NEVER { u64::MAX } else { u64::from(expiry_seconds) };
        let seconds = session.min(u64::from(will.delay_seconds));
        if seconds == 0 {
            return Some(will);
        }
        self.waiting.insert(client.to_owned(), (now + seconds * 1000, will));
        None
    }

    /// Takes back the will of a client that is there again.
    pub(super) fn cancel(&mut self, client: &str) -> Option<Will> {
        self.waiting.remove(client).map(|(_, will)| will)
    }

    /// The wills whose time has come, with whose they are.
    pub(super) fn due(&mut self, now: u64) -> Vec<(String, Will)> {
        self.waiting
            .extract_if(.., |_, (due, _)| *due <= now)
            .map(|(client, (_, will))| (client, will))
            .collect()
    }
}
