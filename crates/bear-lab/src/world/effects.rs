//! What requests do to the simulated world, and what a look at it shows.

use std::collections::BTreeMap;

use bear_core::event::StepError;
use bear_core::fleet::Spec;
use bear_core::name::InstanceName;
use bear_core::observed::{BrokerSeen, Drift, Observation, Stray};
use bear_core::plan::{Resource, StepKind};
use bear_core::state::v1::{Installed, Machine, Process, Recorded};
use bear_engine::adapter::{Done, InstallRequest};
use bear_provider::{CreateRequest, DestroyRequest, Known};

use super::{Fault, Maker, SimulatedBroker, SimulatedMachine, Truth};

impl Truth {
    pub(super) fn next_fault(&mut self, resource: &Resource, kind: StepKind) -> Option<Fault> {
        let fault = self.faults.get_mut(&(resource.clone(), kind))?.pop_front();
        self.went_wrong += usize::from(fault.is_some());
        fault
    }

    pub(super) fn look(&self, recorded: &Recorded) -> Observation {
        let by_token = || self.machines.get(&recorded.token).filter(|machine| !machine.unseen);
        let machine = match &recorded.machine {
            Some(known) => self.machines.values().find(|machine| machine.id == known.id),
            None => by_token(),
        };
        let Some(machine) = machine else { return Observation::Absent };
        let stopped = || Drift { what: "state".into(), is: "stopped".into(), was: "running".into() };
        Observation::Present {
            machine: machine.as_known(),
            changed: machine.stopped.then(stopped).into_iter().collect(),
            broker: match &machine.broker {
                Some(broker) if broker.running && broker.spec == recorded.spec => BrokerSeen::Running,
                Some(broker) if broker.running => BrokerSeen::Changed { what: vec![other_settings()] },
                Some(_) => BrokerSeen::Stopped { why: "its process is gone".into() },
                None => BrokerSeen::Stopped { why: "never installed".into() },
            },
        }
    }

