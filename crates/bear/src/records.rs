//! The records of runs: what `bear report` makes its pages from. A file for each of the last runs, beside the state.
//!
//! They are for people to look back, and nothing depends on them: a record that can't be kept stops no run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bear_core::event::{Event, Operation};
use bear_core::plan::Plan;
use bear_core::progress::Pace;
use bear_engine::store::FleetFolder;
use bear_render::report;
use jiff::Timestamp;

/// How many runs are kept.
const KEPT: usize = 10;

/// Keeps the record of one run while it goes on.
pub(crate) struct Recorder {
    path: PathBuf,
    file: File,
    failure: Option<io::Error>,
}

impl Recorder {
    /// Begins the record of a run of `plan`, made from the fleet file that is named like `file`. Lets go of the oldest.
    pub(crate) fn begin(
        folder: &FleetFolder,
        (operation, at): (Operation, Timestamp),
        plan: &Plan,
        file: &str,
    ) -> io::Result<Self> {
        let runs = folder_of(folder);
        match fs::DirBuilder::new().mode(0o700).create(&runs) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let kept = kept(folder)?;
        for old in &kept[..kept.len().saturating_sub(KEPT - 1)] {
            fs::remove_file(runs.join(format!("{old}.ndjson")))?;
        }
        // Nothing keeps two proofs from beginning within one millisecond.
        let (at, process) = (at.strftime("%Y%m%dT%H%M%S%.3fZ"), std::process::id());
        let path = runs.join(format!("{at}-{}-{process}.ndjson", word(operation)));
        let mut record = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        record.write_all(report::heading(plan, env!("CARGO_PKG_VERSION"), file).as_bytes())?;
        Ok(Self { path, file: record, failure: None })
    }

    /// Adds an event.
    pub(crate) fn event(&mut self, event: &Event) {
        // After a line that is there in part no other could be read.
        if self.failure.is_none() {
            self.failure = self.file.write_all(report::line(event).as_bytes()).err();
        }
    }

    /// Where the record lies, if all of it could be written.
    pub(crate) fn finish(self) -> io::Result<PathBuf> {
        self.failure.map_or(Ok(self.path), Err)
    }
}

const fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Apply => "apply",
        Operation::Destroy => "destroy",
        Operation::Verify => "verify",
    }
}

fn folder_of(folder: &FleetFolder) -> PathBuf {
    folder.path().join("runs")
}

/// The names of the runs that are kept, oldest first.
pub(crate) fn kept(folder: &FleetFolder) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder_of(folder)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(".ndjson")).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

/// Where the record of a run lies that is kept.
pub(crate) fn path(folder: &FleetFolder, run: &str) -> PathBuf {
    folder_of(folder).join(format!("{run}.ndjson"))
}

/// How long steps took in the last run of this kind; nothing is known where none is kept, or not as it was written.
pub(crate) fn pace(folder: &FleetFolder, operation: Operation) -> Pace {
    let ending = format!("-{}-", word(operation));
    let last = kept(folder).ok().and_then(|kept| kept.into_iter().rfind(|run| run.contains(&ending)));
    let text = last.and_then(|run| fs::read_to_string(path(folder, &run)).ok());
    text.and_then(|text| report::Record::read(&text).ok()).map(|record| record.pace()).unwrap_or_default()
}

/// The page about the run whose record lies at `path`.
pub(crate) fn page(path: &Path) -> io::Result<String> {
    let text = fs::read_to_string(path)?;
    let record =
        report::Record::read(&text).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    Ok(report::html(&record))
}
