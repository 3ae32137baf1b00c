//! Docker and EMQX, with their scripts really run against stand-ins.

use std::net::Ipv4Addr;

use bear_core::fleet::model::Ports;
use bear_recipes::docker::{Docker, Repository};
use bear_recipes::emqx::Emqx;
use bear_recipes::image::{Image, ImageSource};
use bear_recipes::mosquitto::{Form, Mosquitto, User};
use bear_recipes::{HostFacts, Recipe, observe, removal};

use crate::running::{check_cuts, host};
use crate::world::{World, certificate, owner};

const PIN: &str = "5:20.10.13~3-0~ubuntu-jammy";

fn docker() -> Recipe {
    let repository = Repository {
        fingerprint: String::from("F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6"),
        ..Repository::default()
    };
    Docker::Official(PIN.to_owned(), repository).install().unwrap()
}

fn image(tag: &str) -> Image {
    Image { name: String::from("emqx/emqx"), tag: tag.to_owned(), source: ImageSource::Default }
}

fn emqx(version: &str, password: &str) -> Emqx {
    Emqx {
        version: version.parse().unwrap(),
        image: image(version),
        address: Ipv4Addr::new(10, 0, 0, 5),
        ports: Ports::default(),
        dashboard_address: Ipv4Addr::LOCALHOST,
        tls: None,
        admin_password: password.to_owned(),
        cookie: String::from("c00kie"),
        license_key: None,
    }
}

pub(crate) fn stack(version: &str, password: &str) -> Vec<Recipe> {
    vec![host(), docker(), emqx(version, password).install().unwrap()]
}

/// A host with the network's answers: Docker's package source with its key, and a broker of that version to come.
fn prepare(world: &World, version: &str, method: &str) {
    world.write("stub/key", "key F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6\n");
    world.write(
        "stub/available",
        &format!(
            "docker-ce 5:29.1.0-1\ndocker-ce {PIN}\ndocker-ce-cli {PIN}\ncontainerd.io 2.2.0-1\n\
             containerd.io 1.7.27-1\ncontainerd.io 1.6.33-1\n"
        ),
    );
    std::fs::create_dir_all(world.path("root/etc/ssl/certs")).unwrap();
    world.write("root/etc/ssl/certs/ca-certificates.crt", "");
    world.write("stub/emqx-version", version);
    world.write("stub/emqx-method", method);
}

pub(crate) fn prepared(shell: &'static str) -> World {
    let world = World::new(shell);
    prepare(&world, "5.0.9", "PUT");
    world
}

#[test]
fn the_second_run_changes_nothing() {
    for shell in ["dash", "bash"] {
        let world = prepared(shell);
        let recipes = stack("5.0.9", "p w\"#'é1\\ $(reboot)");
        let first = world.run(&recipes);
        first.assert_done(9);
        world.run(&recipes).assert_done(0);
    }
}

