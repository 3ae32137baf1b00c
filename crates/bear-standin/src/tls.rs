//! Certificates for the encrypted listeners.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What takes TLS connections with a certificate and its key, both PEM.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> io::Result<TlsAcceptor> {
    let unread = |path: &Path, error: &dyn std::fmt::Display| {
        io::Error::other(format!("could not read `{}`: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unread(certificate, &error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unread(key, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|error| unread(certificate, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A certificate that nobody trusts, as EMQX ships one: made at the first boot, kept from then on.
pub(crate) fn own(folder: &Path) -> io::Result<TlsAcceptor> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    if !certificate.exists() {
        let made = rcgen::generate_simple_self_signed([String::from("Server")]).map_err(io::Error::other)?;
        std::fs::create_dir_all(folder)?;
        put(folder, &key, &made.signing_key.serialize_pem())?;
        put(folder, &certificate, &made.cert.pem())?;
    }
    acceptor(&certificate, &key)
}

/// Writes a whole file or none, for its owner only.
fn put(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
