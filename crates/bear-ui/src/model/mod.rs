//! The model: all that the manager knows, and what is on the screen.

mod form;
mod log;
mod rows;
mod run;
mod surveys;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bear_core::event::Operation;
use bear_core::fleet::model::Broker;
use bear_core::health::Pulse;
use bear_core::name::InstanceName;
use bear_core::plan::Plan;
use bear_core::progress::Progress;
use jiff::Timestamp;

pub(crate) use form::{Field, Form, PROVIDERS, Purpose};
pub(crate) use log::Log;
pub(crate) use rows::{Row, Rows, Tally};
pub(crate) use run::{Doing, Run, Running, StepState};
pub(crate) use surveys::Surveys;

use crate::data::{Failure, Fleet, Group, History, Instance, Members};
use crate::message::Question;

/// How many messages are kept.
const NOTES_MAX: usize = 200;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colours. Everything reads the same without.
    pub colour: bool,
    /// Whether characters beyond ASCII can be shown.
    pub unicode: bool,
}

/// All that the manager knows, and what is on the screen.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Model {
    pub(crate) style: Style,
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    pub(crate) now: Timestamp,
    pub(crate) files: Vec<String>,
    /// The fleet file that was asked for last.
    pub(crate) chosen: Option<String>,
    pub(crate) fleet: Option<Fleet>,
    /// Whether it is known what there is.
    pub(crate) loaded: bool,
    /// When what is there was last asked for, and whether the answer is still to come.
    pub(crate) asked: Timestamp,
    pub(crate) waits: bool,
    /// The same for how the brokers are doing.
    pub(crate) feels: bool,
    /// Why the fleet can not be shown.
    pub(crate) trouble: Option<Failure>,
    pub(crate) pulses: HashMap<InstanceName, Pulse>,
    pub(crate) rows: Rows,
    /// The pages that lead here; the last is shown. Never empty.
    pub(crate) pages: Vec<Page>,
    /// How far down the page is scrolled that is shown.
    pub(crate) scroll: usize,
    pub(crate) dialog: Option<Dialog>,
    /// How far down the dialog is scrolled.
    pub(crate) dialog_scroll: usize,
    /// Whether a search is being typed.
    pub(crate) searches: bool,
    /// Whether the keys that move are for the log, on the page of an instance.
    pub(crate) in_log: bool,
    /// Which fleet file is selected among several.
    pub(crate) file: usize,
    /// What was asked for, and is not over yet.
    pub(crate) job: Option<&'static str>,
    pub(crate) plan: Option<Arc<Plan>>,
    /// What was told on the way to a question about the plan.
    pub(crate) told: String,
    /// The plan and what was told, laid out for the width of the screen.
    pub(crate) plan_lines: Vec<ratatui::text::Line<'static>>,
    /// What lies before the run that begins next.
    pub(crate) ahead: Progress,
    pub(crate) run: Option<Run>,
    pub(crate) log: Log,
    pub(crate) history: Option<(InstanceName, History)>,
    /// What was told, oldest first.
    pub(crate) notes: VecDeque<Note>,
    /// How many of the notes were told since the last job began.
    pub(crate) fresh: usize,
    /// Why the last key did nothing, and when that was.
    pub(crate) refusal: Option<(Timestamp, &'static str)>,
    pub(crate) surveys: Surveys,
    /// The instance that a shell was asked for on.
    pub(crate) reaches: Option<InstanceName>,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Files,
    Fleet,
    Instance(InstanceName),
    Plan,
    Run,
    Log(InstanceName),
    Messages,
}

/// What lies above a page and gets the keys.
#[derive(Clone, Debug)]
pub(crate) enum Dialog {
    Form(Form),
    /// A question, and what was typed so far.
    Asked(Question, String),
    Failed(Failure),
    Help,
}

/// Something that was told.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) at: Timestamp,
    pub(crate) text: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Note,
    Warning,
    Failure,
}

impl Model {
    /// A manager that knows nothing yet. `size` is that of the terminal: columns and rows.
    pub fn new(size: (u16, u16), style: Style, now: Timestamp) -> Self {
        Self {
            style,
            size,
            now,
            files: Vec::new(),
            chosen: None,
            fleet: None,
            loaded: false,
            asked: now,
            waits: true,
            feels: false,
            trouble: None,
            pulses: HashMap::new(),
            rows: Rows::default(),
            pages: vec![Page::Fleet],
            scroll: 0,
            dialog: None,
            dialog_scroll: 0,
            searches: false,
            in_log: false,
            file: 0,
            job: None,
            plan: None,
            told: String::new(),
            plan_lines: Vec::new(),
            ahead: Progress::default(),
            run: None,
            log: Log::default(),
            history: None,
            notes: VecDeque::new(),
            fresh: 0,
            refusal: None,
            surveys: Surveys::default(),
            reaches: None,
        }
    }

