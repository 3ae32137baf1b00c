//! What goes wrong on real machines, what bear says of it, and that the next run goes on.

use std::io::Write;
use std::process::Child;

use bear_core::fleet::model::Ports;
use bear_recipes::docker::{Docker, Repository};
use bear_recipes::emqx::Emqx;
use bear_recipes::image::{Image, ImageSource};
use bear_recipes::mosquitto::Form;
use bear_recipes::{Host, Outcome, Recipe, observe};

use crate::machine::{Machine, Run, lab, no_lab, now};
use crate::wanted::{claim, docker_ce, emqx, mosquitto, owner};

fn mosquitto_package() -> Vec<Recipe> {
    let mosquitto = mosquitto(Form::Package(String::from("2.0.11-1.2+deb12u2")), "secret");
    vec![claim(mosquitto.listens().unwrap()), mosquitto.install().unwrap()]
}

fn only_docker(docker: &Docker) -> Vec<Recipe> {
    vec![claim(Ports::default()), docker.install().unwrap()]
}

fn on_docker(emqx: &Emqx) -> Vec<Recipe> {
    vec![claim(emqx.listens().unwrap()), Docker::Present.install().unwrap(), emqx.install().unwrap()]
}

/// That it fails for this reason.
#[track_caller]
fn assert_why(run: &Run, expected: &str) {
    let why = run.why();
    assert!(why.starts_with(expected), "{why}\n{}", run.said);
}

/// Begins a script, and lets the test do something meanwhile.
fn begin(machine: &Machine, words: &[&str], recipes: &[Recipe]) -> Child {
    let mut child = machine.begin(words);
    child.stdin.take().unwrap().write_all(Machine::script(recipes).as_bytes()).unwrap();
    child
}

/// Begins something on the machine that goes on until the machine goes.
fn in_background(machine: &Machine, command: &str) {
    machine.says(&format!("nohup setsid sh -c '{command}' >/dev/null 2>&1 </dev/null &"));
}

#[test]
fn what_a_host_is_refused_for() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("refused", "bear-lab/host");
    in_background(
        &machine,
        "exec perl -MIO::Socket::INET -e \"\\$s = IO::Socket::INET->new(LocalPort => 8083, Listen => 1) or die; sleep 600\"",
    );
    machine.wait("ss -Hltn 'sport = :8083' | grep -q .");
    assert_why(&machine.run(&mosquitto_package()), "PortTaken: port 8083 is taken by perl (process ");
    machine.says("kill $(pgrep perl)");
    machine.says("apt-get -y update; DEBIAN_FRONTEND=noninteractive apt-get -y install mosquitto");
    machine.wait("systemctl is-active mosquitto");
    assert_why(&machine.run(&mosquitto_package()), "BrokerOther: the service mosquitto runs on this host");
    machine.says("systemctl disable --now mosquitto");
    // Idle and of the very version that is wanted: taken over.
    assert_eq!(machine.run(&mosquitto_package()).changed(), 5);

    let late = Host { owner: owner(), now: now() - 86_400 }.claim(Ports::default()).unwrap();
    assert_why(&machine.run(&[late]), "ClockSkew: the clock of the host says ");
    machine.says("echo '#!/bin/sh' >/usr/local/bin/snap; chmod +x /usr/local/bin/snap");
    assert_why(&machine.run(&only_docker(&docker_ce("5:20.10.13~3-0~ubuntu-jammy"))), "DockerSnap: ");
    machine.says("sed -i 's/^ID=.*/ID=fedora/' /etc/os-release");
    assert_why(&machine.run(&mosquitto_package()), "OtherSystem: the host runs fedora 12");
    let nobody = machine.sh("exec setpriv --reuid=1000 --clear-groups sh -s", &Machine::script(&[observe()]));
    assert_why(&Run::read(&nobody), "NoPrivileges: ");
}

