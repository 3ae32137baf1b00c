//! The first plan and the first apply.

use serde_json::Value;

use crate::cloud::{APPLY, Cloud, FILE, FLEET, check_cloud};
use crate::support::{Outcome, Project};

#[test]
fn the_first_plan_needs_neither_credentials_nor_a_network() {
    let project = Project::new().with(FILE, FLEET);
    let planned = project.bear("plan").ok();
    check_cloud!(planned, @"
    exit status: 0
    ----- stdout -----
    Fleet daily

        + foundation eu-central-1  create: what the instances share at their provider
        + daily-emqx-1  create → install → verify
        + daily-emqx-2  create → install → verify
        + daily-emqx-3  create → install → verify
            provider        aws, region eu-central-1
            machine         t3.small, ubuntu-22.04, disk of 20 GiB
            login           as ubuntu
            docker          what the machine has (default)
            broker          emqx 5.0.9
            admin password  generated once for the fleet (default)
            authentication  off (default)
            ports           mqtt 1883, ws 8083, dashboard 18083 on the host alone (default)

    Plan: 3 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    let cloud = Cloud::new();
    assert_eq!(cloud.bear("plan").ok().stdout, planned.stdout);
    assert_eq!(cloud.fake.calls().total(), 0);
}

#[test]
fn an_apply_makes_the_foundation_and_all_machines_in_few_calls() {
    let cloud = Cloud::new();
    let applied = cloud.bear(&format!("{APPLY} --json"));
    assert_eq!(applied.code(), 1, "there is no ssh: {applied}");
    assert_eq!(cloud.fake.alive().len(), 3);
    let events =
        applied.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let ended =
        |event: &&Value| ["step_succeeded", "step_failed"].iter().any(|ended| event["type"] == *ended);
    let ended = events.iter().filter(ended);
    let mut ended = ended
        .map(|event| {
            format!("{} {} {}", event["step"], event["type"], event["error"]["code"]).replace('"', "")
        })
        .collect::<Vec<_>>();
    ended.sort();
    check_cloud!(ended.join("\n"), @"
    create/daily-emqx-1 step_succeeded null
    create/daily-emqx-2 step_succeeded null
    create/daily-emqx-3 step_succeeded null
    create/foundation:eu-central-1 step_succeeded null
    install/daily-emqx-1 step_failed bear::ssh::no_client
    install/daily-emqx-2 step_failed bear::ssh::no_client
    install/daily-emqx-3 step_failed bear::ssh::no_client
    ");
    let made = cloud.fake.calls();
    check_cloud!(made, @"1 AuthorizeSecurityGroupIngress, 1 CreateSecurityGroup, 1 DescribeImages, 1 DescribeInstanceTypes, 1 DescribeInstances, 1 DescribeKeyPairs, 1 DescribeSubnets, 1 ImportKeyPair, 3 RunInstances");

    let state = cloud.state();
    assert!(state["instances"].as_object().unwrap().values().all(|recorded| recorded["phase"] == "created"));
    assert_eq!(cloud.machine(1).metadata.tokens, "required");
    assert_eq!(state["foundations"]["eu-central-1"]["phase"], "laid");
    check_cloud!(cloud.rules().join("\n"), @r#"
    tcp (1883, 1883) Ipv4("198.51.100.0/24")
    tcp (22, 22) Ipv4("203.0.113.7/32")
    tcp (4370, 4370) Group("sg-[ID]")
    tcp (5369, 5369) Group("sg-[ID]")
    tcp (8083, 8083) Ipv4("198.51.100.0/24")
    "#);
}

/// What people read, without the lines whose order depends on chance.
fn steady(outcome: &Outcome) -> String {
    let text = outcome.to_string();
    let (before, after) = text.split_once("----- stderr -----").unwrap();
    let last = after.lines().skip_while(|line| !line.contains(" succeeded, "));
    format!("{before}…\n{}", last.collect::<Vec<_>>().join("\n"))
}

#[test]
fn an_apply_as_people_see_it() {
    let cloud = Cloud::new();
    check_cloud!(steady(&cloud.bear(APPLY)), @"
    exit status: 1
    ----- stdout -----
    Fleet daily

        + foundation eu-central-1  create: what the instances share at their provider
        + daily-emqx-1  create → install → verify
        + daily-emqx-2  create → install → verify
        + daily-emqx-3  create → install → verify
            provider        aws, region eu-central-1
            machine         t3.small, ubuntu-22.04, disk of 20 GiB
            login           as ubuntu
            docker          what the machine has (default)
            broker          emqx 5.0.9
            admin password  generated once for the fleet (default)
            authentication  off (default)
            ports           mqtt 1883, ws 8083, dashboard 18083 on the host alone (default)

    Plan: 3 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    instance      address     broker  checks  seconds
    daily-emqx-1  [ADDRESS]  emqx    failed  [SECONDS]
    daily-emqx-2  [ADDRESS]  emqx    failed  [SECONDS]
    daily-emqx-3  [ADDRESS]  emqx    failed  [SECONDS]
    …
       FAILED [[SECONDS]] (10/10) 4 steps succeeded, 3 failed, 3 skipped


    Next:
      bear apply fleets/daily.yaml  go on from here: what succeeded is kept
    ");
    // What is left to do is told, nothing is made twice, and by now it is known where the machines can be reached.
    check_cloud!(cloud.bear("plan fleets/daily.yaml --detailed-exitcode"), @"
    exit status: 2
    ----- stdout -----
    Fleet daily

        ~ daily-emqx-1  install → verify
            verified: install failed: reading the ssh configuration of [ADDRESS]: running `ssh`: No such file or directory (os error 2) → proven
        ~ daily-emqx-2  install → verify
            verified: install failed: reading the ssh configuration of [ADDRESS]: running `ssh`: No such file or directory (os error 2) → proven
        ~ daily-emqx-3  install → verify
            verified: install failed: reading the ssh configuration of [ADDRESS]: running `ssh`: No such file or directory (os error 2) → proven

    Plan: 0 to create, 3 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    cloud.bear(APPLY);
    assert_eq!(cloud.fake.instances().len(), 3);
    for number in 1..=3 {
        let machine = &cloud.state()["instances"][format!("daily-emqx-{number}")]["machine"];
        assert_eq!(machine["address"], cloud.machine(number).public_ip.unwrap().to_string());
    }
}

#[test]
fn the_endpoint_of_the_fleet_file() {
    let elsewhere = Cloud::new();
    let fleet = FLEET.replace("    user", &format!("    endpoint_url: {}\n    user", elsewhere.url()));
    let cloud = Cloud::of(&fleet);
    cloud.bear(APPLY);
    assert_eq!((cloud.fake.calls().total(), elsewhere.fake.alive().len()), (0, 3));
    assert_eq!(cloud.bear("destroy --yes").ok().code(), 0);
    assert_eq!(elsewhere.tagged(), [""; 0]);
}
