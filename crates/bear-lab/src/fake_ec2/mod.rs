//! An EC2 of our own: it speaks the Query API of 2016-11-15, so that the real SDKs can be pointed at it, and keeps its
//! own truth.
//!
//! It does what emulators leave out: client tokens as documented, states that take their time, new things that are not
//! found at first, throttling, capacity, quotas and permissions; and it goes wrong where a [`Rule`] says so. What it
//! does not know it refuses, and never passes over. Time is tokio's.
//!
//! # Layout
//!
//! [`FakeEc2`] is the handle, [`Endpoint`] its port. A request goes through `desk`, which asks `signature`, `buckets`
//! and `rules`, to its function in `actions`, which reads its `query`, changes the `truth` and writes `xml`.

mod actions;
mod buckets;
mod chance;
mod desk;
mod endpoint;
mod failure;
mod log;
mod query;
mod rules;
mod settings;
mod signature;
#[cfg(test)]
mod tests;
mod truth;
mod xml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::Response;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use self::desk::Desk;
use self::truth::Truth;

pub use self::endpoint::Endpoint;
pub use self::failure::Failure;
pub use self::log::{Call, Calls, Outcome};
pub use self::query::{Parameters, Query};
pub use self::rules::{Fault, Rule};
pub use self::settings::{
    ACCESS_KEY, ACCOUNT, Between, Delays, EndedTokens, Quotas, SECRET_KEY, Settings, Zone,
};
pub use self::truth::catalogue::{CANONICAL, COPYCAT, NewImage};
pub use self::truth::group::{GroupRule, Peer, SecurityGroup};
pub use self::truth::instance::{Happening, Instance, InstanceState, MachineEvent, Metadata};
pub use self::truth::resource::{Address, KeyPair, Volume};

/// One account in one region. Its clones are the same account.
#[derive(Clone, Debug)]
pub struct FakeEc2 {
    desk: Arc<Mutex<Desk>>,
    /// Counts what may have changed the machines.
    changes: Arc<watch::Sender<u64>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Lost {
    /// The connection is reset.
    Reset,
    /// Half of this arrives, and then the connection is reset.
    Truncated(Response<Bytes>),
}

impl FakeEc2 {
    /// An account that has nothing yet but what AWS puts into every one.
    pub fn new(settings: Settings) -> Self {
        let desk = Desk::new(Truth::new(settings));
        Self { desk: Arc::new(Mutex::new(desk)), changes: Arc::new(watch::Sender::new(0)) }
    }

    /// From now on, lets requests go wrong as `rule` says. Of several rules for a request the oldest decides.
    pub fn rule(&self, rule: Rule) {
        self.desk().rules.add(rule, Instant::now());
    }

    /// Forgets all rules.
    pub fn calm(&self) {
        self.desk().rules.clear();
    }

    /// Forbids an action, such as `ec2:RunInstances`, `ec2:CreateTags` or `iam:PassRole`.
    pub fn deny(&self, action: &str) {
        self.desk().truth.denied.insert(action.to_owned());
    }

    /// Allows an action again.
    pub fn allow(&self, action: &str) {
        self.desk().truth.denied.remove(action);
    }

    /// Says how many more instances a zone has room for; any number for `None`.
    pub fn set_capacity(&self, zone: &str, instances: Option<usize>) {
        let capacity = &mut self.desk().truth.capacity;
        match instances {
            Some(instances) => capacity.insert(zone.to_owned(), instances),
            None => capacity.remove(zone),
        };
    }

    /// Lets the next instances that are launched end before they run, as after an internal error of EC2.
    pub fn doom(&self, instances: usize) {
        self.desk().truth.doomed = instances;
    }

    /// The time: what the calendar said when it was made, and what has passed of tokio's time since. In paused time a
    /// client has to sign by it, and SDKs have to measure by it: otherwise their signatures grow old, and their backoff
    /// waits for a clock that stands still.
    pub fn clock(&self) -> Timestamp {
        self.desk().truth.calendar(Instant::now())
    }

    /// Says how far EC2's clock is ahead of [`Self::clock`].
    pub fn set_clock_skew(&self, ahead: SignedDuration) {
        self.desk().skew = ahead;
    }

    /// Lets the credentials expire.
    pub fn expire_credentials(&self) {
        self.desk().expired = true;
    }

    /// Makes the credentials good again.
    pub fn renew_credentials(&self) {
        self.desk().expired = false;
    }

