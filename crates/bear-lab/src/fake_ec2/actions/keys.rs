//! Key pairs, of which EC2 has only the public half here.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::truth::Truth;
use super::super::truth::resource::KeyPair;
use super::super::xml::Xml;
use super::Answer;
use super::filter::{Filters, one};
use super::tags::{self, NewTags};

pub(super) fn import(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let name = query.required("KeyName")?;
    let (public_key, kind, fingerprint) = read_key(query.required("PublicKeyMaterial")?)?;
    let tags = NewTags::read(query, &["key-pair"])?;
    if truth.keys.contains_key(name) {
        let message = format!("The keypair already exists: '{name}'");
        return Err(Failure::new(400, "InvalidKeyPair.Duplicate", message));
    }
    let id = truth.chance.id("key");
    let visible_from = truth.visible_from();
    let mut xml = Xml::default();
    xml.text("keyName", name).text("keyFingerprint", &fingerprint).text("keyPairId", &id);
    tags.write(&mut xml);
    tags.put_on(truth, "key-pair", &id);
    let key =
        KeyPair { id, name: name.to_owned(), public_key, kind, fingerprint, made: truth.now, visible_from };
    truth.keys.insert(name.to_owned(), key);
    Ok(xml)
}

/// The line of a public key that came in base64, its kind, and its fingerprint.
fn read_key(material: &str) -> Result<(String, &'static str, String), Failure> {
    let refusal = || Failure::new(400, "InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    let line = STANDARD.decode(material).ok().and_then(|line| String::from_utf8(line).ok());
    let line = line.ok_or_else(refusal)?.trim().to_owned();
    let mut words = line.split_whitespace();
    let kind = match words.next() {
        Some("ssh-ed25519") => "ed25519",
        Some("ssh-rsa") => "rsa",
        _ => return Err(refusal()),
    };
    let blob = words.next().and_then(|blob| STANDARD.decode(blob).ok()).ok_or_else(refusal)?;
    // For RSA EC2 has an older fingerprint, of MD5. Nobody here compares it.
    let digest = Sha256::digest(blob);
    let engine = if kind == "ed25519" { STANDARD } else { STANDARD_NO_PAD };
    let fingerprint = engine.encode(digest);
    Ok((line, kind, fingerprint))
}

pub(super) fn delete(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let (name, id) = (query.get("KeyName"), query.get("KeyPairId"));
    if name.is_none() && id.is_none() {
        query.required("KeyName")?;
    }
    let key = truth
        .keys
        .values()
        .find(|key| Some(key.name.as_str()) == name || Some(key.id.as_str()) == id)
        .cloned();
    let mut xml = Xml::default();
    // To delete what is not there is no error.
    xml.text("return", true).maybe("keyPairId", key.as_ref().map(|key| &key.id));
    if let Some(key) = key {
        truth.keys.shift_remove(&key.name);
        truth.tags.remove(&key.id);
    }
    Ok(xml)
}

const FILTERS: [&str; 3] = ["key-pair-id", "fingerprint", "key-name"];

pub(super) fn describe(truth: &mut Truth, query: &Query<'_>) -> Answer {
    let filters = Filters::read(query, &FILTERS)?;
    let (names, ids) = (query.list("KeyName"), query.list("KeyPairId"));
    let with_key = query.flag("IncludePublicKey")?.unwrap_or_default();
    let seen = truth.keys.values().filter(|key| key.visible_from <= truth.now).collect::<Vec<_>>();
    for name in &names {
        if !seen.iter().any(|key| key.name == *name) {
            return Err(Failure::missing("InvalidKeyPair", "key pair", name));
        }
    }
    for id in &ids {
        if !seen.iter().any(|key| key.id == *id) {
            return Err(Failure::missing("InvalidKeyPair", "key pair ID", id));
        }
    }
    let chosen = |key: &KeyPair| {
        (names.is_empty() && ids.is_empty())
            || names.contains(&key.name.as_str())
            || ids.contains(&key.id.as_str())
    };
    let found = seen.into_iter().filter(|key| {
        let field = |name: &str| match name {
            "key-pair-id" => one(&key.id),
            "fingerprint" => one(&key.fingerprint),
            _ => one(&key.name),
        };
        chosen(key) && filters.accept(truth, &key.id, field)
    });
    let mut xml = Xml::default();
    xml.set("keySet", found, |xml, key| {
        xml.text("keyPairId", &key.id).text("keyName", &key.name).text("keyType", key.kind);
        xml.text("keyFingerprint", &key.fingerprint).text("createTime", truth.date(key.made));
        xml.maybe("publicKey", with_key.then_some(&key.public_key));
        tags::write(xml, truth, &key.id);
    });
    Ok(xml)
}
