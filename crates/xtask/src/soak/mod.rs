//! `cargo xtask soak`: many rounds of edits, faults, applies and destroys, while MQTT clients stay connected.
//!
//! The clients keep accounts: nothing that a broker acknowledged may be lost, and nothing may come twice at QoS 2. What
//! the rounds leave behind is held against what must be there: processes, listeners, files, claims of ports, memory.

mod doing;
mod edits;
mod fault;
mod fleet;
mod ledger;
mod link;
mod lives;
mod operation;
mod process;
mod publisher;
mod report;
mod round;
mod samples;
mod steady;
mod subscriber;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::project::{Project, failed};
use crate::torture::namespace;
use crate::torture::random::Random;
use edits::Editor;
use fleet::Fleet;
use lives::Lives;
use samples::Samples;

const USAGE: &str = "usage: cargo xtask soak [--rounds N] [--brokers N, at least 4] [--seed N] [--bear FILE]";

/// How long a thing may take that is waited for. Far more than it needs, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is told how it goes.
const TOLD_EVERY: usize = 10;

/// What the command line asks for.
#[derive(Clone, Debug)]
struct Options {
    rounds: usize,
    brokers: usize,
    seed: u64,
    /// Another binary than the one that is built here.
    bear: Option<PathBuf>,
}

/// How often what was done.
#[derive(Debug, Default)]
struct Counts {
    edits: usize,
    commands: usize,
    /// Runs of bear in which checks waited in vain for an answer, and nothing else failed.
    timeouts: usize,
    operations: BTreeMap<&'static str, usize>,
    /// How often each was tried, and how often it came in time.
    faults: BTreeMap<&'static str, (usize, usize)>,
}

/// Everything that goes on from round to round.
#[derive(Debug)]
struct Soak {
    options: Options,
    own_network: bool,
    begun: Instant,
    project: Project,
    /// The folder for temporary files that bear is given, which must be empty between rounds.
    temporary: PathBuf,
    state_home: PathBuf,
    log: File,
    random: Random,
    editor: Editor,
    fleet: Fleet,
    /// How many brokers the fleet has that nothing happens to.
    steady: usize,
    lives: Lives,
    samples: Samples,
    counts: Counts,
    /// How many rounds are over.
    rounds: usize,
}

/// Soaks a fleet as the command line says.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let options = parse(arguments)?;
    let built = options.bear.clone().map_or_else(|| crate::build::bear(&["--release"]), Ok)?;
    let folder = tempfile::Builder::new().prefix("bear-soak-").tempdir();
    let folder = folder.map_err(|error| format!("could not make a folder to work in: {error}"))?;
    // A copy, so that whoever builds meanwhile does not change what is soaked.
    let bear = folder.path().join("bear");
    fs::copy(&built, &bear).map_err(failed("copy", &built))?;
    // Before the clients have threads.
    let own_network = namespace::leave_that_of_the_machine();
    let mut soak = Soak::new(options, &bear, folder.path(), own_network)?;
    let result = soak.soak().and_then(|()| soak.samples.judge());
    println!("\n{}", report::table(&soak, result.is_ok()));
    result.map_err(|reason| {
        let kept = folder.keep();
        format!("round {}: {reason}\nseed {}; kept: {}", soak.rounds + 1, soak.options.seed, kept.display())
    })
}

impl Soak {
    fn new(options: Options, bear: &Path, folder: &Path, own_network: bool) -> Result<Self, String> {
        let [root, temporary, state_home] = ["project", "tmp", "home"].map(|name| folder.join(name));
        let project = Project::at(bear, &root, &state_home)?;
        let project = project.with_variable("TMPDIR", temporary.display().to_string());
        for made in [&temporary, &state_home, &root.join("passwords")] {
            fs::create_dir_all(made).map_err(failed("make", made))?;
        }
        let log = folder.join("rounds.log");
        let log = File::create(&log).map_err(failed("make", &log))?;
        let steady = (options.brokers / 5).max(1);
        let most = (options.brokers - steady) as u64;
        let (random, editor, fleet) = (Random::new(options.seed, "soak"), Editor::new(most), Fleet::of(most));
        let (lives, samples, counts) = (Lives::new()?, Samples::default(), Counts::default());
        let begun = Instant::now();
        Ok(Self {
            options,
            own_network,
            begun,
            project,
            temporary,
            state_home,
            log,
            random,
            editor,
            fleet,
            steady,
            lives,
            samples,
            counts,
            rounds: 0,
        })
    }

    fn soak(&mut self) -> Result<(), String> {
        self.begin()?;
        for number in 1..=self.options.rounds {
            self.round(number)?;
            if number.is_multiple_of(TOLD_EVERY) {
                println!("{}", report::line(self));
            }
        }
        self.finish()
    }

    fn begin(&mut self) -> Result<(), String> {
        let file = self.project.root().join(steady::FILE);
        fs::write(&file, steady::text(self.steady)).map_err(failed("write", &file))?;
        self.write_fleet()?;
        self.bear(&format!("apply {} --yes", steady::FILE), None)?.expect(0)?;
        self.put_right(1)?;
        self.look(0)
    }

    /// Everybody comes back and gets what is theirs; then all is taken down.
    fn finish(&mut self) -> Result<(), String> {
        self.lives.send_away(&BTreeSet::new());
        self.look(self.options.rounds)?;
        for (file, left) in [(fleet::FILE, self.steady), (steady::FILE, 0)] {
            self.bear(&format!("destroy {file} --yes --max-destroy 100%"), None)?.expect(0)?;
            let fleet = if left > 0 { fleet::NAME } else { steady::NAME };
            world::expect_gone(&self.project, fleet, left)?;
        }
        world::same("temporary files", &world::names(&self.temporary)?, &BTreeSet::new())
    }

    /// Writes down what is done, for whoever looks at it after a violation.
    fn note(&mut self, line: &str) -> Result<(), String> {
        writeln!(self.log, "{line}").map_err(|error| format!("could not write the log: {error}"))
    }
}

/// Waits until something holds.
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) -> Result<(), String> {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("waited {} s for {what}", PATIENCE.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { rounds: 500, brokers: 20, seed: 1, bear: None };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| USAGE.to_owned())?;
        let number = || value.parse::<u32>().map_err(|_| USAGE.to_owned());
        match word.as_str() {
            "--rounds" => options.rounds = number()? as usize,
            "--brokers" if number()? >= 4 => options.brokers = number()? as usize,
            "--seed" => options.seed = number()?.into(),
            "--bear" => options.bear = Some(value.into()),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(options)
}
