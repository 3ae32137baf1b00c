//! TLS: what a certificate must hold up against, and in plain words what was wrong with a handshake.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{Resumption, VerifierBuilderError, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError,
    RootCertStore, SignatureScheme,
};

use crate::Target;
use crate::failure::{Deadline, Failure};
use crate::wire::{bracketed, words};

/// Names of a certificate that are shown; some have hundreds.
const SHOWN_NAMES: usize = 3;

/// How every connection over TLS of one run is made.
#[derive(Clone, Debug)]
pub(crate) struct Secured {
    pub(crate) config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Secured {
    /// What `target` asks of a certificate, or why that makes no sense.
    pub(crate) fn new(target: &Target) -> Result<Self, Failure> {
        let name = target.tls.server_name.as_ref().unwrap_or(&target.host);
        let name = ServerName::try_from(name.as_str())
            .map_err(|_| Failure::wrong(format!("no certificate can be for the name {name:?}")))?
            .to_owned();
        let provider = Arc::new(ring::default_provider());
        let verifier = Named::new(roots(target)?, name.clone(), &provider)
            .map_err(|problem| Failure::wrong(format!("no certificate can be checked: {problem}")))?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|problem| Failure::wrong(format!("no TLS can be spoken: {problem}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        // A resumed session shows no certificate, and every connection here is to prove its own.
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), name })
    }

    /// One handshake at `port`, and nothing within it.
    pub(crate) async fn handshake(&self, host: &str, port: u16, deadline: Deadline) -> Result<(), Failure> {
        let address = format!("{}:{port}", bracketed(host));
        let tcp = deadline.connect(host, port).await?;
        let connector = TlsConnector::from(self.config.clone());
        match deadline.bound(connector.connect(self.name.clone(), tcp)).await {
            Some(Ok(mut stream)) => {
                // The handshake is proven; how the server takes the end of it is no part of the question.
                let _ = deadline.bound(stream.shutdown()).await;
                Ok(())
            }
            Some(Err(error)) => Err(broken_off(&error).unwrap_or(Failure::ClosedAtOnce { address })),
            None => Err(Failure::Silent { address, limit: deadline.limit }),
        }
    }
}

/// Checks every certificate against one name, whatever address the connection was made to.
///
/// Brokers are reached by addresses that their certificates know nothing of, and the MQTT client has one field for the
/// address and the name. What it can't do is tell the server a name that it did not connect to (SNI): a server that
/// holds a certificate for each of several names is asked for the right one in [`Secured::handshake`] alone.
#[derive(Debug)]
struct Named {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl Named {
    fn new(
        roots: RootCertStore,
        name: ServerName<'static>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        Ok(Self { inner, name })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _connected_to: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verdict =
            self.inner.verify_server_cert(certificate, intermediates, &self.name, ocsp_response, now);
        match verdict {
            Err(TlsError::InvalidCertificate(CertificateError::UnknownIssuer))
                if signs_itself(certificate) =>
            {
                Err(CertificateError::Other(OtherError(Arc::new(SelfSigned))).into())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// An unknown issuer that is the certificate itself: worth its own words, since the way out is another one.
#[derive(Debug, thiserror::Error)]
#[error("self-signed")]
struct SelfSigned;

fn signs_itself(certificate: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate).is_ok_and(|parsed| parsed.issuer() == parsed.subject())
}

/// The authorities to trust.
fn roots(target: &Target) -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    let Some(pem) = &target.tls.roots else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if store.is_empty() {
            Err(Failure::wrong("this machine trusts no authority for certificates"))
        } else {
            Ok(store)
        };
    };
    let unreadable =
        |problem: &dyn Display| Failure::wrong(format!("a certificate to trust can't be read: {problem}"));
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|problem| unreadable(&problem))?;
        store.add(certificate).map_err(|problem| unreadable(&problem))?;
    }
    if store.is_empty() {
        return Err(Failure::wrong("there is no certificate among those to trust"));
    }
    Ok(store)
}

/// Why TLS ended, where it was TLS that ended it; `None` for a connection that was merely closed.
pub(crate) fn broken_off(error: &(dyn Error + 'static)) -> Option<Failure> {
    let mut next = Some(error);
    while let Some(error) = next {
        // An error of input or output skips what it holds when asked for its source.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(tls) = held.and_then(|held| held.downcast_ref()).or_else(|| error.downcast_ref()) {
            return Some(failure(tls));
        }
        next = error.source();
    }
    None
}

fn failure(error: &TlsError) -> Failure {
    match error {
        TlsError::InvalidCertificate(problem) => Failure::Certificate(certificate_words(problem)),
        TlsError::InvalidMessage(_) => Failure::NoTls,
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            Failure::wrong("the broker asks its clients for certificates of their own")
        }
        TlsError::AlertReceived(alert) => {
            Failure::wrong(format!("the broker refused the TLS handshake: {}", words(alert)))
        }
        other => Failure::wrong(format!("the TLS handshake failed: {other}")),
    }
}

/// What is wrong with a certificate, as the end of a sentence that begins with it.
fn certificate_words(problem: &CertificateError) -> String {
    match problem {
        CertificateError::ExpiredContext { not_after, .. } => format!("expired on {}", date(*not_after)),
        CertificateError::Expired => "has expired".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("is not valid before {}; are the clocks right?", date(*not_before))
        }
        CertificateError::NotValidYet => "is not valid yet; are the clocks right?".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("is for {}, not for {}", names(presented), expected.to_str())
        }
        CertificateError::NotValidForName => "is for another name".to_owned(),
        CertificateError::UnknownIssuer => "was signed by an authority that is not trusted here".to_owned(),
        CertificateError::Other(other) if other.0.is::<SelfSigned>() => {
            "was signed by nobody but itself".to_owned()
        }
        CertificateError::Other(other) if is_an_authoritys_own(other) => {
            "is an authority's own, where one that an authority signed is needed".to_owned()
        }
        CertificateError::BadSignature => "has a signature that is not its authority's".to_owned(),
        CertificateError::BadEncoding => "can't be read".to_owned(),
        other => format!("does not hold: {other}"),
    }
}

fn is_an_authoritys_own(problem: &OtherError) -> bool {
    problem.0.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity)
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let timestamp = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp
        .map_or_else(|| "a day out of all bounds".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// The names that a certificate is for. rustls hands them on as `DnsName("broker.example.com")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        inner.trim_matches('"').escape_default().to_string()
    };
    match presented {
        [] => "no host name".to_owned(),
        some if some.len() > SHOWN_NAMES => {
            let shown: Vec<String> = some.iter().take(SHOWN_NAMES).map(bare).collect();
            format!("{} and {} more", shown.join(", "), some.len() - SHOWN_NAMES)
        }
        some => some.iter().map(bare).collect::<Vec<_>>().join(", "),
    }
}
