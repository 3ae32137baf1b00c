//! The host key that came with the user data gives way to one that was made on the host.

use bear_recipes::{HostFacts, Recipe, host_key};

use crate::running::{check_cuts, check_cuts_of};
use crate::world::World;

const GIVEN: &str = "ssh-ed25519 GIVEN";
const MADE: &str = "ssh-ed25519 MADE";
const MACHINE: &str = "i-0123456789abcdef0";
const FILE: &str = "root/etc/ssh/ssh_host_ed25519_key";

fn next() -> Vec<Recipe> {
    vec![host_key::next(GIVEN, MACHINE).unwrap()]
}

fn moved() -> Vec<Recipe> {
    vec![host_key::moved(MADE).unwrap()]
}

/// A host that has the key from its user data, and sshd as a service.
fn given(world: &World) {
    std::fs::create_dir_all(world.path("root/etc/ssh")).unwrap();
    world.write(FILE, "private half of GIVEN\n");
    world.write(&format!("{FILE}.pub"), "ssh-ed25519 GIVEN\n");
    world.write("stub/active/ssh", "");
}

/// The same with the next key beside it.
fn made(world: &World) {
    given(world);
    world.write(&format!("{FILE}.bear-next"), "private half of MADE\n");
    world.write(&format!("{FILE}.bear-next.pub"), "ssh-ed25519 MADE bear\n");
}

fn host(prepare: impl Fn(&World)) -> World {
    let world = World::new("dash");
    prepare(&world);
    world
}

/// What is in the folder of host keys.
fn keys(world: &World) -> String {
    let files = world.picture().into_iter().filter(|(name, _)| name.starts_with("root/etc/ssh/"));
    files.map(|(name, text)| format!("{}: {text}", name.rsplit_once('/').unwrap().1)).collect()
}

#[test]
fn the_next_key_is_made_once_and_said_every_time() {
    let world = host(given);
    for changed in [1, 0] {
        let run = world.run(&next());
        run.assert_done(changed);
        assert_eq!(HostFacts::read(&run.transcript).next_host_key.as_deref(), Some(MADE));
    }
    insta::assert_snapshot!(keys(&world), @"
    ssh_host_ed25519_key: 644 private half of GIVEN
    ssh_host_ed25519_key.bear-next: 600 private half of MADE
    ssh_host_ed25519_key.bear-next.pub: 600 ssh-ed25519 MADE bear
    ssh_host_ed25519_key.pub: 644 ssh-ed25519 GIVEN
    ");
}

#[test]
fn it_takes_the_place_of_the_given_one() {
    let world = host(made);
    world.run(&moved()).assert_done(1);
    insta::assert_snapshot!(keys(&world), @"
    ssh_host_ed25519_key: 600 private half of MADE
    ssh_host_ed25519_key.pub: 644 ssh-ed25519 MADE bear
    ");
    assert_eq!(world.read("stub/reloads"), "ssh\n");
    // Where the end of it was not heard, it is the next one still.
    let run = world.run(&next());
    run.assert_done(0);
    assert_eq!(HostFacts::read(&run.transcript).next_host_key.as_deref(), Some(MADE));
}

/// Machines that were launched together have one first key.
#[test]
fn another_machine_with_the_same_first_key_is_refused() {
    let check = |id: &str| {
        let world = host(given);
        std::fs::create_dir_all(world.path("root/var/lib/cloud/data")).unwrap();
        world.write("root/var/lib/cloud/data/instance-id", id);
        world.run(&next()).summary()
    };
    insta::assert_snapshot!(check("i-0fedcba9876543210\n"), @"
    host-key.next Failed { status: 1 }
    why OtherMachine: it is i-0fedcba9876543210 that answers, not i-0123456789abcdef0
    ");
    for id in [MACHINE, "i-0123456789abcdef0\n", "iid-datasource-none\n"] {
        assert!(check(id).contains("done, 1 changed"), "{id}");
    }
}

#[test]
fn cut_off_anywhere_it_goes_on() {
    check_cuts(&given, &next(), 1);
    // sshd is told in every run.
    check_cuts_of(&made, &moved(), 1, 1);
}

#[test]
fn half_a_key_is_made_anew() {
    let world = host(made);
    world.write(&format!("{FILE}.bear-next"), "private half");
    world.run(&next()).assert_done(1);
    assert_eq!(world.read(&format!("{FILE}.bear-next")), "private half of MADE\n");
}

/// Nothing is moved where sshd would not come back, or where the key is not the one that bear knows.
#[test]
fn what_would_lock_everybody_out_is_refused() {
    let check = |prepare: &dyn Fn(&World), recipes: &[Recipe]| {
        let world = host(prepare);
        let before = keys(&world);
        let summary = world.run(recipes).summary().replace(world.path("").to_str().unwrap(), "/");
        assert_eq!(keys(&world), before);
        assert_eq!(world.read("stub/reloads"), "");
        summary
    };
    let settings = |world: &World| {
        made(world);
        world.fail("sshd", "-t", 255, "/etc/ssh/sshd_config line 1: Bad configuration option: X");
    };
    insta::assert_snapshot!(check(&settings, &moved()), @"
    host-key.moved Failed { status: 1 }
    why HostKey: sshd would not start again with its settings as they are
    | /etc/ssh/sshd_config line 1: Bad configuration option: X
    | (exit status 255 of: sshd -t)
    ");
    let other = |world: &World| {
        made(world);
        world.write(&format!("{FILE}.bear-next"), "private half of OTHER\n");
    };
    insta::assert_snapshot!(check(&other, &moved()), @"
    host-key.moved Failed { status: 1 }
    why HostKey: the key in /root/etc/ssh/ssh_host_ed25519_key.bear-next is not the one that was made before
    ");
    insta::assert_snapshot!(check(&|_| {}, &next()), @"
    host-key.next Failed { status: 1 }
    why HostKey: there is no private key to be read in /root/etc/ssh/ssh_host_ed25519_key
    ");
}

#[test]
fn an_sshd_without_systemd_is_told_by_its_process() {
    let world = host(made);
    std::fs::remove_file(world.path("stub/active/ssh")).unwrap();
    let mut sshd = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    world.write("root/run/sshd.pid", &format!("{}\n", sshd.id()));
    world.run(&moved()).assert_done(1);
    // Nothing else than the signal ends it.
    let signal = std::os::unix::process::ExitStatusExt::signal(&sshd.wait().unwrap());
    assert_eq!(signal, Some(1));
}
