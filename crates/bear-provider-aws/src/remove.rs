//! Taking the foundation away, and the proof that nothing remains.

use std::time::Duration;

use bear_core::event::StepError;
use bear_core::fleet::Foundation;
use tokio::time::{Instant, sleep};

use crate::Inner;
use crate::addresses::absent_is_fine;
use crate::failure::Failure;
use crate::seen::{self, filter, living, of_lineage};
use crate::words;

/// How long EC2 may hold on to a security group whose machines have ended.
const FREE_WITHIN: Duration = Duration::from_mins(3);
/// How long it may take until nothing is shown any more.
const GONE_WITHIN: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How many ids a message names.
const NAMED_MAX: usize = 5;

impl Inner {
    /// Takes away what bear made for all machines, once none is left, and proves that nothing remains.
    pub(crate) async fn remove_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        let alive = seen::list(&self.api, vec![of_lineage(&self.settings.lineage), living()]).await;
        let alive = alive.map_err(|failure| self.explain(&failure, "looking for machines"))?;
        if !alive.is_empty() {
            let ids = name(alive.iter().map(|seen| seen.id.as_str()));
            return Err(words::machines_left(self.region(), &ids));
        }
        *self.ground.lock().await = None;
        let explain = |doing: &'static str| move |failure: Failure| self.explain(&failure, doing);
        self.release_addresses(None).await.map_err(explain("releasing elastic addresses"))?;
        if foundation.security_groups.is_empty() {
            self.remove_group().await?;
        }
        if foundation.key_pair.is_none() {
            self.remove_key().await.map_err(explain("deleting the key pair"))?;
        }
        self.sweep().await
    }

    /// Deletes the security group. Interfaces of machines hold on to it a little longer than the machines live.
    async fn remove_group(&self) -> Result<(), StepError> {
        let doing = format!("deleting the security group {}", self.own_name());
        let found = self.find_group().await.map_err(|failure| self.explain(&failure, &doing))?;
        let Some(id) = found.as_ref().and_then(|group| group.group_id()) else { return Ok(()) };
        let began = Instant::now();
        loop {
            let answer = self
                .api
                .call("DeleteSecurityGroup", |ec2| ec2.delete_security_group().group_id(id).send())
                .await;
            match absent_is_fine(answer.map(|_| ())) {
                Ok(()) => return Ok(()),
                Err(failure) if failure.code() != "DependencyViolation" => {
                    return Err(self.explain(&failure, &doing));
                }
                Err(failure) => {
                    // The fleet has no machine any more: what lives and uses it is somebody else's, and stays.
                    let users = self.users_of(id).await.unwrap_or_default();
                    let error = self.explain(&failure, &format!("{doing} ({id})"));
                    if !users.is_empty() {
                        let help = format!("used by {users}: take it out of there, then do the same again");
                        return Err(error.with_help(help));
                    }
                    if began.elapsed() >= FREE_WITHIN {
                        return Err(error);
                    }
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// What uses a security group: machines that are in it, and groups whose rules name it.
    async fn users_of(&self, group: &str) -> Result<String, Failure> {
        let machines = seen::list(&self.api, vec![filter("instance.group-id", [group]), living()]).await?;
        let filters = vec![filter("ip-permission.group-id", [group])];
        let groups = self
            .api
            .call("DescribeSecurityGroups", |ec2| {
                ec2.describe_security_groups().set_filters(Some(filters.clone())).send()
            })
            .await;
        let groups = groups.map(|answer| answer.security_groups().to_vec()).unwrap_or_default();
        let groups = groups.iter().filter_map(|other| other.group_id()).filter(|other| *other != group);
        Ok(name(machines.iter().map(|seen| seen.id.as_str()).chain(groups)))
    }

    /// Proves that nothing is left that is marked as the fleet's.
    async fn sweep(&self) -> Result<(), StepError> {
        let began = Instant::now();
        loop {
            let left = self.remains().await?;
            if left.is_empty() {
                return Ok(());
            }
            if began.elapsed() >= GONE_WITHIN {
                let ids = name(left.iter().map(String::as_str));
                return Err(words::remains(self.region(), &ids));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The ids of all that lives and is marked as the fleet's.
    pub(crate) async fn remains(&self) -> Result<Vec<String>, StepError> {
        self.list_remains().await.map_err(|failure| self.explain(&failure, "looking for what remains"))
    }

    /// Each kind is asked for by itself: `DescribeTags` goes on telling of tags whose bearers are gone.
    async fn list_remains(&self) -> Result<Vec<String>, Failure> {
        let ours = || vec![of_lineage(&self.settings.lineage)];
        let machines = seen::list(&self.api, vec![of_lineage(&self.settings.lineage), living()]).await?;
        let volumes = self
            .api
            .call("DescribeVolumes", |ec2| ec2.describe_volumes().set_filters(Some(ours())).send())
            .await?;
        let addresses = self.addresses(Vec::new()).await?;
        let groups = self
            .api
            .call("DescribeSecurityGroups", |ec2| {
                ec2.describe_security_groups().set_filters(Some(ours())).send()
            })
            .await?;
        let keys = self
            .api
            .call("DescribeKeyPairs", |ec2| ec2.describe_key_pairs().set_filters(Some(ours())).send())
            .await?;
        let machines = machines.iter().map(|seen| seen.id.as_str());
        let volumes = volumes.volumes().iter().filter_map(|volume| volume.volume_id());
        let addresses = addresses.iter().filter_map(|address| address.allocation_id());
        let groups = groups.security_groups().iter().filter_map(|group| group.group_id());
        let keys = keys.key_pairs().iter().filter_map(|key| key.key_pair_id());
        let all = machines.chain(volumes).chain(addresses).chain(groups).chain(keys);
        Ok(all.map(str::to_owned).collect())
    }
}

/// The first few of some ids, and how many more there are.
fn name<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids = ids.collect::<Vec<_>>();
    let named = ids.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match ids.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
