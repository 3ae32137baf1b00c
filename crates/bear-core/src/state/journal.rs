//! The text of the journal: one line an entry, each with its length and checksum, so that a torn tail shows.
//!
//! A line is JSON, laid out always the same:
//! `{"v":1,"len":57,"crc":"1c291ca3","entry":{"serial":9,"batch":8,"record":…}}`. `len` and `crc` (CRC-32, IEEE) are
//! those of the entry's bytes. Entries of one batch were written together and became durable together.

use serde::{Deserialize, Serialize};

use super::v1::{self, Record, State};

/// Appends the line of one entry to `text`.
///
/// `serial` is that of the state once the record is applied, `batch` the serial of the first record that is written
/// and made durable together with this one.
pub fn write(text: &mut Vec<u8>, batch: u64, serial: u64, record: &Record) {
    let entry = serde_json::to_vec(&Entry { serial, batch, record })
        .expect("a record has only string keys and finite numbers");
    let head = format!(
        "{{\"v\":{},\"len\":{},\"crc\":\"{:08x}\",\"entry\":",
        v1::VERSION,
        entry.len(),
        crc32fast::hash(&entry)
    );
    text.extend_from_slice(head.as_bytes());
    text.extend_from_slice(&entry);
    text.extend_from_slice(b"}\n");
}

/// What a journal holds beyond its snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// How many entries were applied.
    pub applied: usize,
    /// How many bytes from the start of the journal are good.
    pub good_bytes: usize,
    /// How many bytes of a torn tail follow them.
    pub torn_bytes: usize,
}

/// Why a journal can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A line in the middle is damaged: not what a crash leaves behind.
    #[error("line {line} is damaged, and later entries follow it")]
    Damaged {
        /// The line, from 1.
        line: usize,
    },
    /// A line is as it was written, and yet makes no sense: not what a crash leaves behind either.
    #[error("line {line} is whole, but holds no entry: {why}")]
    Unknown {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Entries are missing.
    #[error("line {line} has serial {found} where {expected} was expected")]
    Gap {
        /// The line, from 1.
        line: usize,
        /// The serial that it has.
        found: u64,
        /// The serial that should come next.
        expected: u64,
    },
    /// A newer bear wrote it.
    #[error("line {line} was written by a newer bear (format {found}, this one reads up to {known})", known = v1::VERSION)]
    Newer {
        /// The line, from 1.
        line: usize,
        /// The version that it has.
        found: u32,
    },
}

/// Applies every whole entry of a journal to the snapshot that it belongs to.
///
/// Entries that the snapshot already holds are passed over: a crash may come after a snapshot was written and before
/// its journal was emptied. What a crash tore off at the end is not applied; no effect came of it, because effects
/// start only once their batch is durable.
///
/// # Errors
///
/// What no crash leaves behind is refused. `state` is then of no use: some of the entries were applied to it.
pub fn replay(state: &mut State, journal: &[u8]) -> Result<Recovered, JournalError> {
    let mut recovered = Recovered::default();
    let mut last = None;
    for (index, text) in lines(journal).enumerate() {
        let line = index + 1;
        match parse(text) {
            Line::Entry(Entry { serial, record, .. }) => {
                // Only the first entry may be older than the snapshot; after it, serials go up by one.
                let newest = last.unwrap_or(state.serial).saturating_add(1);
                if serial > newest || (last.is_some() && serial < newest) {
                    return Err(JournalError::Gap { line, found: serial, expected: newest });
                }
                if serial > state.serial {
                    state.apply(&record);
                    recovered.applied += 1;
                }
                last = Some(serial);
                recovered.good_bytes += text.len();
            }
            Line::Unknown { why } => return Err(JournalError::Unknown { line, why }),
            Line::Newer { version } => return Err(JournalError::Newer { line, found: version }),
            Line::Torn => {
                let rest = &journal[recovered.good_bytes + text.len()..];
                if later_batch_follows(rest, last) {
                    return Err(JournalError::Damaged { line });
                }
                recovered.torn_bytes = journal.len() - recovered.good_bytes;
                break;
            }
        }
    }
    Ok(recovered)
}

/// Applies every intact entry that is newer than `state`, however many are missing between them.
///
/// For a journal that [`replay`] refuses: what is left of it is still the best that is known.
pub fn salvage(state: &mut State, journal: &[u8]) {
    for text in lines(journal) {
        if let Line::Entry(Entry { serial, record, .. }) = parse(text)
            && serial > state.serial
        {
            state.serial = serial - 1;
            state.apply(&record);
        }
    }
}

/// Whether anything in `rest` was written after the batch of the torn line before it.
///
/// The batch that was being written when the power went may have holes anywhere, but nothing was written after it. So
/// a batch that began after the torn entry proves that the entry was durable once.
fn later_batch_follows(rest: &[u8], last_good: Option<u64>) -> bool {
    let mut torn = last_good.map(|serial| serial.saturating_add(1));
    lines(rest).any(|text| match parse(text) {
        Line::Entry(Entry { serial, batch, .. }) => batch > *torn.get_or_insert(serial.saturating_sub(1)),
        Line::Unknown { .. } | Line::Newer { .. } => true,
        Line::Torn => false,
    })
}

fn lines(journal: &[u8]) -> impl Iterator<Item = &[u8]> {
    journal.split_inclusive(|&byte| byte == b'\n')
}

/// One record and its place in the sequence of all records.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<R> {
    serial: u64,
    batch: u64,
    record: R,
}

#[expect(
    clippy::large_enum_variant,
    reason = "nearly every line is an entry, and only one is held at a time"
)]
enum Line {
    Entry(Entry<Record>),
    Unknown { why: String },
    Newer { version: u32 },
    Torn,
}

fn parse(line: &[u8]) -> Line {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        v: u32,
        len: usize,
        crc: &'a str,
        #[serde(borrow)]
        entry: &'a serde_json::value::RawValue,
    }
    // A newer format may differ in everything but its version.
    #[derive(Deserialize)]
    struct Header {
        v: u32,
    }
    if line.last() != Some(&b'\n') {
        return Line::Torn;
    }
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(line) else {
        return match serde_json::from_slice::<Header>(line) {
            Ok(Header { v }) if v > v1::VERSION => Line::Newer { version: v },
            _ => Line::Torn,
        };
    };
    if envelope.v > v1::VERSION {
        return Line::Newer { version: envelope.v };
    }
    let bytes = envelope.entry.get().as_bytes();
    if envelope.len != bytes.len() || envelope.crc != format!("{:08x}", crc32fast::hash(bytes)) {
        return Line::Torn;
    }
    match serde_json::from_slice(bytes) {
        Ok(entry) => Line::Entry(entry),
        Err(error) => Line::Unknown { why: error.to_string() },
    }
}
