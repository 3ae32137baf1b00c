//! What the tests put on machines.

use std::net::Ipv4Addr;
use std::process::Command;

use bear_core::fleet::model::Ports;
use bear_recipes::docker::{Docker, Repository};
use bear_recipes::emqx::Emqx;
use bear_recipes::image::{Image, ImageSource};
use bear_recipes::mosquitto::{Form, Mosquitto, User};
use bear_recipes::{Certificate, Host, Owner, Recipe};

use crate::machine::{Machine, lab, now};

/// No text on a machine may hold this but in files that are there to hold it.
pub(crate) const CANARY: &str = "c4nary-$(reboot)-'\"#7";

pub(crate) fn owner() -> Owner {
    let [fleet, lineage, instance, token] = ["plant", "5f3c", "plant-edge-1", "t0ken1"].map(String::from);
    Owner { fleet, lineage, instance, token }
}

pub(crate) fn claim(ports: Ports) -> Recipe {
    Host { owner: owner(), now: now() }.claim(ports).unwrap()
}

/// Docker from the lab's own package source.
pub(crate) fn docker_ce(version: &str) -> Docker {
    let repository = Repository {
        url: Some(lab("LAB_APT_URL")),
        suite: Some(String::from("jammy")),
        key_url: Some(lab("LAB_APT_KEY_URL")),
        fingerprint: lab("LAB_APT_FINGERPRINT"),
        containerd: None,
    };
    Docker::Official(version.to_owned(), repository)
}

pub(crate) fn emqx(machine: &Machine, version: &str, password: &str) -> Emqx {
    let version = version.parse().unwrap();
    Emqx {
        image: Image::emqx(&version, ImageSource::Default),
        version,
        address: machine.address.parse().unwrap(),
        ports: Ports::default(),
        dashboard_address: Ipv4Addr::LOCALHOST,
        tls: None,
        admin_password: password.to_owned(),
        cookie: String::from("c00kieOfThisFleet"),
        license_key: None,
    }
}

pub(crate) fn mosquitto(form: Form, password: &str) -> Mosquitto {
    Mosquitto {
        form,
        ports: Ports { ws: Some(8083), ..Ports::default() },
        tls: None,
        user: Some(User { name: String::from("sensors"), password: password.to_owned() }),
    }
}

pub(crate) fn mosquitto_image() -> Form {
    Form::Container(Image::mosquitto("2.0.18", ImageSource::Default))
}

/// A certificate for a machine, signed by itself.
pub(crate) fn certificate(machine: &Machine) -> Certificate {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=broker", "-addext", &format!("subjectAltName=IP:{}", machine.address)])
        .args(["-keyout", &file("key.pem"), "-out", &file("chain.pem")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    Certificate { chain: read("chain.pem"), key: read("key.pem"), authorities: None }
}
