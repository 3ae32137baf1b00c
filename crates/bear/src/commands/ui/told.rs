//! What only the full-screen manager runs into, as people read it.

use std::io;

use bear_core::fleet::EditError;

use super::{jobs, terminal};
use crate::fault::Fault;
use crate::render::Look;

fn told(fault: &Fault) -> String {
    fault.report(Look { colour: false, width: None, unicode: true })
}

#[test]
fn a_terminal_that_is_gone() {
    insta::assert_snapshot!(told(&terminal::lost(&io::Error::from_raw_os_error(5))), @"
    bear::ui::terminal

      × could not use the terminal
      ╰─▶ Input/output error (os error 5)
      help: what was done is recorded: `bear status` shows it
    ");
}

#[test]
fn a_file_that_only_its_author_can_edit() {
    let error = EditError::ByHand { place: "groups.edge.count".to_owned() };
    insta::assert_snapshot!(told(&jobs::refused(error, "fleets/demo.yaml")), @"
    bear::ui::edit

      × could not edit `fleets/demo.yaml`
      ╰─▶ `groups.edge.count` is written in a way that bear can't edit without changing more
      help: edit the file yourself, then press a
    ");
}
