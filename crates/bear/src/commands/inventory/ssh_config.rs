//! Blocks of `ssh_config(5)`, one for each instance.

use std::fmt::Write;

use bear_core::name::FleetName;

use super::Login;
use crate::printer::Printer;
use crate::render::words::count;

/// Prints the blocks, and says how many instances have none.
pub(super) fn show(fleet: &FleetName, logins: &[Login<'_>], printer: &Printer) {
    let mut text = format!("# fleet {fleet}, by `bear inventory --format ssh-config`\n");
    for Login { item, settings } in logins {
        let Some(settings) = settings else { continue };
        let _ = writeln!(text, "\nHost {}", item.name);
        for (keyword, value) in settings {
            let _ = writeln!(text, "    {keyword} {value}");
        }
    }
    printer.data(text.trim_end());
    let here = logins.iter().filter(|login| login.settings.is_none()).count();
    if here > 0 {
        printer.note(format_args!("left out what runs on this machine: {}", count(here, "instance")));
    }
}
