//! What is missing on this machine before EC2 can be asked for machines.

use std::fmt::Display;
use std::io;
use std::path::Path;

use bear_core::event::StepError;

/// Neither the fleet file nor the state tells of this region.
pub(super) fn no_region(region: &str) -> StepError {
    StepError::permanent("bear::aws::region", format!("nothing is known about the region {region}"))
        .with_help("this is a bug in bear; please report it with your fleet file")
}

/// The public half of the key to log in with can't be read.
pub(super) fn public_key(path: &Path, error: &io::Error) -> StepError {
    StepError::permanent(
        "bear::aws::public_key",
        format!("reading the public key {}: {error}", path.display()),
    )
    .with_help("let this user read it, or name another key under `provider: aws: identity:`")
}

/// What the first host keys of machines are derived from can't be had.
pub(super) fn host_keys(secret: &str, why: &dyn Display) -> StepError {
    StepError::permanent("bear::aws::host_keys", format!("reading the secret {secret}: {why}")).with_help(
        "bear made it and keeps it in `.bear`, in the secrets.json of the fleet: bring that file back",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_is_missing_and_what_to_do() {
        let denied = io::Error::from_raw_os_error(13);
        let errors = [
            no_region("eu-west-3"),
            public_key(Path::new("/home/ann/.ssh/id_ed25519.pub"), &denied),
            host_keys("ssh.first-host-keys", &"could not read /home/ann/project/.bear/daily/secrets.json"),
        ];
        insta::assert_snapshot!(errors.each_ref().map(StepError::told).concat(), @"
        bear::aws::region: nothing is known about the region eu-west-3
          help: this is a bug in bear; please report it with your fleet file
        bear::aws::public_key: reading the public key /home/ann/.ssh/id_ed25519.pub: Permission denied (os error 13)
          help: let this user read it, or name another key under `provider: aws: identity:`
        bear::aws::host_keys: reading the secret ssh.first-host-keys: could not read /home/ann/project/.bear/daily/secrets.json
          help: bear made it and keeps it in `.bear`, in the secrets.json of the fleet: bring that file back
        ");
    }
}
