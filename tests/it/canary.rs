//! Secrets stay where they belong: canaries go through every command, in every state of a fleet, and are looked for in
//! everything that somebody else could see.

mod forms;
mod watch;

use std::collections::BTreeSet;
use std::fs;

use rustix::process::Signal;

use self::forms::Canary;
use self::watch::Watch;
use crate::brokers::{eventually, send};
use crate::client::Client;
use crate::support::Project;

/// Every command, with arguments that may fail and change nothing for good.
const CASES: &[(&str, &[&str])] = &[
    ("init", &["demo", "other --provider hosts"]),
    ("validate", &["", "no-such-file.yaml"]),
    ("plan", &["", "--offline", "--format markdown", "--replace demo-env-1", "--only no-such-group"]),
    ("apply", &["", "--yes --only no-such-group"]),
    ("destroy", &["", "--yes --only no-such-group"]),
    ("import", &["demo-env-1 i-0123456789abcdef0 --yes", "demo-env-1"]),
    ("status", &[""]),
    ("verify", &["", "--only demo-env-1", "--report ../verified.html"]),
    ("ssh", &["demo-env-1", "--only demo-env-1 -- true", "no-such-instance"]),
    ("open", &["demo-env-1", "no-such-instance"]),
    ("logs", &["demo-env-1 --lines 1000", "demo-made-1", "no-such-instance"]),
    (
        "inventory",
        &["--format ips", "--format json", "--format ansible", "--format ssh-config", "--format prometheus"],
    ),
    ("graph", &["--format dot", "--format mermaid", "--format svg"]),
    ("report", &["", "--list", "--run no-such-run", "--output ../page.html"]),
    ("state list", &[""]),
    ("state show", &["", "demo-env-1"]),
    ("state rm", &["demo-env-1"]),
    ("state history", &[""]),
    ("state restore", &["1", "no-such-serial"]),
    ("secret list", &[""]),
    ("secret show", &["no-such-secret"]),
    ("doctor", &[""]),
    ("schema", &[""]),
    ("completions", &["bash", "zsh", "fish"]),
    ("man", &["", "../manual"]),
    ("ui", &[""]),
];

const FLEET: &str = "
fleet: demo
provider: local
groups:
  env: { count: 1, broker: { embedded: { authentication: { username: sensor, password: { env: CANARY } } } } }
  file: { count: 1, broker: { embedded: { authentication: { username: sensor, password: { file: password.txt } } } } }
  home: { count: 1, broker: { embedded: { authentication: { username: sensor, password: { file: ~/home.txt } } } } }
  vault: { count: 1, broker: { embedded: { authentication: { username: sensor, password: { command: [stubs/vault] } } } } }
  made: { count: 1, broker: { embedded: { authentication: { username: made } } } }
";

const HOSTS: &str = "
fleet: demo
provider: { hosts: { user: ubuntu } }
groups:
  env:
    members: { 1: { address: 192.0.2.10 } }
    broker:
      emqx:
        version: 5.0.9
        admin_password: { env: CANARY }
        tls: { certificate: broker.pem, key: { file: password.txt } }
  made:
    members: { 1: { address: 192.0.2.11 } }
    broker:
      mosquitto:
        version: 2.0.18
        container: true
        authentication: { username: sensor, password: { command: [stubs/vault] } }
        tls: { certificate: broker.pem, key: { file: ~/home.txt } }
";

/// Asks for its settings are answered, and nothing else.
const SSH: &str =
    "case \" $* \" in *' -G '*) echo 'hostname 192.0.2.10'; echo 'port 22'; echo 'user ubuntu'; exit 0;; esac
echo 'ssh: connect to host 192.0.2.10 port 22: Connection refused' >&2; exit 255";

