//! The simulated world: machines and brokers as they really are, whatever bear believes about them.
//!
//! It is reached through the same traits as the real one, takes its time in tokio's clock, which tests let run ahead,
//! and fails exactly as its script says. What bear did to it can be looked up afterwards.

mod adapters;
mod effects;
mod foundation;
mod hands;
mod script;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bear_core::fleet::{Instance, Spec};
use bear_core::name::InstanceName;
use bear_core::plan::{Resource, StepKind};
use bear_core::state::State;
use bear_core::state::v1::Process;
use bear_engine::Adapters;
use bear_provider::CreateRequest;
use tokio::sync::Notify;

pub use foundation::SimulatedFoundation;
pub use script::{Answer, Effect, Fault, Latency};

/// The simulated world. It outlives any number of bears.
pub struct World {
    latency: Latency,
    batch_max: usize,
    truth: Mutex<Truth>,
    witness: Mutex<Option<Witness>>,
    hurry: Notify,
}

/// Is told of everything that bear does to the world, at the moment when it takes effect.
pub type Witness = Box<dyn Fn(&Deed) + Send>;

/// One thing that bear did to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What it did.
    pub kind: StepKind,
    /// To what.
    pub resource: Resource,
    /// Whether that changed anything: making a machine that is there already, or proving a broker, does not.
    pub changed: bool,
    /// Whether the world let it: a broker that is not as it shall be is not proven.
    pub done: bool,
}

/// A machine that exists.
#[derive(Clone, Debug)]
pub struct SimulatedMachine {
    /// The provider's name for it.
    pub id: String,
    /// The instance that it was made for.
    pub instance: InstanceName,
    /// What it was made as.
    pub spec: Spec,
    /// How many machines the world had made before.
    pub made_after: usize,
    /// The address that it has.
    pub address: String,
    /// Whether somebody stopped it: it comes back with another address.
    pub stopped: bool,
    /// The launch that it was made by.
    pub launch: String,
    /// Who made it.
    pub maker: Maker,
    /// Whether somebody else had a hand in it since bear last put it right or proved it.
    pub meddled: bool,
    /// Whether it was made so recently that a look by its token alone does not show it yet.
    unseen: bool,
    /// Its broker, once one was installed.
    pub broker: Option<SimulatedBroker>,
}

/// Who made a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// Bear.
    Bear,
    /// Somebody else, who marked it as the fleet's.
    Stranger,
    /// Somebody else, who marked it in no way.
    Owner,
}

/// What becomes of requests that are under way when whoever made them is gone, or waits no longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orphans {
    /// They are lost.
    #[default]
    Lost,
    /// They take effect.
    Done,
    /// Those that make machines take effect later, as [`Effect::Late`]. The others do at once.
    Late,
}

/// A broker that was installed.
#[derive(Clone, Debug)]
pub struct SimulatedBroker {
    /// What it was installed as.
    pub spec: Spec,
    /// Its process.
    pub process: Process,
    /// Whether it runs.
    pub running: bool,
    /// The address at which it was proven since it was installed.
    pub proven_at: Option<String>,
}

/// What there is, and what happened.
#[derive(Default)]
struct Truth {
    /// The machines that exist, by the tokens that they are marked with.
    machines: BTreeMap<String, SimulatedMachine>,
    /// What machines share, by its region.
    foundations: BTreeMap<String, SimulatedFoundation>,
    /// Requests that reached the world, and take effect once nobody waits for them any more.
    late: Vec<CreateRequest>,
    faults: HashMap<(Resource, StepKind), VecDeque<Fault>>,
    /// The tokens of all machines that were ever made.
    made: HashSet<String>,
    /// The launches by which machines were asked for, and may be there, by their tokens.
    asked: BTreeMap<String, String>,
    /// What becomes of requests that nobody waits for.
    orphans: Orphans,
    /// Whether new machines are shown late.
    shows_late: bool,
    strangers: u32,
    /// The tokens of all machines whose end was asked for.
    ended: HashSet<String>,
    /// The tokens of all machines that vanished by another hand.
    lost: HashSet<String>,
    processes: u32,
    addresses: u32,
    deeds: Vec<Deed>,
    /// The instances whose machines were asked for as if they might be there already.
    again: Vec<InstanceName>,
    /// What must never happen, however briefly.
    scandals: Vec<String>,
    /// How many requests went wrong as their script says.
    went_wrong: usize,
    /// How many had an effect that nobody waited for any more.
    orphaned: usize,
    /// For each kind, how many requests are under way, and the most that ever were.
    under_way: HashMap<StepKind, (usize, usize)>,
    /// For each kind, how many requests each call had.
    calls: HashMap<StepKind, Vec<usize>>,
}

