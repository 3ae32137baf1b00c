//! A disk and the processes that use it: each change is counted, may go wrong as scripted, and may be the last of its
//! process.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use super::script::{Fault, Kind, Script, Survives, Trouble, errno, error};
use super::tree::{Node, Tree};

/// A process on the disk, by its number.
pub(super) type Process = u64;
/// A file that is open, by its number.
pub(super) type Handle = u64;

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) tree: Tree,
    pub(super) script: Script,
    /// What stops changes until somebody mends the disk.
    pub(super) lasting: Option<Trouble>,
    /// Whether a scripted death struck whoever is no simulated process.
    pub(super) off: bool,
    pub(super) changes: usize,
    pub(super) syncs: usize,
    pub(super) elapsed: Duration,
    /// How long each change takes.
    pub(super) pace: Duration,
    pub(super) trace: Option<String>,
    /// Goes on with each change.
    tick: u64,
    alive: BTreeSet<Process>,
    open: BTreeMap<Handle, (Process, Node)>,
    locks: BTreeMap<Node, Handle>,
    /// For processes and handles.
    next_number: u64,
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Halt {
    /// It failed.
    Failed(io::Error),
    /// Whoever did it is dead.
    Died,
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// How much of a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// So many thousandths of a write.
    Part(u16),
    /// What was to be synced never will be.
    Lost,
}

/// What comes of a change.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Goes,
    Fails(Trouble),
    Dies,
    Cut(Survives),
}

impl Inner {
    pub(super) fn new() -> Self {
        Self {
            tree: Tree::new(),
            script: Script::default(),
            lasting: None,
            off: false,
            changes: 0,
            syncs: 0,
            elapsed: Duration::ZERO,
            pace: Duration::ZERO,
            trace: None,
            tick: 0,
            alive: BTreeSet::new(),
            open: BTreeMap::new(),
            locks: BTreeMap::new(),
            next_number: 1,
        }
    }

    fn take_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    pub(super) fn start(&mut self) -> Process {
        let process = self.take_number();
        self.alive.insert(process);
        process
    }

    pub(super) fn is_alive(&self, process: Process) -> bool {
        self.alive.contains(&process)
    }

    /// Refuses what the dead do.
    pub(super) fn expect_alive(&self, who: Option<Process>) -> io::Result<()> {
        let may = who.map_or(!self.off, |process| self.is_alive(process));
        if may { Ok(()) } else { Err(error(errno::EIO)) }
    }

    /// Makes a change to what is called `name`, unless the script or the state of the disk has it otherwise. Whatever
    /// would make it fail on any disk is checked before.
    pub(super) fn change<T>(
        &mut self,
        who: Option<Process>,
        kind: Kind,
        name: &OsStr,
        make: impl FnOnce(&mut Tree, u64, Extent) -> io::Result<T>,
    ) -> Result<T, Halt> {
        self.expect_alive(who)?;
        self.changes += 1;
        self.tick += 1;
        self.elapsed += self.pace;
        let (extent, outcome) = self.judge(kind, name);
        self.write_trace(who, kind, name, outcome);
        let done = extent.map(|extent| make(&mut self.tree, self.tick, extent)).transpose()?;
        match outcome {
            Outcome::Goes => {
                self.syncs += usize::from(matches!(kind, Kind::Sync | Kind::SyncFolder));
                // What goes is always made.
                done.ok_or_else(|| error(errno::EIO).into())
            }
            Outcome::Fails(trouble) => Err(trouble.error().into()),
            Outcome::Dies => {
                self.kill_or_turn_off(who);
                Err(Halt::Died)
            }
            Outcome::Cut(survives) => {
                self.cut(survives);
                self.kill_or_turn_off(who);
                Err(Halt::Died)
            }
        }
    }

