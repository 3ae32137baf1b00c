//! One request to EC2, tried until there is an answer to go by.
//!
//! The SDK's own retries give up after a minute of throttling, and know nothing of requests beside their own. So they
//! are turned off, and this is all the trying again that there is.

use std::error::Error;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use tokio::time::{Instant, sleep, timeout};

use crate::failure::{Cause, Failure, Remedy};
use crate::pace::Pace;
use crate::settings::{Notice, Notify};

/// How long EC2 may take for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How long it may take to launch: EC2 answers once it has found room for every machine.
const LAUNCH_WITHIN: Duration = Duration::from_mins(1);
/// How often a request without an answer is sent.
const TRIES_MAX: u32 = 6;
/// How long throttling is put up with. The deadline of the step is usually nearer.
const THROTTLED_MAX: Duration = Duration::from_mins(15);
/// The wait after the first try without an answer; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// From when on the same notice is news again.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The way to EC2.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    pace: Pace,
    notify: Notify,
    /// What was told last, and when: the same is not said again and again.
    told: Mutex<Option<(Notice, Instant)>>,
}

impl Api {
    pub(crate) fn new(client: Client, notify: Notify) -> Self {
        Self { client, pace: Pace::default(), notify, told: Mutex::default() }
    }

    pub(crate) fn tell(&self, notice: &Notice) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref().is_some_and(|(last, at)| last == notice && at.elapsed() < SAID_AGAIN_AFTER) {
            return;
        }
        *told = Some((notice.clone(), Instant::now()));
        drop(told);
        self.notify.tell(notice);
    }

    /// Sends a request, again and again while that may help. `send` makes it anew for each try.
    pub(crate) async fn call<T, E, F>(
        &self,
        action: &'static str,
        send: impl Fn(&Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.try_up_to(TRIES_MAX, action, send).await
    }

    /// Sends a request that must not have its effect twice: where there is no answer, it is not sent again.
    pub(crate) async fn call_once<T, E, F>(
        &self,
        action: &'static str,
        send: impl Fn(&Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.try_up_to(1, action, send).await
    }

    async fn try_up_to<T, E, F>(
        &self,
        tries: u32,
        action: &'static str,
        send: impl Fn(&Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let began = Instant::now();
        let mut unanswered = 0;
        let mut in_doubt = false;
        loop {
            let turn = self.pace.turn(action).await;
            let since = turn.at;
            let cause = match self.once(action, &send).await {
                Ok(answer) => return Ok(answer),
                Err(cause) => cause,
            };
            drop(turn);
            let elapsed = began.elapsed();
            match cause.remedy() {
                Remedy::SlowDown if elapsed < THROTTLED_MAX => {
                    let wait = self.pace.slow_down(action, since);
                    self.tell(&Notice::Throttled { action, wait });
                }
                Remedy::AskAgain => {
                    unanswered += 1;
                    in_doubt = true;
                    if unanswered == tries {
                        return Err(Failure { action, cause, in_doubt, tried: elapsed });
                    }
                    let wait = (FIRST_WAIT * 2_u32.pow(unanswered - 1)).min(LONGEST_WAIT);
                    self.tell(&Notice::NoAnswer { action, why: what_came(&cause), wait });
                    sleep(wait).await;
                }
                Remedy::SlowDown | Remedy::None => {
                    return Err(Failure { action, cause, in_doubt, tried: elapsed });
                }
            }
        }
    }

    async fn once<T, E, F>(&self, action: &'static str, send: &impl Fn(&Client) -> F) -> Result<T, Cause>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let within = if action == "RunInstances" { LAUNCH_WITHIN } else { ANSWER_WITHIN };
        // The SDK's futures are large, and there may be many of them.
        match timeout(within, Box::pin(send(&self.client))).await {
            Ok(Ok(answer)) => {
                self.pace.speed_up(action);
                Ok(answer)
            }
            Ok(Err(error)) => Err(Cause::of(&error)),
            Err(_) => Err(Cause::NoAnswer(format!("nothing within {} s", within.as_secs()))),
        }
    }
}

fn what_came(cause: &Cause) -> String {
    match cause {
        Cause::Refused { code, .. } => code.clone(),
        Cause::NoAnswer(why) | Cause::NoCredentials(why) | Cause::Unaskable(why) => why.clone(),
    }
}