    /// The machines that are marked as the fleet's, and that are none of those.
    pub(super) fn strays(&self, known: &[Known<'_>]) -> Vec<Stray> {
        let is_known = |token: &str| known.iter().any(|known| known.recorded.token == token);
        let marked = self.machines.iter().filter(|(_, machine)| machine.maker != Maker::Owner);
        let strays = marked.filter(|(token, _)| !is_known(token));
        let stray = |machine: &SimulatedMachine| Stray {
            id: machine.id.clone(),
            instance: Some(machine.instance.clone()),
            why: "marked as this fleet's, and not in its state".into(),
        };
        strays.map(|(_, machine)| stray(machine)).collect()
    }

    /// What [`Provider::create`] may take for granted: who asks again says so and asks as before, and who asks for the
    /// first time asks for like machines, all those of a launch at once.
    pub(super) fn expect_exactly_once(&mut self, requests: &[CreateRequest], batch_max: usize) {
        if requests.len() > batch_max {
            self.scandals.push(format!("{} machines were asked for by one call", requests.len()));
        }
        let mut fresh = BTreeMap::<&str, &CreateRequest>::new();
        for request in requests {
            let name = &request.instance;
            match self.asked.get(&request.token) {
                Some(_) if !request.again => {
                    self.scandals.push(format!("{name} was asked for again as if for the first time"));
                }
                Some(launch) if *launch != request.launch => {
                    self.scandals.push(format!("{name} was asked for again by another launch"));
                }
                None if !request.again => {
                    let first = *fresh.entry(&request.launch).or_insert(request);
                    let is_used = self.asked.values().any(|launch| *launch == request.launch);
                    if first.token != request.launch || first.spec != request.spec || is_used {
                        self.scandals.push(format!("{name} was asked for by the launch of others"));
                    }
                }
                _ => {}
            }
        }
        for request in requests {
            self.asked.insert(request.token.clone(), request.launch.clone());
        }
    }

    /// The instance that another one finds on its host, which carries one at a time.
    pub(super) fn on_its_host(&self, request: &CreateRequest) -> Option<InstanceName> {
        let host = request.spec.host.as_ref()?.endpoint();
        let others = self.machines.iter().filter(|(token, _)| **token != request.token);
        let is_there = |spec: &Spec| spec.host.as_ref().is_some_and(|it| it.endpoint() == host);
        let mut there = others.filter(|(_, machine)| is_there(&machine.spec));
        there.next().map(|(_, machine)| machine.instance.clone())
    }

    /// Makes a machine, or finds the one that an earlier request with the same token made.
    pub(super) fn make(&mut self, request: &CreateRequest) -> (Machine, bool) {
        // EC2 refuses the client token of a machine that was terminated.
        if self.ended.contains(&request.token) {
            self.scandals
                .push(format!("{} was asked for under the token of an ended machine", request.instance));
        }
        if !self.has_ground(request.spec.region.as_deref()) {
            self.scandals.push(format!("{} was made where there is no foundation", request.instance));
        }
        let is_new = !self.machines.contains_key(&request.token);
        if is_new {
            if self.machines.values().any(|machine| machine.is_of(&request.instance)) {
                self.scandals.push(format!("{} had two machines at once", request.instance));
            }
            let machine = SimulatedMachine {
                id: format!("machine-{}", request.token),
                instance: request.instance.clone(),
                spec: request.spec.clone(),
                made_after: self.made.len(),
                address: self.next_address(),
                stopped: false,
                launch: request.launch.clone(),
                maker: Maker::Bear,
                meddled: false,
                unseen: self.shows_late,
                broker: None,
            };
            self.made.insert(request.token.clone());
            self.machines.insert(request.token.clone(), machine);
        }
        (self.machines[&request.token].as_known(), is_new)
    }

    /// Ends the machine that is known, else the one with the token.
    pub(super) fn end(&mut self, request: &DestroyRequest) -> bool {
        let all = self.machines.len();
        match &request.machine {
            Some(known) => self.machines.retain(|_, machine| machine.id != known.id),
            None => drop(self.machines.remove(&request.token)),
        }
        self.machines.len() < all
    }

    /// Gives a machine that somebody made the mark of an instance.
    pub(super) fn mark(
        &mut self,
        id: &str,
        instance: &InstanceName,
        token: &str,
        spec: &Spec,
    ) -> Result<(Machine, bool), StepError> {
        let key = self.machines.iter().find(|(_, machine)| machine.id == id).map(|(key, _)| key.clone());
        let Some(mut machine) = key.and_then(|key| self.machines.remove(&key)) else {
            let message = format!("there is no machine {id}");
            return Err(StepError::permanent("lab::gone", message).with_nothing_changed());
        };
        (machine.maker, machine.spec) = (Maker::Bear, spec.clone());
        machine.instance.clone_from(instance);
        let known = machine.as_known();
        self.made.insert(token.to_owned());
        self.machines.insert(token.to_owned(), machine);
        Ok((known, true))
    }

    pub(super) fn install(&mut self, request: &InstallRequest) -> Result<(Done, bool), StepError> {
        if !self.has_ground(request.spec.region.as_deref()) {
            self.scandals.push(format!("{} was installed where there is no foundation", request.instance));
        }
        let (process, address) = (self.next_process(), self.next_address());
        let machine = self.machine(&request.machine)?;
        machine.meddled = false;
        if std::mem::take(&mut machine.stopped) {
            machine.address = address;
        }
        let spec = request.spec.clone();
        machine.broker = Some(SimulatedBroker { spec, process, running: true, proven_at: None });
        let now = machine.as_known();
        let ports = request.installed.as_ref().map_or(request.spec.ports, |before| before.ports);
        let installed = Installed { process: Some(process), ..Installed::new(ports, "1") };
        let done = Done { installed, machine: Some(now).filter(|now| *now != request.machine) };
        Ok((done, true))
    }

    pub(super) fn prove(&mut self, machine: &Machine, spec: &Spec) -> Result<(), StepError> {
        let there = self.machine(machine)?;
        if there.address != machine.address {
            return Err(StepError::permanent("lab::elsewhere", "nothing answers at this address"));
        }
        match &mut there.broker {
            Some(broker) if broker.running && broker.spec == *spec => {
                broker.proven_at = Some(machine.address.clone());
                there.meddled = false;
                Ok(())
            }
            Some(broker) if broker.running => {
                Err(StepError::permanent("lab::other", "another broker than expected"))
            }
            _ => Err(StepError::permanent("lab::silent", "no broker answers")),
        }
    }

    fn machine(&mut self, machine: &Machine) -> Result<&mut SimulatedMachine, StepError> {
        let gone = || StepError::permanent("lab::gone", format!("there is no machine {}", machine.id));
        self.machines.values_mut().find(|there| there.id == machine.id).ok_or_else(gone)
    }

    /// Documentation addresses, each used once.
    pub(super) fn next_address(&mut self) -> String {
        self.addresses += 1;
        format!("2001:db8::{:x}", self.addresses)
    }

    fn next_process(&mut self) -> Process {
        self.processes += 1;
        Process { pid: self.processes, started: u64::from(self.processes) }
    }
}

impl SimulatedMachine {
    /// The machine as the world's provider names it.
    fn as_known(&self) -> Machine {
        Machine::new(&self.id, self.address.as_str())
    }
}

fn other_settings() -> Drift {
    Drift { what: "configuration".into(), is: "other".into(), was: "as installed".into() }
}
