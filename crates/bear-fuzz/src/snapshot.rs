//! A state: what is read is what was written, and whatever is read can be planned from.

use bear_core::fleet::parse;
use bear_core::observed::Observed;
use bear_core::state;

use crate::plan;
use crate::scene::Scene;

/// A fleet whose instances meet those of a state by their names.
const FLEET: &str = "fleet: demo\nprovider: local\ngroups: { broker: { count: 2, broker: embedded } }\n";

pub(crate) fn check(input: &[u8]) {
    let state = match state::read(input) {
        Ok(state) => state,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(state::read(state::write(&state).as_bytes()).unwrap(), state, "another state was written");
    let fleet = parse("fleet.yaml", FLEET.as_bytes()).unwrap().fleet;
    let scene = Scene { state, observed: Observed::new() };
    for instances in [fleet.instances().unwrap(), Vec::new()] {
        plan::sound(&scene.plan(&instances, None), scene.state.generation);
    }
}
