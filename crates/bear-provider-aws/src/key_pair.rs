//! The operator's public key, as EC2 hands it to machines that boot.

use std::time::Duration;

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{KeyPairInfo, ResourceType};
use bear_core::event::StepError;
use tokio::time::{Instant, sleep};

use crate::Inner;
use crate::failure::Failure;
use crate::marks;
use crate::settings::Notice;

/// How long EC2 may take to show a key pair that it has.
const SHOWN_WITHIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Inner {
    /// The name of the key pair that may log in.
    pub(crate) fn key_name(&self) -> String {
        self.settings.foundation.key_pair.clone().unwrap_or_else(|| self.own_name())
    }

    /// Brings the operator's public key to EC2, unless it is there. The fleet's own key that is another is replaced:
    /// that is for machines to come, and changes nothing for those that are there.
    pub(crate) async fn lay_key(&self) -> Result<(), StepError> {
        let name = self.own_name();
        let doing = format!("importing the key pair {name}");
        let Some(key) = self.settings.public_key.as_deref().map(str::trim).filter(|key| !key.is_empty())
        else {
            let said = format!("{doing} in {}: there is no public key to import", self.region());
            return Err(StepError::permanent("bear::aws::no_public_key", said).with_help(
                "make one with `ssh-keygen -t ed25519`, or name another under `provider: aws: identity:`, or a `key_pair` that EC2 has",
            ));
        };
        match self.import_key(&name, key).await {
            Err(failure) if failure.code() != "InvalidKeyPair.Duplicate" => {
                return Err(self.explain(&failure, &doing));
            }
            _ => {}
        }
        // Launches fail for as long as it is not known.
        let found = self.wait_for_key(&name).await.map_err(|failure| self.explain(&failure, &doing))?;
        let Some(found) = found else { return Ok(()) };
        if marks::read(found.tags()).get(marks::LINEAGE) != Some(&self.settings.lineage) {
            let said = format!(
                "{doing} in {}: the name is taken, by a key pair that is not marked as this fleet's",
                self.region()
            );
            return Err(StepError::permanent("bear::aws::name_taken", said)
                .with_help("delete it if nobody needs it, or name it under `provider: aws: key_pair:` if its private key is yours"));
        }
        if found.public_key().is_some_and(|has| same_key(has, key)) {
            return Ok(());
        }
        self.delete_key(&name).await.map_err(|failure| self.explain(&failure, &doing))?;
        self.import_key(&name, key).await.map_err(|failure| self.explain(&failure, &doing))?;
        self.wait_for_key(&name).await.map(|_| ()).map_err(|failure| self.explain(&failure, &doing))
    }

    /// The key pair that is there, once EC2 shows it.
    async fn wait_for_key(&self, name: &str) -> Result<Option<KeyPairInfo>, Failure> {
        let began = Instant::now();
        loop {
            let found = self.find_key(name).await?;
            if found.is_some() || began.elapsed() >= SHOWN_WITHIN {
                return Ok(found);
            }
            self.api.tell(&Notice::NotYetSeen { what: format!("the key pair {name}") });
            sleep(LOOK_EVERY).await;
        }
    }

    async fn import_key(&self, name: &str, key: &str) -> Result<(), Failure> {
        let tags = marks::on(ResourceType::KeyPair, &marks::common(&self.settings));
        let answer = self.api.call("ImportKeyPair", |ec2| {
            let request = ec2.import_key_pair().key_name(name).public_key_material(Blob::new(key));
            request.tag_specifications(tags.clone()).send()
        });
        answer.await.map(|_| ())
    }

    async fn find_key(&self, name: &str) -> Result<Option<KeyPairInfo>, Failure> {
        let answer = self
            .api
            .call("DescribeKeyPairs", |ec2| {
                ec2.describe_key_pairs().key_names(name).include_public_key(true).send()
            })
            .await;
        match answer {
            Ok(answer) => Ok(answer.key_pairs().first().cloned()),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes the fleet's own key pair, and no other of that name.
    pub(crate) async fn remove_key(&self) -> Result<(), Failure> {
        let name = self.own_name();
        let found = self.find_key(&name).await?;
        let ours =
            found.filter(|key| marks::read(key.tags()).get(marks::LINEAGE) == Some(&self.settings.lineage));
        if ours.is_some() { self.delete_key(&name).await } else { Ok(()) }
    }

    async fn delete_key(&self, name: &str) -> Result<(), Failure> {
        let answer = self.api.call("DeleteKeyPair", |ec2| ec2.delete_key_pair().key_name(name).send());
        answer.await.map(|_| ())
    }
}

/// Whether two public keys are one, whatever is noted beside them.
fn same_key(one: &str, other: &str) -> bool {
    let key = |line: &str| line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    key(one) == key(other)
}

#[cfg(test)]
mod tests {
    use super::same_key;

    #[test]
    fn a_key_is_the_same_whatever_its_comment() {
        assert!(same_key("ssh-ed25519 AAAA me@here\n", "ssh-ed25519 AAAA"));
        assert!(!same_key("ssh-ed25519 AAAA me@here", "ssh-ed25519 BBBB me@here"));
    }
}