/// The canaries that a fleet of [`FLEET`] or [`HOSTS`] refers to, each where it belongs.
fn watched(fleet: &str) -> Watch {
    let canaries = ["env", "file", "home", "vault"].map(Canary::new);
    let [env, file, home, vault] = canaries.each_ref().map(|canary| canary.value.clone());
    let project = Project::new().with("fleets/demo.yaml", fleet);
    let root = project.path("");
    let path = std::env::var("PATH").unwrap_or_default();
    let temporary = project.path("../temporary");
    fs::create_dir_all(&temporary).unwrap();
    let project = project
        .with("password.txt", file)
        .with("../home.txt", format!("{home}\n"))
        .with("vault.txt", vault)
        .with("broker.pem", "no certificate")
        .with_variable("CANARY", env)
        .with_variable("BEAR_FLEET", "fleets/demo.yaml")
        .with_variable("RUST_LOG", "trace")
        .with_variable("RUST_BACKTRACE", "full")
        .with_variable("TMPDIR", temporary.display().to_string())
        .with_variable("PATH", format!("{}:{path}", root.join("stubs").display()))
        .with_variable("BROWSER", root.join("stubs/browser").display().to_string())
        .with_variable("DISPLAY", ":0");
    let watch = Watch::new(project, canaries.to_vec(), &["password.txt", "../home.txt", "vault.txt"]);
    watch.stub("vault", "exec cat vault.txt");
    watch.stub("ssh", SSH);
    watch.stub("ssh-add", "exit 1");
    watch.stub("git", "exit 1");
    watch.stub("browser", "");
    watch
}

/// Runs every command, with everything that it can say.
fn every_command(watch: &Watch) {
    for (command, cases) in CASES {
        for arguments in *cases {
            for flag in ["--verbose", "--json"] {
                // Before the command, for what follows `--` is another's.
                watch.bear(&format!("{flag} {command} {arguments}"));
            }
        }
    }
    watch.bear("-vv apply");
    watch.bear("--help");
}

