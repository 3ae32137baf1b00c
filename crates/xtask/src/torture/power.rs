//! Power cuts: whatever was not flushed may be gone, torn or full of holes, for bear and for its brokers.

use std::thread;
use std::time::Duration;

use bear_lab::disk::{Fault, ROOT, Survives};
use nix::sys::signal::Signal;

use super::fuse::{self, Mounted};
use super::random::Random;
use super::table::{Harm, Row};
use super::{Bench, client, judge};
use crate::project::{FILE, Fleet, PATIENCE, Project};

/// The runs that are cut off go from one of these to another.
const COUNTS: [usize; 4] = [6, 9, 4, 7];

/// How many changes a run makes to the disk, about; a cut that would come later comes at its end.
const CHANGES: u64 = 150;

/// An embedded broker flushes what it acknowledged once a second, and promises no more: docs/conformance.md. Some more,
/// for slow machines.
const FLUSHED_AFTER: Duration = Duration::from_millis(2500);

/// The instance that is there in every fleet, and keeps messages for somebody who is away.
const KEEPER: &str = "torture-broker-1";

/// Cuts the power in the middle of applies.
pub(super) fn cuts(bench: &Bench) -> Result<Vec<Row>, String> {
    if let Some(why) = fuse::missing()? {
        println!("power: left out, because {why}");
        return Ok(Vec::new());
    }
    let mut row = Row::new("power cut in an apply of 4 to 9 brokers: bear, brokers and disk");
    let mut kept = Row::new("the same: messages at QoS 1 and 2 that were acknowledged and flushed");
    let mut random = bench.random("power");
    let mut mounted = Mounted::new()?;
    let (root, home) = (mounted.path().join("project"), fuse::home(&mounted.path()));
    let project = Project::at(&bench.bear, &root, &home)?;
    // What is not bear's own is there for good, as a fleet file under version control is.
    project.write(Fleet::of(COUNTS[0]))?;
    judge::heal(&project, COUNTS[0], &mut row)?;
    client::subscribe(port_of_keeper(&project)?)?;
    while row.tries < bench.tries(150, 4) && row.harmed() + kept.harmed() == 0 {
        row.tries += 1;
        let messages = leave_messages(&project, &mut kept)?;
        let count = random.choose(&COUNTS);
        project.write(Fleet::of(count))?;
        make_durable(&mounted)?;
        cut_off(&project, &mut mounted, &mut random)?;
        judge::examine(&project, &mut row)?;
        judge::heal(&project, count, &mut row)?;
        if row.harmed() == 0 {
            expect_messages(&project, &messages, &mut kept);
        }
    }
    judge::destroy(&project, &mut row)?;
    Ok(vec![row, kept])
}

/// What is written without bear is durable at the moment of the cut: the power is not cut in the middle of that.
fn make_durable(mounted: &Mounted) -> Result<(), String> {
    let root = mounted.path();
    let files = ["project", "project/.git", "project/fleets", FILE_ON_DISK, "."];
    files.iter().try_for_each(|file| {
        let path = root.join(file);
        let synced = std::fs::File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(crate::project::failed("flush", &path))
    })
}

/// The fleet file, from where the disk is mounted.
const FILE_ON_DISK: &str = "project/fleets/torture.yaml";

/// Runs an apply until the power goes at any change of the disk, and lets the machine come back.
fn cut_off(project: &Project, mounted: &mut Mounted, random: &mut Random) -> Result<(), String> {
    let survives = Survives::Drawn(random.next());
    let nth = usize::try_from(random.below(CHANGES)).unwrap_or(0);
    mounted.disk.let_happen(nth, Fault::PowerCut(survives));
    let mut run = project.start(&format!("apply {FILE} --yes --max-destroy 100"))?;
    let has_gone = || mounted.disk.nodes().attributes(ROOT).is_err();
    while !has_gone() && !run.has_ended() {
        thread::sleep(Duration::from_millis(1));
    }
    run.signal(Signal::SIGKILL);
    run.wait(PATIENCE)?;
    if !has_gone() {
        mounted.disk.let_happen(0, Fault::PowerCut(survives));
        // Any change will do.
        let _ = std::fs::write(mounted.path().join("last"), "");
    }
    project.kill_brokers()?;
    await_end_of_brokers(project)?;
    mounted.disk.mend();
    mounted.mount_again()
}

/// A disk on which somebody works can't be unmounted.
fn await_end_of_brokers(project: &Project) -> Result<(), String> {
    for _ in 0..1000 {
        project.kill_brokers()?;
        if project.brokers()?.is_empty() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err("a broker outlives SIGKILL".to_owned())
}

fn port_of_keeper(project: &Project) -> Result<u16, String> {
    let inventory = project.bear(&format!("inventory {FILE} --format json"))?.expect(0)?.json()?;
    let instances = inventory["instances"].as_array().cloned().unwrap_or_default();
    let keeper = instances.iter().find(|instance| instance["name"] == KEEPER);
    let port = keeper.and_then(|keeper| u16::try_from(keeper["ports"]["mqtt"].as_u64()?).ok());
    port.ok_or_else(|| format!("{KEEPER} has no port: {inventory}"))
}

fn leave_messages(project: &Project, kept: &mut Row) -> Result<Vec<String>, String> {
    kept.tries += 1;
    let messages =
        (1..=4).map(|number| format!("message {number} of try {}", kept.tries)).collect::<Vec<_>>();
    client::publish(port_of_keeper(project)?, &messages)?;
    thread::sleep(FLUSHED_AFTER);
    Ok(messages)
}

fn expect_messages(project: &Project, messages: &[String], kept: &mut Row) {
    match port_of_keeper(project).and_then(client::collect) {
        Ok(Some(there)) if there == messages => kept.heal(Ok(())),
        Ok(there) => kept.blame(Harm::Lost, format!("left were {messages:?}, and there are {there:?}")),
        Err(why) => kept.heal(Err(why)),
    }
}
