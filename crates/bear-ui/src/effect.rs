//! What the manager wants done. The binary does it, and tells in messages what came of it.

use bear_core::fleet::Edit;
use bear_core::fleet::model::ProviderKind;
use bear_core::name::{FleetName, InstanceName};

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Look which fleets there are, and what is known of one.
    Load {
        /// The fleet file to choose; without one the choice is as for every command.
        file: Option<String>,
    },
    /// Look how the brokers of the fleet are doing.
    LookAtHealth {
        /// The fleet file.
        file: String,
    },
    /// Look at several fleets, one after the other.
    Survey {
        /// Their files.
        files: Vec<String>,
    },
    /// Look up what has happened to an instance.
    LookUp {
        /// The fleet file.
        file: String,
        /// The instance.
        instance: InstanceName,
    },
    /// Write a new fleet file.
    CreateFleet {
        /// The name of the fleet.
        name: FleetName,
        /// Where its machines come from.
        provider: ProviderKind,
    },
    /// Edit the fleet file, then apply; where nothing is begun, the file gets its old text back.
    Edit {
        /// The fleet file.
        file: String,
        /// The edit.
        edit: Edit,
    },
    /// Plan, record the plan, and show it.
    Plan {
        /// The fleet file.
        file: String,
    },
    /// Plan, ask, and make it so.
    Apply {
        /// The fleet file.
        file: String,
    },
    /// Plan to take it all down, ask, and do so.
    Destroy {
        /// The fleet file.
        file: String,
    },
    /// Prove brokers again.
    Verify {
        /// The fleet file.
        file: String,
        /// The instances and groups; all where there is none.
        only: Vec<String>,
    },
    /// Answer the question that was asked.
    Answer(String),
    /// Read the log of an instance from now on, and no other any more.
    Follow {
        /// The fleet file.
        file: String,
        /// The instance.
        instance: InstanceName,
        /// What its lines are to be told with.
        reading: u64,
    },
    /// Stop reading the log.
    Unfollow,
    /// Open the dashboard of an instance in the browser.
    OpenBrowser {
        /// The fleet file.
        file: String,
        /// The instance.
        instance: InstanceName,
    },
    /// Find the way to a shell on an instance.
    Reach {
        /// The fleet file.
        file: String,
        /// The instance.
        instance: InstanceName,
    },
    /// Leave the screen to the shell that was reached, and come back when it ends.
    Shell(InstanceName),
    /// Ask the run to stop; the second time at once.
    Interrupt,
    /// Leave.
    Quit,
}
