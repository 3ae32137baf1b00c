//! Brokers, each from nothing to running, again with nothing to change, and gone.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use bear_core::fleet::model::Ports;
use bear_recipes::docker::Docker;
use bear_recipes::emqx::Emqx;
use bear_recipes::mosquitto::{Form, Mosquitto};
use bear_recipes::{Answer, Certificate, HostFacts, Recipe, look, observe, removal};

use crate::machine::{Machine, no_lab};
use crate::wanted::{CANARY, certificate, claim, docker_ce, emqx, mosquitto, mosquitto_image, owner};

const PIN: &str = "5:20.10.13~3-0~ubuntu-jammy";
const DEBIANS: &str = "20.10.24+dfsg1-1+deb12u1+b6";
const MOSQUITTO: &str = "2.0.11-1.2+deb12u2";

/// The return code of an MQTT 3.1.1 CONNACK; none if there is no CONNACK.
fn connack(machine: &Machine, port: u16, user: Option<(&str, &str)>) -> Option<u8> {
    let text = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
    let flags = if user.is_some() { 0xc2 } else { 0x02 };
    let mut packet = [&text("MQTT")[..], &[4, flags, 0, 10], &text("bear-recipes")].concat();
    for part in user.iter().flat_map(|(name, password)| [name, password]) {
        packet.extend(text(part));
    }
    packet.splice(..0, [0x10, u8::try_from(packet.len()).unwrap()]);
    let mut stream = TcpStream::connect((machine.address.as_str(), port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(&packet).ok()?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).ok()?;
    (answer[0] == 0x20).then_some(answer[3])
}

/// Whether a client that trusts this certificate only is content with what the port shows.
fn trusts(machine: &Machine, port: u16, certificate: &Certificate) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &certificate.chain).unwrap();
    let output = Command::new("openssl")
        .args([
            "s_client",
            "-verify_return_error",
            "-connect",
            &format!("{}:{port}", machine.address),
            "-CAfile",
        ])
        .arg(file)
        .args(["-verify_ip", &machine.address])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    output.status.success()
}

/// Every file on the machine that has the secret in it, and what `ps` and `docker inspect` show of it: nothing. The
/// environment of EMQX's own process has it, which root alone and EMQX can read.
fn assert_kept(machine: &Machine, secret: &str, in_files: &[&str]) {
    let find = "cat >/run/canary; find / -xdev -type f ! -path '/proc/*' ! -path '/sys/*' ! -path /run/canary \
        -exec grep -lF -f /run/canary {} + 2>/dev/null; find /run /var/lib/docker -type f ! -path /run/canary \
        -exec grep -lF -f /run/canary {} + 2>/dev/null; rm /run/canary";
    let output = machine.sh(find, secret);
    let mut found: Vec<_> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    found.sort_unstable();
    assert_eq!(found, in_files);
    let shown = "ps -eww -o args; command -v docker >/dev/null && docker inspect $(docker ps -aq) $(docker images -q)";
    assert!(!machine.says(shown).contains(secret));
}

/// The laws of every broker: the second run changes nothing, and then all of it goes again.
fn check(machine: &Machine, recipes: &[Recipe], changed: usize, look_around: impl FnOnce()) {
    let before = machine.picture();
    assert_eq!(machine.run(recipes).changed(), changed);
    let again = machine.run(recipes);
    assert_eq!(again.changed(), 0, "{}", again.said);
    look_around();
    let gone = removal(&owner(), false).unwrap();
    assert!(machine.run(&gone).changed() > 0);
    assert_eq!(machine.run(&gone).changed(), 0);
    machine.assert_is(&before);
}

fn stack(docker: &Docker, emqx: &Emqx) -> Vec<Recipe> {
    vec![claim(emqx.listens().unwrap()), docker.install().unwrap(), emqx.install().unwrap()]
}

fn mosquitto_alone(mosquitto: &Mosquitto) -> Vec<Recipe> {
    vec![claim(mosquitto.listens().unwrap()), mosquitto.install().unwrap()]
}

