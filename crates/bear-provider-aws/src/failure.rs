//! How a request to EC2 can fail, told apart by what is to be done about it.

use std::error::Error;
use std::time::Duration;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

/// A request that failed for good.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Such as `RunInstances`.
    pub(crate) action: &'static str,
    /// What came of the last try.
    pub(crate) cause: Cause,
    /// Whether any of the tries may have had its effect all the same.
    pub(crate) in_doubt: bool,
    /// For how long it was tried.
    pub(crate) tried: Duration,
}

/// What came of one try.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    /// EC2 says no.
    Refused {
        /// Such as `InvalidInstanceID.NotFound`.
        code: String,
        /// In EC2's words.
        message: String,
        /// The status of the answer.
        status: u16,
        /// What EC2's clock says, as its answer tells.
        date: Option<String>,
    },
    /// Nothing came, or nothing that makes sense.
    NoAnswer(String),
    /// There are no credentials to ask with.
    NoCredentials(String),
    /// It could not even be asked.
    Unaskable(String),
}

/// What is to be done about a try that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Ask more slowly.
    SlowDown,
    /// Ask again; the request may have had its effect.
    AskAgain,
    /// Nothing: it is so.
    None,
}

/// The codes of too many requests: the page "Request throttling for the Amazon EC2 API", and those that AWS uses elsewhere.
const THROTTLED: [&str; 6] = [
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// The codes of a zone that has no room for a machine, or no such machines: another zone may have.
const ZONE_FULL: [&str; 5] = [
    "InsufficientCapacity",
    "InsufficientFreeAddressesInSubnet",
    "InsufficientHostCapacity",
    "InsufficientInstanceCapacity",
    "Unsupported",
];

impl Failure {
    /// EC2 answered, and left out what the answer is for.
    pub(crate) fn senseless(action: &'static str, what: &str) -> Self {
        let cause = Cause::NoAnswer(format!("a broken answer: {what}"));
        Self { action, cause, in_doubt: true, tried: Duration::ZERO }
    }

    /// The code that EC2 answered, if it did.
    pub(crate) fn code(&self) -> &str {
        if let Cause::Refused { code, .. } = &self.cause { code } else { "" }
    }

    /// Whether EC2 answered one of these codes.
    pub(crate) fn is(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code())
    }

    /// Whether EC2 names this as what the request failed for.
    pub(crate) fn names(&self, id: &str) -> bool {
        matches!(&self.cause, Cause::Refused { message, .. } if message.contains(id))
    }

    /// Whether EC2 does not know what the request was about.
    pub(crate) fn is_not_found(&self) -> bool {
        self.code().ends_with(".NotFound")
    }

    /// Whether there is no room in this zone, which may be otherwise in the next.
    pub(crate) fn is_zone_full(&self) -> bool {
        self.is(&ZONE_FULL)
    }
}

impl Cause {
    /// Reads what the SDK says.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(answer) => {
                let status = answer.raw().status().as_u16();
                let meta = answer.err().meta();
                match meta.code() {
                    Some(code) => Self::Refused {
                        code: code.to_owned(),
                        message: meta.message().unwrap_or_default().to_owned(),
                        status,
                        date: answer.raw().headers().get("date").map(str::to_owned),
                    },
                    None => Self::NoAnswer(format!("status {status} without a reason")),
                }
            }
            SdkError::ConstructionFailure(_) => Self::unaskable(chain(error)),
            SdkError::DispatchFailure(failure)
                if failure
                    .as_connector_error()
                    .is_some_and(|error| !error.is_io() && !error.is_timeout()) =>
            {
                Self::unaskable(chain(error))
            }
            SdkError::ResponseError(_) => Self::NoAnswer(format!("a broken answer: {}", last(error))),
            _ => Self::NoAnswer(last(error)),
        }
    }

    fn unaskable(why: String) -> Self {
        let lower = why.to_lowercase();
        let about_credentials = ["credential", "identity", "sso", "token"];
        if about_credentials.iter().any(|word| lower.contains(word)) {
            Self::NoCredentials(why)
        } else if lower.contains("connect") || lower.contains("dns") || lower.contains("tls") {
            Self::NoAnswer(why)
        } else {
            Self::Unaskable(why)
        }
    }

    pub(crate) fn remedy(&self) -> Remedy {
        match self {
            Self::Refused { code, .. } if THROTTLED.contains(&code.as_str()) => Remedy::SlowDown,
            // No room is answered with a status of 500 as well, and asking again is no help.
            Self::Refused { code, .. } if ZONE_FULL.contains(&code.as_str()) => Remedy::None,
            Self::Refused { status: 500.., .. } | Self::NoAnswer(_) => Remedy::AskAgain,
            Self::Refused { .. } | Self::NoCredentials(_) | Self::Unaskable(_) => Remedy::None,
        }
    }
}

/// What an error says, and what it says of its causes, without saying anything twice.
fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_said = cause.to_string();
        if !said.contains(&cause_said) {
            said = format!("{said}: {cause_said}");
        }
        source = cause.source();
    }
    said
}

/// What the first cause of an error says: `Connection refused (os error 111)` rather than `dispatch failure`.
fn last(error: &dyn Error) -> String {
    let mut deepest: &dyn Error = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string().to_lowercase()
}
