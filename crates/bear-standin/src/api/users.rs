//! Users, their passwords, and API keys.

use serde_json::{Value, json};

use super::body::{Body, bad_request};
use super::{Answer, broken, ok};
use crate::http::{Request, Response};
use crate::node::Node;
use crate::users::{ApiKey, UserError};

pub(super) fn list(node: &Node) -> Response {
    let users = node.users();
    let users = users.list().map(|(name, description)| shown(node, name, description));
    ok(&users.collect())
}

fn shown(node: &Node, name: &str, description: &str) -> Value {
    let mut user = json!({"description": description, "username": name});
    if node.dialect.unified {
        user["role"] = json!("administrator");
    }
    user
}

pub(super) fn add(node: &Node, request: &Request) -> Answer {
    let body = Body::of(request)?;
    let (name, password) = (body.text("username")?, body.text("password")?);
    let description = body.text("description")?;
    let added = node.users().add(name, password, description, node.dialect);
    added.map_err(|error| broken(&error))?.map_err(|error| bad_request(&error.to_string()))?;
    Ok(ok(&shown(node, name, description)))
}

pub(super) fn remove(node: &Node, name: &str) -> Answer {
    let removed = node.users().remove(name, &node.settings.username).map_err(|error| broken(&error))?;
    removed.map_err(|error| match error {
        UserError::NotFound => Response::error(404, "USER_NOT_FOUND", &error.to_string()),
        error => Response::error(400, "NOT_ALLOWED", &error.to_string()),
    })?;
    node.sessions().end(name);
    Ok(Response::empty(204))
}

/// Changes a password, and with that ends every session of the user.
pub(super) fn change_password(node: &Node, request: &Request, name: &str) -> Answer {
    let body = Body::of(request)?;
    let (new, old) = (body.text("new_pwd")?, body.text("old_pwd")?);
    if new.is_empty() || old.is_empty() {
        return Err(bad_request("Old password or new password undefined"));
    }
    let mut users = node.users();
    if !users.has(name) {
        return Err(Response::error(404, "USER_NOT_FOUND", "User not found"));
    }
    if !users.accepts(name, old) {
        return Err(Response::error(400, "ERROR_PWD_NOT_MATCH", "Old password not match"));
    }
    let changed = users.set_password(name, new, node.dialect).map_err(|error| broken(&error))?;
    changed.map_err(|error| bad_request(&error.to_string()))?;
    node.sessions().end(name);
    Ok(Response::empty(204))
}

pub(super) fn list_keys(node: &Node) -> Response {
    let users = node.users();
    ok(&users.api_keys().map(|(name, key)| shown_key(name, key)).collect())
}

fn shown_key(name: &str, key: &ApiKey) -> Value {
    json!({
        "api_key": key.key,
        "created_at": key.created_at,
        "desc": key.description,
        "enable": key.enabled,
        "expired": false,
        "expired_at": "infinity",
        "name": name,
    })
}

pub(super) fn add_key(node: &Node, request: &Request) -> Answer {
    let body = Body::of(request)?;
    let (name, description) = (body.text("name")?, body.text_or("desc", "")?);
    let enabled = body.get("enable").and_then(Value::as_bool).unwrap_or(true);
    if body.get("expired_at").is_some_and(|at| at != "infinity") {
        return Err(bad_request("the stand-in knows no keys that expire"));
    }
    let mut users = node.users();
    let added = users.add_key(name, description, enabled).map_err(|error| broken(&error))?;
    let secret = added.map_err(|error| bad_request(&error.to_string()))?;
    let key = users.api_keys().find(|(other, _)| *other == name).map(|(name, key)| shown_key(name, key));
    let mut answer = key.unwrap_or_default();
    answer["api_secret"] = json!(secret);
    Ok(ok(&answer))
}

pub(super) fn remove_key(node: &Node, name: &str) -> Answer {
    match node.users().remove_key(name) {
        Ok(true) => Ok(Response::empty(204)),
        Ok(false) => Err(Response::error(404, "NOT_FOUND", "Name NOT FOUND")),
        Err(error) => Err(broken(&error)),
    }
}
