//! Certificates for listeners with TLS.

use std::fmt;

use bear_core::fleet::model::Ports;

use crate::recipe::{Recipe, digest};
use crate::refusal::Refusal;

/// A certificate with its key, as texts in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate, followed by those that lead to one that clients trust.
    pub chain: String,
    /// Its private key, without a passphrase. A secret.
    pub key: String,
    /// The authorities that clients trust, where they are not those that everybody trusts.
    pub authorities: Option<String>,
}

/// Shows no key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("chain", &digest(&self.chain)).finish_non_exhaustive()
    }
}

impl Certificate {
    /// The lines of settings that change with the certificate, so that a new one is a change. The key is not among
    /// them: it is none of the plan's business, and a broker can't use a new one without a new certificate.
    pub(crate) fn comments(&self) -> Vec<String> {
        let authorities = self.authorities.as_ref().map(|text| format!("Authorities {}", digest(text)));
        [format!("Certificate {}", digest(&self.chain))].into_iter().chain(authorities).collect()
    }

    fn check(&self) -> Result<(), Refusal> {
        let pem = |text: &str, what: &str| text.contains(&format!("-----BEGIN {what}-----"));
        let wrong = |why| Err(Refusal::Certificate(why));
        if !pem(&self.chain, "CERTIFICATE") {
            return wrong("its file holds no certificate in PEM");
        }
        if self.chain.contains("PRIVATE KEY-----") {
            return wrong("its file holds a private key, which belongs in a secret");
        }
        if self.authorities.as_ref().is_some_and(|text| !pem(text, "CERTIFICATE")) {
            return wrong("the file of its authorities holds no certificate in PEM");
        }
        if self.key.contains("ENCRYPTED") {
            return wrong("its private key needs a passphrase, which nobody is there to type");
        }
        if !["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"].iter().any(|what| pem(&self.key, what)) {
            return wrong("its key is no private key in PEM");
        }
        Ok(())
    }
}

/// The variables that brokers' shell code reads; they are empty where there is no TLS.
pub(crate) fn describe(tls: Option<&Certificate>, recipe: Recipe) -> Result<Recipe, Refusal> {
    let Some(certificate) = tls else {
        return Ok(recipe.set("tls_chain", "")?.set("tls_authorities", "")?.set("tls_key", "")?);
    };
    certificate.check()?;
    let Certificate { chain, key, authorities } = certificate;
    let mut recipe = recipe
        .set("tls_chain", &lines(chain))?
        .set("tls_authorities", &authorities.as_deref().map(lines).unwrap_or_default())?
        .set("tls_key", &lines(key))?;
    // What a host says comes line by line, and so must the secret be looked for.
    for line in key.lines().filter(|line| line.len() >= 16 && !line.starts_with("-----")) {
        recipe = recipe.carrying(line.trim());
    }
    Ok(recipe)
}

/// The digests of these variables, as `sha256sum` will find them in the files on the host.
pub(crate) fn describe_sums(tls: Option<&Certificate>, recipe: Recipe) -> Result<Recipe, Refusal> {
    let sum = |text: Option<&str>| text.map(|text| digest(&lines(text))).unwrap_or_default();
    Ok(recipe
        .set("tls_chain_sum", &sum(tls.map(|it| it.chain.as_str())))?
        .set("tls_authorities_sum", &sum(tls.and_then(|it| it.authorities.as_deref())))?
        .set("tls_key_sum", &sum(tls.map(|it| it.key.as_str())))?)
}

/// Refuses ports of listeners with TLS, where there is no certificate.
pub(crate) fn refuse_listeners(broker: &'static str, wanted: Ports) -> Result<(), Refusal> {
    match [("mqtts", wanted.mqtts), ("wss", wanted.wss)].iter().find(|(_, port)| port.is_some()) {
        None => Ok(()),
        Some(&(listener, _)) => {
            let why = "it needs a certificate, and the fleet names none";
            Err(Refusal::Listener { broker, listener, why })
        }
    }
}

/// The text with exactly one line end at its end.
fn lines(text: &str) -> String {
    format!("{}\n", text.trim_end())
}
