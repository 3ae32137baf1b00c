//! `bear schema`: the JSON Schema of fleet files, for editors.

use bear_core::fleet;

use crate::context::Context;
use crate::exit::ExitStatus;

pub(crate) fn run(context: &Context) -> ExitStatus {
    context.printer.data(format_args!("{:#}", fleet::schema().as_value()));
    ExitStatus::Done
}
