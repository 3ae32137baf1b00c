//! The way of a request: who asks, whether it is too much, what shall go wrong, and then what is done.

use std::future;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, DATE};
use hyper::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

use super::actions::{self, CALLER_IDENTITY, permission};
use super::buckets::Buckets;
use super::failure::Failure;
use super::log::{Call, Outcome};
use super::query::{self, Parameters, Query};
use super::rules::{Fault, Rules};
use super::signature::{Expected, Service};
use super::truth::Truth;
use super::xml::Xml;
use super::{FakeEc2, Lost};

/// The version of EC2's API.
const EC2_VERSION: &str = "2016-11-15";
/// The version of STS's API.
const STS_VERSION: &str = "2011-06-15";

/// All that changes while requests come.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) truth: Truth,
    pub(super) rules: Rules,
    pub(super) log: Vec<Call>,
    /// How far EC2's clock is ahead of a right one.
    pub(super) skew: SignedDuration,
    /// Whether the credentials have expired.
    pub(super) expired: bool,
    buckets: Buckets,
    began: Instant,
}

/// What was asked.
struct Asked {
    service: Service,
    action: String,
    parameters: Parameters,
}

impl Asked {
    fn read(body: &[u8]) -> Self {
        let parameters = query::decode_form(body);
        let action = parameters.get("Action").cloned().unwrap_or_default();
        let service = if action == CALLER_IDENTITY { Service::Sts } else { Service::Ec2 };
        Self { service, action, parameters }
    }
}

impl Desk {
    pub(super) fn new(truth: Truth) -> Self {
        Self {
            truth,
            rules: Rules::default(),
            log: Vec::new(),
            skew: SignedDuration::ZERO,
            expired: false,
            buckets: Buckets::default(),
            began: Instant::now(),
        }
    }

    /// What EC2 takes for the time.
    fn clock(&self) -> Timestamp {
        self.truth.calendar(Instant::now()).checked_add(self.skew).unwrap_or(Timestamp::MAX)
    }

    /// Whether a request is taken at all, and what shall go wrong with it.
    fn admit(&mut self, asked: &Asked, request: &Request<Bytes>) -> Result<Option<Fault>, Failure> {
        let now = Instant::now();
        let query = Query::new(&asked.parameters);
        let fault = self.rules.fault(&asked.action, &query, now, &mut self.truth.chance);
        if let Some(Fault::Fails(failure)) = fault {
            return Err(failure);
        }
        let region = &self.truth.settings.region;
        Expected { service: asked.service, region, now: self.clock(), expired: self.expired }
            .check(request)?;
        if asked.service == Service::Ec2 {
            if self.truth.settings.throttled {
                self.buckets.take(&asked.action, &query, now)?;
            }
            permission::check(&self.truth, &asked.action, &query)?;
        }
        Ok(fault)
    }

    /// Does what was asked.
    fn perform(&mut self, asked: &Asked) -> Result<Xml, Failure> {
        self.truth.settle(Instant::now());
        let (query, version) =
            (Query::new(&asked.parameters), asked.parameters.get("Version").map(String::as_str));
        match asked.service {
            Service::Ec2 if version == Some(EC2_VERSION) => {
                actions::perform(&mut self.truth, &asked.action, &query)
            }
            Service::Sts if version == Some(STS_VERSION) => Ok(actions::caller_identity()),
            _ => {
                let message = format!("The version {version:?} of {} is not served", asked.action);
                Err(Failure::new(400, "InvalidAction", message))
            }
        }
    }

    /// Does an action that nobody asked for over HTTP.
    pub(super) fn perform_by_hand(
        &mut self,
        action: &str,
        parameters: Parameters,
    ) -> Result<String, Failure> {
        let version = ("Version".to_owned(), EC2_VERSION.to_owned());
        let parameters = parameters.into_iter().chain([version]).collect();
        let asked = Asked { service: Service::Ec2, action: action.to_owned(), parameters };
        self.perform(&asked).map(Xml::into_text)
    }

    fn note(&mut self, asked: &Asked, outcome: Outcome) {
        let (action, parameters) = (asked.action.clone(), asked.parameters.clone());
        self.log.push(Call { action, parameters, outcome, after: self.began.elapsed() });
    }

