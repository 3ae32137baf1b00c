//! What really happened in all cases together: figures that show that the cases are not empty.

use std::fmt;

macro_rules! coverage {
    ($($(#[doc = $doc:literal])+ $field:ident: $name:literal,)+) => {
        /// How often something really happened.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Coverage {
            $($(#[doc = $doc])+ pub $field: u64,)+
        }

        impl Coverage {
            /// Adds what happened elsewhere.
            pub fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)+
            }

            /// What happened how often.
            pub fn figures(&self) -> Vec<(&'static str, u64)> {
                vec![$(($name, self.$field),)+]
            }
        }
    };
}

coverage! {
    /// Lives of bears.
    lives: "lives",
    /// Plans that were carried out.
    runs: "plans carried out",
    /// Things that bears did to the world.
    deeds: "deeds",
    /// Changes to the disk.
    changes: "changes to the disk",
    /// Deaths at a change to the disk.
    deaths_at_changes: "deaths at a change to the disk",
    /// Deaths at any other moment.
    deaths_elsewhere: "deaths elsewhere",
    /// Power cuts after a death, beside those at a change.
    power_cuts: "power cuts after a death",
    /// Recoveries of something from a journal.
    recoveries: "journals recovered",
    /// Journals with torn ends.
    torn: "torn ends cut off",
    /// Machines that were in doubt and were adopted.
    adoptions: "machines adopted or followed",
    /// Requests that were asked for again.
    asked_again: "machines asked for again",
    /// Requests that went wrong.
    faults: "requests gone wrong",
    /// Requests whose effect came after nobody waited for it.
    orphans: "effects that nobody waited for",
    /// Steps that failed.
    failed: "steps failed",
    /// Steps that were tried again.
    retried: "tries repeated",
    /// Steps that were skipped.
    skipped: "steps skipped",
    /// Steps that succeeded.
    succeeded: "steps succeeded",
    /// Runs that were interrupted.
    interrupts: "interrupts obeyed",
    /// Runs that ended because something could not be recorded.
    disk_trouble: "ends for want of a disk",
    /// Locks that were lost.
    locks_lost: "locks lost",
    /// Locks that were refused because somebody held them.
    locks_refused: "locks refused",
    /// Changes made by hand.
    hands: "changes by hand",
    /// Imports that marked a machine.
    imports: "imports",
    /// States that were restored.
    restores: "states restored",
    /// Machines that were destroyed.
    destroyed: "machines destroyed",
    /// Foundations that were laid or removed.
    foundations: "foundations laid or removed",
    /// Plans that were refused.
    refused: "plans refused",
    /// Reads without the lock.
    reads: "reads without the lock",
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, figure) in self.figures() {
            writeln!(f, "{figure:>12}  {name}")?;
        }
        Ok(())
    }
}
