//! `bear schema`: the JSON Schema of fleet files, for editors.

use bear_core::fleet;

use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;

pub(crate) fn run(context: &Context) -> Result<ExitStatus, Fault> {
    let schema = serde_json::to_string_pretty(&fleet::schema()).map_err(|error| {
        Fault::failed("bear::schema", "could not write the schema as JSON").caused_by(&error)
    })?;
    context.printer.data(schema);
    Ok(ExitStatus::Done)
}
