//! The bytes of one file: as programs see them, and as a power cut would leave them.

use super::draws::Draws;
use super::script::Survives;

/// How much of a block device is written at once: less is never torn within.
const SECTOR: usize = 512;

/// From so many changes on, appends to one place are kept as one.
const MANY: usize = 64;

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Bytes {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// What was changed since the file was synced, in order.
    dirty: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLength(usize),
}

impl Bytes {
    /// As programs see them.
    pub(super) fn now(&self) -> &[u8] {
        &self.now
    }

    /// As they surely are after a power cut.
    pub(super) fn durable(&self) -> &[u8] {
        &self.durable
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        write(&mut self.now, offset, bytes);
        let is_many = self.dirty.len() >= MANY;
        match self.dirty.last_mut() {
            Some(Change::Write { offset: start, bytes: last })
                if is_many && *start + last.len() == offset =>
            {
                last.extend_from_slice(bytes);
            }
            _ => self.dirty.push(Change::Write { offset, bytes: bytes.to_vec() }),
        }
    }

    pub(super) fn set_length(&mut self, length: usize) {
        if length != self.now.len() {
            self.now.resize(length, 0);
            self.dirty.push(Change::SetLength(length));
        }
    }

    /// Makes durable what was changed.
    pub(super) fn sync(&mut self) {
        for change in self.dirty.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// A sync failed: what was changed is in memory, is not written any more, and no later sync tells of it.
    pub(super) fn forget_dirty(&mut self) {
        self.dirty.clear();
    }

    /// What a power cut leaves.
    pub(super) fn cut(&mut self, survives: Survives, draws: &mut Draws) {
        let dirty = std::mem::take(&mut self.dirty);
        match survives {
            Survives::Everything => dirty.iter().for_each(|change| change.apply(&mut self.durable)),
            Survives::Nothing => {}
            Survives::Torn(thousandths) => {
                if let Some((last, before)) = dirty.split_last() {
                    for change in before {
                        change.apply(&mut self.durable);
                    }
                    last.tear(thousandths, &mut self.durable);
                }
            }
            Survives::Holed => dirty.iter().for_each(|change| change.apply_holed(&mut self.durable)),
            Survives::Drawn(_) => cut_as_drawn(&dirty, &mut self.durable, draws),
        }
        self.now.clone_from(&self.durable);
    }
}

/// Nothing, everything, the first changes, or of each change whatever comes.
fn cut_as_drawn(dirty: &[Change], durable: &mut Vec<u8>, draws: &mut Draws) {
    if dirty.is_empty() {
        return;
    }
    match draws.below(5) {
        0 => {}
        1 => dirty.iter().for_each(|change| change.apply(durable)),
        2 => {
            let whole = draws.index(dirty.len());
            dirty[..whole].iter().for_each(|change| change.apply(durable));
            dirty[whole].tear(draws.thousandths(), durable);
        }
        _ => dirty.iter().for_each(|change| match draws.below(6) {
            0 => {}
            1 => change.tear(draws.thousandths(), durable),
            2 => change.apply_holed(durable),
            3 => change.apply_in_sectors(durable, draws),
            4 => change.apply_garbled(durable, draws),
            _ => change.apply(durable),
        }),
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => write(to, *offset, bytes),
            Self::SetLength(length) => to.resize(*length, 0),
        }
    }

    /// Only the first so many thousandths of a write; a file is cut off or filled up wholly or not at all.
    fn tear(&self, thousandths: u16, to: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => write(to, *offset, &bytes[..part(bytes.len(), thousandths)]),
            Self::SetLength(_) => {}
        }
    }

    /// The second half of what was written is there, and so is the length of the file: before it comes what was there
    /// before, or zeros.
    fn apply_holed(&self, to: &mut Vec<u8>) {
        let Self::Write { offset, bytes } = self else { return self.apply(to) };
        let half = bytes.len() / 2;
        write(to, *offset + half, &bytes[half..]);
    }

    /// All is there, but for one byte that the device had not quite written: it has another bit.
    fn apply_garbled(&self, to: &mut Vec<u8>, draws: &mut Draws) {
        let Self::Write { offset, bytes } = self else { return self.apply(to) };
        write(to, *offset, bytes);
        to[offset + draws.index(bytes.len())] ^= 1;
    }

    /// Of each sector, what was written, or what was there before, or zeros.
    fn apply_in_sectors(&self, to: &mut Vec<u8>, draws: &mut Draws) {
        let Self::Write { offset, bytes } = self else { return self.apply(to) };
        let mut at = *offset;
        let end = offset + bytes.len();
        to.resize(to.len().max(end), 0);
        while at < end {
            let next = ((at / SECTOR + 1) * SECTOR).min(end);
            if draws.below(2) == 0 {
                write(to, at, &bytes[at - offset..next - offset]);
            }
            at = next;
        }
    }
}

fn write(to: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if bytes.is_empty() {
        return;
    }
    if offset == to.len() {
        return to.extend_from_slice(bytes);
    }
    if to.len() < end {
        to.resize(end, 0);
    }
    to[offset..end].copy_from_slice(bytes);
}

/// So many thousandths of `length`.
pub(super) fn part(length: usize, thousandths: u16) -> usize {
    length * usize::from(thousandths.min(1000)) / 1000
}
