//! The certificates of broken brokers: good ones for 127.0.0.1 and `localhost`, and those that are bad in one way.

use std::sync::{Arc, LazyLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::Fault;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// One for all brokers of a process, so that a test trusts them all at once.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| new_authority("the lab's authority"));

/// The certificate of the authority, in PEM.
pub(super) fn authority() -> Vec<u8> {
    AUTHORITY.pem().into_bytes()
}

/// What accepts TLS with the certificate that `fault` calls for.
pub(super) fn acceptor(fault: Option<Fault>) -> TlsAcceptor {
    let (certificate, key) = certificate(fault);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks every version that rustls does");
    let config = if fault == Some(Fault::WantsClientCertificates) {
        let mut roots = RootCertStore::empty();
        roots.add(AUTHORITY.der().clone()).expect("the authority's certificate was just made");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
        config.with_client_cert_verifier(verifier.build().expect("there is an authority to trust"))
    } else {
        config.with_no_client_auth()
    };
    let config =
        config.with_single_cert(vec![certificate], key.into()).expect("the key is that of the certificate");
    TlsAcceptor::from(Arc::new(config))
}

fn certificate(fault: Option<Fault>) -> (CertificateDer<'static>, KeyPair) {
    let key = new_key();
    let names: &[&str] = match fault {
        Some(Fault::CertificateOfAnother) => &["broker.example.com", "10.77.0.9"],
        _ => &["localhost", "127.0.0.1"],
    };
    let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
    let mut params = CertificateParams::new(names).expect("these are names and addresses");
    params.distinguished_name = named("a broker");
    match fault {
        Some(Fault::CertificateExpired) => params.not_after = date_time_ymd(2020, 12, 31),
        Some(Fault::CertificateNotYetValid) => params.not_before = date_time_ymd(2099, 1, 1),
        _ => {}
    }
    let signed = match fault {
        Some(Fault::CertificateSelfSigned) => params.self_signed(&key),
        Some(Fault::CertificateOfUnknownAuthority) => {
            params.signed_by(&key, &new_authority("an unknown authority"))
        }
        Some(Fault::CertificateOfTheAuthority) => {
            let authority = AUTHORITY.der().clone();
            let key = KeyPair::from_pem(&AUTHORITY.key().serialize_pem());
            return (authority, key.expect("the authority's key was written by itself"));
        }
        _ => params.signed_by(&key, &AUTHORITY),
    };
    (signed.expect("a certificate can be signed").der().clone(), key)
}

fn new_authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = named(name);
    CertifiedIssuer::self_signed(params, new_key()).expect("a certificate can sign itself")
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("ring makes keys")
}
