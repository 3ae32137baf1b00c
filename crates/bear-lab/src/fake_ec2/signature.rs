//! Signatures of requests, version 4: whose they are, what they are for, when they were made, and whether they are true.

use bytes::Bytes;
use hyper::Request;
use hyper::http::uri::Authority;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use sha2::{Digest as _, Sha256};

use super::failure::Failure;
use super::settings::{ACCESS_KEY, SECRET_KEY};

/// How far the caller's clock may be off.
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);

/// The services that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Ec2,
    Sts,
}

/// What a signature is held against.
pub(super) struct Expected<'a> {
    pub(super) service: Service,
    pub(super) region: &'a str,
    pub(super) now: Timestamp,
    /// Whether the credentials have expired.
    pub(super) expired: bool,
}

impl Expected<'_> {
    /// An error unless a request is signed as it should be.
    pub(super) fn check(&self, request: &Request<Bytes>) -> Result<(), Failure> {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let Some(authorization) = text("authorization") else {
            let message = "Request is missing Authentication Token";
            return Err(Failure::new(403, "MissingAuthenticationToken", message));
        };
        let signature = Signature::read(authorization).ok_or_else(|| {
            let message =
                "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.";
            Failure::new(400, "IncompleteSignature", message)
        })?;
        let stamp = text("x-amz-date").unwrap_or_default();
        let date = read_date(stamp).ok_or_else(|| {
            let message =
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
            Failure::new(400, "IncompleteSignature", message)
        })?;
        if signature.key != ACCESS_KEY {
            return Err(self.stranger());
        }
        let name = if self.service == Service::Ec2 { "ec2" } else { "sts" };
        if signature.region != self.region || signature.service != name {
            return Err(self.misdirected());
        }
        if signature.proof != signature.compute(SECRET_KEY, stamp, request) {
            return Err(self.forged());
        }
        let age = self.now.duration_since(date);
        if age > SKEW_MAX || self.expired {
            return Err(self.late(date));
        }
        if age < -SKEW_MAX { Err(self.misdirected()) } else { Ok(()) }
    }

    fn stranger(&self) -> Failure {
        match self.service {
            Service::Ec2 => Failure::auth_failure(),
            Service::Sts => {
                let message = "The security token included in the request is invalid.";
                Failure::new(403, "InvalidClientTokenId", message)
            }
        }
    }

    fn misdirected(&self) -> Failure {
        match self.service {
            Service::Ec2 => Failure::auth_failure(),
            Service::Sts => {
                let message = "Credential should be scoped to a valid region.";
                Failure::new(403, "SignatureDoesNotMatch", message)
            }
        }
    }

    fn forged(&self) -> Failure {
        match self.service {
            Service::Ec2 => Failure::auth_failure(),
            Service::Sts => {
                let message = "The request signature we calculated does not match the signature you provided. Check \
                               your AWS Secret Access Key and signing method.";
                Failure::new(403, "SignatureDoesNotMatch", message)
            }
        }
    }

    fn late(&self, date: Timestamp) -> Failure {
        match self.service {
            Service::Ec2 => Failure::request_expired(),
            Service::Sts if self.expired => Failure::token_expired(),
            Service::Sts => {
                let message = format!("Signature expired: {date} is now earlier than {} (5 min.)", self.now);
                Failure::new(403, "SignatureDoesNotMatch", message)
            }
        }
    }
}

/// What the header `Authorization` says.
pub(super) struct Signature<'a> {
    key: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    /// The names of the headers that it is of, as they are sent.
    headers: &'a str,
    proof: &'a str,
}

impl<'a> Signature<'a> {
    /// Reads `AWS4-HMAC-SHA256 Credential=KEY/DAY/REGION/SERVICE/aws4_request, SignedHeaders=…, Signature=…`.
    pub(super) fn read(authorization: &'a str) -> Option<Self> {
        let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?.split(',').map(str::trim);
        let (mut credential, mut headers, mut proof) = (None, None, None);
        for part in parts {
            match part.split_once('=')? {
                ("Credential", value) => credential = Some(value),
                ("SignedHeaders", value) => headers = Some(value),
                ("Signature", value) => proof = Some(value),
                _ => return None,
            }
        }
        let (headers, proof) = (headers?, proof?);
        let signed = |name| headers.split(';').any(|header| header == name);
        let [key, day, region, service, "aws4_request"] = credential?.split('/').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        (signed("host") && signed("x-amz-date")).then_some(Self { key, day, region, service, headers, proof })
    }

    /// What the proof has to be for a request that was made at `stamp`.
    pub(super) fn compute(&self, secret: &str, stamp: &str, request: &Request<Bytes>) -> String {
        let Self { day, region, service, headers, .. } = self;
        let uri = request.uri();
        let header = |name: &str| {
            let sent = request.headers().get(name).and_then(|value| value.to_str().ok());
            // Without a connection nobody has turned the address into a header yet.
            let sent = if name == "host" { sent.or(uri.authority().map(Authority::as_str)) } else { sent };
            let words = sent.unwrap_or_default().split_whitespace().collect::<Vec<_>>();
            format!("{name}:{}\n", words.join(" "))
        };
        let canonical = format!(
            "{}\n{}\n{}\n{}\n{headers}\n{}",
            request.method(),
            uri.path(),
            uri.query().unwrap_or_default(),
            headers.split(';').map(header).collect::<String>(),
            hex(&Sha256::digest(request.body()))
        );
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [*day, region, service, "aws4_request"] {
            key = keyed_hash(&key, part);
        }
        hex(&keyed_hash(&key, &text))
    }
}

/// HMAC-SHA256 (RFC 2104), for keys that are no longer than a block.
fn keyed_hash(key: &[u8], text: &str) -> Vec<u8> {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_date(text: &str) -> Option<Timestamp> {
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS's documentation, "Create a signed AWS API request".
    #[test]
    fn a_signature_is_computed_as_documented() {
        let request = Request::get("/?Action=ListUsers&Version=2010-05-08")
            .header("host", "iam.amazonaws.com")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("x-amz-date", "20150830T123600Z")
            .body(Bytes::new())
            .unwrap();
        let proof = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, Signature={proof}"
        );
        let signature = Signature::read(&authorization).unwrap();
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        assert_eq!(signature.compute(secret, "20150830T123600Z", &request), proof);
    }
}
