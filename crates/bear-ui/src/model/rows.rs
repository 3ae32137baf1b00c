//! Rows: the groups and instances that the table shows, which of them is selected, and which are on the screen.

use std::collections::{HashMap, HashSet};

use bear_core::health::{Health, Pulse};
use bear_core::name::{GroupName, InstanceName};

use crate::data::{Fleet, Instance};

/// A row of the table: an index of a group or an instance of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Group(usize),
    Instance(usize),
}

/// How many instances there are, and how they are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) all: usize,
    pub(crate) healthy: usize,
    pub(crate) unverified: usize,
    pub(crate) unhealthy: usize,
    pub(crate) unreachable: usize,
    /// They are wanted, and not made yet.
    pub(crate) missing: usize,
    /// They are there, and not wanted any more.
    pub(crate) surplus: usize,
}

impl Tally {
    pub(crate) fn take(&mut self, instance: &Instance, pulse: Option<&Pulse>) {
        self.all += 1;
        self.surplus += usize::from(!instance.wanted);
        if instance.recorded.is_none() {
            self.missing += 1;
            return;
        }
        match pulse.map(|pulse| &pulse.health) {
            Some(Health::Healthy) => self.healthy += 1,
            Some(Health::Unverified { .. }) => self.unverified += 1,
            Some(Health::Unhealthy { .. }) => self.unhealthy += 1,
            Some(Health::Unreachable { .. }) => self.unreachable += 1,
            None => {}
        }
    }
}

/// The rows of the table. The cursor is always on a row that is there, if there is any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    all: Vec<Row>,
    cursor: usize,
    /// The first row on the screen.
    offset: usize,
    folded: HashSet<GroupName>,
    /// What is searched for.
    pub(crate) search: String,
    /// The width of the longest name.
    pub(crate) name_width: usize,
    /// A tally for each group of the fleet.
    pub(crate) groups: Vec<Tally>,
    pub(crate) total: Tally,
}

impl Rows {
    /// The row that is selected.
    pub(crate) fn selected(&self) -> Option<Row> {
        self.all.get(self.cursor).copied()
    }

    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The rows on a screen of that height, with their places among all.
    pub(crate) fn on_screen(&self, height: usize) -> impl Iterator<Item = (usize, Row)> + '_ {
        let begin = self.first(height);
        let end = (begin + height).min(self.all.len());
        (begin..end).map(|at| (at, self.all[at]))
    }

    /// The first row on a screen of that height: as near to where it was as the cursor allows.
    pub(crate) fn first(&self, height: usize) -> usize {
        let lowest = (self.cursor + 1).saturating_sub(height);
        let most = self.all.len().saturating_sub(height);
        self.offset.clamp(lowest, self.cursor.max(lowest)).min(most.max(lowest))
    }

    /// Moves the cursor by so many rows, as far as there are any; the screen follows.
    pub(crate) fn step(&mut self, by: isize, height: usize) {
        self.select(self.cursor.saturating_add_signed(by), height);
    }

    pub(crate) fn select(&mut self, row: usize, height: usize) {
        self.cursor = row.min(self.all.len().saturating_sub(1));
        self.offset = self.first(height);
    }

    /// Folds a group, or unfolds it.
    pub(crate) fn fold(&mut self, group: &GroupName) {
        if !self.folded.remove(group) {
            self.folded.insert(group.clone());
        }
    }

    pub(crate) fn is_folded(&self, group: &GroupName) -> bool {
        self.folded.contains(group)
    }

    /// Works the rows out anew. The cursor stays with what was selected, if that is still there.
    pub(crate) fn arrange(
        &mut self,
        fleet: &Fleet,
        pulses: &HashMap<InstanceName, Pulse>,
        was: Option<&str>,
    ) {
        let mut groups = vec![Tally::default(); fleet.groups.len()];
        let mut total = Tally::default();
        let mut all = Vec::with_capacity(fleet.instances.len() + fleet.groups.len());
        let needle = self.search.to_lowercase();
        let mut instances = fleet.instances.iter().enumerate().peekable();
        for (index, group) in fleet.groups.iter().enumerate() {
            let header = all.len();
            all.push(Row::Group(index));
            while let Some((at, instance)) = instances.next_if(|(_, it)| it.group == group.name) {
                let pulse = pulses.get(&instance.name);
                groups[index].take(instance, pulse);
                total.take(instance, pulse);
                let is_shown = if needle.is_empty() {
                    !self.folded.contains(&group.name)
                } else {
                    matches(instance, pulse, &needle)
                };
                if is_shown {
                    all.push(Row::Instance(at));
                }
            }
            if !needle.is_empty() && all.len() == header + 1 {
                all.truncate(header);
            }
        }
        self.name_width = fleet.instances.iter().map(|it| it.name.as_str().len()).max().unwrap_or(0);
        (self.groups, self.total, self.all) = (groups, total, all);
        let is_it = |row: &Row| match *row {
            Row::Group(index) => fleet.groups.get(index).map(|it| it.name.as_str()) == was,
            Row::Instance(index) => fleet.instances.get(index).map(|it| it.name.as_str()) == was,
        };
        let found = was.and_then(|_| self.all.iter().position(is_it));
        // On a group nothing but folding is near at hand, so the first instance is what people most likely want.
        let fallback = if was.is_none() { 1 } else { self.cursor };
        self.cursor = found.unwrap_or(fallback).min(self.all.len().saturating_sub(1));
    }

    /// The name of what is selected.
    pub(crate) fn name<'f>(&self, fleet: &'f Fleet) -> Option<&'f str> {
        match self.selected()? {
            Row::Group(index) => fleet.groups.get(index).map(|it| it.name.as_str()),
            Row::Instance(index) => fleet.instances.get(index).map(|it| it.name.as_str()),
        }
    }
}

fn matches(instance: &Instance, pulse: Option<&Pulse>, needle: &str) -> bool {
    let recorded = instance.recorded.as_deref();
    let address = recorded.and_then(|recorded| recorded.machine.as_ref()).map(|machine| &machine.address);
    instance.name.as_str().contains(needle)
        || instance.spec.broker.as_str().contains(needle)
        || recorded
            .and_then(|recorded| recorded.installed.as_ref())
            .is_some_and(|installed| installed.version.contains(needle))
        || address.is_some_and(|address| address.contains(needle))
        || pulse.is_some_and(|pulse| pulse.health.as_str().starts_with(needle))
        || (recorded.is_none() && "not made".contains(needle))
        || (!instance.wanted && "not wanted".contains(needle))
}
