//! Scripts that really run: twice, cut off anywhere, and failing.

use bear_core::fleet::model::Ports;
use bear_recipes::mosquitto::{Form, Mosquitto, User};
use bear_recipes::{Host, Owner, Recipe, observe, removal};

use crate::world::{Cut, World, certificate, now, owner};

const SHELLS: [&str; 2] = ["dash", "bash"];

pub(crate) fn host() -> Recipe {
    claim(owner(), now())
}

fn claim(owner: Owner, now: u64) -> Recipe {
    Host { owner, now }.claim(Ports { mqtt: Some(1883), ws: Some(8083), ..Ports::default() }).unwrap()
}

fn mosquitto(version: &str, password: &str) -> Mosquitto {
    Mosquitto {
        form: Form::Package(version.to_owned()),
        ports: Ports { ws: Some(8083), ..Ports::default() },
        user: Some(User { name: String::from("o'neil $(reboot)"), password: password.to_owned() }),
        tls: None,
    }
}

fn mosquitto_stack(version: &str, password: &str) -> Vec<Recipe> {
    vec![host(), mosquitto(version, password).install().unwrap()]
}

#[test]
fn the_second_run_changes_nothing() {
    for shell in SHELLS {
        let world = World::new(shell);
        let recipes = mosquitto_stack("2.0.11-1", "it's $(reboot) \"secret\"");
        let first = world.run(&recipes);
        first.assert_done(5);
        world.run(&recipes).assert_done(0);
        assert_eq!(world.read("stub/restarts"), "mosquitto\n");
        assert_eq!(first.transcript.facts()["mosquitto.package"], "2.0.11-1");
    }
}

/// The laws of every stack of recipes: wherever it is cut off, the next run goes on from there and ends where a run
/// without a cut ends, and the run after that has nothing to do.
#[track_caller]
pub(crate) fn check_cuts(prepare: &dyn Fn(&World), recipes: &[Recipe], stride: usize) {
    check_cuts_of(prepare, recipes, stride, 0);
}

/// The same of recipes of which `always` blocks do something in every run.
#[track_caller]
pub(crate) fn check_cuts_of(prepare: &dyn Fn(&World), recipes: &[Recipe], stride: usize, always: usize) {
    let whole = World::new("dash");
    prepare(&whole);
    let run = whole.run(recipes);
    assert!(run.transcript.is_finished() && run.stderr.is_empty(), "{}{}", run.summary(), run.stderr);
    let (expected, calls) = (whole.picture(), whole.calls().lines().count());
    // Before the effect of one call, after that of another.
    for (at, when) in (1..=calls).step_by(stride).zip(["before", "after"].into_iter().cycle()) {
        let world = World::new("dash");
        prepare(&world);
        let cut = world.run_cut(recipes, Some(Cut { when, at }));
        assert!(!cut.transcript.is_finished(), "{when} {at}: {}", cut.summary());
        let again = world.run(recipes);
        assert!(again.summary().contains("done, "), "{when} {at}: {}", again.summary());
        assert_eq!(world.picture(), expected, "{when} {at}");
        world.run(recipes).assert_done(always);
    }
}

#[test]
fn mosquitto_cut_off_anywhere_goes_on() {
    check_cuts(&|_| {}, &mosquitto_stack("2.0.11-1", "secret"), 5);
}

#[test]
fn a_changed_setting_restarts_once() {
    let world = World::new("dash");
    world.run(&mosquitto_stack("2.0.11-1", "one")).assert_done(5);
    world.run(&mosquitto_stack("2.0.18-1", "two")).assert_done(3);
    assert_eq!(world.read("stub/restarts"), "mosquitto\nmosquitto\n");
    // What somebody changed by hand is mended.
    world.write("root/etc/mosquitto/conf.d/bear.conf", "listener 1\n");
    world.run(&mosquitto_stack("2.0.18-1", "two")).assert_done(2);
}