#[test]
fn every_command_has_its_cases() {
    let project = Project::new();
    let there = commands(&project, "").into_iter().collect::<BTreeSet<_>>();
    let tried = CASES.iter().map(|(command, _)| (*command).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(tried, there, "add the new command to CASES");
}

/// The commands that the help lists, with those within them.
fn commands(project: &Project, within: &str) -> Vec<String> {
    let help = project.bear(&format!("{within} --help")).ok().stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    let names = names.map(|name| format!("{within} {name}").trim().to_owned()).collect::<Vec<_>>();
    if names.is_empty() {
        return vec![within.to_owned()];
    }
    names.iter().flat_map(|name| commands(project, name)).collect()
}

#[test]
fn of_a_fleet_that_comes_and_goes() {
    let mut watch = watched(FLEET);
    every_command(&watch);

    watch.bear("apply --yes --verbose").ok();
    let made = watch.project.bear("secret show mqtt.made").ok();
    assert_eq!(made.stderr, "");
    watch.add(Canary::plain("made", made.stdout.trim_end()));
    every_command(&watch);
    watch.bear("verify --verbose").ok();

    // What a client tries is a secret as well: mostly that of another broker.
    let typed = Canary::new("typed");
    let port = watch.project.mqtt_port("demo", "demo-env-1");
    assert!(Client::with_password("wrong", port, "sensor", &typed.value).is_err());
    watch.add(typed);
    for command in ["logs demo-env-1 --lines 1000", "status", "doctor"] {
        watch.bear(command);
    }

    for stub in ["vault", "git", "browser"] {
        assert!(watch.runs_of(stub) > 0, "{stub} was not run");
    }
    watch.bear("state rm demo-home-1 --yes");
    watch.bear("state restore 1 --yes");
    watch.bear("apply --yes");
    watch.bear("destroy --yes --max-destroy 100%");
    assert!(watch.brokers_seen() > 0);
    watch.expect_nothing();
}

#[test]
fn of_a_fleet_that_is_cut_off_broken_and_changed() {
    let mut watch = watched(FLEET);
    for lines in [2, 6, 9] {
        let mut bear = watch.project.start("apply --yes --verbose --parallelism 1");
        eventually("an apply has come far enough", || {
            watch.project.journal_lines("demo") >= lines || bear.try_wait().unwrap().is_some()
        });
        let _ = bear.kill();
        watch.end("apply that is killed", bear);
    }
    every_command(&watch);
    watch.bear("apply --yes").ok();

    send(watch.project.pid_of("demo", "demo-env-1"), Signal::KILL);
    send(watch.project.pid_of("demo", "demo-file-1"), Signal::STOP);
    every_command(&watch);
    send(watch.project.pid_of("demo", "demo-file-1"), Signal::CONT);
    watch.bear("apply --yes --verbose").ok();

    let other = Canary::new("other");
    watch.project.write("password.txt", &other.value);
    watch.add(other);
    // The broker has the old password, and bear the new one.
    assert_eq!(watch.bear("verify --verbose").code(), 5);
    watch.bear("verify --json");
    watch.project.write("fleets/demo.yaml", FLEET.replace("{ file: password.txt }", "{ env: CANARY }"));
    for command in ["plan", "plan --json", "plan --offline", "graph", "status", "state show --json", "doctor"]
    {
        watch.bear(command);
    }
    watch.bear("apply --yes --verbose").ok();
    watch.bear("destroy --yes --max-destroy 100%").ok();
    watch.expect_nothing();
}

#[test]
fn of_a_fleet_whose_secrets_can_not_be_had() {
    let watch = watched(FLEET);
    let canary = fs::read(watch.project.path("password.txt")).unwrap();
    let too_long = canary.repeat(65_536 / canary.len() + 1);
    let not_text = [b"\xff", canary.as_slice()].concat();
    for content in [too_long, not_text, b"\n".to_vec()] {
        watch.project.write("password.txt", content);
        unavailable(&watch);
    }
    fs::remove_file(watch.project.path("password.txt")).unwrap();
    unavailable(&watch);
    fs::create_dir(watch.project.path("password.txt")).unwrap();
    unavailable(&watch);
    fs::remove_dir(watch.project.path("password.txt")).unwrap();
    watch.project.write("password.txt", &canary);
    watch.stub("vault", "cat vault.txt; exit 1");
    unavailable(&watch);
    watch.stub("vault", "cat vault.txt; printf '\\377'");
    unavailable(&watch);
    watch.expect_nothing();
}

fn unavailable(watch: &Watch) {
    for command in ["apply --yes", "verify", "doctor", "plan", "validate"] {
        for flag in ["--verbose", "--json"] {
            watch.bear(&format!("{flag} {command}"));
        }
    }
    assert_eq!(watch.bear("apply --yes").code(), 3);
}

#[test]
fn written_into_the_file_itself() {
    let mut watch = watched(FLEET);
    let literal = Canary::plain("literal", "canary0literal0in0the0file");
    let file = FLEET.replace("{ env: CANARY }", &literal.value);
    watch.project.write("fleets/demo.yaml", &file);
    watch.project.write("fleets/torn.yaml", format!("{file}\n  [ torn"));
    watch.add(literal);
    watch.nest("fleets/demo.yaml");
    watch.nest("fleets/torn.yaml");
    every_command(&watch);
    for command in ["validate", "plan", "apply --yes"] {
        watch.bear(&format!("{command} fleets/torn.yaml --verbose"));
        watch.bear(&format!("{command} fleets/torn.yaml --json"));
    }
    watch.expect_nothing();
}

#[test]
fn of_a_fleet_on_hosts() {
    let watch = watched(HOSTS);
    every_command(&watch);
    watch.bear("apply --yes --verbose");
    watch.bear("apply --yes --json");
    // Without what a certificate must be, so that every host is knocked at.
    let plain = HOSTS.lines().filter(|line| !line.contains("tls:")).collect::<Vec<_>>().join("\n");
    watch.project.write("fleets/demo.yaml", plain);
    watch.bear("apply --yes --verbose");
    watch.bear("apply --yes --json");
    every_command(&watch);
    for stub in ["vault", "ssh", "ssh-add", "git"] {
        assert!(watch.runs_of(stub) > 0, "{stub} was not run");
    }
    watch.expect_nothing();
}
