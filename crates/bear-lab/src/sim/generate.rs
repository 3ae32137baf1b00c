//! From a seed to a case: what there is, what is asked for, and what goes wrong.

use std::time::Duration;

use bear_core::plan::StepKind;
use bear_engine::Stop;

use super::case::{Case, Change, Command, Death, Hand, Meddling, Moment, Request, Rival, Rivalry, Scene};
use super::fleet::{MOST, Place, Sketch, Traits};
use super::random::Random;
use crate::disk::{self, Survives, Trouble};
use crate::world::{Answer, Effect, Fault, Orphans};

impl Case {
    /// The case that a seed stands for.
    pub fn from_seed(seed: u64) -> Self {
        Drawing { random: Random::new(seed), fleet: Sketch::default() }.case(seed)
    }
}

/// How many things go wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    Rough,
}

struct Drawing {
    random: Random,
    /// The fleet file as it is now.
    fleet: Sketch,
}

impl Drawing {
    fn case(mut self, seed: u64) -> Case {
        let (batch_max, at_once) = (self.random.pick(&[1, 2, 3, 100]), self.random.pick(&[1, 2, 3, 100]));
        self.fleet = self.sketch();
        let mut scenes = Vec::new();
        for _ in 0..self.random.pick(&[0, 1, 1, 2, 3]) {
            let command = self.command();
            let weather = if self.random.chance(70) { Weather::Fair } else { Weather::Rough };
            scenes.push(self.scene(command, weather));
        }
        let operation = self.command();
        scenes.push(self.scene(operation.clone(), Weather::Rough));
        for _ in 0..self.random.pick(&[0, 0, 1, 1, 2, 3, 5]) {
            let command = if self.random.chance(70) { operation.clone() } else { self.command() };
            scenes.push(self.scene(command, Weather::Rough));
        }
        let last = self.last(&operation);
        let restored = self.random.maybe(20, |random| random.below(20));
        Case { seed, batch_max, at_once, scenes, last, restored }
    }

    /// What is asked for in the end: what was asked for before, as a rule.
    fn last(&mut self, operation: &Command) -> Command {
        match operation {
            Command::Destroy { .. } if self.random.chance(60) => Command::Destroy { only: Vec::new() },
            _ => {
                let fleet = Sketch { elsewhere: false, protects_b: false, ..self.fleet.clone() };
                Command::Apply { fleet, only: Vec::new(), replace: Vec::new() }
            }
        }
    }

    fn sketch(&mut self) -> Sketch {
        let random = &mut self.random;
        let place = match random.below(10) {
            0 | 1 => Place::Local,
            2 | 3 => Place::Hosts(0),
            _ => Place::Region(0),
        };
        let filled = random.between(30, 100);
        let slots = [(); MOST].map(|()| random.maybe(filled, traits));
        Sketch { slots, place, elsewhere: false, protects_b: false }
    }

    /// The fleet file after somebody edited it.
    fn edit(&mut self) -> Sketch {
        if self.random.chance(15) {
            let place = self.fleet.place;
            let fleet = self.sketch();
            return if self.random.chance(60) { Sketch { place, ..fleet } } else { fleet };
        }
        let mut fleet = Sketch { elsewhere: false, protects_b: false, ..self.fleet.clone() };
        let random = &mut self.random;
        for _ in 0..random.between(0, 3) {
            let slot = random.place(MOST);
            fleet.slots[slot] = random.maybe(75, traits);
        }
        fleet.place = match fleet.place {
            Place::Region(number) if random.chance(8) => Place::Region(1 - number),
            Place::Hosts(_) if random.chance(25) => Place::Hosts(u8::try_from(random.below(3)).unwrap_or(0)),
            place => place,
        };
        fleet.elsewhere = matches!(fleet.place, Place::Region(_)) && random.chance(4);
        fleet.protects_b = random.chance(5);
        fleet
    }

    fn command(&mut self) -> Command {
        match self.random.below(100) {
            0..=64 => {
                self.fleet = self.edit();
                let random = &mut self.random;
                let only = random.maybe(12, |random| random.some(3, slot)).unwrap_or_default();
                let replace = random.maybe(15, |random| random.some(2, slot)).unwrap_or_default();
                Command::Apply { fleet: self.fleet.clone(), only, replace }
            }
            65..=79 => {
                let only = self.random.maybe(30, |random| random.some(3, slot)).unwrap_or_default();
                Command::Destroy { only }
            }
            80..=89 => Command::Restore(self.random.below(8)),
            _ => {
                if let Place::Region(_) = self.fleet.place {
                    let slot = slot(&mut self.random);
                    // What is imported is in the file.
                    self.fleet.slots[slot].get_or_insert_default();
                    Command::Import { fleet: self.fleet.clone(), slot }
                } else {
                    Command::Destroy { only: Vec::new() }
                }
            }
        }
    }

