//! What a change in place runs, as data: what was there and what is wanted in, blocks out.

use std::net::Ipv4Addr;

use bear_core::fleet::model::Ports;
use bear_recipes::Recipe;
use bear_recipes::docker::{Docker, Repository};
use bear_recipes::emqx::Emqx;
use bear_recipes::image::{Image, ImageSource};
use bear_recipes::mosquitto::{Form, Mosquitto, User};

use crate::world::certificate;

const PIN: &str = "5:20.10.13~3-0~ubuntu-jammy";

/// What is on a host.
#[derive(Clone)]
struct Stack {
    docker: Docker,
    broker: Broker,
}

#[derive(Clone)]
enum Broker {
    Emqx(Emqx),
    Mosquitto(Mosquitto),
}

impl Stack {
    fn recipes(&self) -> Vec<Recipe> {
        let broker = match &self.broker {
            Broker::Emqx(emqx) => emqx.install(),
            Broker::Mosquitto(mosquitto) => mosquitto.install(),
        };
        vec![self.docker.install().unwrap(), broker.unwrap()]
    }
}

fn emqx() -> Stack {
    let version = "5.0.9".parse().unwrap();
    let emqx = Emqx {
        image: Image::emqx(&version, ImageSource::Default),
        version,
        address: Ipv4Addr::new(10, 0, 0, 5),
        ports: Ports::default(),
        dashboard_address: Ipv4Addr::LOCALHOST,
        tls: None,
        admin_password: String::from("Bear_first1"),
        cookie: String::from("c00kie"),
        license_key: None,
    };
    Stack { docker: Docker::Official(PIN.to_owned(), Repository::default()), broker: Broker::Emqx(emqx) }
}

fn mosquitto() -> Stack {
    let image = Image::mosquitto("2.0.18", ImageSource::Default);
    let mosquitto =
        Mosquitto { form: Form::Container(image), ports: Ports::default(), tls: None, user: None };
    Stack { docker: Docker::Present, broker: Broker::Mosquitto(mosquitto) }
}

/// The blocks that run when this becomes of it, by name.
fn check(before: &Stack, change: impl FnOnce(&mut Stack)) -> String {
    let mut after = before.clone();
    change(&mut after);
    let before = before.recipes();
    let concerned = after.recipes().into_iter().map(|recipe| recipe.since(&before)).collect::<Vec<_>>();
    let blocks = concerned.iter().flat_map(Recipe::blocks);
    blocks.map(|block| format!("{}\n", block.name)).collect()
}

fn with_emqx(change: impl FnOnce(&mut Emqx)) -> impl FnOnce(&mut Stack) {
    |stack| match &mut stack.broker {
        Broker::Emqx(emqx) => change(emqx),
        Broker::Mosquitto(_) => unreachable!("it is EMQX"),
    }
}

fn with_mosquitto(change: impl FnOnce(&mut Mosquitto)) -> impl FnOnce(&mut Stack) {
    |stack| match &mut stack.broker {
        Broker::Mosquitto(mosquitto) => change(mosquitto),
        Broker::Emqx(_) => unreachable!("it is Mosquitto"),
    }
}

/// Whatever the change to EMQX is, a secret can have changed with it; its image is what its container is compared with.
#[test]
fn a_change_of_emqx_leaves_docker_alone() {
    let blocks = check(&emqx(), with_emqx(|emqx| emqx.ports.mqtt = Some(1884)));
    insta::assert_snapshot!(blocks, @r"
    emqx.image
    emqx.files
    emqx.container
    emqx.password
    emqx.ready
    ");
    let version = with_emqx(|emqx| {
        emqx.version = "5.8.9".parse().unwrap();
        emqx.image = Image::emqx(&emqx.version, ImageSource::Default);
    });
    assert_eq!(check(&emqx(), version), blocks);
    assert_eq!(check(&emqx(), with_emqx(|emqx| emqx.admin_password = "Bear_second2".into())), blocks);
    assert_eq!(check(&emqx(), with_emqx(|emqx| emqx.cookie = "an0ther".into())), blocks);
}

#[test]
fn a_dashboard_elsewhere_asks_for_what_asks_it() {
    let blocks = check(&emqx(), with_emqx(|emqx| emqx.ports.dashboard = Some(18084)));
    assert_eq!(blocks.lines().next(), Some("emqx.tools"));
}

/// Every setting of Docker's leads to all of its blocks; the broker in it may have been restarted by it.
#[test]
fn a_change_of_docker_runs_its_blocks() {
    let official = |version: &str, repository| Docker::Official(version.to_owned(), repository);
    let blocks = check(&emqx(), |stack| {
        stack.docker = official("5:28.5.2-1~ubuntu.22.04~jammy", Repository::default());
    });
    insta::assert_snapshot!(blocks, @r"
    docker.tools
    docker.rivals
    docker.source
    docker.packages
    docker.running
    emqx.image
    emqx.files
    emqx.container
    emqx.password
    emqx.ready
    ");
    let some = |text: &str| Some(text.to_owned());
    for repository in [
        Repository { url: some("https://mirror.example/docker"), ..Repository::default() },
        Repository { suite: some("stable"), ..Repository::default() },
        Repository { key_url: some("https://mirror.example/key"), ..Repository::default() },
        Repository {
            fingerprint: "F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6".into(),
            ..Repository::default()
        },
        Repository { containerd: some("1.6.33-1"), ..Repository::default() },
    ] {
        assert_eq!(check(&emqx(), |stack| stack.docker = official(PIN, repository)), blocks);
    }
    let distribution = Docker::Distribution("20.10.24+dfsg1-1+deb12u1+b6".into());
    let blocks = check(&emqx(), |stack| stack.docker = distribution);
    assert!(blocks.starts_with("docker.rivals\ndocker.packages\ndocker.running\n"), "{blocks}");
    let blocks = check(&emqx(), |stack| stack.docker = Docker::Present);
    assert!(blocks.starts_with("docker.running\nemqx.image\n"), "{blocks}");
}

#[test]
fn mosquitto_in_a_container() {
    let port = check(&mosquitto(), with_mosquitto(|mosquitto| mosquitto.ports.mqtt = Some(1884)));
    insta::assert_snapshot!(port, @r"
    mosquitto.image
    mosquitto.settings
    mosquitto.container
    ");
    let user = User { name: "sensors".into(), password: "first".into() };
    let users = check(&mosquitto(), with_mosquitto(|mosquitto| mosquitto.user = Some(user)));
    insta::assert_snapshot!(users, @r"
    mosquitto.image
    mosquitto.settings
    mosquitto.users
    mosquitto.container
    ");
}

/// What can change behind its name is always asked for.
#[test]
fn a_key_and_a_password_are_compared_on_the_host() {
    let mut stack = mosquitto();
    if let Broker::Mosquitto(mosquitto) = &mut stack.broker {
        mosquitto.tls = Some(certificate("one"));
        mosquitto.user = Some(User { name: "sensors".into(), password: "first".into() });
    }
    insta::assert_snapshot!(check(&stack, |_| {}), @r"
    mosquitto.image
    mosquitto.settings
    mosquitto.users
    mosquitto.container
    ");
}

#[test]
fn another_broker_takes_the_place_of_the_first() {
    let blocks = check(&mosquitto(), |stack| stack.broker = emqx().broker);
    insta::assert_snapshot!(blocks, @r"
    broker.others
    emqx.tools
    emqx.host-limits
    emqx.image
    emqx.files
    emqx.container
    emqx.password
    emqx.ready
    ");
}