#[test]
fn a_package_source_with_faults() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("source", "bear-lab/host");
    let absent = machine.run(&only_docker(&docker_ce("5:20.10.99~3-0~ubuntu-jammy")));
    assert_eq!(
        absent.why(),
        "VersionAbsent: docker-ce 5:20.10.99~3-0~ubuntu-jammy is in no package source; there is \
         5:20.10.14~3-0~ubuntu-jammy 5:20.10.13~3-0~ubuntu-jammy"
    );
    let with = |change: fn(&mut Repository)| {
        let Docker::Official(version, mut repository) = docker_ce("5:20.10.13~3-0~ubuntu-jammy") else {
            panic!()
        };
        change(&mut repository);
        only_docker(&Docker::Official(version, repository))
    };
    let closed = machine.run(&with(|it| it.url = Some(format!("{}:9", lab("LAB_APT_URL")))));
    assert_why(&closed, "AptUnreachable: ");
    let no_key = machine.run(&with(|it| it.key_url = Some(format!("{}/nothing", lab("LAB_APT_URL")))));
    assert_why(&no_key, "AptUnreachable: the signing key at ");
    let other_key =
        machine.run(&with(|it| it.fingerprint = String::from("0123456789ABCDEF0123456789ABCDEF01234567")));
    assert_why(&other_key, "WrongKey: ");
    assert!(machine.run(&with(|_| ())).changed() > 0);
    // Another version of the same, up and down again.
    assert_eq!(
        machine.run(&only_docker(&docker_ce("5:20.10.14~3-0~ubuntu-jammy"))).fact("docker.version"),
        "20.10.14"
    );
    assert_eq!(machine.run(&with(|_| ())).fact("docker.version"), "20.10.13");
}

/// The daily upgrade holds the lock for a while: it is waited for.
#[test]
fn a_lock_of_dpkg_is_waited_for() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("lock", "bear-lab/host");
    in_background(
        &machine,
        "exec perl -e \"use Fcntl; open F, qw(>>), q(/var/lib/dpkg/lock-frontend); \
         \\$l = pack(q(s s l! l! i), F_WRLCK, 0, 0, 0, 0); fcntl F, F_SETLK, \\$l or die; sleep 300\"",
    );
    machine.wait("pgrep perl");
    let mut child = begin(&machine, &["sh", "-s"], &mosquitto_package());
    machine.wait("grep -q 'Waiting for cache lock' /run/bear/install");
    assert!(child.try_wait().unwrap().is_none());
    machine.says("kill $(pgrep perl)");
    assert_eq!(Run::read(&child.wait_with_output().unwrap()).changed(), 5);
}

/// The connection is lost while apt is at work: apt comes to its end all the same, and the next run waits for it.
#[test]
fn a_cut_spares_apt_and_the_next_run_goes_on() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("cut", "bear-lab/host");
    let docker = only_docker(&Docker::Distribution(String::from("20.10.24+dfsg1-1+deb12u1+b6")));
    let mut child = begin(&machine, &["setsid", "sh", "-s"], &docker);
    // Not one that apt only asks something.
    machine.wait("pgrep -f '/usr/bin/dpkg .*--(unpack|configure)'");
    let shell = machine.says("pgrep -o -x -f 'sh -s'");
    machine.says(&format!("kill -TERM -{shell}; sleep 0.2; kill -KILL -{shell}"));
    child.wait().unwrap();
    assert!(machine.sh("pgrep apt-get", "").status.success(), "apt was to go on");
    assert!(machine.run(&docker).changed() > 0);
    assert_eq!(machine.run(&docker).changed(), 0);
}

/// dpkg itself is killed: the host is mended first.
#[test]
fn a_killed_dpkg_is_mended() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("dpkg", "bear-lab/host");
    let docker = only_docker(&Docker::Distribution(String::from("20.10.24+dfsg1-1+deb12u1+b6")));
    let child = begin(&machine, &["sh", "-s"], &docker);
    machine.wait(
        "pgrep -f '/usr/bin/dpkg .*--(unpack|configure)' && kill -KILL $(pgrep -x dpkg; pgrep -x apt-get)",
    );
    let cut = Run::read(&child.wait_with_output().unwrap());
    assert!(!matches!(cut.transcript.outcome(), Outcome::Done { .. }));
    assert!(machine.run(&docker).changed() > 0);
    assert_eq!(machine.says("dpkg --audit; ls /var/lib/dpkg/updates"), "");
    assert_eq!(machine.run(&docker).changed(), 0);
}

