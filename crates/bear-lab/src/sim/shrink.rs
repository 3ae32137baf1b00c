//! Making a case that failed smaller: whatever can be left out without its failing otherwise is left out.

use std::collections::BTreeSet;

use super::case::Case;
use super::log::Property;
use super::stage::Outcome;

/// How often a case is performed in search of a smaller one.
const TRIES: u32 = 3000;

/// A case that failed, made smaller.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// What is left of it.
    pub case: Case,
    /// The elements that are left out.
    pub without: BTreeSet<u32>,
    /// What came of it, with its trace.
    pub outcome: Outcome,
}

/// Leaves out of a case that violated `property` as many elements as it goes on doing so without; `perform` performs it.
///
/// Removes halves, quarters and so on, down to single elements, until none can be spared.
pub fn shrink(case: &Case, property: Property, perform: impl Fn(&Case) -> Option<Property>) -> Shrunk {
    let (_, elements) = case.without(&BTreeSet::new());
    let mut without = BTreeSet::new();
    let mut tries = 0;
    let mut size = elements.max(1);
    loop {
        let mut smaller = false;
        // From the end: what came after the failure goes first.
        let left = (0..elements).rev().filter(|element| !without.contains(element)).collect::<Vec<_>>();
        for part in left.chunks(size as usize) {
            tries += 1;
            let fewer = without.iter().chain(part).copied().collect::<BTreeSet<_>>();
            if tries <= TRIES && perform(&case.without(&fewer).0) == Some(property) {
                without = fewer;
                smaller = true;
            }
        }
        if size == 1 && (!smaller || tries > TRIES) {
            break;
        }
        size = if smaller { size } else { (size / 2).max(1) };
    }
    let case = case.without(&without).0;
    let outcome = case.perform(true);
    Shrunk { case, without, outcome }
}

/// Elements as they are written: `1,2,5-9`.
pub fn elements(list: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &element in list {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == element => *to = element,
            _ => ranges.push((element, element)),
        }
    }
    let ranges = ranges.iter().map(|(from, to)| match to - from {
        0 => from.to_string(),
        _ => format!("{from}-{to}"),
    });
    ranges.collect::<Vec<_>>().join(",")
}
