//! Machines that were just made or started become SSH hosts like any other: their key is known before they are, and
//! whoever works on them waits no longer than until they answer.

use std::time::Duration;

use bear_core::event::{BlockReport, BlockState, StepError};
use bear_core::state::v1::Machine;
use bear_executor::host_keys::HostKey;
use bear_executor::ssh::{AUTH, Ssh};
use tokio::time::{Instant, sleep, timeout};

use crate::{Hosts, Place};

/// How long a machine may take from its start until it answers over SSH, if nobody says else.
pub const SSH_LIMIT: Duration = Duration::from_mins(5);

/// A machine did not answer over SSH in time.
pub const NO_SSH: &str = "bear::hosts::no_ssh";

/// The key that a machine was given is none.
const HOST_KEY: &str = "bear::hosts::host_key";

/// How often a machine is asked whether it answers by now. It costs a socket.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How long a login may be refused: cloud-init may not have got to the user yet. Newer sshds count refused logins, and
/// stop listening to who has too many of them (`PerSourcePenalties`, `sshd_config(5)`), so they are few.
const REFUSED_MAX: Duration = Duration::from_mins(1);
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

type OnBlock<'a> = dyn Fn(BlockReport) + Send + Sync + 'a;

impl Hosts {
    /// Makes a machine that was just made or started an SSH host like any other.
    ///
    /// In `known_hosts` it goes by its id, and `host_key` is the key that it got with its user data. That one is trusted
    /// for the first connection, unless the machine has a key there already. Once SSH answers, which takes `limit` at most, it is
    /// replaced by a key that was made on the machine, where that has not happened yet. Safe to repeat, and to cut off.
    ///
    /// # Errors
    ///
    /// [`NO_SSH`] if it did not answer in time. Another host key than the known one, and a login that goes on being
    /// refused, are told without waiting any longer.
    pub async fn prepare(
        &self,
        place: Place<'_>,
        host_key: &str,
        limit: Duration,
        report: &OnBlock<'_>,
    ) -> Result<(), StepError> {
        let machine = place.made()?;
        let given = parse(machine, host_key)?;
        self.host_keys().expect(&machine.id, &given).await?;
        let ssh = self.ssh(place)?;
        reported("machine.ssh", report, wait(&ssh, limit)).await?;
        self.rotate(place, (&machine.id, &given), report).await
    }

    /// Trusts this key of a machine, unless one is known already.
    ///
    /// # Errors
    ///
    /// It is no key, or the file of host keys can't be written.
    pub async fn expect(&self, machine: &Machine, host_key: &str) -> Result<(), StepError> {
        self.host_keys().expect(&machine.id, &parse(machine, host_key)?).await
    }
}

pub(crate) fn parse(machine: &Machine, host_key: &str) -> Result<HostKey, StepError> {
    host_key.parse().map_err(|error| {
        StepError::permanent(HOST_KEY, format!("reading the host key of {}: {error}", machine.id)).with_help(
            "`bear import --host-key` takes another one; `bear apply --replace` makes the machine anew",
        )
    })
}

/// Tells as a block when something that is waited for began, and how it ended.
pub async fn reported<T>(
    name: &str,
    report: &(dyn Fn(BlockReport) + Send + Sync),
    work: impl Future<Output = Result<T, StepError>>,
) -> Result<T, StepError> {
    let told = |state, seconds| report(BlockReport { name: name.to_owned(), state, seconds });
    told(BlockState::Started, 0.0);
    let began = Instant::now();
    let result = work.await;
    let state = if result.is_ok() { BlockState::Ok } else { BlockState::Failed };
    told(state, began.elapsed().as_secs_f64());
    result
}

/// Waits until the machine lets us in.
async fn wait(ssh: &Ssh, limit: Duration) -> Result<(), StepError> {
    let mut last = None;
    match timeout(limit, try_on(ssh, &mut last)).await {
        Ok(result) => result,
        Err(_) => Err(too_late(ssh.place().await?, limit, last)),
    }
}

/// Tries again for as long as it may help, and leaves behind why the last try failed.
async fn try_on(ssh: &Ssh, last: &mut Option<StepError>) -> Result<(), StepError> {
    let mut patience = Patience::default();
    loop {
        let error = match reach(ssh).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let Some(pause) = patience.after(&error, Instant::now()) else { return Err(error) };
        *last = Some(error);
        sleep(pause).await;
    }
}

/// What may pass, and when it is worth asking again.
#[derive(Default)]
struct Patience {
    pause: Duration,
    refused_since: Option<Instant>,
}

impl Patience {
    /// How long to wait after a try that failed; none if another one won't help.
    fn after(&mut self, error: &StepError, now: Instant) -> Option<Duration> {
        if error.code == AUTH {
            let since = *self.refused_since.get_or_insert(now);
            return (now.duration_since(since) < REFUSED_MAX).then_some(REFUSED_PAUSE);
        }
        self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        error.transient.then_some(self.pause)
    }
}

async fn reach(ssh: &Ssh) -> Result<(), StepError> {
    ssh.answers().await?;
    Ok(ssh.connect().await?)
}

fn too_late(place: &str, limit: Duration, last: Option<StepError>) -> StepError {
    let StepError { message: why, help, last_lines, .. } =
        last.unwrap_or_else(|| StepError::transient(NO_SSH, "it has not answered so far"));
    let help = help.unwrap_or_else(|| {
        "look at the machine's console, and whether its network lets port 22 in from here".to_owned()
    });
    let message =
        format!("waiting for SSH on {place}: not within {} s; the last try: {why}", limit.as_secs());
    StepError::permanent(NO_SSH, message)
        .with_help(format!("{help}; applying again waits once more, and longer with `--timeout`"))
        .with_last_lines(&last_lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_waited_for() {
        let mut patience = Patience::default();
        let start = Instant::now();
        let mut after = |code, transient, seconds| {
            let error = StepError { transient, ..StepError::permanent(code, "") };
            let pause = patience.after(&error, start + Duration::from_secs(seconds));
            pause.map_or("gives up".to_owned(), |pause| format!("{} ms", pause.as_millis()))
        };
        // A machine that boots.
        assert_eq!(after("bear::ssh::unreachable", true, 0), "500 ms");
        assert_eq!(after("bear::ssh::refused", true, 1), "1000 ms");
        assert_eq!(after("bear::ssh::refused", true, 2), "2000 ms");
        assert_eq!(after("bear::ssh::hung_up", true, 200), "2000 ms");
        // A user who is not there yet, and does not come.
        assert_eq!(after(AUTH, false, 210), "5000 ms");
        assert_eq!(after("bear::ssh::refused", true, 240), "2000 ms");
        assert_eq!(after(AUTH, false, 269), "5000 ms");
        assert_eq!(after(AUTH, false, 270), "gives up");
        // Somebody else's machine.
        assert_eq!(after("bear::ssh::host_key_changed", false, 3), "gives up");
    }
}