#[test]
fn no_secret_is_in_any_argument() {
    let world = World::new("dash");
    let run = world.run(&mosquitto_stack("2.0.11-1", "hunter2-secret"));
    run.assert_done(5);
    assert!(world.calls().contains("mosquitto_passwd -U"));
    assert!(!world.calls().contains("hunter2-secret"), "{}", world.calls());
    let holding: Vec<_> =
        world.picture().into_iter().filter(|(_, text)| text.contains("hunter2-secret")).collect();
    insta::assert_debug_snapshot!(holding, @r#"
[
    (
        "root/etc/bear/mosquitto.users",
        "600 o'neil $(reboot):hunter2-secret\n",
    ),
]
"#);
}

#[test]
fn a_failing_command_shows_its_last_lines() {
    let world = World::new("dash");
    world.fail(
        "apt-get",
        "force-confdef --no-install",
        100,
        &(1..=30).map(|n| format!("line {n}\n")).collect::<String>(),
    );
    insta::assert_snapshot!(world.run(&mosquitto_stack("2.0.11-1", "x")).summary(), @r"
host.system Ok
host.first-boot Ok
host.clock Ok
host.foreign Ok
host.owner Changed
broker.others Ok
mosquitto.package Failed { status: 100 }
| line 13
| line 14
| line 15
| line 16
| line 17
| line 18
| line 19
| line 20
| line 21
| line 22
| line 23
| line 24
| line 25
| line 26
| line 27
| line 28
| line 29
| line 30
| 
| (exit status 100 of: apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef --no-install-recommends --allow-downgrades --allow-change-held-packages install mosquitto=2.0.11-1)
");
    world.mend("apt-get");
    world.run(&mosquitto_stack("2.0.11-1", "x")).assert_done(4);
}

#[test]
fn an_absent_version_lists_those_that_are_there() {
    let world = World::new("dash");
    insta::assert_snapshot!(world.run(&mosquitto_stack("2.0.99-1", "x")).summary(), @r"
host.system Ok
host.first-boot Ok
host.clock Ok
host.foreign Ok
host.owner Changed
broker.others Ok
mosquitto.package Failed { status: 1 }
why VersionAbsent: mosquitto 2.0.99-1 is in no package source; there is 2.0.11-1 2.0.18-1
| Hit:1 http://deb.example stable InRelease
");
}

#[test]
fn a_source_out_of_reach_is_told_apart_from_an_absent_version() {
    let world = World::new("dash");
    world.write("stub/available", "");
    world.fail("apt-get", " update", 0, "Err:1 http://deb.example stable InRelease\n  Could not connect");
    insta::assert_snapshot!(world.run(&mosquitto_stack("2.0.11-1", "x")).summary(), @r"
host.system Ok
host.first-boot Ok
host.clock Ok
host.foreign Ok
host.owner Changed
broker.others Ok
mosquitto.package Failed { status: 1 }
why AptUnreachable: Err:1 http://deb.example stable InRelease
| Err:1 http://deb.example stable InRelease
|   Could not connect
| Err:1 http://deb.example stable InRelease
|   Could not connect
| Err:1 http://deb.example stable InRelease
|   Could not connect
| Err:1 http://deb.example stable InRelease
|   Could not connect
");
}

/// What is refused before anything is put on a host, in words.
#[track_caller]
fn check_foreign(prepare: impl Fn(&World), expected: &str) {
    let world = World::new("dash");
    prepare(&world);
    let summary = world.run(&mosquitto_stack("2.0.11-1", "x")).summary();
    let why = summary.lines().find(|line| line.starts_with("why ")).unwrap_or("went through");
    assert_eq!(why, expected, "{summary}");
    assert!(!world.path("root/etc/bear").exists());
}

#[test]
fn somebody_elses_broker_is_refused() {
    check_foreign(
        |world| world.write("stub/active/mosquitto", ""),
        "why BrokerOther: the service mosquitto runs on this host, and bear did not install it",
    );
    check_foreign(
        |world| world.write("stub/enabled/emqx", ""),
        "why BrokerOther: the service emqx is set to start with this host, and bear did not install it",
    );
    check_foreign(
        |world| world.write("stub/foreign-container", "|broker (emqx/emqx:5.0.9)\n"),
        "why BrokerOther: the container broker (emqx/emqx:5.0.9) runs on this host, and bear did not make it",
    );
}

#[test]
fn who_holds_a_port_is_named() {
    check_foreign(
        |world| world.write("stub/listening/8083", "\"python3\",pid=4711,fd=3"),
        "why PortTaken: port 8083 is taken by python3 (process 4711)",
    );
}

/// Another version than the pinned one is somebody's choice.
#[test]
fn an_idle_package_of_another_version_is_refused() {
    let world = World::new("dash");
    world.write("stub/packages/mosquitto", "2.0.10-1");
    let summary = world.run(&mosquitto_stack("2.0.11-1", "x")).summary();
    assert!(
        summary.contains("why BrokerOther: mosquitto 2.0.10-1 is installed, and bear did not"),
        "{summary}"
    );
}

#[test]
fn a_host_of_another_instance_is_refused() {
    let world = World::new("dash");
    world.run(&[host()]).assert_done(1);
    let said = |owner: Owner| {
        let summary = world.run(&[claim(owner.clone(), now())]).summary();
        let removed = world.run(&removal(&owner, false).unwrap()).summary();
        let why =
            |text: &str| text.lines().rfind(|line| line.starts_with("why ")).unwrap_or("yes").to_owned();
        assert!(why(&summary) == "yes" || why(&summary) == why(&removed), "{summary}{removed}");
        why(&summary)
    };
    let other = |change: fn(&mut Owner)| {
        let mut owner = owner();
        change(&mut owner);
        said(owner)
    };
    insta::assert_snapshot!(other(|owner| owner.lineage = "77aa".into()), @"why OtherFleet: the host is the instance plant-edge-1 of the fleet plant, lineage 5f3c");
    insta::assert_snapshot!(other(|owner| owner.instance = "plant-edge-2".into()), @"why OtherInstance: the host is the instance plant-edge-1 of this fleet");
    insta::assert_snapshot!(world.read("root/etc/bear/owner"), @r"
# Written by bear: this host is an instance of a fleet.
fleet plant
lineage 5f3c
instance plant-edge-1
token t0ken1
");
    // A new generation of the same instance is the same instance.
    assert_eq!(other(|owner| owner.token = "t0ken2".into()), "yes");
}

#[test]
fn two_bears_never_work_on_one_host() {
    let world = World::new("dash");
    world.run(&[host()]).assert_done(1);
    let lock = std::fs::File::open(world.path("root/run/bear/lock")).unwrap();
    lock.lock().unwrap();
    insta::assert_snapshot!(world.run(&[host()]).summary(), @"why HostBusy: another bear is at work on this host and was so for 1s");
    drop(lock);
    world.run(&[host()]).assert_done(0);
}

#[test]
fn a_look_waits_for_work_and_for_nothing_else() {
    let world = World::new("dash");
    world.run(&[host()]).assert_done(1);
    // Nobody is at work: not even one who holds the lock.
    let lock = std::fs::File::open(world.path("root/run/bear/lock")).unwrap();
    lock.lock().unwrap();
    world.run(&[observe()]).assert_done(0);
    // Somebody is.
    world.write("root/run/bear/lock", "at work\n");
    insta::assert_snapshot!(world.run(&[observe()]).summary(), @"why HostBusy: another bear is at work on this host and was so for 1s");
    // Somebody was, and was cut off.
    drop(lock);
    world.run(&[observe()]).assert_done(0);
    assert_eq!(world.read("root/run/bear/lock"), "at work\n");
    world.run(&[host()]).assert_done(0);
    assert_eq!(world.read("root/run/bear/lock"), "");
}

#[test]
fn a_user_who_is_not_root_is_told_so() {
    let world = World::new("dash");
    world.write("stub/uid", "1000");
    let summary = world.run(&[host()]).summary();
    assert!(summary.contains("why NoPrivileges: the script runs as somebody, not as root"), "{summary}");
}

#[test]
fn a_clock_a_day_off_is_refused() {
    let world = World::new("dash");
    let late = claim(owner(), now() + 86_400);
    let summary = world.run(&[late]).summary();
    assert!(summary.contains("why ClockSkew: the clock of the host says"), "{summary}");
}

#[test]
fn what_was_there_before_stays_when_bear_goes() {
    for (before, after) in [(true, true), (false, false)] {
        let world = World::new("dash");
        if before {
            world.write("stub/packages/mosquitto", "2.0.11-1");
        }
        world.run(&mosquitto_stack("2.0.11-1", "x")).assert_done(5);
        let removal = removal(&owner(), false).unwrap();
        world.run(&removal).assert_done(2);
        world.run(&removal).assert_done(0);
        assert_eq!(world.path("stub/packages/mosquitto").exists(), after);
        let names: Vec<_> = world.picture().into_keys().filter(|name| !name.contains("packages")).collect();
        assert_eq!(names, ["root/etc/os-release"]);
    }
}

/// New users alone are a reload, which disconnects nobody; a certificate is a restart.
#[test]
fn what_is_restarted_and_what_is_reloaded() {
    let world = World::new("dash");
    world.run(&mosquitto_stack("2.0.11-1", "one")).assert_done(5);
    world.run(&mosquitto_stack("2.0.11-1", "two")).assert_done(2);
    assert_eq!(
        (world.read("stub/restarts"), world.read("stub/reloads")),
        ("mosquitto\n".into(), "mosquitto\n".into())
    );
    let with_tls = |body| {
        let mosquitto = Mosquitto { tls: Some(certificate(body)), ..mosquitto("2.0.11-1", "two") };
        vec![host(), mosquitto.install().unwrap()]
    };
    for (body, restarts) in [("one", 2), ("two", 3)] {
        world.run(&with_tls(body)).assert_done(2);
        world.run(&with_tls(body)).assert_done(0);
        assert_eq!(world.read("stub/restarts").lines().count(), restarts);
    }
    assert!(!world.calls().contains("hunter2"));
    // Without a certificate the key goes, too.
    world.run(&mosquitto_stack("2.0.11-1", "two")).assert_done(2);
    assert!(!world.path("root/etc/mosquitto/bear.key.pem").exists());
}

/// What dpkg was cut off in is brought to its end first.
#[test]
fn an_interrupted_dpkg_is_mended() {
    let world = World::new("dash");
    world.write("stub/halfway", "The following packages are only half configured\n");
    world.run(&mosquitto_stack("2.0.11-1", "x")).assert_done(5);
    assert!(world.calls().contains("dpkg --configure -a"));
}

#[test]
fn a_lock_that_stays_is_told() {
    let world = World::new("dash");
    let said =
        "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 99 (unattended-upgr)";
    world.fail("apt-get", " install ", 100, said);
    let run = world.run(&mosquitto_stack("2.0.11-1", "x"));
    assert!(run.summary().contains(&format!("why AptLocked: {said}")), "{}", run.summary());
    let bear_recipes::Outcome::Failed(failure) = run.transcript.outcome() else { panic!("it failed") };
    let error = failure.error("edge-1");
    assert!(error.transient && error.code == "bear::recipe::apt_locked", "{error:?}");
    insta::assert_snapshot!(error.message, @"mosquitto.package failed on edge-1: E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 99 (unattended-upgr)");
}

/// A script of which only a part arrives does nothing at all.
#[test]
fn half_a_script_does_nothing() {
    let world = World::new("dash");
    let script = world.script(&mosquitto_stack("2.0.11-1", "x"));
    let text = script.text();
    for end in (0..text.len() - "main; exit\n".len()).step_by(997) {
        let half = text.get(..end).unwrap_or(&text[..=end]);
        let file = world.path("half.sh");
        std::fs::write(&file, half).unwrap();
        let shell = std::process::Command::new("dash")
            .arg("-s")
            .env("STUB", world.path("stub"))
            .env("PATH", format!("{}:/usr/bin:/bin", world.path("bin").display()))
            .stdin(std::fs::File::open(&file).unwrap())
            .output()
            .unwrap();
        assert!(shell.stdout.is_empty());
    }
    assert_eq!(world.calls(), "");
}
