//! EC2 in the lab: moto answers the API, and for each instance that it runs there is a machine.

mod machine;
mod moto;
mod query;
mod watcher;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(super) use moto::{REGION, URL, process, start, stop};

use super::state::{State, say};

const USAGE: &str = "\
usage: cargo xtask lab ec2 watch                       has machines for moto's instances, until it is interrupted
       cargo xtask lab ec2 call ACTION [NAME=VALUE ...] asks EC2 for something, and prints the answer
";

/// Does what the first argument says.
pub(super) fn run(state: &State, arguments: &[String]) -> Result<(), String> {
    match arguments {
        [chore] if chore == "watch" => watcher::watch(state, &AtomicBool::new(false)),
        [chore, action, parameters @ ..] if chore == "call" => call(action, parameters),
        _ => Err(USAGE.to_owned()),
    }
}

fn call(action: &str, parameters: &[String]) -> Result<(), String> {
    let pair =
        |text: &'_ String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let pairs = parameters.iter().map(pair).collect::<Option<Vec<_>>>().ok_or(USAGE)?;
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    println!("{}", query::call(action, &pairs)?);
    Ok(())
}

/// Does something while machines follow moto's instances.
pub(super) fn watched<T>(state: &State, work: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            if let Err(error) = watcher::watch(state, &stop) {
                say(&format!("no machine follows moto's instances any more: {error}"));
            }
        });
        let result = work();
        stop.store(true, Ordering::Relaxed);
        result
    })
}
