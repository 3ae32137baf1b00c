//! What there is: every machine that is marked as the fleet's or that the state knows, and the foundation.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bear_core::event::StepError;
use bear_core::fleet::{Foundation, Spec};
use bear_core::observed::{BrokerSeen, Drift, FoundationSeen, Observation, Observed, Stray};
use bear_core::state::v1::Machine;
use bear_provider::Known;

use aws_sdk_ec2::types::InstanceStateName;

use crate::Inner;
use crate::marks;
use crate::seen::{self, Seen, best, living, of_lineage};

impl Inner {
    pub(crate) async fn observe(
        &self,
        known: &[Known<'_>],
        foundations: &[&Foundation],
    ) -> Result<Observed, StepError> {
        let machines = self.machines(known).await?;
        let mut seen = BTreeMap::<String, FoundationSeen>::new();
        let mut ground = Ground { group: None, tags: marks::Tags::new() };
        for foundation in foundations.iter().filter(|foundation| foundation.region == self.region()) {
            let (what, group) = self.look_at_foundation(foundation).await?;
            seen.insert(foundation.region.clone(), what);
            ground = Ground { group, tags: foundation.tags.clone() };
        }
        let by_token = ByToken::of(&machines);
        let by_id = machines.iter().map(|seen| (seen.id.as_str(), seen)).collect::<HashMap<_, _>>();
        let mut taken = BTreeSet::new();
        let mut instances = BTreeMap::new();
        for known in known {
            let of_id =
                known.recorded.machine.as_ref().and_then(|machine| by_id.get(machine.id.as_str()).copied());
            let found = match &known.recorded.machine {
                Some(_) => of_id,
                None => by_token.get(&known.recorded.token),
            };
            let observation = match found.filter(|seen| seen.lives()) {
                Some(seen) => {
                    taken.insert(seen.id.as_str());
                    self.present(known, seen, &ground)
                }
                None => Observation::Absent,
            };
            instances.insert(known.instance.clone(), observation);
        }
        let strays = machines.iter().filter(|seen| seen.lives() && !taken.contains(seen.id.as_str()));
        let strays = strays.map(|seen| self.stray(seen, known)).collect();
        Ok(Observed { instances, foundations: seen, strays })
    }

    /// All living machines of the fleet, and those that the state knows whatever their tags are.
    async fn machines(&self, known: &[Known<'_>]) -> Result<Vec<Seen>, StepError> {
        let doing = "looking at the machines";
        let marked = seen::list(&self.api, vec![of_lineage(&self.settings.lineage), living()]).await;
        let mut machines = marked.map_err(|failure| self.explain(&failure, doing))?;
        let shown = machines.iter().map(|seen| seen.id.clone()).collect::<BTreeSet<_>>();
        let ids = known
            .iter()
            .filter_map(|known| known.recorded.machine.as_ref())
            .map(|machine| machine.id.clone());
        let missing = ids.filter(|id| !shown.contains(id)).collect::<Vec<_>>();
        let found = seen::by_id(&self.api, &missing).await;
        machines.extend(found.map_err(|failure| self.explain(&failure, doing))?);
        Ok(machines)
    }

    fn present(&self, known: &Known<'_>, seen: &Seen, ground: &Ground) -> Observation {
        let spec = &known.recorded.spec;
        let recorded = known.recorded.machine.as_ref();
        let found = seen.machine(spec);
        let running = seen.state == InstanceStateName::Running;
        let machine = Machine {
            // One that does not run has lost its public address, and gets another.
            address: recorded.filter(|_| !running).map_or(found.address, |known| known.address.clone()),
            system: recorded.and_then(|known| known.system.clone()),
            ..found
        };
        let mut changed = drift_of_machine(spec, seen);
        if !seen.is_of(&known.recorded.token) || self.lacks_tags(seen, ground) {
            changed.push(drift("tags", "not those that bear gave it", "the fleet's"));
        }
        if let Some(group) =
            ground.group.as_ref().filter(|group| !(seen.groups.len() == 1 && seen.groups[0] == **group))
        {
            changed.push(drift("security_groups", seen.groups.join(", "), group));
        }
        Observation::Present { machine, changed, broker: BrokerSeen::Unknown }
    }

    fn lacks_tags(&self, seen: &Seen, ground: &Ground) -> bool {
        let own = [(marks::FLEET, self.settings.fleet.as_str()), (marks::LINEAGE, &self.settings.lineage)];
        let owners = ground.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        own.into_iter().chain(owners).any(|(key, value)| seen.tags.get(key).is_none_or(|is| is != value))
    }

    fn stray(&self, seen: &Seen, known: &[Known<'_>]) -> Stray {
        let instance = seen.whose.as_ref().and_then(|whose| whose.instance.clone());
        let other = known.iter().find(|known| Some(known.instance) == instance.as_ref());
        let other = other.and_then(|known| known.recorded.machine.as_ref());
        let why = match other {
            Some(machine) => format!("marked as this fleet's, whose machine is {}", machine.id),
            None => format!(
                "marked as this fleet's ({}={}), and not in its state",
                marks::LINEAGE,
                self.settings.lineage
            ),
        };
        Stray { id: seen.id.clone(), instance, why }
    }
}

/// What machines are held against beside what they were asked to be.
struct Ground {
    /// The fleet's own security group, where it has one.
    group: Option<String>,
    /// The owner's tags.
    tags: marks::Tags,
}

/// Machines by the tokens that they say are theirs.
struct ByToken<'a>(Vec<&'a Seen>);

impl<'a> ByToken<'a> {
    fn of(machines: &'a [Seen]) -> Self {
        Self(machines.iter().filter(|seen| seen.whose.is_some()).collect())
    }

    fn get(&self, token: &str) -> Option<&'a Seen> {
        best(self.0.iter().copied().filter(|seen| seen.is_of(token)))
    }
}

/// What about a machine itself is not as bear left it.
fn drift_of_machine(spec: &Spec, seen: &Seen) -> Vec<Drift> {
    let mut changed = Vec::new();
    if matches!(seen.state, InstanceStateName::Stopped | InstanceStateName::Stopping) {
        changed.push(drift("state", seen.state.as_str(), "running"));
    }
    let Some(machine) = &spec.machine else { return changed };
    if seen.kind != machine.kind {
        changed.push(drift("type", &seen.kind, &machine.kind));
    }
    if seen.profile != machine.iam_profile {
        let text = |profile: &Option<String>| profile.clone().unwrap_or_else(|| "none".to_owned());
        changed.push(drift("iam_profile", text(&seen.profile), text(&machine.iam_profile)));
    }
    let running = seen.state == InstanceStateName::Running;
    if running && machine.elastic_ip && !seen.elastic {
        changed.push(drift("elastic_ip", "none", "one of its own"));
    }
    changed
}

fn drift(what: &str, is: impl Into<String>, was: impl Into<String>) -> Drift {
    Drift { what: what.to_owned(), is: is.into(), was: was.into() }
}
