//! Scripts that really run: twice, cut off anywhere, and failing.

use bear_core::fleet::model::Ports;
use bear_recipes::Recipe;
use bear_recipes::host::Host;
use bear_recipes::mosquitto::{Form, Mosquitto, User};

use crate::world::{Cut, World, now};

const SHELLS: [&str; 2] = ["dash", "bash"];

pub(crate) fn host() -> Recipe {
    Host { owner: String::from("plant 0123"), now: now() }.claim().unwrap()
}

fn mosquitto(version: &str, password: &str) -> Mosquitto {
    Mosquitto {
        form: Form::Package(version.to_owned()),
        ports: Ports { ws: Some(8083), ..Ports::default() },
        user: Some(User { name: String::from("o'neil $(reboot)"), password: password.to_owned() }),
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
        assert_eq!(first.transcript.facts()["mosquitto.version"], "2.0.11-1");
    }
}

/// The laws of every stack of recipes: wherever it is cut off, the next run goes on from there and ends where a run
/// without a cut ends, and the run after that has nothing to do.
#[track_caller]
pub(crate) fn check_cuts(prepare: &dyn Fn(&World), recipes: &[Recipe], stride: usize) {
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
        world.run(recipes).assert_done(0);
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
    world.fail("apt-get", " install ", 100, &(1..=30).map(|n| format!("line {n}\n")).collect::<String>());
    insta::assert_snapshot!(world.run(&mosquitto_stack("2.0.11-1", "x")).summary(), @r"
host.system Ok
host.first-boot Ok
host.clock Ok
host.owner Changed
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
host.owner Changed
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
host.owner Changed
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

#[test]
fn somebody_elses_broker_is_refused() {
    let world = World::new("dash");
    world.write("stub/packages/mosquitto", "2.0.11-1");
    world.write("stub/active/mosquitto", "");
    insta::assert_snapshot!(world.run(&mosquitto_stack("2.0.11-1", "x")).summary(), @r"
host.system Ok
host.first-boot Ok
host.clock Ok
host.owner Changed
mosquitto.package Failed { status: 1 }
why BrokerOther: mosquitto runs on this host, and bear did not install it
");
}

#[test]
fn a_host_of_another_fleet_is_refused() {
    let world = World::new("dash");
    world.run(&[host()]).assert_done(1);
    let other = Host { owner: String::from("other 4567"), now: now() }.claim().unwrap();
    insta::assert_snapshot!(world.run(&[other]).summary(), @r"
host.system Ok
host.first-boot Ok
host.clock Ok
host.owner Failed { status: 1 }
why OtherFleet: the host belongs to plant 0123
");
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
fn the_end_of_the_first_boot_is_waited_for() {
    let world = World::new("dash");
    std::fs::remove_file(world.path("root/var/lib/cloud/instance/boot-finished")).unwrap();
    let summary = world.run(&[host()]).summary();
    assert!(summary.contains("why CloudInit: cloud-init did not end within 300s"), "{summary}");
    world.write("stub/cloud-init", "status: disabled\n");
    world.run(&[host()]).assert_done(1);
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
    let late = Host { owner: String::from("plant 0123"), now: now() + 86_400 }.claim().unwrap();
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
        world.run(&mosquitto_stack("2.0.11-1", "x"));
        let removal = [
            mosquitto("2.0.11-1", "x").removal(false).unwrap(),
            Host { owner: String::from("plant 0123"), now: now() }.release().unwrap(),
        ];
        world.run(&removal).assert_done(2);
        world.run(&removal).assert_done(0);
        assert_eq!(world.path("stub/packages/mosquitto").exists(), after);
        let names: Vec<_> = world.picture().into_keys().filter(|name| !name.contains("packages")).collect();
        assert_eq!(names, ["root/etc/os-release"]);
    }
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
