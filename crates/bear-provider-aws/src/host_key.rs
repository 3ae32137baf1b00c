//! The first host key of a machine: known before the machine exists, so that the first connection is already strict.
//!
//! It is derived from the fleet's secret and the launch that asked for the machine, so nothing has to be recorded to
//! know it, and nothing is lost with a crash. cloud-init puts it in place from user data, before sshd starts.
//!
//! # Limits
//!
//! User data is the same for all machines that EC2 launches for one request, so machines that were asked for together
//! have the same first key. And user data can be read: by root on such a machine, by whatever reaches the metadata
//! service from it (which asks for version 2 and answers no further than the machine itself), and by who may
//! `ec2:DescribeInstanceAttribute`. Until the key is replaced, any of those could answer in a machine's place. That is
//! why the first thing done over the first connection is to replace it by one that is made on the host and never leaves
//! it; from then on what lies in user data opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::settings::HostKeySecret;

const KIND: &str = "ssh-ed25519";

/// An ed25519 host key.
pub(crate) struct HostKey {
    seed: [u8; 32],
    public: [u8; 32],
}

impl HostKey {
    /// The first key of the machines of a launch.
    pub(crate) fn of_launch(secret: &HostKeySecret, launch: &str) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let derived = hmac::sign(&secret, format!("bear first host key\n{launch}").as_bytes());
        let mut seed = [0; 32];
        seed.copy_from_slice(derived.as_ref());
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a seed");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Self { seed, public }
    }

    /// As it stands in `known_hosts` and in a `.pub` file: `ssh-ed25519 AAAA…`.
    pub(crate) fn public_line(&self) -> String {
        format!("{KIND} {}", STANDARD.encode(self.public_blob()))
    }

    fn public_blob(&self) -> Vec<u8> {
        [string(KIND.as_bytes()), string(&self.public)].concat()
    }

    /// As `ssh-keygen` writes it without a passphrase: OpenSSH's PROTOCOL.key.
    fn private_file(&self) -> String {
        // Two equal numbers show whether it was decrypted rightly. It is not encrypted, and they may be any.
        let check = 0x6265_6172_u32.to_be_bytes();
        let pair = [self.seed, self.public].concat();
        let mut private = [
            &check[..],
            &check,
            &string(KIND.as_bytes()),
            &string(&self.public),
            &string(&pair),
            &string(b""),
        ]
        .concat();
        private.extend((1..).take((8 - private.len() % 8) % 8));
        let file = [
            &b"openssh-key-v1\0"[..],
            &string(b"none"),
            &string(b"none"),
            &string(b""),
            &1_u32.to_be_bytes(),
            &string(&self.public_blob()),
            &string(&private),
        ]
        .concat();
        let text = STANDARD.encode(file);
        let lines = text.as_bytes().chunks(70).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}\n-----END OPENSSH PRIVATE KEY-----\n")
    }

    /// User data that gives a machine this host key and no other, in base64 as EC2 takes it.
    pub(crate) fn user_data(&self) -> String {
        let private = self.private_file().lines().map(|line| format!("    {line}\n")).collect::<String>();
        let public = self.public_line();
        let text = format!(
            "#cloud-config\nssh_deletekeys: true\nssh_keys:\n  ed25519_private: |\n{private}  ed25519_public: {public}\n"
        );
        STANDARD.encode(text)
    }
}

/// A string as SSH writes it: its length, and then itself (RFC 4251, 5).
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a key is short");
    [&length.to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn key(launch: &str) -> HostKey {
        HostKey::of_launch(&HostKeySecret::new("0123456789abcdef0123456789abcdef"), launch)
    }

    #[test]
    fn it_is_the_same_for_the_same_launch_and_another_for_another() {
        assert_eq!(key("one").public_line(), key("one").public_line());
        assert_ne!(key("one").public_line(), key("two").public_line());
    }

    #[test]
    fn openssh_reads_the_private_key_and_finds_the_public_one_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, key("one").private_file()).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let output = Command::new("ssh-keygen").arg("-y").arg("-f").arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), key("one").public_line());
    }

    #[test]
    fn cloud_init_gets_both_halves() {
        let text = STANDARD.decode(key("one").user_data()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("#cloud-config\n"), "{text}");
        assert!(
            text.contains(&key("one").public_line())
                && text.contains("    -----BEGIN OPENSSH PRIVATE KEY-----\n")
        );
        assert!(text.len() < 16 * 1024);
    }
}