    fn scene(&mut self, command: Command, weather: Weather) -> Scene {
        let broken = self.fleet.clone();
        let rough = |percent| if weather == Weather::Rough { percent } else { 0 };
        let most = |count| if weather == Weather::Rough { count } else { 0 };
        let breaks = self.random.chance(rough(6));
        let rival_fleet = if self.random.chance(50) { broken } else { self.edit() };
        let random = &mut self.random;
        let mut rivals = random.maybe(rough(25), |random| random.some(2, peaceful)).unwrap_or_default();
        if breaks {
            rivals.push(Rival { at: random.between(0, 9_000), what: Rivalry::Breaks(rival_fleet) });
        }
        Scene {
            command,
            locked: random.chance(rough(4)),
            blind: random.chance(rough(4)),
            shows_late: random.chance(rough(30)),
            orphans: random.pick(&[Orphans::Lost, Orphans::Done, Orphans::Late]),
            faults: random.some(most(5), request),
            hands: random.maybe(40, |random| random.some(3, hand)).unwrap_or_default(),
            disk: random.maybe(rough(45), |random| random.some(2, change)).unwrap_or_default(),
            stops: random.maybe(rough(20), stops).unwrap_or_default(),
            death: random.maybe(rough(45), death),
            rivals,
        }
    }
}

fn slot(random: &mut Random) -> usize {
    random.place(MOST)
}

fn traits(random: &mut Random) -> Traits {
    let one = |random: &mut Random| u8::from(random.chance(35));
    Traits { machine: one(random), broker: one(random) }
}

fn request(random: &mut Random) -> Request {
    let slot = random.maybe(85, slot);
    let kind = match slot {
        Some(_) => random.pick(&StepKind::ALL),
        None => random.pick(&[StepKind::Create, StepKind::Destroy]),
    };
    let effect = random.pick(&[Effect::None, Effect::Done, Effect::Done, Effect::Late]);
    let answer = random.pick(&[
        Answer::Permanent,
        Answer::Transient,
        Answer::Transient,
        Answer::Transient,
        Answer::Refused,
        Answer::Never,
        Answer::Panic,
    ]);
    // What was refused had no effect, or it would be no refusal.
    let effect = if answer == Answer::Refused { Effect::None } else { effect };
    Request { slot, kind, fault: Fault { effect, answer } }
}

fn hand(random: &mut Random) -> Hand {
    let deed = random.pick(&[
        Meddling::KillBroker,
        Meddling::KillBroker,
        Meddling::Stop,
        Meddling::Terminate,
        Meddling::Terminate,
        Meddling::Move,
        Meddling::MakeStray,
        Meddling::ChangeRules,
        Meddling::RemoveRules,
    ]);
    let at = random.maybe(35, |random| random.between(0, 12_000));
    Hand { at, slot: slot(random), deed }
}

fn change(random: &mut Random) -> Change {
    let trouble = |random: &mut Random| {
        random.pick(&[Trouble::NoSpace, Trouble::NoSpace, Trouble::Quota, Trouble::ReadOnly, Trouble::Io])
    };
    let fault = match random.below(12) {
        0 => disk::Fault::DieBefore,
        1 | 2 => disk::Fault::DieDuring(u16::try_from(random.below(1001)).unwrap_or(0)),
        3 | 4 => disk::Fault::DieAfter,
        5..=8 => disk::Fault::PowerCut(survives(random)),
        9 => disk::Fault::Once(trouble(random)),
        _ => disk::Fault::FromNow(trouble(random)),
    };
    // Most of what happens to the disk happens early.
    let most = random.pick(&[8, 20, 40, 60]);
    Change { nth: random.place(most), fault }
}

fn survives(random: &mut Random) -> Survives {
    match random.below(6) {
        0 => Survives::Nothing,
        1 => Survives::Torn(u16::try_from(random.below(1001)).unwrap_or(0)),
        2 => Survives::Holed,
        _ => Survives::Drawn(random.next()),
    }
}

fn stops(random: &mut Random) -> Vec<(u32, Stop)> {
    let first = random.between(0, 9_000);
    let second = random.maybe(50, |random| (first + random.between(0, 3_000), Stop::Now));
    std::iter::once((first, Stop::Drain)).chain(second).collect()
}

fn death(random: &mut Random) -> Death {
    let when = match random.below(4) {
        0 => Moment::At(random.between(0, 14_000)),
        1 => Moment::Poll(random.between(0, 30)),
        2 => Moment::Event(random.between(1, 25)),
        _ => Moment::Deed(random.between(1, 10)),
    };
    Death { when, power: random.maybe(40, Random::next) }
}

fn peaceful(random: &mut Random) -> Rival {
    let what = if random.chance(50) { Rivalry::Reads } else { Rivalry::Knocks };
    Rival { at: random.between(0, 9_000), what }
}

/// How long things take in a case.
pub(super) const LATENCY: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(2), Duration::from_secs(2)];