#[test]
fn docker_from_its_own_source_and_emqx_5_0_9() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("ce", "bear-lab/host");
    // Without the tools that bear needs, so that it has to bring them.
    machine.says("DEBIAN_FRONTEND=noninteractive apt-get -y purge curl gpg; apt-get -y autoremove --purge");
    let emqx = emqx(&machine, "5.0.9", CANARY);
    check(&machine, &stack(&docker_ce(PIN), &emqx), 9, || {
        let facts = HostFacts::read(&machine.run(&[observe()]).transcript);
        assert_eq!((facts.docker.as_deref(), facts.docker_package.as_deref()), (Some("20.10.13"), Some(PIN)));
        assert_eq!(machine.says("dpkg-query -W -f '${Version}' containerd.io"), "1.6.28-1");
        assert_eq!((facts.emqx_version.as_deref(), facts.emqx_node), (Some("5.0.9"), Some(emqx.node())));
        assert_eq!((facts.default_password_refused, facts.password_works), (Some(true), Some(true)));
        let container = facts.emqx.unwrap();
        assert_eq!((container.status.as_str(), container.ports), ("running", vec![1883, 8083, 18083]));
        assert!(container.image_digest.unwrap().starts_with("emqx/emqx@sha256:"));
        assert_eq!(connack(&machine, 1883, None), Some(0));
        assert_eq!(connack(&machine, 8883, None), None);
        assert_kept(&machine, "c4nary", &["/etc/bear/emqx.password", "/etc/bear/emqx/first-boot.env"]);
        let seen = HostFacts::read(&machine.run(&[look(emqx.listens().unwrap()).unwrap()]).transcript);
        let answers: Vec<_> = seen.answers.into_iter().collect();
        assert_eq!(answers, [(1883, Answer::Broker), (8083, Answer::Open), (18083, Answer::Open)]);
        assert!(!seen.last_lines.is_empty());
    });
}

#[test]
fn docker_from_debian_and_emqx_6_2_2_with_tls() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("debian", "bear-lab/host");
    let certificate = certificate(&machine);
    let emqx = Emqx { tls: Some(certificate.clone()), ..emqx(&machine, "6.2.2", CANARY) };
    check(&machine, &stack(&Docker::Distribution(DEBIANS.to_owned()), &emqx), 7, || {
        assert_eq!(connack(&machine, 1883, None), Some(0));
        assert!(trusts(&machine, 8883, &certificate) && trusts(&machine, 8084, &certificate));
        let key = certificate.key.lines().nth(1).unwrap();
        assert_kept(&machine, key, &["/etc/bear/emqx/key.pem"]);
    });
}

/// A new version on the same data, and a new password: each changes what it concerns and nothing else.
#[test]
fn emqx_changes_in_place() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("place", "bear-lab/host-docker");
    let wanted = |version, password| stack(&Docker::Present, &emqx(&machine, version, password));
    assert_eq!(machine.run(&wanted("5.0.9", "Bear_first1")).changed(), 6);
    let names = |run: &crate::machine::Run| -> String {
        let changed = run.transcript.ended().iter().filter(|it| it.end == bear_recipes::BlockEnd::Changed);
        changed.map(|it| format!("{} ", it.block)).collect()
    };
    let started = || machine.says("docker inspect -f '{{.Id}}' bear-emqx");
    let before = started();
    let password = machine.run(&wanted("5.0.9", "Bear_second2"));
    assert_eq!((password.changed(), names(&password).as_str()), (2, "emqx.files emqx.password "));
    assert_eq!(started(), before);
    let version = machine.run(&wanted("5.8.9", "Bear_second2"));
    assert_eq!((version.changed(), names(&version).as_str()), (3, "emqx.image emqx.files emqx.container "));
    assert_eq!(version.fact("emqx.version"), "5.8.9");
    let both = machine.run(&wanted("5.10.0", "Bear_third3"));
    assert_eq!(both.changed(), 4, "{}", names(&both));
    assert_eq!(machine.run(&wanted("5.10.0", "Bear_third3")).changed(), 0);
    // By hand: stopped, changed, and set never to start again.
    machine.says("docker update --restart=no bear-emqx; docker stop bear-emqx; chmod u+w /etc/bear/emqx/keys.env; echo >>/etc/bear/emqx/keys.env");
    let facts = HostFacts::read(&machine.run(&[observe()]).transcript);
    assert_eq!(facts.changed_files, ["/etc/bear/emqx/keys.env"]);
    let container = facts.emqx.unwrap();
    assert_eq!((container.status.as_str(), container.restart_policy.as_str()), ("exited", "no"));
    let mended = machine.run(&wanted("5.10.0", "Bear_third3"));
    assert_eq!((mended.changed(), names(&mended).as_str()), (2, "emqx.files emqx.container "));
    // Gone, but for its data; whoever comes back finds it, under the name that it had.
    assert!(machine.run(&removal(&owner(), true).unwrap()).changed() > 0);
    assert_eq!(machine.says("docker ps -aq; ls -d /etc/bear /var/lib/bear"), "");
    let moved = Emqx { address: Ipv4Addr::new(10, 9, 9, 9), ..emqx(&machine, "5.10.0", "Bear_third3") };
    let back = machine.run(&stack(&Docker::Present, &moved));
    assert_eq!(back.fact("emqx.node"), emqx(&machine, "5.10.0", "").node(), "{}", back.said);
    assert_eq!(machine.run(&stack(&Docker::Present, &moved)).changed(), 0);
}

