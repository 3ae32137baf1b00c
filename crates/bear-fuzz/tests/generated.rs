//! The same promises where there is no nightly compiler: inputs out of nothing, and those that are kept with slips.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

mod kept;

use bear_fuzz::target;
use proptest::prelude::*;
use proptest::sample::Index;

use kept::inputs;

/// As many inputs of each kind as there is time for in every run of the tests.
const CASES: u32 = 64;

/// What becomes of an input.
#[derive(Clone, Debug)]
enum Slip {
    Delete(Index, usize),
    Insert(Index, Vec<u8>),
    Copy(Index, usize, Index),
    Set(Index, u8),
}

fn slip() -> impl Strategy<Value = Slip> {
    let place = any::<Index>;
    prop_oneof![
        (place(), 1..40_usize).prop_map(|(at, length)| Slip::Delete(at, length)),
        (place(), prop::collection::vec(any::<u8>(), 1..8)).prop_map(|(at, piece)| Slip::Insert(at, piece)),
        (place(), 1..60_usize, place()).prop_map(|(from, length, to)| Slip::Copy(from, length, to)),
        (place(), any::<u8>()).prop_map(|(at, byte)| Slip::Set(at, byte)),
    ]
}

fn slipped(mut bytes: Vec<u8>, slips: &[Slip]) -> Vec<u8> {
    for slip in slips {
        let place = |at: &Index| at.index(bytes.len() + 1);
        let piece = |at: usize, length: usize| at..bytes.len().min(at + length);
        match slip {
            Slip::Delete(at, length) => drop(bytes.drain(piece(place(at), *length))),
            Slip::Insert(at, piece) => drop(bytes.splice(place(at)..place(at), piece.iter().copied())),
            Slip::Copy(from, length, to) => {
                let (copy, to) = (bytes[piece(place(from), *length)].to_vec(), place(to));
                drop(bytes.splice(to..to, copy));
            }
            Slip::Set(at, byte) => {
                let at = place(at);
                bytes.iter_mut().skip(at).take(1).for_each(|old| *old = *byte);
            }
        }
    }
    bytes
}

macro_rules! targets {
    ($($name:ident)*) => {
        proptest! {
            #![proptest_config(ProptestConfig {
                cases: CASES, failure_persistence: None, ..ProptestConfig::default()
            })]
            $(
                #[test]
                fn $name(
                    bytes in prop::collection::vec(any::<u8>(), 0..400),
                    input in prop::sample::select(inputs(stringify!($name))),
                    slips in prop::collection::vec(slip(), 1..6),
                ) {
                    target(stringify!($name)).check(&bytes);
                    target(stringify!($name)).check(&slipped(input.1, &slips));
                }
            )*
        }

        #[test]
        fn every_target_has_its_own() {
            let names = bear_fuzz::TARGETS.iter().map(|target| target.name).collect::<Vec<_>>();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets! { answers broker crash edits files fleet host_keys journal plan redaction snapshot }
