//! One question to a dashboard over plain HTTP, and its answer: bounded in time and size, redirects not followed.

use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::Dashboard;
use crate::failure::{Deadline, Failure};
use crate::wire::bracketed;

/// The longest answer that is read. That of a cluster has about 500 bytes for each of its nodes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What a dashboard answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Bytes,
}

impl Answer {
    /// The body, for an answer that says 200. No other body may be shown: an EMQX that fails inside puts the whole
    /// request into its answer, with the token.
    pub(crate) fn body_of_success(&self) -> Option<&[u8]> {
        (self.status == StatusCode::OK).then_some(&self.body)
    }

    /// The body of an answer that says 200, where it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.body_of_success()?).ok()
    }

    /// The code of a refusal, such as `BAD_USERNAME_OR_PWD`; nothing else than capital letters and `_`.
    pub(crate) fn code(&self) -> Option<String> {
        let told: Value =
            self.status.is_client_error().then(|| serde_json::from_slice(&self.body).ok())??;
        let code = told.get("code")?.as_str()?;
        let plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        plain.then(|| code.to_owned())
    }

    /// The status with the code of a refusal: `401 Unauthorized (BAD_TOKEN)`.
    pub(crate) fn words(&self) -> String {
        match self.code() {
            Some(code) => format!("{} ({code})", self.status),
            None => self.status.to_string(),
        }
    }
}

/// What proves to a dashboard who asks. It is in no text.
pub(crate) struct Token(HeaderValue);

impl Token {
    pub(crate) fn new(token: &str) -> Option<Self> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }
}

/// `GET path`, with a token where there is one.
pub(crate) async fn get(
    dashboard: &Dashboard,
    path: &str,
    token: Option<&Token>,
    deadline: Deadline,
) -> Result<Answer, Failure> {
    let mut request = Request::get(path);
    if let Some(Token(value)) = token {
        request = request.header(AUTHORIZATION, value);
    }
    ask(dashboard, request.body(Full::default()), deadline).await
}

/// `POST path` with a JSON document. EMQX fails inside where the content type is not said.
pub(crate) async fn post(
    dashboard: &Dashboard,
    path: &str,
    document: &Value,
    deadline: Deadline,
) -> Result<Answer, Failure> {
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    ask(dashboard, request.body(Full::from(document.to_string())), deadline).await
}

async fn ask(
    dashboard: &Dashboard,
    request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    deadline: Deadline,
) -> Result<Answer, Failure> {
    let address = format!("{}:{}", bracketed(&dashboard.host), dashboard.port);
    let not_askable = |_| Failure::wrong(format!("no request can be made to {address}"));
    let mut request = request.map_err(not_askable)?;
    let host = HeaderValue::try_from(&address).map_err(|error| not_askable(error.into()))?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));

    let stream = deadline.connect(&dashboard.host, dashboard.port).await?;
    match deadline.bound(converse(TokioIo::new(stream), request)).await {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(Trouble::TooLong)) => Err(Failure::wrong(format!(
            "{address} sent more than {} KiB for an answer",
            MAX_BODY_BYTES / 1024
        ))),
        Some(Err(Trouble::Hyper(error))) if error.is_parse() => {
            Err(Failure::wrong(format!("{address} answered with bytes that are no HTTP")))
        }
        Some(Err(Trouble::Hyper(_))) => Err(Failure::ClosedAtOnce { address }),
        Some(Err(Trouble::BrokenOff)) => {
            Err(Failure::wrong(format!("{address} closed the connection in the middle of its answer")))
        }
        None => Err(Failure::Silent { address, limit: deadline.limit }),
    }
}

enum Trouble {
    Hyper(hyper::Error),
    /// The end of the connection came before that of the answer.
    BrokenOff,
    TooLong,
}

impl From<hyper::Error> for Trouble {
    fn from(error: hyper::Error) -> Self {
        Self::Hyper(error)
    }
}

async fn converse(
    stream: TokioIo<tokio::net::TcpStream>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Trouble> {
    let (mut sender, connection) = http1::handshake(stream).await?;
    let exchange =
        async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
            let body = body.map_err(|error| {
                if error.is::<LengthLimitError>() { Trouble::TooLong } else { Trouble::BrokenOff }
            })?;
            Ok(Answer { status, body: body.to_bytes() })
        };
    // The connection does the reading and writing. Where it ends first, the answer has been read as far as it went.
    match select(pin!(exchange), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, exchange)) => exchange.await,
    }
}
