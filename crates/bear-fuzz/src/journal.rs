//! The bytes of a journal: whatever they are, what is read of them is a state that was written, and the place of what
//! can't be read is told.

use bear_core::name::FleetName;
use bear_core::state::State;
use bear_core::state::journal::{JournalError, replay, salvage};

pub(crate) fn check(input: &[u8]) {
    // Nobody guesses a checksum, so all but some inputs get the right ones.
    match input.split_first() {
        Some((b'=', raw)) => read(raw),
        _ => read(&sealed(input)),
    }
}

fn new_state() -> State {
    State::new(FleetName::new("demo").unwrap(), "0123456789abcdef".into())
}

fn read(journal: &[u8]) {
    let mut state = new_state();
    let mut saved = new_state();
    salvage(&mut saved, journal);
    match replay(&mut state, journal) {
        Ok(recovered) => {
            assert_eq!(recovered.good_bytes + recovered.torn_bytes, journal.len());
            assert!(saved.serial >= state.serial, "what is left knows less than what was replayed");
            let mut again = new_state();
            let good = replay(&mut again, &journal[..recovered.good_bytes]).unwrap();
            assert_eq!((again, good.applied, good.torn_bytes), (state.clone(), recovered.applied, 0));
            if recovered.torn_bytes == 0 {
                assert_eq!(saved, state, "nothing is torn, and still another state is saved");
            }
        }
        Err(error) => {
            let (JournalError::Damaged { line }
            | JournalError::Unknown { line, .. }
            | JournalError::Gap { line, .. }
            | JournalError::Newer { line, .. }) = error;
            let lines = journal.split_inclusive(|&byte| byte == b'\n').count();
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
    }
}

/// The lines of `text` as entries: each with its length and its checksum.
fn sealed(text: &[u8]) -> Vec<u8> {
    let mut journal = Vec::new();
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(entry) => {
                let (length, sum) = (entry.len(), crc32(entry));
                let head = format!(r#"{{"v":1,"len":{length},"crc":"{sum:08x}","entry":"#);
                journal.extend_from_slice(head.as_bytes());
                journal.extend_from_slice(entry);
                journal.extend_from_slice(b"}\n");
            }
            None => journal.extend_from_slice(line),
        }
    }
    journal
}

/// CRC-32 as IEEE 802.3 has it, bit by bit: another one than bear's own.
fn crc32(bytes: &[u8]) -> u32 {
    const REFLECTED: u32 = 0xedb8_8320;
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (REFLECTED & (sum & 1).wrapping_neg()))
    })
}
