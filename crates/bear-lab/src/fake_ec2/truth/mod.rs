//! What there is, whatever anybody was told about it, and how it changes as time passes.

pub(super) mod catalogue;
pub(super) mod group;
pub(super) mod instance;
pub(super) mod network;
pub(super) mod resource;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use self::catalogue::Image;
use self::group::SecurityGroup;
use self::instance::{Happening, Instance, InstanceState, MachineEvent};
use self::network::Network;
use self::resource::{Address, KeyPair, Tag, Volume};
use super::chance::Chance;
use super::failure::Failure;
use super::settings::{Between, Settings};

/// Everything that the account has. Things stand in the order in which they were made.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) settings: Settings,
    pub(super) chance: Chance,
    /// The moment of the request that is being answered.
    pub(super) now: Instant,
    /// A moment, and what the calendar said then.
    origin: (Instant, Timestamp),
    pub(super) network: Network,
    pub(super) instances: IndexMap<String, Instance>,
    pub(super) groups: IndexMap<String, SecurityGroup>,
    pub(super) keys: IndexMap<String, KeyPair>,
    pub(super) addresses: IndexMap<String, Address>,
    pub(super) volumes: IndexMap<String, Volume>,
    pub(super) images: IndexMap<String, Image>,
    /// By resource and key.
    pub(super) tags: BTreeMap<String, BTreeMap<String, Tag>>,
    /// Launches that succeeded, by client token and by the zone, if the request named one.
    pub(super) launches: BTreeMap<(String, Option<String>), Launched>,
    /// What is still to come of answers in pages, by the token for it.
    pub(super) pages: BTreeMap<String, Vec<String>>,
    /// How many more instances a zone has room for; any number where nothing is said.
    pub(super) capacity: BTreeMap<String, usize>,
    /// Actions that the caller must not do, such as `ec2:RunInstances`.
    pub(super) denied: BTreeSet<String>,
    /// How many of the next instances end before they run.
    pub(super) doomed: usize,
    pub(super) happenings: Vec<MachineEvent>,
}

/// What a client token stands for.
#[derive(Clone, Debug)]
pub(super) struct Launched {
    /// All parameters that count.
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) reservation: String,
    pub(super) instances: Vec<String>,
}

impl Truth {
    pub(super) fn new(settings: Settings) -> Self {
        let mut chance = Chance::new(settings.seed);
        let network = Network::new(&settings, &mut chance);
        let images = catalogue::images(&settings.region);
        let now = Instant::now();
        let mut truth = Self {
            settings,
            chance,
            now,
            origin: (now, Timestamp::now()),
            network,
            instances: IndexMap::new(),
            groups: IndexMap::new(),
            keys: IndexMap::new(),
            addresses: IndexMap::new(),
            volumes: IndexMap::new(),
            images: images.into_iter().map(|image| (image.id.clone(), image)).collect(),
            tags: BTreeMap::new(),
            launches: BTreeMap::new(),
            pages: BTreeMap::new(),
            capacity: BTreeMap::new(),
            denied: BTreeSet::new(),
            doomed: 0,
            happenings: Vec::new(),
        };
        let default = SecurityGroup::new(&mut truth, "default", "default VPC security group", now);
        truth.groups.insert(default.id.clone(), default);
        truth
    }

    /// What the calendar says at a moment.
    pub(super) fn calendar(&self, moment: Instant) -> Timestamp {
        let (instant, timestamp) = self.origin;
        let passed = SignedDuration::try_from(moment.saturating_duration_since(instant));
        passed.ok().and_then(|passed| timestamp.checked_add(passed).ok()).unwrap_or(timestamp)
    }

    /// A moment as EC2 writes it.
    pub(super) fn date(&self, moment: Instant) -> String {
        self.calendar(moment).strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
    }

    /// The moment from which what is made now is found.
    pub(super) fn visible_from(&mut self) -> Instant {
        let delay = self.settings.delays.visible;
        self.after(delay)
    }

    /// Some time from now.
    pub(super) fn after(&mut self, delay: Between) -> Instant {
        self.now + self.chance.delay(delay)
    }

