//! The dashboard's users and the API keys: a file below the node's own folder, so that another node name has lost them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::version::Dialect;

/// Who may use the dashboard.
pub(crate) struct Users {
    file: PathBuf,
    stored: Stored,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    users: BTreeMap<String, User>,
    api_keys: BTreeMap<String, ApiKey>,
}

#[derive(Serialize, Deserialize)]
struct User {
    description: String,
    password: Hash,
}

/// A key for programs. Its secret is shown once, when it is made.
#[derive(Serialize, Deserialize)]
pub(crate) struct ApiKey {
    pub(crate) key: String,
    secret: Hash,
    pub(crate) description: String,
    pub(crate) enabled: bool,
    pub(crate) created_at: String,
}

#[derive(Serialize, Deserialize)]
struct Hash {
    salt: String,
    digest: String,
}

/// What EMQX says where it does not do what it was asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UserError {
    #[error("username_already_exist")]
    Exists,
    #[error("username_not_found")]
    NotFound,
    #[error("name_already_existed")]
    KeyExists,
    #[error("Bad Username. Only upper and lower case letters, numbers and underscores are supported")]
    BadName,
    #[error("The range of password length is 8~64")]
    Length,
    #[error(
        "Bad password. At least two different kind of characters from groups of letters, numbers, and special \
         characters. For example, if password is composed from letters, it must contain at least one number or a \
         special character."
    )]
    OneKind,
    #[error("Cannot delete user <<\"{0}\">>")]
    Default(String),
}

impl Users {
    /// Reads what the folder holds, which may be nothing yet.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let file = folder.join("users.json");
        let stored = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Stored::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { file, stored })
    }

    /// The user of the first boot: made if there is none of this name, and looked at no more from then on. From 6.0
    /// on any other user is as good. Without a password none is made, so that nobody can log in.
    pub(crate) fn add_default(&mut self, name: &str, password: &str, dialect: Dialect) -> io::Result<()> {
        let there = self.stored.users.contains_key(name) || (dialect.six && !self.stored.users.is_empty());
        if there || name.is_empty() || password.is_empty() {
            return Ok(());
        }
        self.put(name, password, "administrator")
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.stored.users.contains_key(name)
    }

    pub(crate) fn accepts(&self, name: &str, password: &str) -> bool {
        self.stored.users.get(name).is_some_and(|user| user.password.is_of(password))
    }

    /// The names and descriptions of all.
    pub(crate) fn list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stored.users.iter().map(|(name, user)| (name.as_str(), user.description.as_str()))
    }

    pub(crate) fn add(
        &mut self,
        name: &str,
        password: &str,
        description: &str,
        dialect: Dialect,
    ) -> io::Result<Result<(), UserError>> {
        let well_named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.is_empty() || !well_named {
            return Ok(Err(UserError::BadName));
        }
        if let Err(error) = check_password(password, dialect) {
            return Ok(Err(error));
        }
        if self.has(name) {
            return Ok(Err(UserError::Exists));
        }
        self.put(name, password, description).map(Ok)
    }

    pub(crate) fn set_password(
        &mut self,
        name: &str,
        password: &str,
        dialect: Dialect,
    ) -> io::Result<Result<(), UserError>> {
        if let Err(error) = check_password(password, dialect) {
            return Ok(Err(error));
        }
        let Some(user) = self.stored.users.get(name) else { return Ok(Err(UserError::NotFound)) };
        let description = user.description.clone();
        self.put(name, password, &description).map(Ok)
    }

    /// Takes a user away, and is told who is the one that stays.
    pub(crate) fn remove(&mut self, name: &str, default: &str) -> io::Result<Result<(), UserError>> {
        if name == default {
            return Ok(Err(UserError::Default(name.to_owned())));
        }
        if self.stored.users.remove(name).is_none() {
            return Ok(Err(UserError::NotFound));
        }
        self.save().map(Ok)
    }

    pub(crate) fn api_keys(&self) -> impl Iterator<Item = (&str, &ApiKey)> {
        self.stored.api_keys.iter().map(|(name, key)| (name.as_str(), key))
    }

    pub(crate) fn accepts_key(&self, key: &str, secret: &str) -> bool {
        self.stored.api_keys.values().any(|it| it.enabled && it.key == key && it.secret.is_of(secret))
    }

    /// Makes a key; the answer is its secret.
    pub(crate) fn add_key(
        &mut self,
        name: &str,
        description: &str,
        enabled: bool,
    ) -> io::Result<Result<String, UserError>> {
        if self.stored.api_keys.contains_key(name) {
            return Ok(Err(UserError::KeyExists));
        }
        let secret = random_hex()?;
        let key = ApiKey {
            key: random_hex()?[..16].to_owned(),
            secret: Hash::new(&secret)?,
            description: description.to_owned(),
            enabled,
            created_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        };
        self.stored.api_keys.insert(name.to_owned(), key);
        self.save().map(|()| Ok(secret))
    }

    pub(crate) fn remove_key(&mut self, name: &str) -> io::Result<bool> {
        let there = self.stored.api_keys.remove(name).is_some();
        self.save().map(|()| there)
    }

    fn put(&mut self, name: &str, password: &str, description: &str) -> io::Result<()> {
        let user = User { description: description.to_owned(), password: Hash::new(password)? };
        self.stored.users.insert(name.to_owned(), user);
        self.save()
    }

    fn save(&self) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(&self.stored)?)?;
        file.as_file().sync_all()?;
        file.persist(&self.file)?;
        Ok(())
    }
}

