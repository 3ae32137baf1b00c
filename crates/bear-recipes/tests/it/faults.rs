//! Docker and EMQX with what goes wrong in the middle of an install.

use bear_recipes::docker::Docker;

use crate::running::host;
use crate::stacks::{prepared, stack};
use crate::world::World;

/// Each fault in the middle of an install: what bear says of it. The run after the fault was mended goes on.
#[track_caller]
fn check_fault(fault: impl Fn(&World), mend: impl Fn(&World), expected: impl Fn(String)) {
    let world = prepared("dash");
    fault(&world);
    let summary = world.run(&stack("5.0.9", "Bear_first1")).summary();
    let reasons: Vec<_> = summary.lines().skip_while(|line| !line.starts_with("why ")).collect();
    expected(reasons.join("\n"));
    mend(&world);
    let again = world.run(&stack("5.0.9", "Bear_first1"));
    assert!(again.summary().contains("done, "), "{}", again.summary());
}

#[test]
fn a_wrong_signing_key_is_refused() {
    check_fault(
        |world| world.write("stub/key", "key 0THER\n"),
        |world| world.write("stub/key", "key F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6\n"),
        |said| insta::assert_snapshot!(said, @"why WrongKey: the key at https://download.docker.com/linux/ubuntu/gpg has the fingerprint 0THER, not F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6E2F1A6"),
    );
}

#[test]
fn docker_as_a_snap_is_refused() {
    check_fault(
        |world| world.write("stub/snap-docker", ""),
        |world| std::fs::remove_file(world.path("stub/snap-docker")).unwrap(),
        |said| insta::assert_snapshot!(said, @"why DockerSnap: Docker is installed as a snap"),
    );
}

#[test]
fn an_absent_image_is_told_with_the_cause_and_not_with_the_mirrors_echo() {
    check_fault(
        |world| {
            world.fail(
                "docker",
                "pull",
                1,
                "Error response from daemon: lookup registry-1.docker.io: no such host",
            );
            world.fail(
                "journalctl",
                "docker",
                0,
                "-- cursor: s=1\ntime=\"x\" level=info msg=\"Attempting next endpoint for pull after error: manifest unknown\"",
            );
        },
        |world| {
            world.mend("docker");
            world.mend("journalctl");
        },
        |said| {
            insta::assert_snapshot!(said, @r"
why ImageAbsent: emqx/emqx:5.0.9: Attempting next endpoint for pull after error: manifest unknown
| Error response from daemon: lookup registry-1.docker.io: no such host
| (exit status 1 of: docker pull -q emqx/emqx:5.0.9)
| Attempting next endpoint for pull after error: manifest unknown
| Error response from daemon: lookup registry-1.docker.io: no such host
");
        },
    );
}

#[test]
fn a_taken_port_is_told() {
    check_fault(
        |world| {
            // Between the claim of the host and the start of the container.
            world.write("stub/late", "");
            world.fail(
                "docker",
                "run -d",
                125,
                "docker: Error response from daemon: driver failed programming external connectivity: \
                 Bind for 0.0.0.0:1883 failed: port is already allocated.",
            );
        },
        |world| world.mend("docker"),
        |said| {
            assert!(said.starts_with("why PortTaken: port 1883 is taken by nginx (process 7)\n"), "{said}");
        },
    );
}

#[test]
fn a_full_disk_is_told() {
    check_fault(
        |world| {
            world.fail("apt-get", " install ", 100, "E: Write error - write (28: No space left on device)");
        },
        |world| world.mend("apt-get"),
        |said| assert!(said.starts_with("why DiskFull: "), "{said}"),
    );
}

/// 200 is not readiness: 5.0.9 answers with it while the broker is stopped.
#[test]
fn a_broker_that_says_it_is_stopped_is_not_ready() {
    check_fault(
        |world| world.write("stub/emqx-status", "Node emqx@10.0.0.5 is stopped\nemqx is not_running"),
        |world| std::fs::remove_file(world.path("stub/emqx-status")).unwrap(),
        |said| {
            insta::assert_snapshot!(said, @r"
why NotReady: emqx@10.0.0.5 did not say that it runs within 180s
| a line of the log
");
        },
    );
}

/// Newer versions answer in text, and have the same words for JSON.
#[test]
fn a_broker_may_say_it_in_json() {
    check_fault(
        |world| {
            let said = r#"{"broker_status":"started", "app_status":"not_running"}"#;
            world.write("stub/emqx-status", said);
        },
        |world| {
            let said = r#"{"app_status":"running", "broker_status":"started"}"#;
            world.write("stub/emqx-status", said);
        },
        |said| {
            insta::assert_snapshot!(said, @r"
why NotReady: emqx@10.0.0.5 did not say that it runs within 180s
| a line of the log
");
        },
    );
}

#[test]
fn a_listener_that_does_not_run_is_not_ready() {
    check_fault(
        |world| world.write("stub/emqx-tcp", "false"),
        |world| world.write("stub/emqx-tcp", "true"),
        |said| {
            insta::assert_snapshot!(said, @r#"
why NotReady: emqx@10.0.0.5 lacks its version, its name or a listener; it says: [{"enable":true,"id":"tcp:default","status":{"running":false}}]
| a line of the log
"#);
        },
    );
}

/// A broker on old data, whose password bear does not know. There is no loop over it: failed logins lock the user.
#[test]
fn an_unknown_password_is_told() {
    check_fault(
        |world| world.write("stub/emqx-password", "\"by hand\""),
        |world| world.write("stub/emqx-password", "\"public\""),
        |said| insta::assert_snapshot!(said, @"why UnknownPassword: admin has a password that neither the fleet nor this host knows"),
    );
}

#[test]
fn an_image_for_another_processor_is_refused() {
    check_fault(
        |world| world.write("stub/image-architecture", "arm64"),
        |world| world.write("stub/image-architecture", "amd64"),
        |said| insta::assert_snapshot!(said, @"why ImageArchitecture: emqx/emqx:5.0.9 is made for arm64, and the host runs amd64"),
    );
}

#[test]
fn a_broker_that_ends_is_not_waited_for() {
    check_fault(
        |world| {
            world.write("stub/container-status", "exited");
            world.write("stub/emqx-status", "");
        },
        |world| {
            world.write("stub/container-status", "running");
            std::fs::remove_file(world.path("stub/emqx-status")).unwrap();
        },
        |said| {
            insta::assert_snapshot!(said, @r"
why BrokerCrashes: the broker does not stay up: a line of the log
| a line of the log
");
        },
    );
}

#[test]
fn a_host_without_docker_is_told_so() {
    let world = prepared("dash");
    std::fs::remove_file(world.path("bin/docker")).unwrap();
    let run = world.run(&[host(), Docker::Present.install().unwrap()]);
    if !std::path::Path::new("/usr/bin/docker").exists() {
        assert!(
            run.summary().contains("why DockerAbsent: there is no Docker on the host"),
            "{}",
            run.summary()
        );
    }
}
