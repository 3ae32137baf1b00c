//! What must hold for every input from outside, whatever its bytes: one function for each place where bear reads what
//! it did not write, or where what it wrote may have been damaged since.
//!
//! The same functions run under `cargo fuzz`, which needs a nightly compiler (`tests/fuzz`), and in `cargo test` over
//! the inputs that it kept and over generated ones. A function panics where its promise is broken; [`Target::check`]
//! adds the promise that all of them share, a bound on memory.

#![expect(clippy::unwrap_used, reason = "a panic is how a broken promise is reported")]

mod answers;
mod broker;
mod crash;
mod edits;
mod files;
mod fleet;
mod host_keys;
mod journal;
mod plan;
mod redaction;
mod scene;
mod snapshot;

use std::sync::{Mutex, PoisonError};

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One place where bear reads, and what must hold there.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, also that of the folders of its inputs.
    pub name: &'static str,
    run: fn(&[u8]),
    memory: Memory,
}

/// The most memory that an input may ask for: `fixed` bytes, and `each` more for every byte of the input.
#[derive(Clone, Copy, Debug)]
struct Memory {
    fixed: usize,
    each: usize,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

impl Memory {
    /// For what keeps a value of its own for each byte or two, and explains each of them.
    const EXPLAINED: Self = Self { fixed: 4 * MIB, each: 16 * KIB };
    /// For what keeps what it read.
    const READ: Self = Self { fixed: 4 * MIB, each: KIB };
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "answers", run: answers::check, memory: Memory::READ },
    Target { name: "broker", run: broker::check, memory: Memory::EXPLAINED },
    Target { name: "crash", run: crash::check, memory: Memory::EXPLAINED },
    Target { name: "edits", run: edits::check, memory: Memory::EXPLAINED },
    Target { name: "files", run: files::check, memory: Memory { fixed: 16 * MIB, each: KIB } },
    Target { name: "fleet", run: fleet::check, memory: Memory { fixed: 64 * MIB, each: 16 * KIB } },
    Target { name: "host_keys", run: host_keys::check, memory: Memory::READ },
    Target { name: "journal", run: journal::check, memory: Memory::READ },
    Target { name: "plan", run: plan::check, memory: Memory::EXPLAINED },
    Target { name: "redaction", run: redaction::check, memory: Memory::EXPLAINED },
    Target { name: "snapshot", run: snapshot::check, memory: Memory::EXPLAINED },
];

/// The target of this name.
///
/// # Panics
///
/// There is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target {name}"))
}

impl Target {
    /// Holds one input against everything that is promised for it.
    ///
    /// # Panics
    ///
    /// A promise is broken.
    pub fn check(&self, input: &[u8]) {
        /// Memory is counted for the process as a whole, so only one input is looked at at a time.
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        MEMORY.reset_peak_usage();
        let before = MEMORY.peak_usage();
        (self.run)(input);
        let taken = MEMORY.peak_usage().saturating_sub(before);
        let Memory { fixed, each } = self.memory;
        let most = fixed + each * input.len();
        assert!(taken <= most, "{}: {} bytes of input took {taken} bytes of memory", self.name, input.len());
    }
}