#[test]
fn images_with_faults() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("images", "bear-lab/host-docker");
    let wanted = |version: &str, source: ImageSource| {
        let emqx = emqx(&machine, version, "Bear_first1");
        on_docker(&Emqx { image: Image::emqx(&emqx.version, source), ..emqx })
    };
    let absent = machine.run(&wanted("5.0.42", ImageSource::Default));
    assert_why(&absent, "ImageAbsent: emqx/emqx:5.0.42: ");
    assert!(absent.why().contains("manifest unknown"), "{}", absent.said);
    let silent = machine.run(&wanted("5.0.9", ImageSource::Registry(String::from("127.0.0.1:9"))));
    assert_why(&silent, "ImageUnreachable: 127.0.0.1:9/emqx/emqx:5.0.9: ");
    let no_file = machine.run(&wanted("5.0.9", ImageSource::File(String::from("/var/tmp/none.tar"))));
    assert_why(&no_file, "ImageFileAbsent: there is no file /var/tmp/none.tar on the host");
    // From a file, with nothing else to ask.
    machine.says("docker pull -q emqx/emqx:5.0.9; docker save -o /var/tmp/emqx.tar emqx/emqx:5.0.9; docker image rm emqx/emqx:5.0.9");
    assert!(
        machine.run(&wanted("5.0.9", ImageSource::File(String::from("/var/tmp/emqx.tar")))).changed() > 0
    );
    let mirrored = machine.run(&wanted("5.0.10", ImageSource::Registry(lab("LAB_REGISTRY"))));
    assert_eq!(mirrored.fact("emqx.image"), format!("{}/emqx/emqx:5.0.10", lab("LAB_REGISTRY")));
}

#[test]
fn a_disk_too_small_for_the_image() {
    if no_lab() {
        return;
    }
    let disk = ["--tmpfs=/var/lib/docker:size=8m,exec", "--volume=/var/lib/containerd"];
    let machine = Machine::with("disk", "bear-lab/host-docker", &disk);
    let run = machine.run(&on_docker(&emqx(&machine, "5.0.9", "Bear_first1")));
    assert_why(&run, "DiskFull: emqx/emqx:5.0.9 does not fit: /var/lib/docker has ");
}

#[test]
fn brokers_with_faults() {
    if no_lab() {
        return;
    }
    let machine = Machine::new("faulty", "bear-lab/host-docker");
    let wanted = on_docker(&emqx(&machine, "5.8.9", "Bear_first1"));
    machine.says("docker run -d --name somebodys emqx/emqx:5.8.9");
    assert_why(
        &machine.run(&wanted),
        "BrokerOther: the container somebodys (emqx/emqx:5.8.9) runs on this host",
    );
    machine.says("docker rm -f -v somebodys; docker volume create bear-emqx-data");
    let fault = |word: &str| {
        let file = "/var/lib/docker/volumes/bear-emqx-data/_data/standin-faults";
        machine.says(&format!(
            "file={file}; echo '{word}' >$file; chown -R 1000:1000 ${{file%/*}}; docker rm -f -v bear-emqx"
        ));
    };
    fault("crash");
    assert_why(&machine.run(&wanted), "BrokerCrashes: the broker does not stay up: ");
    fault("default-password-stays");
    assert_why(&machine.run(&wanted), "DefaultPassword: ");
    fault("rejoins");
    machine.run(&wanted).changed();
    assert_eq!(machine.run(&wanted).changed(), 0);
    // A port that somebody took while the broker was away.
    machine.says("docker rm -f -v bear-emqx; docker run -d --name somebodys -p 8083:80 --entrypoint /bin/sh emqx/emqx:5.8.9 -c 'sleep 600'");
    assert_why(&machine.run(&wanted), "PortTaken: port 8083 is taken by the container somebodys");
}
