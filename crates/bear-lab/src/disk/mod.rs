//! A simulated disk: it knows, of bytes and of names apart, what programs see and what is durable.
//!
//! A file is durable as far as it was synced, a name once its folder was. Whatever else a program believes to have
//! written may be lost, torn or full of holes after a power cut, in any order. The store runs on it unchanged, through
//! a [`SimulatedProcess`]; the kernel can be given it as a file system, through its [`Nodes`].

mod bytes;
mod draws;
mod inner;
mod nodes;
mod operations;
mod process;
mod script;
mod tree;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use inner::Inner;

pub use nodes::{Attributes, NodeKind, Nodes};
pub use process::SimulatedProcess;
pub use script::{Crash, Fault, Kind, Survives, Trouble};
pub use tree::{Node, ROOT};

/// When the disk's own time begins, after 1970: 2030-01-01T12:00:00Z.
const EPOCH: Duration = Duration::from_hours(525_972);

/// A disk that outlives every process on it. Its clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Shared>);

struct Shared {
    /// What the disk's own time is told from.
    began: Instant,
    inner: Mutex<Inner>,
}

impl SimulatedDisk {
    /// An empty disk: only the folder `/`.
    pub fn new() -> Self {
        Self(Arc::new(Shared { began: Instant::now(), inner: Mutex::new(Inner::new()) }))
    }

    /// A new process on this disk.
    pub fn process(&self) -> SimulatedProcess {
        SimulatedProcess::new(self)
    }

    /// Ends all processes at once. What they wrote stays, durable or not.
    pub fn crash(&self) {
        self.inner().kill_all();
    }

    /// Lets the power go and come back: all processes are gone, and what was not durable survives as is said.
    pub fn power_cut(&self, survives: Survives) {
        self.inner().cut(survives);
    }

    /// Lets something happen at the `nth` change from now, counted from 0.
    pub fn let_happen(&self, nth: usize, fault: Fault) {
        self.inner().script.add(None, nth, fault);
    }

    /// Lets something happen at the `nth` change of this kind to whatever has this name, in whichever folder.
    pub fn let_happen_to(&self, kind: Kind, name: &str, nth: usize, fault: Fault) {
        self.inner().script.add(Some((kind, name)), nth, fault);
    }

    /// Mends what is wrong with it, and lets nothing happen any more.
    pub fn mend(&self) {
        let mut inner = self.inner();
        inner.script.clear();
        inner.lasting = None;
        inner.off = false;
    }

    /// Lets each change take that long, in the disk's own time.
    pub fn slow(&self, pace: Duration) {
        self.inner().pace = pace;
    }

    /// How much of the disk's own time has passed, in pauses and slow changes.
    pub fn elapsed(&self) -> Duration {
        self.inner().elapsed
    }

    /// How often something was to be changed, or to be made durable.
    pub fn changes(&self) -> usize {
        self.inner().changes
    }

    /// How often something was made durable.
    pub fn syncs(&self) -> usize {
        self.inner().syncs
    }

    /// From now on, keeps a line of each change.
    pub fn keep_trace(&self) {
        self.inner().trace.get_or_insert_default();
    }

    /// The lines that were kept: the same for the same operations, to the byte.
    pub fn trace(&self) -> String {
        self.inner().trace.clone().unwrap_or_default()
    }

    /// The bytes of a file as programs see them; none if there is no such file.
    pub fn read(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let inner = self.inner();
        let node = inner.tree.find(path.as_ref()).ok()?;
        Some(inner.tree.file(node).ok()?.now().to_vec())
    }

    /// The bytes of a file after a power cut that takes all that it can; none if there is no such file then.
    pub fn certain(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let inner = self.inner();
        let node = inner.tree.find_durable(path.as_ref()).ok()?;
        Some(inner.tree.file(node).ok()?.durable().to_vec())
    }

    fn began(&self) -> Instant {
        self.0.began
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A death is a panic, and what it has left on the disk is what the tests are about.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedDisk({} changes)", self.changes())
    }
}
