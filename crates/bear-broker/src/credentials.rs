//! Who may connect: names with salted hashes of their passwords, in a file that only its owner can read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use argon2::password_hash::{Output, PasswordHash, PasswordHasher, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};

use crate::error::BrokerError;
use crate::files;

const VERSION: u32 = 1;

/// Memory of one hash in KiB. Small on purpose: the broker is loopback only, and its memory counts.
const MEMORY_KIB: u32 = 8 * 1024;
const PASSES: u32 = 2;

/// The users of a broker.
///
/// ```json
/// {"version": 1, "users": {"ada": "$argon2id$v=19$m=8192,t=2,p=1$…"}}
/// ```
///
/// Each hash has its own salt, so hashing a password twice gives two files: ask [`Credentials::is_only`] before
/// writing one again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    version: u32,
    users: BTreeMap<String, String>,
}

impl Default for Credentials {
    fn default() -> Self {
        Self { version: VERSION, users: BTreeMap::new() }
    }
}

impl Credentials {
    /// Adds a user, or gives one another password.
    pub fn with_user(mut self, user: &str, password: &str) -> Result<Self, BrokerError> {
        let hash =
            hash(password).map_err(|reason| BrokerError::Password { user: user.to_owned(), reason })?;
        self.users.insert(user.to_owned(), hash);
        Ok(self)
    }

    /// Reads a credentials file.
    pub fn load(path: &Path) -> Result<Self, BrokerError> {
        files::read(path, "credentials file", VERSION)
    }

    /// Writes the credentials file with mode 0600, replacing it as one step.
    pub fn save(&self, path: &Path) -> Result<(), BrokerError> {
        files::replace(path, &self.to_bytes()?, 0o600)
    }

    /// The credentials file as bytes, for whoever writes files in their own way. It must be readable by its owner only.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BrokerError> {
        serde_json::to_vec_pretty(self).map_err(|source| BrokerError::Malformed {
            what: "credentials file",
            path: "-".into(),
            source,
        })
    }

    /// Whether this user has this password. Takes some ten milliseconds: that is what makes guessing dear.
    pub fn accepts(&self, user: &str, password: &str) -> bool {
        let Some(hash) = self.users.get(user).and_then(|hash| PasswordHash::new(hash).ok()) else {
            return false;
        };
        is_bearable(&hash) && is_hashed(password, &hash).unwrap_or(false)
    }

    /// Whether this user with this password is all there is, so that the file need not be written again.
    pub fn is_only(&self, user: &str, password: &str) -> bool {
        self.users.len() == 1 && self.accepts(user, password)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("users", &self.users.keys()).finish_non_exhaustive()
    }
}

/// Whether checking a password against this hash takes no more than against those that are written here. A file that
/// was damaged could ask for terabytes.
fn is_bearable(hash: &PasswordHash<'_>) -> bool {
    Params::try_from(hash).is_ok_and(|asked| {
        asked.m_cost() <= MEMORY_KIB && asked.t_cost() <= PASSES && asked.p_cost() <= Params::DEFAULT_P_COST
    })
}

/// Whether this is the hash of that password; none if it is no hash that is written here.
///
/// Each thread keeps the memory that it once took for a check. To take and return eight MiB each time leaves holes among
/// all else that the allocator has given away, which the next eight don't fit into.
fn is_hashed(password: &str, hash: &PasswordHash<'_>) -> Option<bool> {
    thread_local! {
        static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
    }
    let params = Params::try_from(hash).ok()?;
    let blocks = params.block_count();
    let argon = Argon2::new(
        Algorithm::try_from(hash.algorithm).ok()?,
        Version::try_from(hash.version?).ok()?,
        params,
    );
    let expected = hash.hash?;
    let mut salt = [0; Salt::MAX_LENGTH];
    let salt = hash.salt?.decode_b64(&mut salt).ok()?;
    let found = Output::init_with(expected.len(), |found| {
        MEMORY.with_borrow_mut(|memory| {
            memory.resize(memory.len().max(blocks), Block::default());
            Ok(argon.hash_password_into_with_memory(password.as_bytes(), salt, found, memory)?)
        })
    });
    // Outputs take as long to compare whatever they differ in.
    Some(found.ok()? == expected)
}

fn hash(password: &str) -> Result<String, String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    let salt = SaltString::encode_b64(&random).map_err(|error| error.to_string())?;
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| error.to_string())?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon.hash_password(password.as_bytes(), &salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_the_right_password_of_a_known_user_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        let credentials = Credentials::default().with_user("ada", "right").unwrap();
        credentials.save(&path).unwrap();

        let loaded = Credentials::load(&path).unwrap();

        assert_eq!(loaded, credentials);
        let tries = [("ada", "right"), ("ada", "wrong"), ("ada", ""), ("eve", "right")];
        assert_eq!(tries.map(|(user, password)| loaded.accepts(user, password)), [true, false, false, false]);
        assert!(loaded.is_only("ada", "right"));
        assert!(!loaded.with_user("eve", "too").unwrap().is_only("ada", "right"));
    }

    #[test]
    fn a_hash_that_asks_for_more_than_its_share_lets_nobody_in() {
        let right = hash("right").unwrap();
        let check = |from: &str, to: &str| {
            assert!(right.contains(from), "{right}");
            let users = BTreeMap::from([("ada".to_owned(), right.replace(from, to))]);
            assert!(!Credentials { version: VERSION, users }.accepts("ada", "right"), "{to}");
        };
        check("m=8192", "m=4294967295");
        check("t=2", "t=4294967295");
        check("p=1", "p=16777215");
    }

    #[test]
    fn the_file_is_private_and_the_password_is_not_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        let credentials = Credentials::default().with_user("ada", "pass-word").unwrap();

        credentials.save(&path).unwrap();

        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!std::fs::read_to_string(&path).unwrap().contains("pass-word"));
        assert_eq!(format!("{credentials:?}"), r#"Credentials { users: ["ada"], .. }"#);
    }
}
