//! One host key, its fingerprint, and what a fleet file may pin.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// The public key of a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostKey {
    kind: String,
    blob: Vec<u8>,
}

/// Why a text is no host key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has not two words.
    #[error("a host key is written `TYPE BASE64`, as in /etc/ssh/ssh_host_ed25519_key.pub")]
    Shape,
    /// The second word is not the base64 of a key of that type.
    #[error("the base64 after `{0}` is not that of a key of this type; it may have been cut off")]
    Blob(String),
    /// A fingerprint of another length, or with other characters.
    #[error("a fingerprint is written `SHA256:` and 43 characters, as `ssh-keygen -lf` prints it")]
    Fingerprint,
}

impl HostKey {
    /// Its type, such as `ssh-ed25519`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// `SHA256:` and the base64 of its digest, as every OpenSSH tool shows it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }

    /// The signature algorithms by which a host proves that it has this key.
    pub(crate) fn algorithms(&self) -> &str {
        match self.kind.as_str() {
            "ssh-rsa" => "rsa-sha2-512,rsa-sha2-256",
            kind => kind,
        }
    }
}

/// As in `known_hosts`, without the host.
impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, STANDARD.encode(&self.blob))
    }
}

/// Reads `TYPE BASE64`, with or without a comment.
impl FromStr for HostKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut words = text.split_ascii_whitespace();
        let (Some(kind), Some(base64)) = (words.next(), words.next()) else {
            return Err(KeyError::Shape);
        };
        let blob = STANDARD.decode(base64).map_err(|_| KeyError::Blob(kind.to_owned()))?;
        // The type stands in the key once more, RFC 4253 section 6.6, after its length.
        let length = u32::try_from(kind.len()).map_err(|_| KeyError::Shape)?.to_be_bytes();
        let rest = blob.strip_prefix(&length).and_then(|rest| rest.strip_prefix(kind.as_bytes()));
        match rest {
            Some(rest) if !rest.is_empty() => Ok(Self { kind: kind.to_owned(), blob }),
            _ => Err(KeyError::Blob(kind.to_owned())),
        }
    }
}

/// The host key that a fleet file names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pin {
    /// The key itself.
    Key(HostKey),
    /// Its fingerprint, `SHA256:…`.
    Fingerprint(String),
}

impl Pin {
    /// Whether this is the key.
    pub fn is(&self, key: &HostKey) -> bool {
        match self {
            Self::Key(pinned) => pinned == key,
            Self::Fingerprint(pinned) => *pinned == key.fingerprint(),
        }
    }

    /// Its fingerprint.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Key(key) => key.fingerprint(),
            Self::Fingerprint(fingerprint) => fingerprint.clone(),
        }
    }
}

impl FromStr for Pin {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let Some(digest) = text.strip_prefix("SHA256:") else {
            return text.parse().map(Self::Key);
        };
        match STANDARD_NO_PAD.decode(digest) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self::Fingerprint(text.to_owned())),
            _ => Err(KeyError::Fingerprint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `ssh-keygen -t ed25519`, like its fingerprint.
    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGQR9aXrF0ajMArO1cBwGQZ881OVcIztF2stDe6faZnj comment";
    const FINGERPRINT: &str = "SHA256:QtdYR27WbO0b58tXvtZ1XO73bMUiIAKVBQCgrks1M9I";

    #[test]
    fn the_fingerprint_is_that_of_ssh_keygen() {
        let key = LINE.parse::<HostKey>().unwrap();
        assert_eq!(key.fingerprint(), FINGERPRINT);
        assert_eq!(key.to_string(), LINE.rsplit_once(' ').unwrap().0);
        for pin in [LINE, FINGERPRINT] {
            assert!(pin.parse::<Pin>().unwrap().is(&key), "{pin}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let check = |text: &str| text.parse::<Pin>().unwrap_err().to_string();
        insta::assert_snapshot!(check("ssh-ed25519"), @"a host key is written `TYPE BASE64`, as in /etc/ssh/ssh_host_ed25519_key.pub");
        insta::assert_snapshot!(check("ssh-ed25519 AAAA"), @"the base64 after `ssh-ed25519` is not that of a key of this type; it may have been cut off");
        insta::assert_snapshot!(check(&LINE.replace("ssh-ed25519", "ssh-rsa")), @"the base64 after `ssh-rsa` is not that of a key of this type; it may have been cut off");
        insta::assert_snapshot!(check("SHA256:abc"), @"a fingerprint is written `SHA256:` and 43 characters, as `ssh-keygen -lf` prints it");
    }
}
