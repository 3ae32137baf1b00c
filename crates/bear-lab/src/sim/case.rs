//! A case: everything that happens in it, spelled out, so that it can be shown, run again, and made smaller.

use std::collections::BTreeSet;

use bear_core::plan::StepKind;
use bear_engine::Stop;

use super::fleet::Sketch;
use crate::disk;
use crate::world::{Fault, Orphans};

/// Everything that happens in one case: bears that live one after the other on one disk and in one world, and what goes
/// wrong in their lives; then one last life in which nothing does.
#[derive(Clone, Debug)]
pub struct Case {
    /// What everything was drawn from.
    pub seed: u64,
    /// The most machines in one call.
    pub batch_max: usize,
    /// The most steps of one kind at a time.
    pub at_once: usize,
    /// The lives: first those that make a random state, then the one operation, then its recoveries.
    pub scenes: Vec<Scene>,
    /// What is asked for in the end, when nothing goes wrong any more.
    pub last: Command,
    /// Which of the kept states is believed again after the end, and put right once more.
    pub restored: Option<u32>,
}

/// One life of a bear, and what goes wrong in it.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What it is asked to do.
    pub command: Command,
    /// Whether somebody else holds the lock when it begins.
    pub locked: bool,
    /// Whether the provider can't be asked what there is.
    pub blind: bool,
    /// Whether the provider shows new machines late.
    pub shows_late: bool,
    /// What becomes of requests that nobody waits for.
    pub orphans: Orphans,
    /// Requests that go wrong.
    pub faults: Vec<Request>,
    /// What others do to the world.
    pub hands: Vec<Hand>,
    /// What goes wrong with the disk.
    pub disk: Vec<Change>,
    /// When the user asks it to stop, in milliseconds.
    pub stops: Vec<(u32, Stop)>,
    /// Where it dies, if it does so by itself.
    pub death: Option<Death>,
    /// What another bear does meanwhile, from the same folder.
    pub rivals: Vec<Rival>,
}

/// What a bear is asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// `bear apply`.
    Apply {
        /// The fleet file.
        fleet: Sketch,
        /// The instances of `--only`, by slots; all if there are none.
        only: Vec<usize>,
        /// The instances of `--replace`, by slots.
        replace: Vec<usize>,
    },
    /// `bear destroy`.
    Destroy {
        /// The instances of `--only`, by slots; all if there are none.
        only: Vec<usize>,
    },
    /// `bear import` of a machine that somebody else made.
    Import {
        /// The fleet file.
        fleet: Sketch,
        /// For which instance.
        slot: usize,
    },
    /// `bear state restore` of one of the states that are kept, counted from the newest.
    Restore(u32),
}

/// A request that goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Which instance it is about; none for what the instances share.
    pub slot: Option<usize>,
    /// Of which kind.
    pub kind: StepKind,
    /// How.
    pub fault: Fault,
}

/// What others do to the world by hand.
#[derive(Clone, Copy, Debug)]
pub struct Hand {
    /// When, in milliseconds after the bear was born; none for before it is.
    pub at: Option<u32>,
    /// To which instance.
    pub slot: usize,
    /// What.
    pub deed: Meddling,
}

/// What is done by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// The broker is killed.
    KillBroker,
    /// The machine is stopped.
    Stop,
    /// The machine is terminated.
    Terminate,
    /// The machine gets another address.
    Move,
    /// Another machine is made that is marked as the instance's.
    MakeStray,
    /// The rules that the machines share are changed.
    ChangeRules,
    /// What the machines share is removed, unless one stands on it.
    RemoveRules,
}

/// A change to the disk that goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Which one, counted from the beginning of the life.
    pub nth: usize,
    /// How.
    pub fault: disk::Fault,
}

/// Where a bear dies.
#[derive(Clone, Copy, Debug)]
pub struct Death {
    /// When.
    pub when: Moment,
    /// Whether the power goes, and from what the luck is drawn of what was not synced.
    pub power: Option<u64>,
}

/// A moment in a life.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// So many milliseconds after its beginning.
    At(u32),
    /// Just before it goes on for the so-manyth time.
    Poll(u32),
    /// Just after it told its so-manyth event.
    Event(u32),
    /// Just after it did its so-manyth deed.
    Deed(u32),
}

/// What another bear does meanwhile.
#[derive(Clone, Debug)]
pub struct Rival {
    /// When, in milliseconds.
    pub at: u32,
    /// What.
    pub what: Rivalry,
}

/// What another bear does.
#[derive(Clone, Debug)]
pub enum Rivalry {
    /// It reads the state.
    Reads,
    /// It asks for the lock.
    Knocks,
    /// Its user deletes the lock, and it applies this fleet.
    Breaks(Sketch),
}

/// Which elements a case is left with. Elements are numbered in the order of the case, each whether or not the one
/// that it belongs to is left out.
struct Pruning<'a> {
    without: &'a BTreeSet<u32>,
    next: u32,
}

impl Pruning<'_> {
    fn keeps(&mut self) -> bool {
        self.next += 1;
        !self.without.contains(&(self.next - 1))
    }

    fn list<T>(&mut self, list: &mut Vec<T>) {
        list.retain(|_| self.keeps());
    }

    fn flag(&mut self, flag: &mut bool) {
        *flag &= self.keeps();
    }

    fn sketch(&mut self, sketch: &mut Sketch) {
        for slot in &mut sketch.slots {
            if !self.keeps() {
                *slot = None;
            }
        }
        self.flag(&mut sketch.elsewhere);
        self.flag(&mut sketch.protects_b);
    }

    fn command(&mut self, command: &mut Command) {
        match command {
            Command::Apply { fleet, only, replace } => {
                self.sketch(fleet);
                self.list(only);
                self.list(replace);
            }
            Command::Destroy { only } => self.list(only),
            Command::Import { fleet, .. } => self.sketch(fleet),
            Command::Restore(_) => {}
        }
    }

    fn scene(&mut self, scene: &mut Scene) -> bool {
        self.command(&mut scene.command);
        self.flag(&mut scene.locked);
        self.flag(&mut scene.blind);
        self.flag(&mut scene.shows_late);
        if !self.keeps() {
            scene.orphans = Orphans::Lost;
        }
        self.list(&mut scene.faults);
        self.list(&mut scene.hands);
        self.list(&mut scene.disk);
        self.list(&mut scene.stops);
        if let Some(death) = &mut scene.death
            && !self.keeps()
        {
            death.power = None;
        }
        scene.death.take_if(|_| !self.keeps());
        for rival in &mut scene.rivals {
            if let Rivalry::Breaks(sketch) = &mut rival.what {
                self.sketch(sketch);
            }
        }
        self.list(&mut scene.rivals);
        self.keeps()
    }
}

impl Case {
    /// The case without these of its elements, and how many there are.
    pub fn without(&self, without: &BTreeSet<u32>) -> (Self, u32) {
        let mut case = self.clone();
        let mut pruning = Pruning { without, next: 0 };
        case.scenes.retain_mut(|scene| pruning.scene(scene));
        pruning.command(&mut case.last);
        case.restored.take_if(|_| !pruning.keeps());
        (case, pruning.next)
    }
}
