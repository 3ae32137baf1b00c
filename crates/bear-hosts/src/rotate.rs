//! The host key that lay in the user data of a machine gives way to one that only the machine has.
//!
//! At every moment `known_hosts` holds the key that the machine presents: the next one is written there before it is
//! moved into its place, and the given one goes when the machine was seen to present the next. Whether all that is still
//! to be done stands in `known_hosts` as well: as long as it holds the given key, it is.

use std::time::Duration;

use bear_core::event::{BlockReport, StepError};
use bear_executor::host_keys::HostKey;
use bear_executor::ssh::Ssh;
use bear_recipes::{HostFacts, Recipe, host, host_key};
use tokio::time::sleep;

use crate::install::report_block;
use crate::script::{Job, Then, refused};
use crate::{Hosts, Place};

/// The host key can't be replaced.
const ROTATION: &str = "bear::hosts::host_key_rotation";

/// How often, and how often at most, the sshd is asked for its key after it was told to start again.
const PRESENTED_PAUSE: Duration = Duration::from_millis(250);
const PRESENTED_TRIES: u32 = 20;

type OnBlock<'a> = dyn Fn(BlockReport) + Send + Sync + 'a;

impl Hosts {
    /// Replaces the key that the machine of this id was given, unless that was done.
    pub(crate) async fn rotate(
        &self,
        place: Place<'_>,
        (id, given): (&str, &HostKey),
        report: &OnBlock<'_>,
    ) -> Result<(), StepError> {
        let keys = self.host_keys();
        if !keys.known(id).await?.contains(given) {
            return Ok(());
        }
        let doing = format!("replacing the host key of {}", place.instance);
        let no = |refusal| refused(&doing, &refusal);
        let next = host_key::next(&given.to_string(), id).map_err(no)?;
        let facts = self.take_step(place, &[host::first_boot(), next], &doing, report).await?;
        let made = facts.next_host_key.as_deref().unwrap_or_default().parse::<HostKey>();
        let made =
            made.map_err(|error| StepError::permanent(ROTATION, format!("{doing}: its next key: {error}")))?;
        keys.add(id, &made).await?;
        let moved = host_key::moved(&made.to_string()).map_err(no)?;
        self.take_step(place, &[moved], &doing, report).await?;
        presents(&*self.ssh(place)?, &made, &doing).await?;
        keys.remember(id, &[made]).await
    }

    async fn take_step(
        &self,
        place: Place<'_>,
        recipes: &[Recipe],
        doing: &str,
        report: &OnBlock<'_>,
    ) -> Result<HostFacts, StepError> {
        let job = Job { place, doing, recipes, deadline: self.settings().deadline, then: Then::End };
        let transcript = self.run(&job, &mut |each| report_block(each, report)).await?;
        Ok(HostFacts::read(&transcript))
    }
}

/// Waits until the sshd presents this key: it takes a moment to start again.
async fn presents(ssh: &Ssh, made: &HostKey, doing: &str) -> Result<(), StepError> {
    let mut why = String::new();
    for _ in 0..PRESENTED_TRIES {
        match ssh.presented(made).await {
            Ok(key) if key == *made => return Ok(()),
            Ok(key) => why = format!("it still presents {}", key.fingerprint()),
            Err(error) => why = error.message,
        }
        sleep(PRESENTED_PAUSE).await;
    }
    let message = format!("{doing}: its sshd was told to present {}: {why}", made.fingerprint());
    Err(StepError::transient(ROTATION, message)
        .with_help("both keys stay known; applying again goes on from here"))
}
