//! Pictures of plans and pages about runs.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

mod graph;
mod report;
mod scene;
