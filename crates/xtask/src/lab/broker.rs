//! The brokers' images: the stand-in for EMQX under EMQX's names, and Mosquitto under Eclipse's.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::{LONG, run};
use super::image;
use super::service::push;
use super::state::{Inputs, State, make_empty_folder};

/// The versions of EMQX that hosts can pull.
const EMQX: [&str; 5] = ["5.0.9", "5.0.10", "5.8.9", "5.10.0", "6.2.2"];
/// The versions of Mosquitto that hosts can pull. Debian's own is the first.
const MOSQUITTO: [&str; 2] = ["2.0.11", "2.0.18"];

/// Compiles the stand-in and says where it lies.
pub(super) fn compile() -> Result<PathBuf, String> {
    crate::build::binary("bear-standin", &[])
}

/// Makes the images of EMQX and puts them into the registry.
pub(super) fn publish_emqx(state: &State, program: &Path) -> Result<(), String> {
    let sources = state.sources.join("standin");
    let mark = Inputs::default().written(program)?.folder(&sources)?.mark();
    let references = EMQX.map(|version| (format!("emqx/emqx:{version}"), version));
    let context = state.path("standin");
    if !references.iter().all(|(reference, _)| image::is_made_of(reference, &mark)) {
        make_empty_folder(&context)?;
        run(Command::new(sources.join("context.sh")).arg(&context).arg(program), LONG)?;
    }
    references.iter().try_for_each(|(reference, version)| {
        image::build(reference, &context, &[("VERSION", version)], &mark)?;
        push(state, reference)
    })
}

/// Makes the images of Mosquitto and puts them into the registry.
pub(super) fn publish_mosquitto(state: &State) -> Result<(), String> {
    MOSQUITTO.iter().try_for_each(|version| {
        let reference = format!("eclipse-mosquitto:{version}");
        image::make_mosquitto(state, &reference, version)?;
        push(state, &reference)
    })
}
