//! A recorded plan: what is read is what was written, and no plan makes bear stumble, however wrong it is.

use bear_core::plan::{self, Origin, Plan, RecordedPlan};
use jiff::Timestamp;

/// The version of bear that the inputs name.
const BEAR: &str = "0.1.0";

pub(crate) fn check(input: &[u8]) {
    let Ok(recorded) = RecordedPlan::read(input, BEAR) else { return };
    let again = RecordedPlan::read(recorded.write().as_bytes(), BEAR).unwrap();
    assert_eq!(again, recorded, "what was written is not what was read");
    if let Ok(plan) = recorded.plan() {
        shown(&plan);
        // Whatever it finds is a fault of the file.
        let _ = plan::check(&plan);
    }
}

/// A plan that may be carried out, and is the same when it was recorded. `generation` is the highest one given before.
pub(crate) fn sound(plan: &Plan, generation: u64) {
    plan::check(plan).unwrap();
    let origin = Origin {
        bear: BEAR.into(),
        id: "id".into(),
        at: Timestamp::UNIX_EPOCH,
        file: "fleet.yaml".into(),
        digest: "digest".into(),
    };
    let recorded = RecordedPlan::new(plan, generation, origin);
    let read = RecordedPlan::read(recorded.write().as_bytes(), BEAR).unwrap();
    assert_eq!(shown(&read.plan().unwrap()), shown(plan), "a recorded plan is another plan");
}

/// Everything that a plan is shown as.
fn shown(plan: &Plan) -> [String; 3] {
    let document = serde_json::to_string(&plan::document(plan)).unwrap();
    [document, plan::dot(plan), plan::mermaid(plan)]
}
