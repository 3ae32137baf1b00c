//! Preflight: whether the ports that a fleet file asks for can be had, before anything is done.

use std::cell::LazyCell;
use std::path::Path;

use bear_core::event::StepError;
use bear_core::fleet::Instance;
use bear_core::name::InstanceName;

use super::LocalProvider;
use super::broker::Brokers;
use super::listener::{Obstacle, Obstacles};
use super::registry;

/// A port that a fleet file asks for and that can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortProblem {
    /// The instance that it is for.
    pub instance: InstanceName,
    /// The listener that it is for, as it stands below `ports` in the fleet file.
    pub listener: &'static str,
    /// The port.
    pub port: u16,
    /// Why it can't be had, such as `process 812 (nginx) listens there`.
    pub why: String,
}

impl LocalProvider {
    /// Which of the ports that the fleet file asks for can't be had right now. That a broker of the same fleet has one
    /// is no problem: it is the one that asks for it, or changes in the same plan, or the install says so.
    pub fn preflight(&self, wanted: &[Instance]) -> Result<Vec<PortProblem>, StepError> {
        let claims = self.registry.read()?;
        let obstacles = Obstacles::new();
        let brokers = LazyCell::new(Brokers::of_this_machine);
        let mut problems = Vec::new();
        for instance in wanted {
            for (listener, port) in instance.spec.ports.iter() {
                let why = match obstacles.at(port) {
                    Some(obstacle) if self.is_own(&obstacle, brokers.as_ref().map_err(Clone::clone)?) => None,
                    Some(obstacle) => Some(obstacle.to_string()),
                    None => claims
                        .owner_of(port)
                        .filter(|owner| !self.has(owner.folder()))
                        .map(registry::belongs_to),
                };
                problems.extend(why.map(|why| PortProblem {
                    instance: instance.name.clone(),
                    listener,
                    port,
                    why,
                }));
            }
        }
        Ok(problems)
    }

    fn is_own(&self, obstacle: &Obstacle, brokers: &Brokers) -> bool {
        let Obstacle::Listener(Some(listener)) = obstacle else {
            return false;
        };
        brokers.folder_of(listener.pid).is_some_and(|folder| self.has(folder))
    }

    fn has(&self, folder: &Path) -> bool {
        folder.parent() == Some(&self.instances)
    }
}