impl World {
    /// An empty world that takes its time as `latency` says, and up to `batch_max` machines in one call.
    pub fn new(latency: Latency, batch_max: usize) -> Arc<Self> {
        Arc::new(Self {
            latency,
            batch_max,
            truth: Mutex::default(),
            witness: Mutex::default(),
            hurry: Notify::new(),
        })
    }

    /// The world as the engine reaches it.
    pub fn adapters(self: &Arc<Self>) -> Adapters {
        Adapters {
            provider: Arc::clone(self) as _,
            installer: Arc::clone(self) as _,
            verifier: Arc::clone(self) as _,
        }
    }

    /// From now on, tells `witness` of everything that bear does.
    pub fn watch(&self, witness: impl Fn(&Deed) + Send + 'static) {
        *lock(&self.witness) = Some(Box::new(witness));
    }

    /// Lets the next requests of this kind for `instance` fail, one after the other.
    pub fn fail(&self, instance: &InstanceName, kind: StepKind, faults: impl IntoIterator<Item = Fault>) {
        self.let_fail(Resource::Instance(instance.clone()), kind, faults);
    }

    /// Lets the next requests of this kind for what the machines of a region share fail, one after the other.
    pub fn fail_foundation(&self, region: &str, kind: StepKind, faults: impl IntoIterator<Item = Fault>) {
        self.let_fail(Resource::Foundation(region.to_owned()), kind, faults);
    }

    fn let_fail(&self, resource: Resource, kind: StepKind, faults: impl IntoIterator<Item = Fault>) {
        self.truth().faults.entry((resource, kind)).or_default().extend(faults);
    }

    /// Lets nothing fail any more.
    pub fn calm(&self) {
        self.truth().faults.clear();
    }

    /// From now on, lets this become of requests that nobody waits for any more.
    pub fn let_orphans_be(&self, orphans: Orphans) {
        self.truth().orphans = orphans;
    }

    /// From now on, shows new machines only to the second look by their tokens, or shows them at once.
    pub fn show_late(&self, late: bool) {
        self.truth().shows_late = late;
    }

    /// Lets every request that is under way take its effect now.
    pub fn hurry(&self) {
        self.hurry.notify_waiters();
    }

    /// Lets every request that is still under way somewhere take its effect, unless a later one with the same token
    /// was faster.
    pub fn settle(&self) {
        let mut truth = self.truth();
        for request in std::mem::take(&mut truth.late) {
            let has_ground = truth.has_ground(request.spec.region.as_deref());
            let has_room = truth.on_its_host(&request).is_none();
            if has_ground && has_room && !truth.made.contains(&request.token) {
                truth.make(&request);
            }
        }
    }

    /// The machines that exist, by their tokens.
    pub fn machines(&self) -> BTreeMap<String, SimulatedMachine> {
        self.truth().machines.clone()
    }

    /// Everything that bear did, in order.
    pub fn deeds(&self) -> Vec<Deed> {
        self.truth().deeds.clone()
    }

