//! `mqtt.refuses_bad_password`: who has not the right password stays outside.

use futures_util::future::try_join;

use crate::Credentials;
use crate::client::Client;
use crate::failure::Failure;
use crate::trial::Trial;
use crate::wire::{Hello, Version};

/// The password that no broker has; nothing of the right one is sent with a mistake in it.
const WRONG: &str = "bear-verify-wrong-password";

pub(super) async fn refused(trial: &Trial<'_>, version: Version) -> Result<(), Failure> {
    let wrong = trial.target.credentials.as_ref().map(|credentials| Credentials {
        username: credentials.username.clone(),
        password: WRONG.to_owned(),
    });
    let wrong_password = Hello { credentials: wrong.as_ref(), ..trial.hello(version, "bw") };
    let no_credentials = Hello { credentials: None, ..trial.hello(version, "bn") };
    try_join(
        stays_outside(trial, &wrong_password, "a wrong password"),
        stays_outside(trial, &no_credentials, "no user name and no password"),
    )
    .await?;
    Ok(())
}

async fn stays_outside(trial: &Trial<'_>, hello: &Hello<'_>, with: &str) -> Result<(), Failure> {
    match Client::connect(hello, trial.deadline()).await {
        Ok(client) => {
            client.disconnect().await?;
            Err(Failure::wrong(format!("a client with {with} was let in")))
        }
        Err(Failure::Refused { over_credentials: true, .. } | Failure::Closed { .. }) => Ok(()),
        Err(failure) => {
            Err(Failure::wrong(format!("a client with {with} was not refused for it: {failure}")))
        }
    }
}
