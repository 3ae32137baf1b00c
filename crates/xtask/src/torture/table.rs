//! The table: what was tried, and what came of it.

use std::fmt;

/// The head of the table, in Markdown.
pub(super) const HEADER: &str = "\
| torture | tries | unreadable | lost | made twice | leaked | healed |
| --- | --: | --: | --: | --: | --: | --: |";

/// How many cases of harm are told in full.
const TOLD: usize = 5;

/// A kind of harm: a column of the table that must be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// The state could not be read.
    Unreadable,
    /// Something is there that bear does not know, or is not there any more that was promised.
    Lost,
    /// One instance has two machines or two brokers.
    Twice,
    /// Something is left after all was destroyed.
    Leaked,
    /// Something else than what was to come of it; it has no column, and shows in that of what was healed.
    Wrong,
}

/// What came of one torture.
#[derive(Clone, Debug)]
pub(super) struct Row {
    name: String,
    /// How often something cruel was done.
    pub(super) tries: u32,
    /// How often it was then tried to bring everything to a good end, and how often that succeeded.
    pub(super) heals: u32,
    pub(super) healed: u32,
    /// What failed at first where a second attempt succeeded.
    again: Vec<String>,
    harm: Vec<(Harm, String)>,
}

impl Row {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), tries: 0, heals: 0, healed: 0, again: Vec::new(), harm: Vec::new() }
    }

    /// Writes down something that must not be.
    pub(super) fn blame(&mut self, harm: Harm, what: impl Into<String>) {
        self.harm.push((harm, format!("try {}: {}", self.tries, what.into())));
    }

    /// Counts one attempt to bring everything to a good end.
    pub(super) fn heal(&mut self, healed: Result<(), String>) {
        self.heals += 1;
        match healed {
            Ok(()) => self.healed += 1,
            Err(why) => self.blame(Harm::Wrong, why),
        }
    }

    /// Writes down that a first attempt failed, and has to be made again.
    pub(super) fn again(&mut self, why: impl Into<String>) {
        self.again.push(format!("try {}: {}", self.tries, why.into()));
    }

    /// What had to be done again, in words.
    pub(super) fn done_again(&self) -> impl Iterator<Item = &str> {
        self.again.iter().map(String::as_str)
    }

    /// How much harm there was so far.
    pub(super) fn harmed(&self) -> usize {
        self.harm.len()
    }

    /// What must not be, in words; none if all went well.
    pub(super) fn harm(&self) -> Option<String> {
        let told = self.harm.iter().take(TOLD).map(|(harm, what)| format!("{}: {harm:?}: {what}", self.name));
        let told = told.collect::<Vec<_>>().join("\n");
        let nothing_tried = (self.tries == 0).then(|| format!("{}: nothing was tried", self.name));
        if told.is_empty() { nothing_tried } else { Some(told) }
    }

    fn count(&self, kind: Harm) -> usize {
        self.harm.iter().filter(|(harm, _)| *harm == kind).count()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, tries, heals, healed, .. } = self;
        let [unreadable, lost, twice, leaked] =
            [Harm::Unreadable, Harm::Lost, Harm::Twice, Harm::Leaked].map(|kind| self.count(kind));
        write!(f, "| {name} | {tries} | {unreadable} | {lost} | {twice} | {leaked} | {healed} of {heals}")?;
        match self.again.len() {
            0 => f.write_str(" |"),
            again => write!(f, ", {again} by a second apply |"),
        }
    }
}