    /// Adds an image, and returns its id.
    pub fn add_image(&self, image: NewImage) -> String {
        let truth = &mut self.desk().truth;
        let image = image.with_id(truth.chance.id("ami"));
        let id = image.id.clone();
        truth.images.insert(id.clone(), image);
        id
    }

    /// Says what an instance shows on its console.
    pub fn set_console_output(&self, instance: &str, text: &str) {
        if let Some(instance) = self.desk().truth.instances.get_mut(instance) {
            instance.console = Some(text.to_owned());
        }
    }

    /// Does an action of EC2 as somebody else might, with parameters as the Query API names them. It is neither
    /// logged nor throttled, never denied, and no rule is for it. Returns the insides of the answer.
    pub fn by_hand(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String, Failure> {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let answer = self.desk().perform_by_hand(action, parameters.collect());
        self.tell();
        answer
    }

    /// All instances that are described or will be, also those that have ended.
    pub fn instances(&self) -> Vec<Instance> {
        self.settled().truth.instances.values().cloned().collect()
    }

    /// An instance, if there is one with this id.
    pub fn instance(&self, id: &str) -> Option<Instance> {
        self.settled().truth.instances.get(id).cloned()
    }

    /// The instances whose end nobody has asked for.
    pub fn alive(&self) -> Vec<Instance> {
        self.settled().truth.instances.values().filter(|instance| instance.lives()).cloned().collect()
    }

    /// The security groups, also the default one.
    pub fn security_groups(&self) -> Vec<SecurityGroup> {
        self.desk().truth.groups.values().cloned().collect()
    }

    /// The key pairs.
    pub fn key_pairs(&self) -> Vec<KeyPair> {
        self.desk().truth.keys.values().cloned().collect()
    }

    /// The elastic addresses.
    pub fn addresses(&self) -> Vec<Address> {
        self.settled().truth.addresses.values().cloned().collect()
    }

    /// The volumes.
    pub fn volumes(&self) -> Vec<Volume> {
        self.settled().truth.volumes.values().cloned().collect()
    }

    /// The ids of the subnets, with their zones.
    pub fn subnets(&self) -> Vec<(String, String)> {
        let desk = self.desk();
        let subnets = desk.truth.network.subnets.iter();
        subnets.map(|subnet| (subnet.id.clone(), subnet.zone.clone())).collect()
    }

    /// The id of the VPC.
    pub fn vpc(&self) -> String {
        self.desk().truth.network.vpc.clone()
    }

    /// The tags of a resource.
    pub fn tags(&self, id: &str) -> BTreeMap<String, String> {
        self.desk().truth.true_tags(id)
    }

    /// The resources that bear a tag, except for instances that have ended: what a sweep has to find none of.
    pub fn tagged(&self, key: &str, value: &str) -> Vec<String> {
        let desk = self.settled();
        let ended =
            |id: &String| desk.truth.instances.get(id).is_some_and(|instance| instance.ended.is_some());
        let tagged = desk.truth.tags.keys().filter(|id| !ended(id));
        tagged
            .filter(|id| desk.truth.true_tags(id).get(key).is_some_and(|has| has == value))
            .cloned()
            .collect()
    }

    /// How often what was asked.
    pub fn calls(&self) -> Calls {
        Calls::count(&self.desk().log)
    }

    /// All requests, in the order in which they were answered.
    pub fn log(&self) -> Vec<Call> {
        self.desk().log.clone()
    }

    /// Begins to count and log anew.
    pub fn forget_calls(&self) {
        self.desk().log.clear();
    }

    /// What happens to the machines, from the beginning.
    pub fn machines(&self) -> Machines {
        Machines { fake: self.clone(), seen: 0 }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A request that panicked fails its test anyway; the others may go on.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled(&self) -> MutexGuard<'_, Desk> {
        let mut desk = self.desk();
        desk.truth.settle(Instant::now());
        desk
    }

    /// Wakes those who watch the machines.
    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

/// What happens to the machines, one event after the other. None is left out, however late it is asked for.
#[derive(Debug)]
pub struct Machines {
    fake: FakeEc2,
    seen: usize,
}

impl Machines {
    /// The next event, once it has happened.
    pub async fn next(&mut self) -> MachineEvent {
        let mut changes = self.fake.changes.subscribe();
        loop {
            let (event, due) = {
                let desk = self.fake.settled();
                (desk.truth.happenings.get(self.seen).cloned(), desk.truth.next_due())
            };
            if let Some(event) = event {
                self.seen += 1;
                return event;
            }
            let arrival = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = arrival => {}
                // It fails only once the sender is gone, which is held here.
                _ = changes.changed() => {}
            }
        }
    }
}
