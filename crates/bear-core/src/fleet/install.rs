//! Reading what a broker stands on: Docker, and the package source that it comes from.

use super::fields::Fields;
use super::findings::Findings;
use super::model::{Docker, Install, Repository};
use super::tree::{Slot, Value};
use super::words::quoted;
use super::{text, version};

/// Packages that a broker stands on.
pub(super) fn read(slot: &Slot<'_>, findings: &mut Findings) -> Option<Install> {
    let mut fields = Fields::open(slot, "`install`", findings)?;
    let docker = fields.optional("docker", findings, docker);
    fields.finish(findings);
    Some(Install { docker })
}

/// Docker in full, or the exact version alone.
fn docker(slot: &Slot<'_>, findings: &mut Findings) -> Option<Docker> {
    if matches!(slot.node.value, Value::Scalar(_)) {
        let version = version::docker(slot, findings)?;
        return Some(Docker { version, containerd: None, repository: None });
    }
    let mut fields = Fields::open(slot, "`docker`", findings)?;
    let version = fields.required("version", findings, version::docker);
    let containerd = fields.optional("containerd", findings, version::containerd);
    let repository = fields.optional("repository", findings, repository);
    if version.as_ref().is_some_and(|version| !version.is_dockers_own()) {
        for key in ["containerd", "repository"] {
            let why = "only Docker's own packages have it; their versions begin with `5:`";
            fields.forbid(key, why, findings);
        }
    }
    fields.finish(findings);
    Some(Docker { version: version?, containerd, repository })
}

fn repository(slot: &Slot<'_>, findings: &mut Findings) -> Option<Repository> {
    let mut fields = Fields::open(slot, "`repository`", findings)?;
    let url = fields.required("url", findings, text::url);
    let suite = fields.optional("suite", findings, suite);
    let key_url = fields.optional("key_url", findings, text::url);
    let fingerprint = fields.optional("fingerprint", findings, fingerprint);
    fields.finish(findings);
    Some(Repository { url: url?, suite, key_url, fingerprint })
}

fn suite(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::text(slot, findings)?;
    if text::is_plain(text, ".-_/") {
        return Some(text.to_owned());
    }
    findings
        .error("bear::fleet::text", slot.span(), format!("{} is no suite", quoted(text)))
        .label("expected letters, digits, `.`, `-`, `_` and `/`")
        .help("write the code name of the host's release, such as `jammy`, or leave it out");
    None
}

/// The fingerprint of a signing key as `gpg` compares it: without the spaces that people read it by.
fn fingerprint(slot: &Slot<'_>, findings: &mut Findings) -> Option<String> {
    let text = text::text(slot, findings)?;
    let digits = text.replace(' ', "").to_ascii_uppercase();
    if digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(digits);
    }
    findings
        .error(
            "bear::fleet::fingerprint",
            slot.span(),
            format!("{} is no fingerprint of a key", quoted(text)),
        )
        .label("expected 40 hexadecimal digits")
        .help("`gpg --show-keys --with-fingerprint FILE` prints that of a key in a file");
    None
}
