//! `cargo xtask lab`: real machines for tests, on this one. Each host is a container with systemd, sshd, sudo and, if
//! wanted, a Docker engine of its own; beside them stand a registry with the brokers' images, which is also the hosts'
//! mirror, a signed package source like Docker's, and an EC2 whose instances are such hosts.
//!
//! Everything runs on an engine that the lab starts for itself, and lies in `${XDG_CACHE_HOME:-~/.cache}/bear-lab`.
//! `up` makes what is missing, whatever an earlier run left, and `down` leaves only what is slow to make.

mod broker;
mod command;
mod ec2;
mod engine;
mod host;
mod image;
mod packages;
mod service;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use command::{SHORT, run as run_command};
use state::{State, ensure, say, write};

const USAGE: &str = "\
usage: cargo xtask lab up                   machines can be made
       cargo xtask lab down                 no container, volume or network of the lab is left, nor its engine
       cargo xtask lab status               what there is
       cargo xtask lab test [ARGUMENT ...]  the tests that need the lab
       cargo xtask lab host NAME [OPTION]   makes a machine and prints what it is as JSON
       cargo xtask lab rm NAME ...          removes machines
       cargo xtask lab ec2 watch|call       machines for the instances of the lab's EC2, and a word with it
";

/// Does what the first argument says.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let Some((chore, rest)) = arguments.split_first() else { return Err(USAGE.to_owned()) };
    let state = State::open()?;
    match chore.as_str() {
        "up" => up(&state).map(drop),
        "down" => down(&state),
        "status" => status(&state),
        "test" => test(&state, rest.strip_prefix(&["--".to_owned()]).unwrap_or(rest)),
        "host" => host::make(&state, rest),
        "rm" => host::remove(rest),
        "ec2" => ec2::run(&state, rest),
        _ => Err(USAGE.to_owned()),
    }
}

/// Makes all that is not there, and returns what tests are told of it.
fn up(state: &State) -> Result<BTreeMap<&'static str, String>, String> {
    let began = Instant::now();
    let _lock = state.lock()?;
    engine::install_programs()?;
    engine::prepare_kernel()?;
    engine::start(state)?;
    engine::make_networks()?;
    make_key(state)?;
    let (standin, (base, moto)) =
        both(broker::compile, || both(|| image::make_base(state), || ec2::start(state)));
    base?;
    moto?;
    let (hosts, services) = both(|| image::make_hosts(state), || start_services(state));
    hosts?;
    let repository = services?;
    let environment = environment(state, &repository)?;
    let lines: String = environment.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    write(&state.path("env"), &lines)?;
    let standin = standin?;
    let (mosquitto, emqx) =
        both(|| broker::publish_mosquitto(state), || broker::publish_emqx(state, &standin));
    mosquitto.and(emqx)?;
    say(&format!(
        "up in {:.1}s; the addresses stand in {}",
        began.elapsed().as_secs_f64(),
        state.path("env").display()
    ));
    Ok(environment)
}

/// Starts the registry and the web server, and returns the folder of the package source.
fn start_services(state: &State) -> Result<PathBuf, String> {
    image::make_services(state)?;
    service::start_registry(state)?;
    let repository = packages::make(state)?;
    service::start_apt(&repository)?;
    state.keep_only("packages-", &repository)?;
    Ok(repository)
}

/// Two things at once: most of their time is waiting for programs.
fn both<A: Send, B: Send>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let one = one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (one, other)
    })
}

/// Makes the key that opens the hosts.
fn make_key(state: &State) -> Result<(), String> {
    let key = state.path("key");
    ensure(
        "key of the hosts",
        || state.path("key.pub").exists(),
        || {
            std::fs::remove_file(&key).ok();
            let words = ["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f"];
            run_command(Command::new("ssh-keygen").args(words).arg(&key), SHORT).map(drop)
        },
    )
}

/// What tests are told, each as a variable of the environment.
fn environment(state: &State, repository: &Path) -> Result<BTreeMap<&'static str, String>, String> {
    let apt = format!("http://{}", service::APT.trim_end_matches(":80"));
    let path = |name| state.path(name).display().to_string();
    Ok(BTreeMap::from([
        ("DOCKER_HOST", engine::DOCKER_HOST.to_owned()),
        ("LAB_DOCKER", engine::client().to_owned()),
        ("LAB_EC2_REGION", ec2::REGION.to_owned()),
        ("LAB_EC2_URL", ec2::URL.to_owned()),
        ("LAB_NETWORK", engine::NETWORK.to_owned()),
        ("LAB_REGISTRY", service::REGISTRY.to_owned()),
        ("LAB_APT_KEY_URL", format!("{apt}/gpg")),
        ("LAB_APT_URL", apt),
        ("LAB_APT_FINGERPRINT", packages::fingerprint(repository)?),
        ("LAB_KEY", path("key")),
        ("LAB_KEY_PUB", path("key.pub")),
    ]))
}

fn down(state: &State) -> Result<(), String> {
    let began = Instant::now();
    let _lock = state.lock()?;
    ec2::stop()?;
    engine::clear(state)?;
    say(&format!(
        "down in {:.1}s; {} keeps what is slow to make",
        began.elapsed().as_secs_f64(),
        state.folder.display()
    ));
    Ok(())
}

fn status(state: &State) -> Result<(), String> {
    println!("folder   {}", state.folder.display());
    if !engine::answers() {
        println!("engine   down");
        return Ok(());
    }
    let process = engine::process().map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    println!("engine   {} (process {process})", engine::DOCKER_HOST);
    for line in service::list()? {
        println!("service  {line}");
    }
    if ec2::process().is_some() {
        println!("service  moto {}", ec2::URL);
    }
    for line in host::list()? {
        println!("host     {line}");
    }
    Ok(())
}

/// Runs the tests that need the lab, and has them fail rather than be passed over without it.
fn test(state: &State, arguments: &[String]) -> Result<(), String> {
    let environment = up(state)?;
    ec2::watched(state, || run_suites(&environment, arguments))
}

fn run_suites(environment: &BTreeMap<&str, String>, arguments: &[String]) -> Result<(), String> {
    // The whole way first, then the scripts alone, which can tell more of what they did.
    for suite in [["-p", "bear", "--test", "lab"], ["-p", "bear-recipes", "--test", "real"]] {
        let status = crate::build::cargo()
            .args(["test", "--locked"])
            .args(suite)
            .arg("--")
            .args(arguments)
            .envs(environment)
            .env("BEAR_TEST_LAB", "required")
            .status()
            .map_err(|error| format!("could not start cargo: {error}"))?;
        if !status.success() {
            return Err(format!("the tests of the lab, {}, ended with {status}", suite.join(" ")));
        }
    }
    Ok(())
}