#[test]
fn an_install_says_what_it_learned() {
    let run = prepared("dash").run(&stack("5.0.9", "Bear_first1"));
    let said = run.transcript.facts().iter().filter(|(name, _)| !name.starts_with("host."));
    let said: String = said.map(|(name, value)| format!("{name} {value}\n")).collect();
    insta::assert_snapshot!(said, @r"
docker.containerd 1.7.27-1
docker.held yes
docker.package 5:20.10.13~3-0~ubuntu-jammy
docker.version 20.10.13
emqx.container running
emqx.default_password refused
emqx.image emqx/emqx:5.0.9
emqx.image_digest emqx/emqx@sha256:d1ge57
emqx.image_id sha256:emqx/emqx:5.0.9
emqx.made_with 25a570a2fbf954cf7d423d10d128cc85d221bcf20597edbd06f5da361a15d0a2
emqx.node emqx@10.0.0.5
emqx.password works
emqx.ports 8083 1883 
emqx.restart_policy unless-stopped
emqx.restarts 0
emqx.version 5.0.9
");
    let facts = HostFacts::read(&run.transcript);
    assert_eq!(facts.system.as_deref(), Some("ubuntu 22.04"));
    assert_eq!(facts.private_address, Some(Ipv4Addr::new(10, 0, 0, 5)));
    assert!(facts.boot_id.is_some() && facts.hostname.is_some() && facts.memory_kib > Some(0));
}

/// Nothing else that an install starts takes a host as much as Docker's client, so it asks for all it wants at once.
#[test]
fn docker_is_asked_once_for_each_thing() {
    let world = prepared("dash");
    let asked = || {
        world.run(&stack("5.0.9", "Bear_first1"));
        let calls = world.calls();
        let words = calls.lines().filter_map(|call| call.strip_prefix("docker "));
        words.map(|words| format!("{}\n", words.split(" -").next().unwrap())).collect::<String>()
    };
    insta::assert_snapshot!(asked(), @r"
ps
info
info
info
image inspect
pull
image inspect
volume inspect
run
inspect
");
    insta::assert_snapshot!(asked(), @r"
info
image inspect
volume inspect
inspect
");
}

#[test]
fn cut_off_anywhere_it_goes_on() {
    check_cuts(&|world| prepare(world, "5.0.9", "PUT"), &stack("5.0.9", "Bear_first1"), 23);
}

#[test]
fn no_secret_is_in_any_argument() {
    let world = prepared("dash");
    world.run(&stack("5.0.9", "hunter2-secret")).assert_done(9);
    assert!(world.calls().contains("docker run"));
    for secret in ["hunter2", "c00kie", "t0ken"] {
        assert!(!world.calls().contains(secret), "{}", world.calls());
    }
    let script = world.script(&stack("5.0.9", "hunter2-secret"));
    assert_eq!(script.secrets().collect::<Vec<_>>(), ["hunter2-secret", "c00kie"]);
    assert!(!format!("{script:?}{:?}", stack("5.0.9", "hunter2-secret")).contains("hunter2"));
    let holding: Vec<_> = world.picture().into_iter().filter(|(_, text)| text.contains("hunter2")).collect();
    insta::assert_debug_snapshot!(holding, @r#"
[
    (
        "root/etc/bear/emqx.password",
        "600 \"hunter2-secret\"",
    ),
    (
        "root/etc/bear/emqx/first-boot.env",
        "400 EMQX_DASHBOARD__DEFAULT_PASSWORD='\"hunter2-secret\"'\n",
    ),
]
"#);
}

/// The method of the change differs; the broker is not restarted for it.
#[test]
fn a_new_password_is_set_without_a_restart() {
    for (version, method) in [("5.0.9", "PUT"), ("5.8.9", "POST")] {
        let world = World::new("dash");
        prepare(&world, version, method);
        world.run(&stack(version, "Bear_first1")).assert_done(9);
        let run = world.run(&stack(version, "Bear_second2"));
        run.assert_done(2);
        assert!(!world.calls().contains("docker run"), "{}", run.summary());
        assert_eq!(world.read("stub/emqx-password"), "\"Bear_second2\"");
    }
}

#[test]
fn a_new_version_replaces_the_container_once() {
    let world = prepared("dash");
    world.run(&stack("5.0.9", "Bear_first1")).assert_done(9);
    prepare(&world, "5.8.9", "POST");
    let run = world.run(&stack("5.8.9", "Bear_first1"));
    run.assert_done(3);
    assert_eq!(world.calls().matches("docker run").count(), 1);
}

fn mosquitto_in_a_container(password: &str) -> Vec<Recipe> {
    let image = Image {
        name: String::from("eclipse-mosquitto"),
        tag: String::from("2.0.18"),
        source: ImageSource::Registry(String::from("mirror.example:5000")),
    };
    let user = User { name: String::from("sensors"), password: password.to_owned() };
    let mosquitto =
        Mosquitto { form: Form::Container(image), ports: Ports::default(), user: Some(user), tls: None };
    vec![host(), docker(), mosquitto.install().unwrap()]
}

#[test]
fn mosquitto_in_a_container_is_replaced_for_a_new_password() {
    let world = prepared("dash");
    world.run(&mosquitto_in_a_container("one")).assert_done(8);
    world.run(&mosquitto_in_a_container("one")).assert_done(0);
    world.run(&mosquitto_in_a_container("hunter2")).assert_done(2);
    assert!(!world.calls().contains("hunter2"));
}

#[test]
fn an_image_comes_from_a_file() {
    let world = prepared("dash");
    let file = world.path("emqx.tar");
    let source = ImageSource::File(file.display().to_string());
    let emqx = Emqx { image: Image { source, ..image("5.0.9") }, ..emqx("5.0.9", "Bear_first1") };
    let recipes = [host(), docker(), emqx.install().unwrap()];
    let summary = world.run(&recipes).summary();
    assert!(summary.contains("why ImageFileAbsent: there is no file "), "{summary}");
    world.write("emqx.tar", "emqx/emqx:5.0.9\n");
    world.run(&recipes).assert_done(4);
    assert!(!world.calls().contains("docker pull"));
}

#[test]
fn a_host_is_observed_in_one_round_trip() {
    let world = prepared("dash");
    let looking = [observe()];
    let before = world.picture();
    let empty = HostFacts::read(&world.run(&looking).transcript);
    assert_eq!((empty.emqx, empty.docker, empty.owner), (None, None, None));
    assert_eq!(world.picture(), before);

    world.run(&stack("5.0.9", "Bear_first1")).assert_done(9);
    let run = world.run(&looking);
    run.assert_done(0);
    let facts = HostFacts::read(&run.transcript);
    let wanted = emqx("5.0.9", "Bear_first1").install().unwrap().configuration().unwrap().digest();
    let container = facts.emqx.unwrap();
    assert_eq!((container.made_with, container.configuration.unwrap()), (wanted.clone(), wanted));
    assert_eq!((container.image.as_str(), container.status.as_str()), ("emqx/emqx:5.0.9", "running"));
    assert_eq!((facts.docker.as_deref(), facts.docker_package.as_deref()), (Some("20.10.13"), Some(PIN)));
    assert_eq!((facts.default_password_refused, facts.password_works), (Some(true), Some(true)));
    assert_eq!(
        (facts.emqx_version.as_deref(), facts.emqx_node.as_deref()),
        (Some("5.0.9"), Some("emqx@10.0.0.5"))
    );
    assert_eq!((facts.owner, facts.docker_held), (Some(owner()), true));
    assert_eq!((container.ports, container.restart_policy.as_str()), (vec![1883, 8083], "unless-stopped"));
    assert_eq!(facts.changed_files, [""; 0]);
}

/// Settings, secrets and what the kernel is told: whatever somebody changes by hand is seen, and mended.
#[test]
fn changes_by_hand_are_seen_and_mended() {
    let world = prepared("dash");
    let tls = Emqx { tls: Some(certificate("one")), ..emqx("5.0.9", "Bear_first1") };
    let recipes = [host(), docker(), tls.install().unwrap()];
    world.run(&recipes).assert_done(9);
    for file in ["bear/emqx/keys.env", "bear/emqx/key.pem", "sysctl.d/60-bear-emqx.conf"] {
        world.change(&format!("root/etc/{file}"), "by hand\n");
    }
    let facts = HostFacts::read(&world.run(&[observe()]).transcript);
    let files = ["/etc/bear/emqx/key.pem", "/etc/bear/emqx/keys.env", "/etc/sysctl.d/60-bear-emqx.conf"];
    assert_eq!(facts.changed_files, files);
    world.run(&recipes).assert_done(3);
    assert_eq!(world.calls().matches("docker run").count(), 1);
    assert_eq!(HostFacts::read(&world.run(&[observe()]).transcript).changed_files, [""; 0]);
}

/// Data is found under the name of its node only; so the name outlives the address that it came from.
#[test]
fn a_node_keeps_its_name_while_its_data_lives() {
    let world = prepared("dash");
    world.run(&stack("5.0.9", "Bear_first1")).assert_done(9);
    let moved = Emqx { address: Ipv4Addr::new(10, 9, 9, 9), ..emqx("5.0.9", "Bear_first1") };
    let moved = [host(), docker(), moved.install().unwrap()];
    world.run(&moved).assert_done(0);
    // Its data stays, all else goes; the next one takes it up again.
    world.run(&removal(&owner(), true).unwrap()).assert_done(3);
    let again = world.run(&moved);
    assert_eq!(again.transcript.facts()["emqx.node"], "emqx@10.0.0.5", "{}", again.summary());
    world.run(&removal(&owner(), false).unwrap()).assert_done(3);
    std::fs::remove_file(world.path("stub/emqx-password")).unwrap();
    assert_eq!(world.run(&moved).transcript.facts()["emqx.node"], "emqx@10.9.9.9");
}

#[test]
fn a_new_certificate_restarts_the_broker_once() {
    let world = prepared("dash");
    let with = |body| {
        let emqx = Emqx { tls: Some(certificate(body)), ..emqx("5.0.9", "Bear_first1") };
        [host(), docker(), emqx.install().unwrap()]
    };
    world.run(&with("one")).assert_done(9);
    world.run(&with("two")).assert_done(2);
    assert_eq!(world.calls().matches("docker run").count(), 1);
    for secret in ["hunter2", "Bear_first1"] {
        assert!(!world.calls().contains(secret));
    }
}

/// A broker of another kind takes the place of the one before, whose data waits.
#[test]
fn one_broker_makes_room_for_another() {
    let world = prepared("dash");
    world.run(&stack("5.0.9", "Bear_first1")).assert_done(9);
    let run = world.run(&mosquitto_in_a_container("one"));
    run.assert_done(5);
    assert!(
        !world.path("stub/containers/bear-emqx").exists()
            && world.path("stub/volumes/bear-emqx-data").exists()
    );
    world.run(&mosquitto_in_a_container("one")).assert_done(0);
    world.run(&removal(&owner(), false).unwrap()).assert_done(3);
    assert!(!world.path("stub/volumes/bear-emqx-data").exists());
}

#[test]
fn what_bear_brought_goes_and_nothing_else() {
    let world = prepared("dash");
    let before = world.picture();
    world.run(&stack("5.0.9", "Bear_first1")).assert_done(9);
    let removal = removal(&owner(), false).unwrap();
    world.run(&removal).assert_done(3);
    world.run(&removal).assert_done(0);
    assert_eq!(world.picture(), before);
}

/// Nobody's container is taken for bear's, nor removed, whatever it is called.
#[test]
fn a_container_of_the_same_name_is_somebodys() {
    let world = prepared("dash");
    world.write("stub/containers/bear-emqx", "true false false no sha256:other \n");
    let run = world.run(&stack("5.0.9", "Bear_first1"));
    assert!(
        run.summary().contains("why BrokerOther: the host has a container bear-emqx that bear did not make"),
        "{}",
        run.summary()
    );
    assert!(!world.calls().contains("docker rm"));
    assert!(world.path("stub/containers/bear-emqx").exists());
}
