//! The journal: a file of records, appended to before anything is acknowledged and read back at the next start.
//!
//! The file is a head (8 bytes of name, the format as a little-endian `u32`) and frames. A frame is the length of its
//! body and the CRC-32 of it (two little-endian `u32`s) and the body: a list of records that happened as one. A frame
//! that is not whole can only be the last one that a dying process or machine wrote, so it and all behind it is cut
//! off. Appending is one `write`: what it took survives the process, and the machine after the next flush.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::record::Record;
use super::state::State;
use crate::error::BrokerError;
use crate::files::file_error;
use crate::limits;

const NAME: &[u8; 8] = b"bearmqtt";
const FORMAT: u32 = 1;
const HEAD_BYTES: usize = 12;
/// No frame is longer: a message with everyone it is for fits many times.
const FRAME_BYTES: u32 = 64 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_when_rewritten: u64,
    flushed: bool,
    /// Set while a half-written frame could not be taken back: nothing may be written behind it.
    broken: bool,
}

impl Journal {
    /// Loads what the folder holds, and begins a new journal with that.
    pub(super) fn open(folder: &Path, now: u64) -> Result<(Self, State), BrokerError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        // Its name as well has to survive a loss of power, or all that is flushed into it is for nothing.
        let kept = made.and_then(|()| sync(folder.parent().unwrap_or(Path::new("."))));
        kept.map_err(|source| file_error("write", folder, source))?;
        let path = folder.join("journal");
        let mut state = match File::open(&path) {
            Ok(file) => load(&path, file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(file_error("read", &path, error)),
        };
        state.begin(now);
        let (file, bytes) = rewrite(&path, &state).map_err(|source| file_error("write", &path, source))?;
        let journal = Self { path, file, bytes, bytes_when_rewritten: bytes, flushed: true, broken: false };
        Ok((journal, state))
    }

    /// Appends records as one: after a crash all of them are there, or none.
    pub(super) fn append(&mut self, records: &[impl Serialize]) -> io::Result<()> {
        if self.broken {
            // A disk that was full or read-only may be neither by now.
            self.file.set_len(self.bytes)?;
            self.broken = false;
        }
        let frame = frame(records)?;
        if let Err(error) = self.file.write_all(&frame) {
            self.broken = self.file.set_len(self.bytes).is_err();
            return Err(error);
        }
        self.bytes += frame.len() as u64;
        self.flushed = false;
        Ok(())
    }

    /// Whether it is time for [`Journal::rewrite`].
    pub(super) fn is_long(&self) -> bool {
        self.bytes > limits::COMPACT_BYTES.max(4 * self.bytes_when_rewritten)
    }

    /// Replaces the journal by the shortest one that makes the same state.
    pub(super) fn rewrite(&mut self, state: &State) -> io::Result<()> {
        // Where it fails, it is not tried again with every record.
        self.bytes_when_rewritten = self.bytes;
        let (file, bytes) = rewrite(&self.path, state)?;
        *self = Self {
            file,
            bytes,
            bytes_when_rewritten: bytes,
            flushed: true,
            broken: false,
            path: self.path.clone(),
        };
        Ok(())
    }

    /// The file to flush to the disk; none where all is there already.
    pub(super) fn unflushed(&mut self) -> Option<File> {
        let file = if self.flushed { None } else { self.file.try_clone().ok() };
        self.flushed |= file.is_some();
        file
    }
}

fn frame(records: &[impl Serialize]) -> io::Result<Vec<u8>> {
    let mut frame = postcard::to_extend(records, vec![0; 8]).map_err(io::Error::other)?;
    let (head, body) = frame.split_at_mut(8);
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= FRAME_BYTES);
    let length = length.ok_or_else(|| io::Error::other("a message with too many receivers"))?;
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    Ok(frame)
}

/// Writes a whole journal under another name and puts it in the place of the old one.
fn rewrite(path: &Path, state: &State) -> io::Result<(File, u64)> {
    let temporary = path.with_extension("new");
    let file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    let mut file = BufWriter::new(file);
    file.write_all(NAME)?;
    file.write_all(&FORMAT.to_le_bytes())?;
    state.write(|record| file.write_all(&frame(&[record])?))?;
    let written = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    written.sync_all()?;
    let bytes = written.metadata()?.len();
    let file = File::options().append(true).open(&temporary)?;
    fs::rename(&temporary, path)?;
    // From here on this is the journal, so nothing below may make the caller go on with the old one.
    if let Err(error) = sync(path.parent().unwrap_or(Path::new("."))) {
        tracing::warn!("could not flush the journal's folder: {error}");
    }
    Ok((file, bytes))
}

/// Makes durable which names a folder has.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn load(path: &Path, file: File) -> Result<State, BrokerError> {
    let failed = |source| file_error("read", path, source);
    let length = file.metadata().map_err(failed)?.len();
    let mut file = BufReader::new(file);
    let mut head = [0; HEAD_BYTES];
    file.read_exact(&mut head).map_err(failed)?;
    let (name, format) = head.split_at(NAME.len());
    let format = format.iter().rev().fold(0, |format, byte| (format << 8) | u32::from(*byte));
    if name != NAME {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, "it is no journal of a broker")));
    }
    if format > FORMAT {
        return Err(BrokerError::TooNew { path: path.to_owned(), found: format, known: FORMAT });
    }
    let mut state = State::default();
    let mut whole = HEAD_BYTES as u64;
    while let Some(body) = next_frame(&mut file).map_err(failed)? {
        let records = postcard::from_bytes::<Vec<Record>>(&body)
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        for record in records {
            state.apply(record);
        }
        whole += 8 + body.len() as u64;
    }
    if whole < length {
        tracing::warn!(bytes = length - whole, "the end of the journal was not whole and is cut off");
    }
    Ok(state)
}

/// The body of the next frame; none at the end, and at a frame that is not whole.
fn next_frame(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    // No frame is empty. Zeros, which a loss of power may leave where a frame was being written, look like one that is.
    let Some(length) = next_u32(file)?.filter(|length| (1..=FRAME_BYTES).contains(length)) else {
        return Ok(None);
    };
    let Some(checksum) = next_u32(file)? else { return Ok(None) };
    let mut body = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut body)?;
    Ok((body.len() == length as usize && crc32fast::hash(&body) == checksum).then_some(body))
}

fn next_u32(file: &mut impl Read) -> io::Result<Option<u32>> {
    let mut bytes = [0; 4];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(u32::from_le_bytes(bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
impl Journal {
    /// Makes every write fail, as on a disk that is gone.
    pub(super) fn break_file(&mut self) {
        self.file = File::open(&self.path).unwrap();
    }
    /// Makes writes succeed again.
    pub(super) fn mend_file(&mut self) {
        self.file = File::options().append(true).open(&self.path).unwrap();
    }
}