/// EMQX's rule for passwords that are set, by whatever way; the one of the first boot is not held against it.
fn check_password(password: &str, dialect: Dialect) -> Result<(), UserError> {
    if !dialect.password_rule {
        return Ok(());
    }
    if !(8..=64).contains(&password.len()) {
        return Err(UserError::Length);
    }
    let kinds = [
        password.bytes().any(|byte| byte.is_ascii_alphabetic()),
        password.bytes().any(|byte| byte.is_ascii_digit()),
        password.bytes().any(|byte| !byte.is_ascii_alphanumeric()),
    ];
    if kinds.into_iter().filter(|&has| has).count() < 2 { Err(UserError::OneKind) } else { Ok(()) }
}

impl Hash {
    fn new(secret: &str) -> io::Result<Self> {
        let salt = random_hex()?;
        Ok(Self { digest: digest(&salt, secret), salt })
    }

    fn is_of(&self, secret: &str) -> bool {
        digest(&self.salt, secret) == self.digest
    }
}

fn digest(salt: &str, secret: &str) -> String {
    hex(&Sha256::new().chain_update(salt).chain_update(secret).finalize())
}

/// 48 hexadecimal digits that nobody can guess.
pub(crate) fn random_hex() -> io::Result<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old() -> Dialect {
        Dialect::of(&"5.0.9".parse().unwrap())
    }

    #[test]
    fn the_password_of_the_first_boot_stays() {
        let folder = tempfile::tempdir().unwrap();
        for password in ["Bear_first1", "Other_2", "public"] {
            Users::open(folder.path()).unwrap().add_default("admin", password, old()).unwrap();
        }
        let users = Users::open(folder.path()).unwrap();
        assert!(users.accepts("admin", "Bear_first1"));
        assert!(!users.accepts("admin", "Other_2") && !users.accepts("admin", "public"));
    }

    #[test]
    fn another_default_user_is_added_to_the_first_before_6_0() {
        for (version, expected) in [("5.8.9", vec!["admin", "boss"]), ("6.2.2", vec!["admin"])] {
            let folder = tempfile::tempdir().unwrap();
            let mut users = Users::open(folder.path()).unwrap();
            for name in ["admin", "boss"] {
                users.add_default(name, "x", Dialect::of(&version.parse().unwrap())).unwrap();
            }
            assert_eq!(users.list().map(|(name, _)| name).collect::<Vec<_>>(), expected, "{version}");
        }
    }

    #[test]
    fn an_empty_password_locks_everyone_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut users = Users::open(folder.path()).unwrap();
        users.add_default("admin", "", old()).unwrap();
        assert!(!users.accepts("admin", "") && !users.accepts("admin", "public"));
    }
}
