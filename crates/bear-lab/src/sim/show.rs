//! A case as people read it: what is asked for in each life, and whatever goes wrong in it.

use std::fmt;

use super::case::{Case, Command, Rivalry, Scene};
use super::fleet::name;
use crate::world::Orphans;

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, batch_max, at_once, scenes, last, restored } = self;
        writeln!(f, "case {seed}: up to {batch_max} machines in a call, {at_once} steps of a kind at once")?;
        for (number, scene) in scenes.iter().enumerate() {
            write!(f, "  life {number}: {scene}")?;
        }
        writeln!(f, "  at last: {last}")?;
        match restored {
            Some(back) => writeln!(f, "  and then: {}, and the same again", Command::Restore(*back)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = |f: &mut fmt::Formatter<'_>, option: &str, slots: &[usize]| {
            slots.iter().try_for_each(|&slot| write!(f, " --{option} {}", name(slot)))
        };
        match self {
            Self::Apply { fleet, only, replace } => {
                write!(f, "apply {fleet:?}")?;
                options(f, "only", only)?;
                options(f, "replace", replace)
            }
            Self::Destroy { only } => {
                f.write_str("destroy")?;
                options(f, "only", only)
            }
            Self::Import { fleet, slot } => write!(f, "import {} of {fleet:?}", name(*slot)),
            Self::Restore(back) => write!(f, "restore the state {back} before the newest"),
        }
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.command)?;
        let line = |f: &mut fmt::Formatter<'_>, is: bool, what: &str| {
            if is { writeln!(f, "    {what}") } else { Ok(()) }
        };
        line(f, self.locked, "somebody holds the lock")?;
        line(f, self.blind, "the provider can't be asked")?;
        line(f, self.shows_late, "new machines are shown late")?;
        line(f, self.orphans == Orphans::Done, "requests that nobody waits for take effect")?;
        line(f, self.orphans == Orphans::Late, "requests that nobody waits for take effect later")?;
        for request in &self.faults {
            let whose =
                request.slot.map_or_else(|| "the foundation".to_owned(), |slot| name(slot).to_string());
            let (effect, answer) = (request.fault.effect, request.fault.answer);
            writeln!(f, "    {} of {whose} goes wrong: effect {effect:?}, answer {answer:?}", request.kind)?;
        }
        for hand in &self.hands {
            let when = hand.at.map_or_else(|| "before".to_owned(), |at| format!("at {at} ms"));
            writeln!(f, "    {when}, by hand: {:?} of {}", hand.deed, name(hand.slot))?;
        }
        for change in &self.disk {
            writeln!(f, "    change {} to the disk: {:?}", change.nth, change.fault)?;
        }
        for (at, stop) in &self.stops {
            writeln!(f, "    at {at} ms the user asks to stop: {stop:?}")?;
        }
        if let Some(death) = self.death {
            let power = if death.power.is_some() { ", and the power goes" } else { "" };
            writeln!(f, "    dies: {:?}{power}", death.when)?;
        }
        for rival in &self.rivals {
            let what = match &rival.what {
                Rivalry::Reads => "reads the state".to_owned(),
                Rivalry::Knocks => "asks for the lock".to_owned(),
                Rivalry::Breaks(fleet) => format!("deletes the lock and applies {fleet:?}"),
            };
            writeln!(f, "    at {} ms another bear {what}", rival.at)?;
        }
        Ok(())
    }
}
