//! Reading the host key that a member pins: the key itself, or its fingerprint.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::findings::Findings;
use super::mask::is_secret;
use super::text;
use super::tree::Slot;

/// The public key of a host as `TYPE BASE64`, without its comment, or its fingerprint as `SHA256:…`.
pub(super) fn read(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::text(slot, findings)?;
    let label = match pin(text.trim()) {
        Ok(pin) => return Some(pin),
        Err(label) => label,
    };
    findings
        .error("bear::fleet::host_key", slot.span(), "this is no host key, nor the fingerprint of one")
        .label(label)
        .help(
            "write what /etc/ssh/ssh_host_ed25519_key.pub has on the host, or what `ssh-keygen -lf` says of it: \
             `SHA256:` and 43 characters",
        );
    None
}

fn pin(text: &str) -> Result<String, &'static str> {
    if is_secret(text) {
        return Err("a private key, which belongs nowhere but on its host");
    }
    if text.contains(char::is_control) {
        return Err("has more than one line, or a control character");
    }
    if let Some(digest) = text.strip_prefix("SHA256:") {
        let is_digest = STANDARD_NO_PAD.decode(digest).is_ok_and(|bytes| bytes.len() == 32);
        return if is_digest {
            Ok(text.to_owned())
        } else {
            Err("not 43 characters of base64 after `SHA256:`")
        };
    }
    if text.starts_with("MD5:") {
        return Err("an MD5 fingerprint, which others can match");
    }
    let mut words = text.split_ascii_whitespace();
    let (Some(kind), Some(base64)) = (words.next(), words.next()) else {
        return Err("expected a type, and base64 after it");
    };
    if text::is_plain(kind, "-@.") && is_key(kind, base64) {
        return Ok(format!("{kind} {base64}"));
    }
    Err("the base64 is not that of a key of this type; it may have been cut off")
}

/// Whether this is a key of that type and whole: strings after their lengths, the type the first of them, RFC 4253
/// section 6.6.
fn is_key(kind: &str, base64: &str) -> bool {
    let Ok(blob) = STANDARD.decode(base64) else { return false };
    let (mut rest, mut strings) = (blob.as_slice(), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk() {
        let Some((string, after)) = after.split_at_checked(u32::from_be_bytes(*length) as usize) else {
            return false;
        };
        strings.push(string);
        rest = after;
    }
    rest.is_empty() && strings.len() > 1 && strings[0] == kind.as_bytes()
}
