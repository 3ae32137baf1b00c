//! Elastic addresses: public addresses that stay with an instance when its machine is stopped.
//!
//! EC2 has no client tokens for them, so one is marked with its instance's token when it is allocated, and looked for
//! before another is.

use std::time::Duration;

use aws_sdk_ec2::types::{Address, DomainType, Filter, ResourceType};
use bear_core::event::StepError;
use bear_core::name::InstanceName;
use tokio::time::{Instant, sleep};

use crate::Inner;
use crate::failure::Failure;
use crate::marks;
use crate::seen::{Seen, filter, of_lineage};

/// How long to wait for an address that may have been allocated by a request whose answer was lost.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// How long EC2 may take to know an address that was allocated just now.
const KNOWN_WITHIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Inner {
    /// Gives a machine the elastic address of its instance, and returns it.
    pub(crate) async fn give_address(
        &self,
        instance: &InstanceName,
        token: &str,
        seen: &Seen,
    ) -> Result<String, StepError> {
        let doing = format!("giving {instance} ({}) an elastic address", seen.id);
        let explain = |failure: Failure| self.explain(&failure, &doing);
        let (allocation, ip) = self.allocate(instance, token).await.map_err(explain)?;
        if seen.public.as_deref() == Some(ip.as_str()) {
            return Ok(ip);
        }
        self.associate(&allocation, &seen.id).await.map_err(explain)?;
        Ok(ip)
    }

    async fn associate(&self, allocation: &str, machine: &str) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let answer = self.api.call("AssociateAddress", |ec2| {
                let request = ec2.associate_address().allocation_id(allocation).instance_id(machine);
                request.allow_reassociation(true).send()
            });
            match answer.await {
                Err(failure) if failure.is_not_found() && began.elapsed() < KNOWN_WITHIN => {
                    sleep(LOOK_EVERY).await;
                }
                answer => return answer.map(|_| ()),
            }
        }
    }

    /// The elastic address of an instance: its allocation, and itself.
    async fn allocate(&self, instance: &InstanceName, token: &str) -> Result<(String, String), Failure> {
        if let Some(found) = self.address_of(token).await? {
            return Ok(found);
        }
        let mut tags = marks::of_one(&self.settings, instance, token);
        tags.remove(marks::LAUNCH);
        let tags = marks::on(ResourceType::ElasticIp, &tags);
        // Tried again by itself it would allocate two. So it is sent once, and then looked for.
        let answer = self
            .api
            .call_once("AllocateAddress", |ec2| {
                ec2.allocate_address().domain(DomainType::Vpc).tag_specifications(tags.clone()).send()
            })
            .await;
        let failure = match answer {
            Ok(answer) => match answer.allocation_id().zip(answer.public_ip()) {
                Some(address) => return Ok(owned(address)),
                None => Failure::senseless("AllocateAddress", "an address without its number"),
            },
            Err(failure) if failure.in_doubt => failure,
            Err(failure) => return Err(failure),
        };
        sleep(SHOWN_WITHIN).await;
        self.address_of(token).await?.ok_or(failure)
    }

    async fn address_of(&self, token: &str) -> Result<Option<(String, String)>, Failure> {
        let found = self.addresses(vec![filter(format!("tag:{}", marks::TOKEN), [token])]).await?;
        Ok(found.iter().find_map(|address| address.allocation_id().zip(address.public_ip())).map(owned))
    }

    /// Takes the elastic address that bear gave a machine away again.
    pub(crate) async fn take_address_away(
        &self,
        instance: &InstanceName,
        seen: &Seen,
    ) -> Result<(), StepError> {
        let doing = format!("taking the elastic address of {instance} ({}) away", seen.id);
        let found = self.addresses(vec![filter("instance-id", [&seen.id])]).await;
        let found = found.map_err(|failure| self.explain(&failure, &doing))?;
        for address in &found {
            self.release(address).await.map_err(|failure| self.explain(&failure, &doing))?;
        }
        Ok(())
    }

    /// Releases the elastic addresses of instances by their tokens; of all for `None`.
    pub(crate) async fn release_addresses(&self, tokens: Option<&[&str]>) -> Result<(), Failure> {
        for address in self.addresses(Vec::new()).await? {
            let tags = marks::read(address.tags());
            let meant =
                |tokens: &[&str]| tags.get(marks::TOKEN).is_some_and(|it| tokens.contains(&it.as_str()));
            if tokens.is_none_or(meant) {
                self.release(&address).await?;
            }
        }
        Ok(())
    }

    async fn release(&self, address: &Address) -> Result<(), Failure> {
        if let Some(association) = address.association_id() {
            let answer = self
                .api
                .call("DisassociateAddress", |ec2| {
                    ec2.disassociate_address().association_id(association).send()
                })
                .await;
            absent_is_fine(answer.map(|_| ()))?;
        }
        let Some(allocation) = address.allocation_id() else { return Ok(()) };
        let answer = self
            .api
            .call("ReleaseAddress", |ec2| ec2.release_address().allocation_id(allocation).send())
            .await;
        absent_is_fine(answer.map(|_| ()))
    }

    /// The fleet's own elastic addresses that meet the filters.
    pub(crate) async fn addresses(&self, mut filters: Vec<Filter>) -> Result<Vec<Address>, Failure> {
        filters.push(of_lineage(&self.settings.lineage));
        let answer = self
            .api
            .call("DescribeAddresses", |ec2| {
                ec2.describe_addresses().set_filters(Some(filters.clone())).send()
            })
            .await?;
        Ok(answer.addresses().to_vec())
    }
}

fn owned((allocation, ip): (&str, &str)) -> (String, String) {
    (allocation.to_owned(), ip.to_owned())
}

/// What is gone already has been taken away.
pub(crate) fn absent_is_fine(answer: Result<(), Failure>) -> Result<(), Failure> {
    answer.or_else(|failure| if failure.is_not_found() { Ok(()) } else { Err(failure) })
}