    pub(crate) fn page(&self) -> &Page {
        self.pages.last().unwrap_or(&Page::Fleet)
    }

    /// Whether nothing was asked for that is not over yet.
    pub(crate) fn is_free(&self) -> bool {
        self.job.is_none()
    }

    /// Whether steps are being carried out.
    pub(crate) fn is_running(&self) -> bool {
        self.job.is_some() && self.run.as_ref().is_some_and(|run| !run.is_over())
    }

    pub(crate) fn is_deployed(&self) -> bool {
        self.fleet.as_ref().is_some_and(|fleet| fleet.instances.iter().any(|it| it.recorded.is_some()))
    }

    pub(crate) fn has_changes(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| !plan.is_empty())
    }

    /// The instance that keys are about.
    pub(crate) fn instance(&self) -> Option<&Instance> {
        let fleet = self.fleet.as_ref()?;
        match self.page() {
            Page::Instance(name) | Page::Log(name) => fleet.instances.iter().find(|it| it.name == *name),
            _ => match self.rows.selected()? {
                Row::Instance(index) => fleet.instances.get(index),
                Row::Group(_) => None,
            },
        }
    }

    /// The instance whose page is shown, or leads to the page that is.
    pub(crate) fn visited(&self) -> Option<&InstanceName> {
        self.pages.iter().rev().find_map(|page| match page {
            Page::Instance(name) | Page::Log(name) => Some(name),
            _ => None,
        })
    }

    /// Whether the instance that keys are about has a log to read.
    pub(crate) fn has_log(&self) -> bool {
        self.instance().is_some_and(Instance::has_log)
    }

    /// Whether the keys that move are for a log.
    pub(crate) fn scrolls_log(&self) -> bool {
        match self.page() {
            Page::Log(_) => true,
            Page::Instance(_) => self.in_log && self.has_log(),
            _ => false,
        }
    }

    /// What is searched for on the page that is shown: in its log, else in the table.
    pub(crate) fn search(&self) -> &str {
        match self.page() {
            Page::Instance(_) | Page::Log(_) => self.log.search(),
            _ => &self.rows.search,
        }
    }

    /// The group that keys are about.
    pub(crate) fn group(&self) -> Option<&Group> {
        let fleet = self.fleet.as_ref()?;
        if let Some(instance) = self.instance() {
            return fleet.groups.iter().find(|group| group.name == instance.group);
        }
        match self.rows.selected()? {
            Row::Group(index) => fleet.groups.get(index),
            Row::Instance(_) => None,
        }
    }

    /// Whether something of what is selected is recorded.
    pub(crate) fn selected_is_deployed(&self) -> bool {
        match (self.instance(), self.group(), &self.fleet) {
            (Some(instance), ..) => instance.recorded.is_some(),
            (None, Some(group), Some(fleet)) => {
                fleet.instances.iter().any(|it| it.group == group.name && it.recorded.is_some())
            }
            _ => false,
        }
    }

    /// Whether there is something to remove: the last of a counted group, or the instance that is selected.
    pub(crate) fn can_remove(&self) -> bool {
        match self.group().map(|group| group.members) {
            Some(Members::Count(count)) => count > 0,
            Some(Members::Named) => self.instance().is_some_and(|instance| instance.wanted),
            _ => false,
        }
    }

    /// Whether the broker of the group has a version to choose.
    pub(crate) fn has_version(&self) -> bool {
        self.version().is_some()
    }

    /// The version that the file asks for in the group that is selected.
    pub(crate) fn version(&self) -> Option<&str> {
        let (group, fleet) = (self.group()?, self.fleet.as_ref()?);
        let instance = fleet.instances.iter().find(|it| it.group == group.name && it.wanted)?;
        match &instance.spec.broker {
            Broker::Emqx(emqx) => Some(&emqx.version.0),
            Broker::Mosquitto(mosquitto) => Some(&mosquitto.version.0),
            Broker::Embedded(_) => None,
        }
    }

    pub(crate) fn note(&mut self, kind: Kind, text: String) {
        if self.notes.len() == NOTES_MAX {
            self.notes.pop_front();
        }
        self.notes.push_back(Note { at: self.now, text, kind });
        self.fresh = (self.fresh + 1).min(NOTES_MAX);
    }

    /// What an instance is doing in the run that goes on.
    pub(crate) fn doing(&self, instance: &InstanceName) -> Option<Doing> {
        let run = self.run.as_ref().filter(|run| !run.is_over())?;
        run.instances.get(instance).copied()
    }
}

/// The name of an operation, as a command.
pub(crate) const fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Apply => "apply",
        Operation::Destroy => "destroy",
        Operation::Verify => "verify",
    }
}
