//! A journal that bear wrote, and what became of it: any prefix can be recovered from, what is read is a state that
//! was, and no entry that is whole is ever lost to the last resort.

use arbitrary::Unstructured;
use bear_core::fleet::{Instance, parse};
use bear_core::plan::StepKind;
use bear_core::state::journal::{replay, salvage, write};
use bear_core::state::v1::{Installed, Record};
use bear_core::state::{self, State};

use crate::scene::{AT, Scene, creation};

const FLEET: &str = "
fleet: demo
provider: { hosts: { user: ubuntu } }
groups:
  a:
    members: { lyon: { address: 192.0.2.11 }, paris: { address: 192.0.2.10 }, nice: { address: n.example } }
    broker: { emqx: { version: 5.0.9, admin_password: { env: PASSWORD } } }
";
const BATCHES_MAX: usize = 6;
const RECORDS_MAX: usize = 4;

pub(crate) fn check(input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    let fleet = parse("fleet.yaml", FLEET.as_bytes()).unwrap().fleet;
    let instances = fleet.instances().unwrap();
    let mut written = Written::new(Scene::empty(fleet.name).state);
    while written.batches.len() < BATCHES_MAX && !bytes.is_empty() {
        written.batch(&mut bytes, &instances);
    }
    written.cut(usize::from(number(&mut bytes)));
    written.torn(&mut bytes);
    written.damaged(&mut bytes);
    written.folded(usize::from(number(&mut bytes)));
}

/// A number out of the input; 0 when nothing is left of it.
fn number(bytes: &mut Unstructured<'_>) -> u16 {
    bytes.arbitrary().unwrap_or_default()
}

/// A journal, and the state after each of its entries.
struct Written {
    text: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
    /// The number of entries before each batch.
    batches: Vec<usize>,
    /// One more than there are entries: the first is the state before any.
    states: Vec<State>,
}

impl Written {
    fn new(state: State) -> Self {
        Self { text: Vec::new(), ends: Vec::new(), batches: Vec::new(), states: vec![state] }
    }

    fn batch(&mut self, bytes: &mut Unstructured<'_>, instances: &[Instance]) {
        self.batches.push(self.ends.len());
        let first = self.states[self.ends.len()].serial + 1;
        for _ in 0..=usize::from(number(bytes)) % RECORDS_MAX {
            let mut state = self.states[self.ends.len()].clone();
            let record = record(bytes, &state, instances);
            write(&mut self.text, first, state.serial + 1, &record);
            state.apply(&record);
            self.ends.push(self.text.len());
            self.states.push(state);
        }
    }

    fn first(&self) -> State {
        self.states[0].clone()
    }

    fn start(&self, entry: usize) -> usize {
        entry.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// A crash left a prefix: every whole entry of it counts.
    fn cut(&self, at: usize) {
        let prefix = &self.text[..at % (self.text.len() + 1)];
        let whole = self.ends.iter().filter(|&&end| end <= prefix.len()).count();
        let (mut state, mut saved) = (self.first(), self.first());
        let recovered = replay(&mut state, prefix).unwrap();
        assert_eq!((recovered.applied, &state), (whole, &self.states[whole]), "cut at {}", prefix.len());
        salvage(&mut saved, prefix);
        assert_eq!(saved, state);
    }

    /// A crash tore the last batch, which may have holes anywhere, filled with zeros: whatever was before it is there.
    fn torn(&self, bytes: &mut Unstructured<'_>) {
        let Some(&durable) = self.batches.last() else { return };
        let mut text = self.text.clone();
        let from = self.start(durable);
        overwrite(&mut text[from..], bytes, hole);
        let mut state = self.first();
        let recovered = replay(&mut state, &text).unwrap();
        assert!(recovered.applied >= durable, "{} entries of {durable} are left", recovered.applied);
        assert_eq!(state, self.states[recovered.applied], "a state that never was");
    }

    /// Something else damaged it: it is refused, or what is read is a state that was. Whole entries are never lost to
    /// the last resort.
    fn damaged(&self, bytes: &mut Unstructured<'_>) {
        let mut text = self.text.clone();
        overwrite(&mut text, bytes, |bytes| match number(bytes) % 3 {
            0 => hole(bytes),
            1 => b"}\n{".to_vec(),
            _ => bytes.arbitrary::<[u8; 3]>().unwrap_or_default().to_vec(),
        });
        let mut state = self.first();
        if let Ok(recovered) = replay(&mut state, &text) {
            assert_eq!(state, self.states[recovered.applied], "a state that never was");
        }
        let whole = |&entry: &usize| {
            let (from, to) = (self.start(entry), self.ends[entry]);
            text[from..to] == self.text[from..to] && (from == 0 || text[from - 1] == b'\n')
        };
        let newest = (0..self.ends.len()).rev().find(whole);
        let mut saved = self.first();
        salvage(&mut saved, &text);
        assert!(saved.serial >= newest.map_or(0, |entry| self.states[entry + 1].serial), "an entry is lost");
    }

    /// A crash came between the snapshot and the emptying of the journal: entries that it holds are passed over.
    fn folded(&self, at: usize) {
        let folded = &self.states[at % self.states.len()];
        let mut state = state::read(state::write(folded).as_bytes()).unwrap();
        assert_eq!(&state, folded);
        replay(&mut state, &self.text).unwrap();
        assert_eq!(Some(&state), self.states.last());
    }
}

/// Writes over some places, without moving what is behind them.
fn overwrite(
    text: &mut [u8],
    bytes: &mut Unstructured<'_>,
    piece: impl Fn(&mut Unstructured<'_>) -> Vec<u8>,
) {
    for _ in 0..number(bytes) % 4 {
        let at = usize::from(number(bytes)) % text.len().max(1);
        text.iter_mut().skip(at).zip(piece(bytes)).for_each(|(old, new)| *old = new);
    }
}

fn hole(bytes: &mut Unstructured<'_>) -> Vec<u8> {
    vec![0; usize::from(number(bytes)) % 600]
}

fn record(bytes: &mut Unstructured<'_>, state: &State, instances: &[Instance]) -> Record {
    let chosen = &instances[usize::from(number(bytes)) % instances.len()];
    let (at, instance) = (AT, chosen.name.clone());
    let text = |bytes: &mut Unstructured<'_>| bytes.arbitrary::<&str>().unwrap_or_default().to_owned();
    let generation = u64::from(number(bytes)).max(state.generation);
    let [began, created] = creation(state, &instance, "a", &chosen.spec, generation);
    match number(bytes) % 11 {
        0 => began,
        1 => created,
        2 => Record::RunBegan { at, file: text(bytes), plan: Some(text(bytes)) },
        3 => Record::InstallBegan { at, instance, spec: (*chosen.spec).clone() },
        4 => {
            let installed = Installed::new(chosen.spec.ports, text(bytes));
            Record::Installed { at, instance, installed, machine: None }
        }
        5 => Record::VerifyBegan { at, instance },
        6 => Record::Verified { at, instance, checks: generation.try_into().unwrap_or(u32::MAX) },
        7 => Record::DestroyBegan { at, instance },
        8 => Record::Destroyed { at, instance },
        9 => Record::Failed { at, instance, step: StepKind::Install, error: text(bytes) },
        _ => Record::Forgotten { at, instance },
    }
}