/// On a host that was just seen to be as it was left, only the blocks run that a change concerns, and they are enough.
#[test]
fn a_change_runs_the_blocks_that_it_concerns() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("concerned", "bear-lab/host-docker");
    let wanted = |version, port| {
        let emqx = emqx(&machine, version, "Bear_first1");
        stack(&Docker::Present, &Emqx { ports: Ports { mqtt: Some(port), ..emqx.ports }, ..emqx })
    };
    let change = |before: &[Recipe], after: Vec<Recipe>| {
        let concerned = after.into_iter().skip(1).map(|recipe| recipe.since(before)).collect::<Vec<_>>();
        let run = machine.run(&concerned);
        let ended = run.transcript.ended().iter();
        ended.map(|it| format!("{} {:?}\n", it.block, it.end)).collect::<String>()
    };
    let made = || machine.says("docker inspect -f '{{.Created}} {{.RestartCount}}' bear-emqx");
    machine.run(&wanted("5.0.9", 1883));
    let first = made();
    insta::assert_snapshot!(change(&wanted("5.0.9", 1883), wanted("5.0.9", 1883)), @r"
    emqx.image Ok
    emqx.files Ok
    emqx.container Ok
    emqx.password Ok
    emqx.ready Ok
    ");
    assert_eq!(made(), first);
    insta::assert_snapshot!(change(&wanted("5.0.9", 1883), wanted("5.0.9", 1884)), @r"
    emqx.image Ok
    emqx.files Changed
    emqx.container Changed
    emqx.password Ok
    emqx.ready Ok
    ");
    assert_eq!((connack(&machine, 1884, None), connack(&machine, 1883, None)), (Some(0), None));
    insta::assert_snapshot!(change(&wanted("5.0.9", 1884), wanted("5.8.9", 1884)), @r"
    emqx.image Changed
    emqx.files Changed
    emqx.container Changed
    emqx.password Ok
    emqx.ready Ok
    ");
    assert_eq!(machine.says("docker ps -a --format '{{.Image}}'").trim(), "emqx/emqx:5.8.9");
    assert_eq!(machine.run(&wanted("5.8.9", 1884)).changed(), 0);
}

#[test]
fn mosquitto_from_its_package_with_a_user_and_tls() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("package", "bear-lab/host");
    let form = || Form::Package(MOSQUITTO.to_owned());
    let certificate = certificate(&machine);
    let wanted = |password| Mosquitto { tls: Some(certificate.clone()), ..mosquitto(form(), password) };
    check(&machine, &mosquitto_alone(&wanted(CANARY)), 5, || {
        assert_eq!(connack(&machine, 1883, Some(("sensors", CANARY))), Some(0));
        assert_eq!(connack(&machine, 1883, Some(("sensors", "wrong"))), Some(5));
        assert!(trusts(&machine, 8883, &certificate));
        assert_kept(&machine, "c4nary", &["/etc/bear/mosquitto.users"]);
        // A new password is a reload: who is connected stays so.
        let process = machine.says("pgrep mosquitto");
        assert_eq!(machine.run(&mosquitto_alone(&wanted("second"))).changed(), 2);
        assert_eq!(machine.says("pgrep mosquitto"), process);
        assert_eq!(connack(&machine, 1883, Some(("sensors", CANARY))), Some(5));
        assert_eq!(connack(&machine, 1883, Some(("sensors", "second"))), Some(0));
    });
}

#[test]
fn mosquitto_in_a_container_with_a_user_and_tls() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("container", "bear-lab/host-docker");
    let certificate = certificate(&machine);
    let wanted = |password| {
        let mosquitto =
            Mosquitto { tls: Some(certificate.clone()), ..mosquitto(mosquitto_image(), password) };
        let claim = claim(mosquitto.listens().unwrap());
        [claim, Docker::Present.install().unwrap(), mosquitto.install().unwrap()]
    };
    check(&machine, &wanted(CANARY), 5, || {
        assert_eq!(connack(&machine, 1883, Some(("sensors", CANARY))), Some(0));
        assert_eq!(connack(&machine, 1883, Some(("sensors", "wrong"))), Some(5));
        assert!(trusts(&machine, 8883, &certificate));
        assert_kept(&machine, "c4nary", &["/etc/bear/mosquitto.users"]);
        let container = machine.says("docker inspect -f '{{.State.StartedAt}}' bear-mosquitto");
        assert_eq!(machine.run(&wanted("second")).changed(), 2);
        assert_eq!(machine.says("docker inspect -f '{{.State.StartedAt}}' bear-mosquitto"), container);
        assert_eq!(connack(&machine, 1883, Some(("sensors", "second"))), Some(0));
    });
}
