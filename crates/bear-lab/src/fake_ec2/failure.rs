//! What goes wrong in EC2's own words: status, code and message.
//!
//! Codes are those of the page "Error codes for the Amazon EC2 API". Messages are worded as EC2 words them where that
//! is known; nobody should read them by machine.

use std::fmt::Display;

/// An error that is answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// The HTTP status.
    pub status: u16,
    /// Such as `InvalidInstanceID.NotFound`.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Failure {
    /// Any error.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// Too many requests.
    pub fn throttled() -> Self {
        Self::new(503, "RequestLimitExceeded", "Request limit exceeded.")
    }

    /// A zone has no room for more instances.
    pub fn no_capacity(zone: &str) -> Self {
        let message = format!(
            "We currently do not have sufficient capacity in the Availability Zone you requested ({zone}). Our \
             system will be working on provisioning additional capacity."
        );
        // A server error, which SDKs therefore try again.
        Self::new(500, "InsufficientInstanceCapacity", message)
    }

    /// The account has too many instances.
    pub fn instance_limit() -> Self {
        let message = "You have requested more instances than your current instance limit allows.";
        Self::new(400, "InstanceLimitExceeded", message)
    }

    /// The account has too many virtual processors.
    pub fn vcpu_limit() -> Self {
        let message = "You have requested more vCPU capacity than your current vCPU limit allows for the instance \
                       bucket that the specified instance type belongs to.";
        Self::new(400, "VcpuLimitExceeded", message)
    }

    /// Something broke within.
    pub fn internal() -> Self {
        Self::new(500, "InternalError", "An internal error has occurred")
    }

    /// The service is overloaded.
    pub fn unavailable() -> Self {
        let message = "The server is overloaded and can't handle the request.";
        Self::new(503, "Unavailable", message)
    }

    /// The request was signed too long ago, or with temporary credentials that have expired.
    pub fn request_expired() -> Self {
        Self::new(400, "RequestExpired", "Request has expired.")
    }

    /// Temporary credentials have expired, as STS says it.
    pub fn token_expired() -> Self {
        Self::new(403, "ExpiredToken", "The security token included in the request is expired")
    }

    /// The credentials are not known, or the signature is none of theirs.
    pub fn auth_failure() -> Self {
        Self::new(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
    }

    pub(super) fn invalid_value(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterValue", message)
    }

    pub(super) fn combination(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterCombination", message)
    }

    pub(super) fn missing(kind: &str, what: &str, id: impl Display) -> Self {
        Self::new(400, format!("{kind}.NotFound"), format!("The {what} '{id}' does not exist"))
    }

    pub(super) fn wrong_state(message: impl Into<String>) -> Self {
        Self::new(400, "IncorrectInstanceState", message)
    }

    pub(super) fn in_use(id: &str) -> Self {
        Self::new(400, "DependencyViolation", format!("resource {id} has a dependent object"))
    }
}
