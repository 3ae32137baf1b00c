//! Who may ask: tokens, API keys, and in the oldest versions the dashboard's users themselves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::body::Body;
use super::{Answer, broken};
use crate::http::{Request, Response};
use crate::node::Node;
use crate::users::random_hex;

/// Parts of the API where API keys are not let in.
const FOR_USERS: [&str; 3] = ["users", "api_key", "logout"];

/// Whether the request may go on; `part` is the first word of the path below `/api/v5`.
pub(super) fn check(node: &Node, request: &Request, part: &str) -> Result<(), Response> {
    let given = request.header("authorization").unwrap_or_default();
    match given.split_once(' ') {
        Some(("Bearer", token)) if node.sessions().user(token).is_some() => Ok(()),
        Some(("Bearer", _)) => Err(Response::error(401, "BAD_TOKEN", "Get a token by POST /login")),
        Some(("Basic", encoded)) => {
            let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let decoded = decoded.ok_or_else(|| Response::crashed(400))?;
            let (name, secret) = decoded.split_once(':').ok_or_else(|| Response::crashed(400))?;
            check_basic(node, part, name, secret)
        }
        _ => Err(refuse(node, "AUTHORIZATION_HEADER_ERROR", "Support authorization: basic/bearer ")),
    }
}

fn check_basic(node: &Node, part: &str, name: &str, secret: &str) -> Result<(), Response> {
    let users = node.users();
    let for_users = FOR_USERS.contains(&part);
    if !node.dialect.basic_for_users {
        return if for_users {
            let message = format!(
                "Please use bearer Token instead, using API key/secret in {part} path is not permitted"
            );
            Err(refuse(node, "API_KEY_NOT_ALLOW", &message))
        } else if users.accepts_key(name, secret) {
            Ok(())
        } else {
            Err(refuse(node, "BAD_API_KEY_OR_SECRET", "Check api_key/api_secret"))
        };
    }
    if users.accepts(name, secret) || (!for_users && users.accepts_key(name, secret)) {
        Ok(())
    } else if users.has(name) {
        // The letters stand like this in EMQX.
        Err(refuse(node, "WORNG_USERNAME_OR_PWD", "Check username/password"))
    } else if for_users {
        Err(refuse(node, "WRONG_USERNAME_OR_PWD", "Check username/password"))
    } else {
        let code = "WRONG_USERNAME_OR_PWD_OR_API_KEY_OR_API_SECRET";
        Err(refuse(node, code, "Check username/password or api_key/api_secret"))
    }
}

fn refuse(node: &Node, code: &str, message: &str) -> Response {
    let realm = format!("Basic Realm=\"{}\"", node.dialect.realm());
    Response::error(401, code, message).with("WWW-Authenticate", realm)
}

pub(super) fn login(node: &Node, request: &Request) -> Answer {
    let body = Body::of(request)?;
    let (name, password) = (body.text("username")?, body.text("password")?);
    if node.dialect.unified && node.sessions().is_locked(name) {
        return Err(Response::error(401, "LOGIN_LOCKED", "Login locked"));
    }
    let default = node.faults.default_password_stays && name == "admin" && password == "public";
    if !default && !node.users().accepts(name, password) {
        node.sessions().failed(name);
        return Err(Response::error(401, node.dialect.login_failed(), "Auth failed"));
    }
    let token = random_hex().map_err(|error| broken(&error))?;
    node.sessions().begin(name, token.clone());
    let mut answer = json!({"license": {"edition": node.edition()}, "token": token, "version": node.version});
    if node.dialect.six {
        answer["role"] = json!("administrator");
        answer["namespace"] = json!(null);
        answer["password_expire_in_seconds"] = json!(0);
    }
    Ok(Response::json(200, &answer))
}

pub(super) fn logout(node: &Node, request: &Request) -> Answer {
    let body = Body::of(request)?;
    node.sessions().end(body.text("username")?);
    Ok(Response::empty(204))
}
