//! What the manager is told: what somebody typed, and what came of the effects.

use std::sync::Arc;

use bear_core::event::Event;
use bear_core::fleet::model::ProviderKind;
use bear_core::health::Pulse;
use bear_core::name::InstanceName;
use bear_core::plan::Plan;
use bear_core::progress::Progress;
use jiff::Timestamp;
use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use crate::data::{Failure, History, Snapshot, Survey};

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
    /// What a look at one of the fleets of the project found.
    Surveyed(Box<Survey>),
    /// All of them were looked at.
    SurveyEnded,
    /// What has happened to an instance.
    LookedUp(InstanceName, Box<History>),
    /// A fleet file was written.
    Created {
        /// The file, as people know it.
        file: String,
        /// Where the machines of the fleet come from.
        provider: ProviderKind,
    },
    /// This is the plan that a question is about, or that was asked for.
    Planned(Arc<Plan>),
    /// Something has to be decided.
    Asked(Question),
    /// A run is about to begin, with that before it.
    Begins(Box<Progress>),
    /// Something happened during a run.
    Happened(Event),
    /// What was asked for is over.
    Finished,
    /// Something to know.
    Note(String),
    /// Something to do something about.
    Warning(String),
    /// There is a way to a shell on that instance.
    Reached(InstanceName),
    /// A line of the log that is followed.
    Line {
        /// Which reading of it; an older one does not count any more.
        reading: u64,
        /// The line, without its end.
        line: String,
    },
    /// The log that is followed can't be read any further.
    LogEnded {
        /// Which reading of it.
        reading: u64,
        /// Why; none where it came to its end.
        failure: Option<Failure>,
    },
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
