//! `cargo xtask bench hosts`: bear on machines of the lab, beside the tools that people use for the same work.
//!
//! Hosts and tools share this machine's processors, and whatever else runs on it does too. So every figure stands
//! beside the load at its time, and contestants take turns, round after round.

mod bear;
mod contest;
mod machines;
mod many;
mod peers;
mod proof;
mod sample;

use super::Bench;

/// One part of the figures, printed as it is measured.
type Part = fn(&Bench) -> Result<(), String>;

const PARTS: [(&str, Part); 3] = [
    ("contest", |bench| contest::print(bench, &[])),
    ("many", many::print),
    ("proof", |bench| proof::print(bench, &[])),
];

/// Prints the parts that are named, or all. What follows `contest` or `proof` with a dash are its options.
pub(super) fn run(bench: &Bench, names: &[String]) -> Result<(), String> {
    if let [part, options @ ..] = names
        && options.first().is_some_and(|option| option.starts_with('-'))
    {
        match part.as_str() {
            "contest" => return contest::print(bench, options),
            "proof" => return proof::print(bench, options),
            _ => {}
        }
    }
    if let Some(unknown) = names.iter().find(|name| !PARTS.iter().any(|(known, _)| known == name)) {
        let known = PARTS.map(|(name, _)| name).join(", ");
        return Err(format!("hosts have no figures `{unknown}`; there are {known}"));
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    PARTS.iter().filter(|(name, _)| wanted(name)).try_for_each(|(_, print)| print(bench))
}
