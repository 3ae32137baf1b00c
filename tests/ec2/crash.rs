//! No crash forgets a machine, and none is made twice: killed between a launch and its record, and two fleets at once.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bear_lab::fake_ec2::{Fault, Rule};

use crate::cloud::{APPLY, Cloud, FLEET, state};
use crate::support::{Outcome, Project};

/// How often an apply is killed between a launch and its record.
const BETWEEN: usize = 200;
/// How often it is killed at some moment.
const ANYWHEN: usize = 40;
/// How many tries run side by side. They wait more than they work.
const AT_ONCE: usize = 10;
/// How late a launch has its effect whose connection was cut.
const LATE: Duration = Duration::from_millis(700);
/// How long anything may take that is waited for. Far more than it needs, for slow machines.
const PATIENCE: Duration = Duration::from_mins(3);

/// When an apply is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Some machines are launched, and the answer to this one of the launches does not come.
    Held(usize),
    /// All machines are launched, and no answer comes.
    AllHeld,
    /// The connection was cut, and the launch has its effect when nobody is there any more.
    Late,
    /// So many milliseconds after its start.
    After(u64),
}

#[test]
fn killed_between_the_launch_and_its_record_two_hundred_times() {
    let between = (0..BETWEEN).map(|number| match number % 5 {
        0 => Moment::AllHeld,
        1 => Moment::Late,
        number => Moment::Held(number - 2),
    });
    let anywhen = (0..ANYWHEN).map(|number| Moment::After(u64::try_from(number).unwrap() * 12));
    let tries = between.chain(anywhen).collect::<Vec<_>>();
    let (next, unrecorded) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(moment) = tries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    unrecorded.fetch_add(usize::from(killed(*moment)), Ordering::Relaxed);
                }
            });
        }
    });
    assert!(unrecorded.into_inner() >= BETWEEN);
}

/// Kills an apply of three machines at a moment, and applies again until all are there. Whether something was launched,
/// or on its way, of which nothing was recorded.
fn killed(moment: Moment) -> bool {
    let cloud = Cloud::new();
    let on_launches = || Rule::on("RunInstances");
    let least = match moment {
        Moment::Held(number) => {
            cloud.fake.rule(on_launches().skip(number).times(1).then(Fault::AnswerHangs));
            number + 1
        }
        Moment::AllHeld => {
            cloud.fake.rule(on_launches().then(Fault::AnswerHangs));
            3
        }
        Moment::Late => {
            cloud.fake.rule(on_launches().then(Fault::Late(LATE)));
            1
        }
        Moment::After(_) => 0,
    };
    let mut bear = start(&cloud.project);
    let asked = || cloud.fake.calls().of("RunInstances");
    match moment {
        Moment::After(millis) => thread::sleep(Duration::from_millis(millis)),
        Moment::Late => eventually(&format!("{moment:?}"), || asked() >= least),
        _ => eventually(&format!("{moment:?}"), || cloud.fake.alive().len() >= least),
    }
    bear.kill().unwrap();
    bear.wait().unwrap();
    cloud.fake.calm();
    let launched = asked() > 0;
    let unrecorded = launched && !recorded(&cloud.project);

    let outcome = cloud.bear(APPLY);
    if matches!(moment, Moment::Late) {
        // By then whatever was on its way has come.
        thread::sleep(LATE);
    }
    let all = cloud.fake.instances().into_iter().map(|instance| instance.id).collect::<BTreeSet<_>>();
    assert_eq!(all.len(), 3, "after a kill at {moment:?}: {outcome}");
    assert_eq!(cloud.fake.alive().len(), 3);
    assert_eq!(machines(&cloud.project), all, "after a kill at {moment:?}: {outcome}");
    assert!(recorded(&cloud.project));
    unrecorded
}

/// Whether a machine is recorded right now, in the journal as well.
fn recorded(project: &Project) -> bool {
    let files = project.files();
    let mut files =
        files.iter().filter(|(path, _)| path.ends_with("state.json") || path.ends_with("journal.ndjson"));
    files.any(|(_, content)| String::from_utf8_lossy(content).contains("\"id\":\"i-"))
}

/// The machines that the state knows.
fn machines(project: &Project) -> BTreeSet<String> {
    let state = state(project);
    let instances = state["instances"].as_object().unwrap().values();
    instances.map(|recorded| recorded["machine"]["id"].as_str().unwrap_or("none").to_owned()).collect()
}

fn start(project: &Project) -> Child {
    let mut command = project.command(APPLY.split_whitespace());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn two_fleets_that_are_applied_at_once_never_share_a_machine() {
    let one = Cloud::new();
    for _ in 0..20 {
        // Of the same name, as of two people with a copy of the same file.
        let other = one.neighbour(FLEET);
        let run = |arguments: &str| {
            let start = |project: &Project| project.command(arguments.split_whitespace()).spawn().unwrap();
            let both = [(start(&one.project), &one.project), (start(&other), &other)];
            both.map(|(child, project)| Outcome::of(child, &project.path("")))
        };
        let outcomes = run(APPLY);
        let (ours, theirs) = (machines(&one.project), machines(&other));
        assert!(ours.is_disjoint(&theirs), "{} {}", outcomes[0], outcomes[1]);
        let alive = one.fake.alive().into_iter().map(|instance| instance.id).collect::<BTreeSet<_>>();
        assert_eq!(ours.union(&theirs).cloned().collect::<BTreeSet<_>>(), alive);
        assert_eq!(alive.len(), 6, "{} {}", outcomes[0], outcomes[1]);
        for outcome in run("destroy fleets/daily.yaml --yes") {
            assert_eq!(outcome.code(), 0, "{outcome}");
        }
        assert_eq!(one.tagged(), [""; 0]);
    }
}
