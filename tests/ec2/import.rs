//! `bear import`: machines that somebody else made.

use crate::cloud::{APPLY, Cloud, FILE, FLEET, check_cloud};
use crate::support::Outcome;

const HOST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINyP0a1gKYkyZbYyq3u1IwyJUlHPpcyZ5GLOqDlDT0Rp";

/// What cloud-init shows on the console of a machine.
fn console() -> String {
    format!(
        "[   21.7] cloud-init[586]: done\r\n-----BEGIN SSH HOST KEY KEYS-----\r\necdsa-sha2-nistp256 AAAAE2Vj \
         root@ip-10-0-0-7\r\n{HOST_KEY} root@ip-10-0-0-7\r\n-----END SSH HOST KEY KEYS-----\r\nlogin: "
    )
}

fn import(cloud: &Cloud, instance: &str, machine: &str) -> Outcome {
    cloud.bear(&format!("import --fleet {FILE} --yes {instance} {machine}"))
}

#[test]
fn a_machine_becomes_part_of_a_fleet_and_is_not_made_again() {
    let cloud = Cloud::new();
    let by_hand = cloud.launch_by_hand(&[]);
    cloud.fake.set_console_output(&by_hand, &console());
    check_cloud!(import(&cloud, "daily-emqx-2", &by_hand).ok(), @"
    exit status: 0
    ----- stderr -----
    i-[ID] is `daily-emqx-2` now; `bear plan fleets/daily.yaml` shows what is to be done on it
    ");
    assert_eq!(cloud.machine(2).id, by_hand);
    assert_eq!(cloud.fake.tags(&by_hand)["bear:instance"], "daily-emqx-2");
    let known = cloud.project.read(".bear/daily/known_hosts");
    assert!(known.contains(&by_hand) && known.contains(HOST_KEY), "{known}");
    check_cloud!(cloud.bear("plan fleets/daily.yaml").ok().stdout, @"
    Fleet daily

        + foundation eu-central-1  create: what the instances share at their provider
        + daily-emqx-1  create → install → verify
            provider        aws, region eu-central-1
            machine         t3.small, ubuntu-22.04, disk of 20 GiB
            login           as ubuntu
            docker          what the machine has (default)
            broker          emqx 5.0.9
            admin password  generated once for the fleet (default)
            authentication  off (default)
            ports           mqtt 1883, ws 8083, dashboard 18083 on the host alone (default)
        ~ daily-emqx-2  install → verify
            verified: created → proven
        + daily-emqx-3  create → install → verify

    Plan: 2 to create, 1 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");

    cloud.bear(APPLY);
    assert_eq!(cloud.fake.alive().len(), 3, "two were made");
    assert_eq!(cloud.machine(2).id, by_hand);
    let group = cloud.group().id;
    assert_eq!(cloud.machine(2).groups, [group], "it is let in as the others are");
    let known = cloud.project.read(".bear/daily/known_hosts");
    assert!(known.contains(HOST_KEY), "its own key is still the one that counts: {known}");
    cloud.bear("destroy fleets/daily.yaml --yes").ok();
    assert_eq!(cloud.fake.alive().len(), 0);
}

#[test]
fn its_host_key_has_to_be_known() {
    let cloud = Cloud::new();
    let by_hand = cloud.launch_by_hand(&[]);
    check_cloud!(import(&cloud, "daily-emqx-1", &by_hand), @"
    exit status: 3
    ----- stderr -----
    bear::import::host_key

      × the console of i-[ID] does not show its host key
      help: give it with `--host-key`; on the machine it is in /etc/ssh/ssh_host_ed25519_key.pub, and `ssh-keyscan` from within its network shows it too
    ");
    assert!(!cloud.fake.tags(&by_hand).contains_key("bear:instance"));
    assert_eq!(cloud.bear("state list").ok().stdout, "");
    let words =
        ["import", "--fleet", FILE, "--yes", "daily-emqx-1", &by_hand, "--host-key", "ssh-ed25519 nonsense"];
    let nonsense = cloud.project.bear_with(words);
    check_cloud!(nonsense, @"
    exit status: 3
    ----- stderr -----
    bear::import::host_key

      × `--host-key` is no public host key: the base64 after `ssh-ed25519` is not that of a key of this type; it may have been cut off
      help: on the machine it is in /etc/ssh/ssh_host_ed25519_key.pub
    ");
    let words =
        ["import", "--fleet", FILE, "--yes", "--json", "daily-emqx-1", &by_hand, "--host-key", HOST_KEY];
    check_cloud!(cloud.project.bear_with(words).ok().stdout, @r#"{"version":1,"fleet":"daily","instance":"daily-emqx-1","machine_id":"i-[ID]"}"#);
    assert_eq!(cloud.machine(1).id, by_hand);
}

#[test]
fn what_can_not_be_imported() {
    let cloud = Cloud::new();
    let (one, other) = (cloud.launch_by_hand(&[]), cloud.launch_by_hand(&[]));
    cloud.fake.set_console_output(&one, &console());
    cloud.fake.set_console_output(&other, &console());
    check_cloud!(import(&cloud, "daily-emqx-11", &one), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × the fleet has no instance `daily-emqx-11`
      help: did you mean `daily-emqx-1`?
    ");
    check_cloud!(import(&cloud, "daily-emqx-1", "i-00000000000000000"), @"
    exit status: 1
    ----- stderr -----
    bear::aws::not_found

      × reading the console of i-[ID] in eu-central-1: The instance ID 'i-[ID]' does not exist (InvalidInstanceID.NotFound)
      help: is that its id, and is it in this region? EC2 forgets a machine about an hour after its end
    ");
    import(&cloud, "daily-emqx-1", &one).ok();
    check_cloud!(import(&cloud, "daily-emqx-1", &other), @"
    exit status: 3
    ----- stderr -----
    bear::import::deployed

      × `daily-emqx-1` is deployed already
      help: destroy it first, or forget it with `bear state rm`
    ");
    check_cloud!(import(&cloud, "daily-emqx-2", &one), @"
    exit status: 3
    ----- stderr -----
    bear::import::taken

      × i-[ID] is the machine of `daily-emqx-1` already
      help: one machine carries one instance; `bear state list` shows which are deployed
    ");

    let neighbour = cloud.neighbour(&FLEET.replace("daily", "other"));
    let taken = neighbour.bear(&format!("import --fleet {FILE} --yes other-emqx-1 {one}"));
    assert_eq!(taken.code(), 1, "{taken}");
    check_cloud!(taken.stderr, @"
    bear::aws::other_fleet

      × importing i-[ID] as other-emqx-1: it belongs to the fleet daily (lineage [ID])
      help: if that fleet has no use for it any more, take the tags that begin with `bear:` off it in the EC2 console
    ");
    assert_eq!(neighbour.bear("state list").ok().stdout, "");

    cloud.fake.deny("ec2:CreateTags");
    check_cloud!(import(&cloud, "daily-emqx-2", &other), @"
    exit status: 1
    ----- stderr -----
    bear::aws::denied

      × importing i-[ID] as daily-emqx-2 in eu-central-1: these AWS credentials may not ec2:CreateTags (UnauthorizedOperation)
      help: allow `ec2:CreateTags`; docs/aws-iam-policy.json has all that bear needs, and `bear doctor` checks it
    ");
    cloud.fake.allow("ec2:CreateTags");

    let local = "fleet: daily\nprovider: local\ngroups: { broker: { count: 1, broker: embedded } }\n";
    let local = Cloud::of(local);
    check_cloud!(import(&local, "daily-broker-1", &one), @"
    exit status: 3
    ----- stderr -----
    bear::import::provider

      × `daily-broker-1` is of the provider `local`, into which nothing is imported
      help: a host that exists becomes part of a fleet by its address in the fleet file
    ");
    let silent = local.bear(&format!("import daily-broker-1 {one}"));
    assert_eq!(silent.code(), 3, "{silent}");
}
