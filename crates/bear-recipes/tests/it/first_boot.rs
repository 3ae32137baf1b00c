//! The first boot of a machine: waited for, and told of where it went wrong.

use bear_recipes::{HostFacts, host};

use crate::world::World;

const FINISHED: &str = "root/var/lib/cloud/instance/boot-finished";

/// A machine in the midst of its first boot.
fn booting() -> World {
    let world = World::new("dash");
    std::fs::remove_file(world.path(FINISHED)).unwrap();
    world
}

/// What the block comes to, and what it says of the boot.
fn told(world: &World) -> String {
    let run = world.run(&[host::first_boot()]);
    assert_eq!(run.stderr, "");
    format!("{}{:?}", run.summary(), HostFacts::read(&run.transcript).first_boot)
}

#[test]
fn its_end_is_waited_for() {
    let world = booting();
    world.write("stub/cloud-init-end", "status: done\n");
    insta::assert_snapshot!(told(&world), @"
    host.first-boot Changed
    done, 1 changed
    None
    ");
    assert!(world.calls().contains("cloud-init status --wait"), "{}", world.calls());
    insta::assert_snapshot!(told(&world), @"
    host.first-boot Ok
    done, 0 changed
    None
    ");
}

#[test]
fn one_that_does_not_end_is_told_with_what_it_is_at() {
    let world = booting();
    world.write(
        "stub/cloud-init-long",
        "status: running\ntime: Thu, 01 Jan 1970 00:00:21 +0000\ndetail:\nRunning in stage: modules-final\n",
    );
    insta::assert_snapshot!(told(&world), @"
    host.first-boot Failed { status: 1 }
    why CloudInit: cloud-init did not end within 300s; status: running detail: Running in stage: modules-final
    None
    ");
}

#[test]
fn a_machine_without_a_first_boot_is_ready() {
    let world = booting();
    world.write("stub/cloud-init", "status: disabled\n");
    insta::assert_snapshot!(told(&world), @"
    host.first-boot Ok
    done, 0 changed
    None
    ");
}

/// What cloud-init 22.4 and 24.1 leave behind after errors, and say of them.
const WENT_WRONG: [(&str, &str); 2] = [
    (
        "{\n \"v1\": {\n  \"init\": {\n   \"errors\": []\n  },\n  \"modules-final\": {\n   \"errors\": [\n    \"('scripts-user', RuntimeError())\"\n   ]\n  }\n }\n}\n",
        "status: error\nboot_status_code: enabled-by-generator\nlast_update: Thu, 01 Jan 1970 00:00:21 +0000\ndetail:\n('scripts-user', RuntimeError())\n",
    ),
    (
        "{\n \"v1\": {\n  \"init\": {\n   \"errors\": [],\n   \"recoverable_errors\": {\n    \"WARNING\": [\n     \"no route\"\n    ]\n   }\n  }\n }\n}\n",
        "status: done\nextended_status: degraded done\nboot_status_code: enabled-by-generator\nlast_update: Thu, 01 Jan 1970 00:00:21 +0000\ndetail: DataSourceEc2Local\nerrors: []\nrecoverable_errors:\nWARNING:\n\t- no route\n",
    ),
];

/// Errors are told, whether bear came before the end of the boot or after it, and stop nothing.
#[test]
fn what_went_wrong_is_told() {
    let check = |(file, long): (&str, &str)| {
        let world = booting();
        std::fs::create_dir_all(world.path("root/run/cloud-init")).unwrap();
        world.write("root/run/cloud-init/status.json", file);
        world.write("stub/cloud-init-long", long);
        world.write("stub/cloud-init-end", long.lines().next().unwrap());
        let waited = told(&world);
        world.write(FINISHED, "");
        assert_eq!(told(&world), waited.replace("Changed", "Ok").replace("1 changed", "0 changed"));
        waited
    };
    let [error, degraded] = WENT_WRONG.map(check);
    insta::assert_snapshot!(error, @r#"
    host.first-boot Changed
    done, 1 changed
    Some("status: error detail: ('scripts-user', RuntimeError())")
    "#);
    insta::assert_snapshot!(degraded, @r#"
    host.first-boot Changed
    done, 1 changed
    Some("status: done extended_status: degraded done detail: DataSourceEc2Local recoverable_errors: WARNING: - no route")
    "#);
}
