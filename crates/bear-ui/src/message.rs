//! What the manager is told: what somebody typed, and what came of the effects.

use std::sync::Arc;

use bear_core::event::Event;
use bear_core::health::Pulse;
use bear_core::name::InstanceName;
use bear_core::plan::Plan;
use jiff::Timestamp;
use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use crate::data::{Failure, History, Snapshot};

/// One thing that the manager is told.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse was used.
    Mouse(MouseEvent),
    /// Text was pasted.
    Pasted(String),
    /// The terminal has another size: columns and rows.
    Resized(u16, u16),
    /// Time has passed.
    Tick(Timestamp),
    /// What is there.
    Loaded(Box<Snapshot>),
    /// How brokers are doing.
    Felt(Vec<(InstanceName, Pulse)>),
    /// What has happened to an instance.
    LookedUp(InstanceName, Box<History>),
    /// The fleet file of that name was written.
    Created(String),
    /// This is the plan that a question is about, or that was asked for.
    Planned(Arc<Plan>),
    /// Something has to be decided.
    Asked(Question),
    /// Something happened during a run.
    Happened(Event),
    /// What was asked for is over.
    Finished,
    /// Something to know.
    Note(String),
    /// Something to do something about.
    Warning(String),
    /// A line of the log that is followed.
    Line(InstanceName, String),
    /// Something could not be done.
    Failed(Failure),
}

/// Something to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The answer is `y`, or anything else for no.
    YesNo(String),
    /// The answer is a word that nobody types by mistake.
    Typed {
        /// The question.
        text: String,
        /// The word.
        wanted: String,
    },
}

impl Question {
    /// The question as it is put.
    pub fn text(&self) -> &str {
        match self {
            Self::YesNo(text) | Self::Typed { text, .. } => text,
        }
    }
}
