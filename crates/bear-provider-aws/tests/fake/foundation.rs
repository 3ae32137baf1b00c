//! What the machines share is made, mended and taken away, and nothing of a stranger's is touched.

use bear_core::observed::FoundationSeen;
use bear_lab::fake_ec2::{Fault, Peer, Rule, Settings};
use bear_provider::Provider;

use crate::world::{KEY, World};

fn rules(world: &World) -> Vec<String> {
    let groups = world.fake.security_groups();
    let own = groups.iter().find(|group| group.name.starts_with("bear-daily-")).expect("it was made");
    let rule = |rule: &bear_lab::fake_ec2::GroupRule| {
        let peer = match &rule.peer {
            Peer::Group(id) if *id == own.id => "the group itself",
            Peer::Ipv4(peer) | Peer::Ipv6(peer) | Peer::Group(peer) | Peer::PrefixList(peer) => peer,
        };
        format!("{} {:?} {peer}", rule.protocol, rule.ports)
    };
    let mut rules = own.rules.iter().filter(|rule| !rule.egress).map(rule).collect::<Vec<_>>();
    rules.sort();
    rules
}

async fn drift(world: &World) -> Vec<String> {
    let observed = world.aws().observe(&[], &[&world.foundation]).await.unwrap();
    match &observed.foundations["eu-central-1"] {
        FoundationSeen::AsRecorded => Vec::new(),
        FoundationSeen::Absent => vec!["absent".to_owned()],
        FoundationSeen::Changed { what } => {
            what.iter().map(|drift| format!("{}: {} (was {})", drift.what, drift.is, drift.was)).collect()
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rules_are_those_of_the_fleet_file_and_nothing_more() {
    let world = World::of(1);
    assert_eq!(drift(&world).await, ["absent"]);
    world.laid().await;
    insta::assert_snapshot!(rules(&world).join("\n"), @r"
    tcp Some((1883, 1883)) 0.0.0.0/0
    tcp Some((22, 22)) 203.0.113.7/32
    tcp Some((4370, 4370)) the group itself
    tcp Some((5369, 5369)) the group itself
    tcp Some((8083, 8083)) 0.0.0.0/0
    ");
    assert_eq!(world.fake.key_pairs()[0].public_key, KEY);
    assert_eq!(drift(&world).await, [""; 0]);
    let before = rules(&world);
    world.laid().await;
    assert_eq!((rules(&world), world.fake.key_pairs().len()), (before, 1), "again changes nothing");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_did_to_the_rules_is_told_and_undone() {
    let world = World::of(1);
    world.laid().await;
    let before = rules(&world);
    let own =
        world.fake.security_groups().into_iter().find(|group| group.name.starts_with("bear-")).unwrap().id;
    let by_hand = |action: &str, port: &str| {
        let rule = [("FromPort", port), ("ToPort", port), ("IpProtocol", "tcp"), ("CidrIp", "0.0.0.0/0")];
        world.fake.by_hand(action, &[&[("GroupId", own.as_str())], &rule[..]].concat()).unwrap();
    };
    by_hand("AuthorizeSecurityGroupIngress", "22");
    by_hand("RevokeSecurityGroupIngress", "1883");
    assert_eq!(
        drift(&world).await,
        ["rules: tcp 22 from 0.0.0.0/0 (was not there)", "rules: not there (was tcp 1883 from 0.0.0.0/0)"]
    );
    world.laid().await;
    assert_eq!(rules(&world), before);
    assert_eq!(drift(&world).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_lost_leave_one_of_each() {
    let world = World::with(1, "", "", Settings::realistic(5));
    for action in ["CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "ImportKeyPair"] {
        world.fake.rule(Rule::on(action).times(1).then(Fault::AnswerLost));
    }
    world.laid().await;
    assert_eq!(rules(&world).len(), 5);
    assert_eq!(world.fake.security_groups().len(), 2, "the default one, and the fleet's");
    assert_eq!(world.fake.key_pairs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_a_stranger_has_is_not_taken_from_them() {
    let world = World::of(1);
    let name = "bear-daily-0a1b2c3d";
    world.fake.by_hand("CreateSecurityGroup", &[("GroupName", name), ("GroupDescription", "mine")]).unwrap();
    let error = world.aws().lay_foundation(&world.foundation).await.unwrap_err();
    assert_eq!(error.code, "bear::aws::name_taken");
    insta::assert_snapshot!(error, @"making the security group bear-daily-0a1b2c3d in eu-central-1: the name is taken, by a group that is not marked as this fleet's");

    let world = World::of(1);
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, KEY);
    world.fake.by_hand("ImportKeyPair", &[("KeyName", name), ("PublicKeyMaterial", &encoded)]).unwrap();
    let error = world.aws().lay_foundation(&world.foundation).await.unwrap_err();
    insta::assert_snapshot!(error, @"importing the key pair bear-daily-0a1b2c3d in eu-central-1: the name is taken, by a key pair that is not marked as this fleet's");
    world.aws().remove_foundation(&world.foundation).await.unwrap();
    assert_eq!(world.fake.key_pairs().len(), 1, "and it stays theirs");
}

#[tokio::test(start_paused = true)]
async fn another_key_of_the_operator_takes_the_place_of_the_first() {
    let world = World::of(1);
    world.laid().await;
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJk1q6xJ9s7SJrpmHhBMSSWgZDu1aJVtV5CdPtWKYYJ new@here";
    let settings = bear_provider_aws::Settings { public_key: Some(other.to_owned()), ..world.settings() };
    let client = aws_sdk_ec2::Client::from_conf(crate::world::wire(&world.fake).build());
    let aws = bear_provider_aws::Aws::with_client(settings, client);
    aws.lay_foundation(&world.foundation).await.unwrap();
    let keys = world.fake.key_pairs();
    assert_eq!(keys.iter().map(|key| key.public_key.as_str()).collect::<Vec<_>>(), [other]);
}

#[tokio::test(start_paused = true)]
async fn what_exists_already_is_used_and_left_alone() {
    let mut world = World::of(2);
    let group = world.fake.security_groups()[0].id.clone();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, KEY);
    world.fake.by_hand("ImportKeyPair", &[("KeyName", "mine"), ("PublicKeyMaterial", &encoded)]).unwrap();
    let subnet = world.fake.subnets()[2].0.clone();
    world.foundation.security_groups = vec![group.clone()];
    world.foundation.network = None;
    world.foundation.key_pair = Some("mine".to_owned());
    world.foundation.vpc = Some(world.fake.vpc());
    world.foundation.subnets = vec![subnet.clone()];
    let before = world.fake.security_groups();
    let aws = world.laid().await;
    let machines = world.create(&aws, false).await;
    for instance in world.fake.alive() {
        assert_eq!((&instance.groups, &instance.subnet), (&vec![group.clone()], &subnet));
        assert_eq!(instance.key_name.as_deref(), Some("mine"));
    }
    let machines = machines.into_iter().map(Some).collect::<Vec<_>>();
    for destroyed in aws.destroy(&world.doomed(&machines)).await {
        destroyed.unwrap();
    }
    aws.remove_foundation(&world.foundation).await.unwrap();
    assert_eq!(world.fake.security_groups().len(), before.len());
    assert_eq!(world.fake.security_groups()[0].rules.len(), before[0].rules.len());
    assert_eq!(world.fake.key_pairs()[0].name, "mine");
}

#[tokio::test(start_paused = true)]
async fn without_a_default_network_one_has_to_be_named() {
    let world = World::with(1, "", "", Settings { default_vpc: false, ..Settings::default() });
    let error = world.aws().lay_foundation(&world.foundation).await.unwrap_err();
    insta::assert_snapshot!(error, @"eu-central-1 has no default VPC to make machines in");
    assert!(error.help.unwrap().contains("aws ec2 create-default-vpc"));
    let mut named = world.neighbour(&world.lineage);
    named.foundation.vpc = Some(world.fake.vpc());
    let aws = named.laid().await;
    named.create(&aws, false).await;
    assert_eq!(named.fake.alive().len(), 1);
}
