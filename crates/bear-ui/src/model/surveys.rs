//! Surveys: what is known of each fleet of the project, for the page on which one of them is chosen.

use std::collections::HashMap;

use bear_core::fleet::model::ProviderKind;
use bear_core::name::FleetName;
use jiff::Timestamp;

use super::Tally;
use crate::data::Survey;

/// What is known of one fleet.
#[derive(Clone, Debug)]
pub(crate) struct Surveyed {
    /// Its name, its provider, and how its instances are doing; none where nothing can be shown of it.
    pub(crate) fleet: Option<(FleetName, ProviderKind, Tally)>,
    /// Why it, or its file, can't be read.
    pub(crate) trouble: Option<String>,
}

/// What is known of the fleets of the project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surveys {
    of: HashMap<String, Surveyed>,
    /// When they were last asked for, and whether there is more to come of it.
    pub(crate) asked: Option<Timestamp>,
    pub(crate) waits: bool,
}

impl Surveys {
    pub(crate) fn of(&self, file: &str) -> Option<&Surveyed> {
        self.of.get(file)
    }

    pub(crate) fn take(&mut self, survey: Survey) {
        let pulses = survey.pulses.into_iter().collect::<HashMap<_, _>>();
        let fleet = survey.fleet.map(|fleet| {
            let mut tally = Tally::default();
            for instance in &fleet.instances {
                tally.take(instance, pulses.get(&instance.name));
            }
            (fleet.name, fleet.provider, tally)
        });
        let trouble = survey.failure.map(|failure| failure.what);
        self.of.insert(survey.file, Surveyed { fleet, trouble });
    }

    /// Forgets the fleets whose files are not there any more.
    pub(crate) fn keep(&mut self, files: &[String]) {
        self.of.retain(|file, _| files.contains(file));
    }
}