    /// How much of the next change is made, and what comes of it.
    fn judge(&mut self, kind: Kind, name: &OsStr) -> (Option<Extent>, Outcome) {
        let fault = self.script.next(kind, name);
        if let Some(Fault::FromNow(trouble)) = fault {
            self.lasting = Some(trouble);
        }
        let stopped = self.lasting.filter(|trouble| trouble.stops(kind));
        let is_write = kind == Kind::Write;
        let is_sync = matches!(kind, Kind::Sync | Kind::SyncFolder);
        let lost = |trouble| (kind == Kind::Sync && trouble == Trouble::Io).then_some(Extent::Lost);
        let whole = if stopped.is_some() { None } else { Some(Extent::Whole) };
        match fault {
            Some(Fault::DieBefore) => (None, Outcome::Dies),
            Some(Fault::DieDuring(thousandths)) => {
                (whole.filter(|_| is_write).map(|_| Extent::Part(thousandths)), Outcome::Dies)
            }
            Some(Fault::DieAfter) => (whole, Outcome::Dies),
            Some(Fault::PowerCut(survives)) => (whole.filter(|_| !is_sync), Outcome::Cut(survives)),
            Some(Fault::Once(trouble) | Fault::FromNow(trouble)) if trouble.stops(kind) => {
                let half = (is_write && trouble != Trouble::ReadOnly).then_some(Extent::Part(500));
                (half.or(lost(trouble)), Outcome::Fails(trouble))
            }
            Some(Fault::Once(_) | Fault::FromNow(_)) | None => match stopped {
                Some(trouble) => (lost(trouble), Outcome::Fails(trouble)),
                None => (whole, Outcome::Goes),
            },
        }
    }

    fn write_trace(&mut self, who: Option<Process>, kind: Kind, name: &OsStr, outcome: Outcome) {
        let number = self.changes;
        if let Some(trace) = &mut self.trace {
            let who = who.unwrap_or_default();
            let ending = match outcome {
                Outcome::Goes => String::new(),
                Outcome::Fails(trouble) => format!(": {trouble:?}"),
                Outcome::Dies => ": dies".into(),
                Outcome::Cut(survives) => format!(": power cut, survives {survives:?}"),
            };
            writeln!(trace, "{number} process {who}: {kind} {}{ending}", name.display())
                .expect("a text takes everything");
        }
    }

    fn kill_or_turn_off(&mut self, who: Option<Process>) {
        match who {
            Some(process) => self.kill(process),
            None => self.off = true,
        }
    }

    /// The process is gone: its files are closed, and its locks are free.
    pub(super) fn kill(&mut self, process: Process) {
        self.alive.remove(&process);
        let its = self.open.iter().filter(|(_, (of, _))| *of == process);
        let its = its.map(|(handle, _)| *handle).collect::<Vec<_>>();
        for handle in its {
            self.close(handle);
        }
    }

    pub(super) fn kill_all(&mut self) {
        for process in std::mem::take(&mut self.alive) {
            self.kill(process);
        }
    }

    /// The power goes, and comes back.
    pub(super) fn cut(&mut self, survives: Survives) {
        self.kill_all();
        self.tree.cut(survives);
    }

    pub(super) fn open(&mut self, process: Process, node: Node) -> io::Result<Handle> {
        self.tree.hold(node)?;
        let handle = self.take_number();
        self.open.insert(handle, (process, node));
        Ok(handle)
    }

    pub(super) fn close(&mut self, handle: Handle) {
        if let Some((_, node)) = self.open.remove(&handle) {
            self.unlock(handle, node);
            self.tree.release(node);
        }
    }

    /// Whether the file is still open for its process.
    pub(super) fn expect_open(&self, handle: Handle) -> io::Result<()> {
        if self.open.contains_key(&handle) { Ok(()) } else { Err(error(errno::EBADF)) }
    }

    pub(super) fn try_lock(&mut self, handle: Handle, node: Node) -> bool {
        *self.locks.entry(node).or_insert(handle) == handle
    }

    pub(super) fn unlock(&mut self, handle: Handle, node: Node) {
        if self.locks.get(&node) == Some(&handle) {
            self.locks.remove(&node);
        }
    }
}
