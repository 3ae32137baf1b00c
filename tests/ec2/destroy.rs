//! Taking it all down: nothing that is marked as the fleet's remains.

use std::thread;
use std::time::Duration;

use bear_lab::fake_ec2::{Fault, Rule};

use crate::cloud::{Cloud, check_cloud};

#[test]
fn nothing_remains() {
    let cloud = Cloud::new().made();
    assert_ne!(cloud.tagged(), [""; 0]);
    let destroyed = cloud.bear("destroy fleets/daily.yaml --yes");
    check_cloud!(destroyed, @"
    exit status: 0
    ----- stdout -----
    Fleet daily

        - daily-emqx-1  destroy
        - daily-emqx-2  destroy
        - daily-emqx-3  destroy
            instance: created → gone
        - foundation eu-central-1  destroy: what the instances share at their provider
            foundation: laid → gone

    Plan: 0 to create, 0 to change, 0 to replace, 3 to destroy, 0 unchanged.
    ----- stderr -----
      destroy [[SECONDS]] (0/4) 4 steps
        start [[SECONDS]] (0/4) destroy daily-emqx-1
        start [[SECONDS]] (0/4) destroy daily-emqx-2
        start [[SECONDS]] (0/4) destroy daily-emqx-3
           ok [[SECONDS]] (1/4) destroy daily-emqx-1  [SECONDS]
           ok [[SECONDS]] (2/4) destroy daily-emqx-2  [SECONDS]
           ok [[SECONDS]] (3/4) destroy daily-emqx-3  [SECONDS]
        start [[SECONDS]] (3/4) destroy foundation
           ok [[SECONDS]] (4/4) destroy foundation  [SECONDS]
         done [[SECONDS]] (4/4) 4 steps succeeded
    ");
    assert_eq!((cloud.tagged(), cloud.fake.alive().len()), (Vec::new(), 0));
    assert_eq!(cloud.fake.volumes().len(), 0);
    assert_eq!(cloud.fake.security_groups().len(), 1, "the default one");
    assert_eq!(cloud.fake.key_pairs().len(), 0);
    let calls = cloud.fake.calls().total();
    check_cloud!(cloud.bear("destroy fleets/daily.yaml --yes"), @"
    exit status: 0
    ----- stderr -----
    nothing of the fleet `daily` is deployed
    ");
    assert_eq!(cloud.fake.calls().total(), calls);
}

#[test]
fn a_security_group_that_a_strangers_machine_uses() {
    let cloud = Cloud::new().made();
    let group = cloud.group().id;
    let stranger = cloud.launch_by_hand(&[("SecurityGroupId.1", &group)]);
    let destroyed = cloud.bear("destroy fleets/daily.yaml --yes");
    assert_eq!(destroyed.code(), 1, "{destroyed}");
    check_cloud!(destroyed.stderr.replace(&stranger, "[STRANGER]"), @"
      destroy [[SECONDS]] (0/4) 4 steps
        start [[SECONDS]] (0/4) destroy daily-emqx-1
        start [[SECONDS]] (0/4) destroy daily-emqx-2
        start [[SECONDS]] (0/4) destroy daily-emqx-3
           ok [[SECONDS]] (1/4) destroy daily-emqx-1  [SECONDS]
           ok [[SECONDS]] (2/4) destroy daily-emqx-2  [SECONDS]
           ok [[SECONDS]] (3/4) destroy daily-emqx-3  [SECONDS]
        start [[SECONDS]] (3/4) destroy foundation
       FAILED [[SECONDS]] (4/4) destroy foundation  [SECONDS]  deleting the security group bear-daily-[LINEAGE] (sg-[ID]) in eu-central-1: resource sg-[ID] has a dependent object (DependencyViolation)

    error: could not destroy the foundation: deleting the security group bear-daily-[LINEAGE] (sg-[ID]) in eu-central-1: resource sg-[ID] has a dependent object (DependencyViolation)
      bear::aws::in_use, after [SECONDS]
      help: used by [STRANGER]: take it out of there, then do the same again
      retry: bear destroy fleets/daily.yaml

       FAILED [[SECONDS]] (4/4) 3 steps succeeded, 1 failed

    Next:
      bear destroy fleets/daily.yaml  go on with what is left
    ");
    assert_eq!(cloud.fake.alive().len(), 1, "the stranger's machine is left alone");
    cloud.by_hand("TerminateInstances", &[("InstanceId.1", &stranger)]);
    cloud.bear("destroy fleets/daily.yaml --yes").ok();
    assert_eq!(cloud.tagged(), [""; 0]);
}

#[test]
fn ec2_that_is_down_in_the_middle() {
    let cloud = Cloud::new().made();
    // The machines end, and then nothing answers any more.
    cloud.fake.rule(Rule::on("DescribeInstances").skip(2).then(Fault::Hangs));
    let destroyed = thread::scope(|scope| {
        let destroying = scope.spawn(|| cloud.bear("destroy fleets/daily.yaml --yes"));
        while !cloud.fake.alive().is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        let address = cloud.go_down();
        let destroyed = destroying.join().unwrap();
        cloud.fake.calm();
        cloud.come_back(address);
        destroyed
    });
    assert_eq!(destroyed.code(), 1, "{destroyed}");
    assert_ne!(cloud.tagged(), [""; 0], "the foundation is left");
    cloud.bear("destroy fleets/daily.yaml --yes").ok();
    assert_eq!(cloud.tagged(), [""; 0]);
    assert_eq!(cloud.bear("state list").ok().stdout, "");
}

#[test]
fn ec2_that_is_down_from_the_beginning() {
    let cloud = Cloud::new().made();
    let address = cloud.go_down();
    let destroyed = cloud.bear("destroy fleets/daily.yaml --yes");
    assert_eq!(destroyed.code(), 1, "{destroyed}");
    check_cloud!(destroyed, @"
    exit status: 1
    ----- stderr -----
    bear::observe

      × could not look at the machines of the fleet
      ╰─▶ looking at the machines in eu-central-1: no answer from EC2 (DescribeInstances) in [SECONDS] s: connection refused (os error 111)
      help: is `eu-central-1` the region, is the network up, and does a proxy (HTTPS_PROXY) or AWS_ENDPOINT_URL point elsewhere? Once EC2 answers, do the same again: nothing is done twice; `bear plan --offline` plans from what is recorded
    ");
    cloud.come_back(address);
    assert_eq!(cloud.fake.alive().len(), 3);
    cloud.bear("destroy fleets/daily.yaml --yes").ok();
    assert_eq!(cloud.tagged(), [""; 0]);
}
