//! The bodies of requests: JSON, held against what a handler wants.

use serde_json::{Map, Value, json};

use crate::http::{Request, Response};

/// A JSON object.
pub(super) struct Body(Map<String, Value>);

impl Body {
    /// Without the right content type EMQX's handler crashes.
    pub(super) fn of(request: &Request) -> Result<Self, Response> {
        let kind = request.header("content-type").unwrap_or_default();
        if !kind.to_lowercase().starts_with("application/json") {
            return Err(Response::crashed(500));
        }
        match serde_json::from_slice(&request.body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            _ => Err(bad_request("Invalid json message received")),
        }
    }

    /// A text that must be there.
    pub(super) fn text(&self, field: &str) -> Result<&str, Response> {
        match self.0.get(field) {
            Some(Value::String(text)) => Ok(text),
            None => Err(invalid(field, &json!("mandatory_required_field"), &json!("undefined"))),
            Some(other) => Err(invalid(field, &json!({"expected_type": "binary()"}), other)),
        }
    }

    /// A text that may be left out.
    pub(super) fn text_or(&self, field: &str, default: &'static str) -> Result<&str, Response> {
        if self.0.contains_key(field) { self.text(field) } else { Ok(default) }
    }

    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }
}

pub(super) fn bad_request(message: &str) -> Response {
    Response::error(400, "BAD_REQUEST", message)
}

/// EMQX puts what is wrong with a field into the message, as JSON within JSON.
fn invalid(field: &str, reason: &Value, value: &Value) -> Response {
    let problem = json!({"kind": "validation_error", "path": field, "reason": reason, "value": value});
    bad_request(&problem.to_string())
}
