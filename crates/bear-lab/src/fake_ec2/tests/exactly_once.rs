//! Client tokens.

use super::client::{call, launch, lost, one, request};
use crate::fake_ec2::{EndedTokens, FakeEc2, Fault, Rule, Settings};

#[tokio::test]
async fn the_same_request_is_done_once() {
    let fake = FakeEc2::new(Settings::default());
    let first = launch(&fake, 3, &[("ClientToken", "bear-1")]).await.unwrap();
    let second = launch(&fake, 3, &[("ClientToken", "bear-1")]).await.unwrap();
    assert_eq!((&second, fake.instances().len()), (&first, 3));
    assert_ne!(launch(&fake, 3, &[("ClientToken", "bear-2")]).await.unwrap(), first);
}

#[tokio::test]
async fn the_answer_tells_of_today() {
    let fake = FakeEc2::new(Settings::default());
    let ids = launch(&fake, 1, &[("ClientToken", "bear-1")]).await.unwrap();
    call(&fake, "StopInstances", &[("InstanceId.1", &ids[0])]).await.unwrap();
    let image = &fake.instances()[0].image;
    let again = [
        ("ImageId", image.as_str()),
        ("InstanceType", "t3.small"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("ClientToken", "bear-1"),
    ];
    let answer = call(&fake, "RunInstances", &again).await.unwrap();
    assert_eq!(one(&one(&answer, "instanceState"), "name"), "stopped");
}

#[tokio::test]
async fn other_parameters_are_refused() {
    let fake = FakeEc2::new(Settings::default());
    launch(&fake, 1, &[("ClientToken", "bear-1")]).await.unwrap();
    let others = [
        ("InstanceType", "t3.large"),
        ("MaxCount", "2"),
        ("TagSpecification.1.Tag.1.Key", "x"),
        ("UserData", "eA=="),
    ];
    for (name, value) in others {
        let refusal = launch(&fake, 1, &[("ClientToken", "bear-1"), (name, value)]).await.unwrap_err();
        assert_eq!(refusal.code, "IdempotentParameterMismatch", "{name}");
    }
    assert_eq!(fake.instances().len(), 1);
}

#[tokio::test]
async fn a_token_whose_instances_ended_is_refused_or_returns_them() {
    for (ended_tokens, expected) in [
        (EndedTokens::Refused, Err("IdempotentInstanceTerminated".to_owned())),
        (EndedTokens::Returned, Ok(())),
    ] {
        let fake = FakeEc2::new(Settings { ended_tokens, ..Settings::default() });
        let ids = launch(&fake, 2, &[("ClientToken", "bear-1")]).await.unwrap();
        call(&fake, "TerminateInstances", &[("InstanceId.1", &ids[0])]).await.unwrap();
        assert_eq!(launch(&fake, 2, &[("ClientToken", "bear-1")]).await.as_ref(), Ok(&ids), "one is left");
        call(&fake, "TerminateInstances", &[("InstanceId.1", &ids[1])]).await.unwrap();
        let answer = launch(&fake, 2, &[("ClientToken", "bear-1")]).await;
        assert_eq!(answer.map(|again| assert_eq!(again, ids)).map_err(|failure| failure.code), expected);
        assert!(fake.alive().is_empty());
    }
}

#[tokio::test]
async fn a_token_counts_in_the_zone_that_the_request_names() {
    let fake = FakeEc2::new(Settings::default());
    let mut launched = Vec::new();
    for zone in ["eu-central-1a", "eu-central-1b", "eu-central-1a"] {
        let place = [("ClientToken", "bear-1"), ("Placement.AvailabilityZone", zone)];
        launched.extend(launch(&fake, 1, &place).await.unwrap());
    }
    assert_eq!(launched[0], launched[2]);
    assert_eq!(fake.instances().len(), 2, "the same token made a machine in each zone");
    let (subnet, _) = &fake.subnets()[2];
    let elsewhere = launch(&fake, 1, &[("ClientToken", "bear-1"), ("SubnetId", subnet)]).await.unwrap();
    assert!(!launched.contains(&elsewhere[0]));
}

#[tokio::test]
async fn a_launch_that_failed_spends_no_token() {
    let fake = FakeEc2::new(Settings::default());
    for zone in ["eu-central-1a", "eu-central-1b", "eu-central-1c"] {
        fake.set_capacity(zone, Some(0));
    }
    let refusal = launch(&fake, 1, &[("ClientToken", "bear-1")]).await.unwrap_err();
    assert_eq!((refusal.status, refusal.code.as_str()), (500, "InsufficientInstanceCapacity"));
    fake.set_capacity("eu-central-1b", Some(1));
    launch(&fake, 1, &[("ClientToken", "bear-1"), ("InstanceType", "t3.large")]).await.unwrap();
}

#[tokio::test]
async fn a_launch_whose_answer_was_lost_is_found_again() {
    let fake = FakeEc2::new(Settings::default());
    fake.rule(Rule::on("RunInstances").times(1).then(Fault::AnswerLost));
    let image = super::client::jammy(&fake).await;
    let parameters = [
        ("ImageId", image.as_str()),
        ("InstanceType", "t3.small"),
        ("MinCount", "2"),
        ("MaxCount", "2"),
        ("ClientToken", "bear-1"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "bear:fleet"),
        ("TagSpecification.1.Tag.1.Value", "team"),
    ];
    lost(&fake, "RunInstances", &parameters).await;
    assert_eq!(fake.instances().len(), 2);
    let by_token = [("Filter.1.Name", "client-token"), ("Filter.1.Value.1", "bear-1")];
    let found = call(&fake, "DescribeInstances", &by_token).await.unwrap();
    let by_tag = [("Filter.1.Name", "tag:bear:fleet"), ("Filter.1.Value.1", "team")];
    let tagged = call(&fake, "DescribeInstances", &by_tag).await.unwrap();
    let again = fake.answer(request(&fake, "RunInstances", &parameters)).await.unwrap();
    let again = super::client::read(&again).unwrap();
    for answer in [found, tagged, again] {
        let ids = fake.instances().iter().map(|instance| instance.id.clone()).collect::<Vec<_>>();
        let told = super::client::all(&answer, "instanceId");
        assert_eq!(told, ids);
    }
}

#[tokio::test]
async fn a_token_has_up_to_64_ascii_characters() {
    let fake = FakeEc2::new(Settings::default());
    launch(&fake, 1, &[("ClientToken", &"x".repeat(64))]).await.unwrap();
    for wrong in ["x".repeat(65), "bär".to_owned()] {
        let refusal = launch(&fake, 1, &[("ClientToken", &wrong)]).await.unwrap_err();
        assert_eq!(refusal.code, "InvalidParameterValue");
    }
}
