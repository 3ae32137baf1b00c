//! What somebody did to the machines and the foundation by hand, as the next plan sees it.

use crate::cloud::{APPLY, Cloud, check_cloud};

#[test]
fn a_machine_that_was_stopped_is_started_again() {
    let cloud = Cloud::new().proven();
    let id = cloud.machine(2).id;
    cloud.by_hand("StopInstances", &[("InstanceId.1", &id)]);
    // The others can't be reached, which is told and changes nothing.
    let planned = cloud.bear("plan fleets/daily.yaml --only daily-emqx-2");
    check_cloud!(planned, @"
    exit status: 0
    ----- stdout -----
    Fleet daily

        ~ daily-emqx-2  install → verify
            machine.state: stopped → running

    Plan: 0 to create, 1 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    cloud.bear(&format!("{APPLY} --only daily-emqx-2"));
    assert_eq!(cloud.machine(2).id, id);
    assert_eq!(cloud.machine(2).state.name(), "running");
    let address = cloud.machine(2).public_ip.unwrap().to_string();
    assert_eq!(cloud.fake.alive().len(), 3);
    // It has another address now, and the next plan knows.
    cloud.bear("plan fleets/daily.yaml").ok();
    cloud.bear(&format!("{APPLY} --only daily-emqx-2"));
    assert_eq!(cloud.state()["instances"]["daily-emqx-2"]["machine"]["address"], address);
}

#[test]
fn a_type_that_was_changed_by_hand_is_given_back() {
    let cloud = Cloud::new().proven();
    let id = cloud.machine(1).id;
    cloud.by_hand("StopInstances", &[("InstanceId.1", &id)]);
    let kind = [("InstanceId", id.as_str()), ("InstanceType.Value", "t3.medium")];
    cloud.by_hand("ModifyInstanceAttribute", &kind);
    cloud.by_hand("StartInstances", &[("InstanceId.1", &id)]);
    check_cloud!(cloud.bear("plan fleets/daily.yaml"), @"
    exit status: 0
    ----- stdout -----
    Fleet daily

        ~ daily-emqx-1  install → verify
            machine.type: t3.medium → t3.small
            verified: installed → proven
        ~ daily-emqx-2  verify
        ~ daily-emqx-3  verify
            verified: installed → proven

    Plan: 0 to create, 3 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    cloud.bear(&format!("{APPLY} --only daily-emqx-1"));
    assert_eq!((cloud.machine(1).id, cloud.machine(1).instance_type.as_str()), (id, "t3.small"));
}

#[test]
fn tags_that_are_gone_are_given_back() {
    let cloud = Cloud::new().proven();
    let id = cloud.machine(3).id;
    let tags = cloud.fake.tags(&id);
    let names = tags.keys().enumerate().map(|(index, key)| (format!("Tag.{}.Key", index + 1), key));
    let names = names.collect::<Vec<_>>();
    let mut parameters = vec![("ResourceId.1", id.as_str())];
    parameters.extend(names.iter().map(|(name, key)| (name.as_str(), key.as_str())));
    cloud.by_hand("DeleteTags", &parameters);
    check_cloud!(cloud.bear("plan fleets/daily.yaml"), @"
    exit status: 0
    ----- stdout -----
    Fleet daily

        ~ daily-emqx-1  verify
        ~ daily-emqx-2  verify
            verified: installed → proven
        ~ daily-emqx-3  install → verify
            machine.tags: not those that bear gave it → the fleet's
            verified: installed → proven

    Plan: 0 to create, 3 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    cloud.bear(&format!("{APPLY} --only daily-emqx-3"));
    assert_eq!(cloud.fake.tags(&id)["bear:instance"], "daily-emqx-3");
    assert_eq!(cloud.fake.alive().len(), 3);
}

#[test]
fn a_machine_that_was_terminated_is_made_anew() {
    let cloud = Cloud::new().proven();
    let id = cloud.machine(2).id;
    cloud.by_hand("TerminateInstances", &[("InstanceId.1", &id)]);
    check_cloud!(cloud.bear("plan fleets/daily.yaml --only daily-emqx-2"), @"
    exit status: 0
    ----- stdout -----
    Fleet daily

        + daily-emqx-2  create → install → verify
            machine: i-[ID] → gone
            provider        aws, region eu-central-1
            machine         t3.small, ubuntu-22.04, disk of 20 GiB
            login           as ubuntu
            docker          what the machine has (default)
            broker          emqx 5.0.9
            admin password  generated once for the fleet (default)
            authentication  off (default)
            ports           mqtt 1883, ws 8083, dashboard 18083 on the host alone (default)

    Plan: 1 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    cloud.bear(&format!("{APPLY} --only daily-emqx-2"));
    assert_ne!(cloud.machine(2).id, id);
    assert_eq!(cloud.fake.alive().len(), 3);
    // Generations are counted for the whole fleet.
    assert_eq!(cloud.state()["instances"]["daily-emqx-2"]["generation"], 4);
}

#[test]
fn rules_that_were_added_and_removed_are_put_right() {
    let cloud = Cloud::new().proven();
    let rules = cloud.rules();
    let group = cloud.group();
    let open = [
        ("GroupId", group.id.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "22"),
        ("IpPermissions.1.ToPort", "22"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ];
    cloud.by_hand("AuthorizeSecurityGroupIngress", &open);
    let mqtt = group.rules.iter().find(|rule| rule.ports == Some((1883, 1883))).unwrap();
    let gone = [("GroupId", group.id.as_str()), ("SecurityGroupRuleId.1", &mqtt.id)];
    cloud.by_hand("RevokeSecurityGroupIngress", &gone);
    assert_ne!(cloud.rules(), rules);
    check_cloud!(cloud.bear("plan fleets/daily.yaml"), @"
    exit status: 0
    ----- stdout -----
    Fleet daily

        ~ foundation eu-central-1  update: what the instances share at their provider
            rules: tcp 22 from 0.0.0.0/0 → not there
            rules: not there → tcp 1883 from 198.51.100.0/24
        ~ daily-emqx-1  verify
        ~ daily-emqx-2  verify
        ~ daily-emqx-3  verify
            verified: installed → proven

    Plan: 0 to create, 3 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    cloud.bear("apply --yes");
    assert_eq!(cloud.rules(), rules);
}

#[test]
fn machines_that_the_state_does_not_know_are_strays() {
    let cloud = Cloud::new().made();
    let lineage = cloud.state()["lineage"].as_str().unwrap().to_owned();
    cloud.launch_by_hand(&[
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "bear:lineage"),
        ("TagSpecification.1.Tag.1.Value", &lineage),
    ]);
    let planned = cloud.bear("plan fleets/daily.yaml").ok();
    check_cloud!(planned.stderr, @"warning: i-[ID] is a stray: marked as this fleet's (bear:lineage=[ID]), and not in its state; make it part of the fleet with `bear import INSTANCE i-[ID]`, or terminate it");
    cloud.bear("state rm daily-emqx-3 --yes").ok();
    let planned = cloud.bear("plan fleets/daily.yaml").ok();
    check_cloud!(planned.stderr, @"
    warning: i-[ID] is a stray: marked as this fleet's (bear:lineage=[ID]), and not in its state; make it part of the fleet with `bear import daily-emqx-3 i-[ID]`, or terminate it
    warning: i-[ID] is a stray: marked as this fleet's (bear:lineage=[ID]), and not in its state; make it part of the fleet with `bear import INSTANCE i-[ID]`, or terminate it
    ");
    // Of another fleet it knows nothing.
    assert_eq!(cloud.neighbour(&crate::cloud::FLEET.replace("daily", "other")).bear("plan").ok().stderr, "");
}
