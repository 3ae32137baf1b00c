//! `bear ui` on the second day: the page of an instance with its log, several fleets, another version, a shell on a host

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::brokers::eventually;
use crate::screen::{Terminal, is_here};
use crate::sshd::Plant;
use crate::support::Project;

const BEAR: &str = env!("CARGO_BIN_EXE_bear");
const LOG: &str = ".bear/demo/instances/demo-broker-1/broker.log";

/// What stands in for the journal of a host: it says how it was asked, and more once there is more.
const JOURNALCTL: &str = "#!/bin/sh
echo \"$@\"
until [ -e \"${0%/*}/more\" ]; do sleep 0.05; done
cat \"${0%/*}/more\"
echo $$ > \"${0%/*}/pid\"
exec sleep 100
";

fn program(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
    fs::set_permissions(folder.join(name), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_log_follows_within_the_page_of_its_instance() {
    if !is_here() {
        return;
    }
    let lines = (1..=60).map(|number| format!("line {number}\n")).collect::<String>();
    let project = Project::deployed().with(LOG, lines);
    let terminal = Terminal::of((90, 30), &project, &[BEAR, "ui"]);
    terminal.once(&[">✗ demo-broker-1"]);
    terminal.press(&["Enter"]);
    terminal.once(&["its machine is gone", "Configuration", "Log  follows what is written", "line 60"]);

    let mut log = File::options().append(true).open(project.path(LOG)).unwrap();
    writeln!(log, "one more").unwrap();
    terminal.once(&["one more"]);
    terminal.press(&["Tab", "Up"]);
    terminal.once(&["1 line below, End follows"]);
    writeln!(log, "and another").unwrap();
    terminal.once(&["2 lines below, End follows"]);
    terminal.press(&["End"]);
    terminal.once(&["follows what is written", "and another"]);

    // One that was never installed has none, and it is told what to do about that.
    terminal.press(&["Escape"]);
    terminal.once(&[">✗ demo-broker-1"]);
    terminal.press(&["Down", "Enter"]);
    terminal.once(&["install: port 4 is taken", "goes on from that", "has written no log yet"]);
}

#[test]
fn one_of_several_fleets_is_chosen() {
    if !is_here() {
        return;
    }
    let other = "fleet: other\nprovider: local\ngroups: { a: { count: 1, broker: embedded } }\n";
    let project = Project::deployed().with("fleets/other.yaml", other).with("fleets/wrong.yaml", "fleet: [");
    let terminal = Terminal::start(&project);
    terminal.once(&[
        "demo               local  3 instances  2 unreachable  1 not made",
        "other              local  1 instance  1 not made",
        "fleets/wrong.yaml  the fleet file can't be taken as it is",
    ]);
    terminal.press(&["Down", "Enter"]);
    terminal.once(&[">+ other-a-1", "f fleets"]);
    terminal.press(&["f"]);
    terminal.once(&[">* other"]);
    terminal.press(&["Up", "Enter"]);
    terminal.once(&["✗ demo-broker-1"]);
}

#[test]
fn a_host_has_a_log_a_shell_and_a_version() {
    if !is_here() {
        return;
    }
    let programs = tempfile::tempdir().unwrap();
    let programs = programs.path();
    program(programs, "journalctl", JOURNALCTL);
    program(programs, "sudo", "#!/bin/sh\nshift 2\nexec \"$@\"\n");
    let path = format!("SetEnv=SHLVL=5 PATH={}:/usr/bin:/bin", programs.display());
    let Some(plant) = Plant::with_options(&["paris"], &[&path]) else { return };
    let before = plant.project.read("fleets/plant.yaml");
    let terminal = Terminal::of((90, 40), &plant.project, &[BEAR, "ui"]);
    terminal.once(&["plant-edge-paris", "s ssh"]);

    terminal.press(&["Enter"]);
    terminal.once(&["--follow --lines 500"]);
    fs::write(programs.join("more"), "third\n").unwrap();
    terminal.once(&["third"]);
    eventually("it waits for more", || programs.join("pid").exists());
    let pid = fs::read_to_string(programs.join("pid")).unwrap();
    terminal.press(&["Escape"]);
    let process = format!("/proc/{}/cmdline", pid.trim());
    eventually("nothing is left running there", || fs::read(&process).unwrap_or_default().is_empty());

    terminal.press(&["s"]);
    eventually("the shell has the terminal", || !terminal.screen(&[]).contains("s ssh"));
    terminal.press(&["echo it is $((6 * 7)) at $SSH_CONNECTION", "Enter"]);
    terminal.once(&["it is 42 at 127."]);
    terminal.press(&["exit", "Enter"]);
    terminal.once(&["plant-edge-paris", "s ssh"]);

    // The version is edited in place, and back again for whoever says no.
    terminal.press(&["u"]);
    terminal.once(&["Another version for group edge", "2.0.18-1"]);
    terminal.press(&["C-u", "2.0.20-1", "Enter"]);
    terminal.once(&["mosquitto 2.0.20-1", "Do you want to apply this plan?"]);
    assert_eq!(plant.project.read("fleets/plant.yaml"), before.replace("2.0.18-1", "2.0.20-1"));
    terminal.press(&["n"]);
    eventually("the file is as it was", || plant.project.read("fleets/plant.yaml") == before);

    // What `ssh` says when it loses a connection is gone with its screen.
    terminal.press(&["s"]);
    eventually("the shell has the terminal", || !terminal.screen(&[]).contains("s ssh"));
    terminal.press(&["exit 255", "Enter"]);
    terminal.once(&["It did not work", "or lost the connection", "`bear ssh plant-edge-paris` shows what"]);
    terminal.press(&["Enter"]);
    fs::remove_file(plant.project.path("authorized_keys")).unwrap();
    terminal.once(&["s ssh"]);
    terminal.press(&["s"]);
    terminal.once(&["It did not work", "Permission denied", "Esc close"]);
}