    /// How often bear changed instances in this way.
    pub fn changed(&self, kind: StepKind) -> usize {
        let truth = self.truth();
        let of_instances = truth.deeds.iter().filter(|deed| matches!(deed.resource, Resource::Instance(_)));
        of_instances.filter(|deed| deed.kind == kind && deed.changed).count()
    }

    /// The most requests of a kind that were ever under way at once.
    pub fn most_at_once(&self, kind: StepKind) -> usize {
        self.truth().under_way.get(&kind).map_or(0, |(_, most)| *most)
    }

    /// How many requests each call of a kind had, in order.
    pub fn calls(&self, kind: StepKind) -> Vec<usize> {
        self.truth().calls.get(&kind).cloned().unwrap_or_default()
    }

    /// The instances whose machines were asked for as if an earlier request might have had its effect, in order.
    pub fn asked_again(&self) -> Vec<InstanceName> {
        self.truth().again.clone()
    }

    /// In what the world is not as the fleet wants it, and what must never have happened; one line each, none if all is
    /// well.
    pub fn differences(&self, wanted: &[Instance]) -> Vec<String> {
        let truth = self.truth();
        let mut lines = Vec::new();
        for instance in wanted {
            let machines = truth.machines.values().filter(|machine| machine.is_of(&instance.name));
            match machines.collect::<Vec<_>>().as_slice() {
                [machine] => lines.extend(machine.differences(&instance.spec)),
                machines => lines.push(format!("{} has {} machines", instance.name, machines.len())),
            }
        }
        let surplus = truth
            .machines
            .values()
            .filter(|machine| machine.maker == Maker::Bear)
            .filter(|machine| !wanted.iter().any(|wanted| wanted.name == machine.instance));
        lines.extend(surplus.map(|machine| format!("{} has a machine that nobody wants", machine.instance)));
        lines.extend(truth.scandals.iter().cloned());
        lines
    }

    /// Whether the machine with this token vanished by another hand than bear's.
    pub fn was_lost(&self, token: &str) -> bool {
        self.truth().lost.contains(token)
    }

    /// How many requests went wrong, and how many had an effect that nobody waited for any more.
    pub fn went_wrong(&self) -> (usize, usize) {
        let truth = self.truth();
        (truth.went_wrong, truth.orphaned)
    }

    /// What must never have happened, and did, however briefly; one line each.
    pub fn scandals(&self) -> Vec<String> {
        self.truth().scandals.clone()
    }

    /// The machines that exist and that `state` knows nothing of.
    pub fn forgotten(&self, state: &State) -> Vec<InstanceName> {
        let known = state.instances.values().map(|recorded| &recorded.token).collect::<Vec<_>>();
        let truth = self.truth();
        let made = truth.machines.iter().filter(|(_, machine)| machine.maker == Maker::Bear);
        let forgotten = made.filter(|(token, _)| !known.contains(token));
        forgotten.map(|(_, machine)| machine.instance.clone()).collect()
    }

    fn truth(&self) -> MutexGuard<'_, Truth> {
        lock(&self.truth)
    }
}

impl SimulatedMachine {
    /// Whether bear has made it, or made it its own, for this instance.
    fn is_of(&self, instance: &InstanceName) -> bool {
        self.maker == Maker::Bear && self.instance == *instance
    }

    fn differences(&self, spec: &Spec) -> Vec<String> {
        let name = &self.instance;
        let mut lines = Vec::new();
        if self.spec.machine != spec.machine || self.spec.region != spec.region {
            lines.push(format!("the machine of {name} is not as wanted"));
        }
        if self.stopped {
            lines.push(format!("the machine of {name} does not run"));
        }
        match &self.broker {
            Some(broker) if !broker.running => lines.push(format!("the broker of {name} does not run")),
            Some(broker) if broker.spec != *spec => {
                lines.push(format!("the broker of {name} is not as wanted"));
            }
            Some(_) => {}
            None => lines.push(format!("{name} has no broker")),
        }
        lines
    }
}

/// What a panicking bear has left behind is still true.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
