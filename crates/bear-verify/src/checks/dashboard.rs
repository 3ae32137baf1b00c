//! `dashboard.http` and `dashboard.default_password_refused`: what the dashboard of an EMQX says, and to whom.
//!
//! What it answers was recorded from EMQX 5.0.9 and 5.8.9; for 6.x it is what the source says.

use serde_json::{Value, json};

use crate::Dashboard;
use crate::failure::{Deadline, Failure};
use crate::first_words::excerpt;
use crate::http::{self, Answer, Token};

/// The user and the password of every EMQX that was told no other.
const DEFAULT_LOGIN: (&str, &str) = ("admin", "public");

/// How EMQX refuses a wrong password: up to 5.0, and since.
const REFUSALS: [&str; 2] = ["WRONG_USERNAME_OR_PWD", "BAD_USERNAME_OR_PWD"];

/// How EMQX since 5.9 refuses every password, after too many wrong ones.
const LOCKED: &str = "LOGIN_LOCKED";

/// The dashboard says that the broker runs: the status alone does not, since 5.0.9 says 200 for one that is stopped.
pub(super) async fn runs(dashboard: &Dashboard, deadline: Deadline) -> Result<(), Failure> {
    let answer = http::get(dashboard, "/status", None, deadline).await?;
    let Some(body) = answer.body_of_success() else {
        return Err(Failure::wrong(format!("GET /status was answered with {}", answer.words())));
    };
    match state(body) {
        Some((node, broker)) if node == "started" && broker == "running" => Ok(()),
        Some((node, broker)) => {
            let (node, broker) = (excerpt(node.as_bytes()), excerpt(broker.as_bytes()));
            Err(Failure::wrong(format!("the dashboard says that the node is {node} and EMQX is {broker}")))
        }
        None => {
            Err(Failure::wrong(format!("GET /status was answered with \"{}\" and no status", excerpt(body))))
        }
    }
}

/// The states of the node and of the broker, from either form: `Node emqx@10.0.0.7 is started` and `emqx is running`
/// on two lines, or JSON.
fn state(body: &[u8]) -> Option<(String, String)> {
    if let Ok(status) = serde_json::from_slice::<Value>(body) {
        let text = |key: &str| status.get(key)?.as_str().map(str::to_owned);
        return Some((text("broker_status")?, text("app_status")?));
    }
    let mut lines = str::from_utf8(body).ok()?.lines();
    let (_, node) = lines.next()?.strip_prefix("Node ")?.split_once(" is ")?;
    let broker = lines.next()?.strip_prefix("emqx is ")?;
    Some((node.trim_end().to_owned(), broker.trim_end().to_owned()))
}

/// The default password is refused as a wrong one, and the right one is not: a dashboard that refuses everybody
/// proves nothing.
///
/// The wrong one is tried once only, since EMQX locks the user out after a few, and before the right one, which ends
/// the count.
pub(super) async fn default_password_refused(
    dashboard: &Dashboard,
    deadline: Deadline,
) -> Result<(), Failure> {
    let (username, password) = DEFAULT_LOGIN;
    let answer = ask_for_token(dashboard, username, password, deadline).await?;
    if token_of(&answer).is_some() {
        return Err(Failure::wrong(format!("{username} is let in with the default password")));
    }
    match answer.code() {
        Some(code) if answer.status == 401 && REFUSALS.contains(&code.as_str()) => {}
        Some(code) if code == LOCKED => {
            return Err(Failure::wrong(format!(
                "whether the default password is refused can't be told: after too many wrong passwords the \
                 dashboard refuses every one of {username} for a while ({LOCKED})"
            )));
        }
        _ => {
            return Err(Failure::wrong(format!(
                "the default password was not refused for being wrong: the dashboard answered {}",
                answer.words()
            )));
        }
    }
    log_in(dashboard, deadline).await.map(drop)
}

/// A login that succeeded.
pub(super) struct Login {
    pub(super) token: Token,
    /// The version that EMQX says it has.
    pub(super) version: Option<String>,
}

/// Logs in as the target says.
pub(super) async fn log_in(dashboard: &Dashboard, deadline: Deadline) -> Result<Login, Failure> {
    let username = &dashboard.credentials.username;
    let answer = ask_for_token(dashboard, username, &dashboard.credentials.password, deadline).await?;
    if answer.body_of_success().is_some() {
        let token = token_of(&answer).ok_or_else(|| {
            Failure::wrong(format!("the dashboard gave {username} no token for the password of its own"))
        })?;
        return Ok(Login { token, version: text_of(&answer, "version") });
    }
    let refusal = match answer.code() {
        Some(code) if code == LOCKED => {
            format!("after too many wrong passwords it refuses every one for a while ({LOCKED})")
        }
        _ => format!("it answered {}", answer.words()),
    };
    Err(Failure::wrong(format!(
        "the dashboard does not let {username} in with the password of its own: {refusal}"
    )))
}

fn token_of(answer: &Answer) -> Option<Token> {
    Token::new(&text_of(answer, "token")?)
}

fn text_of(answer: &Answer, key: &str) -> Option<String> {
    Some(answer.json()?.get(key)?.as_str()?.to_owned())
}

async fn ask_for_token(
    dashboard: &Dashboard,
    username: &str,
    password: &str,
    deadline: Deadline,
) -> Result<Answer, Failure> {
    let login = json!({ "username": username, "password": password });
    http::post(dashboard, "/api/v5/login", &login, deadline).await
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn check(body: &str) -> String {
        match state(body.as_bytes()) {
            Some((node, broker)) => format!("{node}, {broker}"),
            None => "no status".to_owned(),
        }
    }

    #[test]
    fn a_status_is_read_in_either_form() {
        let bodies = [
            "Node emqx@127.0.0.1 is started\nemqx is running",
            "Node emqx@127.0.0.1 is started\r\nemqx is running\r\n",
            "Node emqx@127.0.0.1 is stopped\nemqx is not_running",
            "Node emqx@127.0.0.1 is started\nemqx is not_running",
            r#"{"rel_vsn":"v5.8.9","node_name":"emqx@127.0.0.1","broker_status":"started","app_status":"running"}"#,
            r#"{"cluster":"emqxcl","broker_status":"stopped","app_status":"not_running"}"#,
            r#"{"broker_status":"started"}"#,
            r#""started""#,
            "Node emqx@127.0.0.1 is started",
            "emqx is running",
            "",
        ];
        assert_snapshot!(bodies.map(check).join("\n"), @"
        started, running
        started, running
        stopped, not_running
        started, not_running
        started, running
        stopped, not_running
        no status
        no status
        no status
        no status
        no status
        ");
    }
}
