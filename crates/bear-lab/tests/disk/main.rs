//! The simulated disk itself: what was synced is certain, and of what was not anything may become.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

mod nodes;
mod power;
mod processes;
mod troubles;

use std::path::Path;

use bear_engine::store::{Filesystem, Open};
use bear_lab::disk::SimulatedProcess;

/// Creates a file that holds `bytes`, and syncs neither it nor its name.
fn create(process: &SimulatedProcess, path: &str, bytes: &[u8]) {
    process.open(Path::new(path), Open::New).unwrap().append(bytes).unwrap();
}

/// Syncs a file.
fn sync(process: &SimulatedProcess, path: &str) {
    process.open(Path::new(path), Open::Append).unwrap().sync_all().unwrap();
}

/// Syncs the folder that everything lies in.
fn sync_names(process: &SimulatedProcess) {
    process.sync_folder(Path::new("/")).unwrap();
}