    /// Lets everything happen that was to happen up to `now`.
    pub(super) fn settle(&mut self, now: Instant) {
        self.now = now;
        let due =
            self.instances.values().filter_map(|it| Some((it.due.filter(|due| *due <= now)?, it.id.clone())));
        let mut due = due.collect::<Vec<_>>();
        due.sort();
        for (at, id) in due {
            self.arrive(&id, at);
        }
        let kept = self.settings.delays.terminated_kept;
        let gone = |instance: &Instance| instance.ended.is_some_and(|ended| ended + kept <= now);
        let forgotten = self.instances.values().filter(|it| gone(it)).map(|it| it.id.clone());
        for id in forgotten.collect::<Vec<_>>() {
            self.instances.shift_remove(&id);
            self.tags.remove(&id);
        }
    }

    /// The next moment at which something happens by itself.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.instances.values().filter_map(|instance| instance.due).min()
    }

    /// An instance comes to where it was on its way to.
    fn arrive(&mut self, id: &str, at: Instant) {
        let checks = self.settings.delays.checks;
        let checked = at + self.chance.delay(checks);
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.due = None;
        let (state, happening) = match instance.state {
            InstanceState::Pending if instance.doomed => (InstanceState::Terminated, Happening::Terminated),
            InstanceState::Pending => (InstanceState::Running, Happening::Running),
            InstanceState::Stopping => (InstanceState::Stopped, Happening::Stopped),
            _ => (InstanceState::Terminated, Happening::Terminated),
        };
        instance.state = state;
        instance.checked = checked;
        if state == InstanceState::Stopped && !self.addresses.values().any(|it| it.is_with(id)) {
            instance.public_ip = None;
        }
        if state == InstanceState::Terminated {
            instance.ended = Some(at);
            self.release(id);
        }
        self.happened(id, happening);
    }

    /// Gives back what a terminated instance had.
    fn release(&mut self, id: &str) {
        let Some(instance) = self.instances.get(id) else { return };
        self.network.give_back(&instance.subnet, instance.private_ip);
        for address in self.addresses.values_mut().filter(|address| address.is_with(id)) {
            address.association = None;
        }
        for resource in [Some(&instance.interface), instance.spot.as_ref()].into_iter().flatten() {
            self.tags.remove(resource);
        }
        for id in instance.disks.clone() {
            if self.volumes.get(&id).is_some_and(|volume| volume.delete_on_termination) {
                self.volumes.shift_remove(&id);
                self.tags.remove(&id);
            } else if let Some(volume) = self.volumes.get_mut(&id) {
                volume.instance = None;
            }
        }
    }

    /// Tells those who watch the machines.
    pub(super) fn happened(&mut self, id: &str, happening: Happening) {
        if let Some(instance) = self.instances.get(id) {
            self.happenings.push(MachineEvent { happening, instance: instance.clone() });
        }
    }

    /// Sends an instance towards a state.
    pub(super) fn send_towards(&mut self, id: &str, state: InstanceState, happening: Happening) {
        let delays = self.settings.delays;
        let due = self.after(match state {
            InstanceState::Stopping => delays.stopping,
            InstanceState::ShuttingDown => delays.shutting_down,
            _ => delays.pending,
        });
        if let Some(instance) = self.instances.get_mut(id) {
            instance.state = state;
            instance.due = Some(due);
        }
        self.happened(id, happening);
    }

    /// The ids of instances that were asked for by their ids, or what is wrong with these.
    pub(super) fn find_instances(&self, ids: &[&str]) -> Result<Vec<String>, Failure> {
        for id in ids {
            let digits = id.strip_prefix("i-").unwrap_or_default();
            if !matches!(digits.len(), 8 | 17) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(Failure::new(
                    400,
                    "InvalidInstanceID.Malformed",
                    format!("Invalid id: \"{id}\""),
                ));
            }
        }
        let seen = |id: &&&str| self.instances.get(**id).is_some_and(|it| it.visible_from <= self.now);
        let missing = ids.iter().filter(|id| !seen(id)).copied().collect::<Vec<_>>();
        let what = match missing.as_slice() {
            [] => return Ok(ids.iter().map(|id| (*id).to_owned()).collect()),
            [_] => "instance ID",
            _ => "instance IDs",
        };
        let message = if missing.len() == 1 { "does not exist" } else { "do not exist" };
        let message = format!("The {what} '{}' {message}", missing.join(", "));
        Err(Failure::new(400, "InvalidInstanceID.NotFound", message))
    }

    /// The instance of the request's `InstanceId`.
    pub(super) fn find_instance(&mut self, id: &str) -> Result<&mut Instance, Failure> {
        self.find_instances(&[id])?;
        self.instances.get_mut(id).ok_or_else(|| Failure::missing("InvalidInstanceID", "instance ID", id))
    }
}
