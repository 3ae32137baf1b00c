//! What others do to the simulated world by hand.

use bear_core::fleet::Spec;
use bear_core::name::InstanceName;

use super::{Maker, SimulatedMachine, World};

/// What the names of machines begin with that somebody else made.
const BY_HAND: &str = "by-hand-";

impl World {
    /// Lets the broker of an instance die.
    pub fn kill_broker(&self, instance: &InstanceName) {
        let mut truth = self.truth();
        let machines = truth.machines.values_mut().filter(|machine| machine.is_of(instance));
        for machine in machines {
            machine.meddled = true;
            machine.broker.iter_mut().for_each(|broker| broker.running = false);
        }
    }

    /// Lets somebody stop the machine of an instance.
    pub fn stop_machine(&self, instance: &InstanceName) {
        let mut truth = self.truth();
        for machine in truth.machines.values_mut().filter(|machine| machine.is_of(instance)) {
            (machine.stopped, machine.meddled) = (true, true);
            machine.broker.iter_mut().for_each(|broker| broker.running = false);
        }
    }

    /// Gives the machine of an instance another address.
    pub fn move_machine(&self, instance: &InstanceName) {
        let mut truth = self.truth();
        let address = truth.next_address();
        for machine in truth.machines.values_mut().filter(|machine| machine.is_of(instance)) {
            machine.address.clone_from(&address);
            machine.meddled = true;
        }
    }

    /// Lets the machine of an instance vanish.
    pub fn lose_machine(&self, instance: &InstanceName) {
        let mut truth = self.truth();
        let lost = truth.machines.iter().filter(|(_, machine)| machine.is_of(instance));
        let lost = lost.map(|(token, _)| token.clone()).collect::<Vec<_>>();
        for token in lost {
            truth.machines.remove(&token);
            truth.lost.insert(token);
        }
    }

    /// Lets somebody else make a machine, and returns its name. A stranger marks it as that of `instance`.
    pub fn make_by_hand(&self, instance: &InstanceName, spec: &Spec, maker: Maker) -> String {
        let mut truth = self.truth();
        truth.strangers += 1;
        let id = format!("{BY_HAND}{}", truth.strangers);
        let machine = SimulatedMachine {
            id: id.clone(),
            instance: instance.clone(),
            spec: spec.clone(),
            made_after: truth.made.len(),
            address: truth.next_address(),
            stopped: false,
            launch: String::new(),
            maker,
            meddled: false,
            unseen: false,
            broker: None,
        };
        truth.machines.insert(id.clone(), machine);
        id
    }
}