    fn respond(&mut self, asked: &Asked, answer: Result<Xml, Failure>) -> Response<Bytes> {
        let id = self.truth.chance.uuid();
        let status = answer.as_ref().map_or_else(|failure| failure.status, |_| 200);
        let body = match answer {
            Ok(xml) => write_answer(asked, &id, &xml.into_text()),
            Err(failure) => write_failure(asked.service, &id, &failure),
        };
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "text/xml;charset=UTF-8")
            .header(DATE, self.clock().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            .header("x-amzn-requestid", id)
            .body(Bytes::from(body))
            .expect("these headers are plain ASCII")
    }
}

fn write_answer(asked: &Asked, id: &str, insides: &str) -> String {
    let action = &asked.action;
    let declaration = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    match asked.service {
        Service::Ec2 => format!(
            "{declaration}\n<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/{EC2_VERSION}/\">\
             <requestId>{id}</requestId>{insides}</{action}Response>"
        ),
        Service::Sts => format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/{STS_VERSION}/\"><{action}Result>{insides}\
             </{action}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{action}Response>"
        ),
    }
}

fn write_failure(service: Service, id: &str, failure: &Failure) -> String {
    let mut error = Xml::default();
    error.text("Code", &failure.code).text("Message", &failure.message);
    let error = error.into_text();
    match service {
        Service::Ec2 => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>{error}</Error></Errors>\
             <RequestID>{id}</RequestID></Response>"
        ),
        Service::Sts => format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/{STS_VERSION}/\"><Error><Type>Sender</Type>{error}\
             </Error><RequestId>{id}</RequestId></ErrorResponse>"
        ),
    }
}

impl FakeEc2 {
    /// Answers a request as the endpoint would, without any socket in between.
    ///
    /// For paused time: tokio lets paused time run ahead while bytes are on their way through a socket, so that every
    /// deadline passes.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Lost> {
        let asked = Asked::read(request.body());
        let admitted = self.desk().admit(&asked, &request);
        let fault = match admitted {
            Ok(fault) => fault,
            Err(failure) => {
                let mut desk = self.desk();
                desk.note(&asked, Outcome::Failed(failure.code.clone()));
                return Ok(desk.respond(&asked, Err(failure)));
            }
        };
        if let Some(fault @ (Fault::Reset | Fault::Hangs | Fault::Late(_))) = fault {
            return self.do_nothing_yet(asked, fault).await;
        }
        let response = self.do_at_once(&asked, fault.clone());
        match fault {
            Some(Fault::AnswerLost) => Err(Lost::Reset),
            Some(Fault::AnswerHangs) => future::pending().await,
            Some(Fault::AnswerTruncated) => Err(Lost::Truncated(response)),
            Some(Fault::Slow(delay)) => {
                sleep(delay).await;
                Ok(response)
            }
            _ => Ok(response),
        }
    }

    fn do_at_once(&self, asked: &Asked, fault: Option<Fault>) -> Response<Bytes> {
        let mut desk = self.desk();
        let answer = desk.perform(asked);
        let outcome = match (fault, &answer) {
            (Some(fault), _) => Outcome::Faulted(fault),
            (None, Ok(_)) => Outcome::Done,
            (None, Err(failure)) => Outcome::Failed(failure.code.clone()),
        };
        desk.note(asked, outcome);
        let response = desk.respond(asked, answer);
        drop(desk);
        self.tell();
        response
    }

    async fn do_nothing_yet(&self, asked: Asked, fault: Fault) -> Result<Response<Bytes>, Lost> {
        self.desk().note(&asked, Outcome::Faulted(fault.clone()));
        match fault {
            Fault::Hangs => future::pending().await,
            Fault::Late(delay) => {
                let fake = self.clone();
                tokio::spawn(async move {
                    sleep(delay).await;
                    // Nobody is left to be told of an error.
                    let _ = fake.desk().perform(&asked);
                    fake.tell();
                });
                Err(Lost::Reset)
            }
            _ => Err(Lost::Reset),
        }
    }
}
