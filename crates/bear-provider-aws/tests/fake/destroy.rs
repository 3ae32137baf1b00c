//! Machines and what they share go away, all of it and nothing else.

use std::time::Duration;

use bear_core::state::v1::Machine;
use bear_lab::fake_ec2::{InstanceState, Settings};
use bear_provider::Provider;
use bear_provider_aws::Aws;

use crate::world::World;

async fn made(world: &World) -> (Aws, Vec<Option<Machine>>) {
    let aws = world.laid().await;
    let machines = world.create(&aws, false).await;
    (aws, machines.into_iter().map(Some).collect())
}

async fn ready(world: &World, aws: &Aws, machines: &[Option<Machine>]) {
    for (request, machine) in world.requests(false).iter().zip(machines) {
        let machine = machine.as_ref().unwrap();
        aws.ready(&request.instance, &request.token, machine, &request.spec).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_remains_of_a_fleet() {
    let world = World::with(3, "", "elastic_ip: true", Settings::realistic(11));
    let (aws, machines) = made(&world).await;
    ready(&world, &aws, &machines).await;
    assert_eq!(world.fake.addresses().len(), 3);
    let aws = world.aws();
    for destroyed in aws.destroy(&world.doomed(&machines)).await {
        destroyed.unwrap();
    }
    assert!(world.fake.instances().iter().all(|instance| instance.state == InstanceState::Terminated));
    assert_eq!(world.fake.addresses().len(), 0);
    aws.remove_foundation(&world.foundation).await.unwrap();
    assert_eq!(world.fake.tagged("bear:lineage", &world.lineage), [""; 0]);
    assert_eq!(aws.remains().await.unwrap(), [""; 0]);
    aws.remove_foundation(&world.foundation).await.unwrap();
    for destroyed in aws.destroy(&world.doomed(&machines)).await {
        destroyed.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_never_seen_is_found_by_its_token() {
    let world = World::with(2, "", "", Settings::realistic(2));
    let (_, _) = made(&world).await;
    for destroyed in world.aws().destroy(&world.doomed(&[None, None])).await {
        destroyed.unwrap();
    }
    assert!(world.fake.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_not_shown_yet_is_not_taken_for_gone() {
    let mut settings = Settings::default();
    settings.delays.visible = bear_lab::fake_ec2::Between::secs(8, 8);
    let world = World::with(2, "", "", settings);
    let (aws, machines) = made(&world).await;
    for destroyed in aws.destroy(&world.doomed(&machines)).await {
        destroyed.unwrap();
    }
    assert!(world.fake.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_protected_machine_stays_and_the_others_go() {
    let world = World::of(3);
    let (aws, machines) = made(&world).await;
    let id = &machines[1].as_ref().unwrap().id;
    let protect = [("InstanceId", id.as_str()), ("DisableApiTermination.Value", "true")];
    world.fake.by_hand("ModifyInstanceAttribute", &protect).unwrap();
    let results = aws.destroy(&world.doomed(&machines)).await;
    assert!(results[0].is_ok() && results[2].is_ok());
    let error = results[1].clone().unwrap_err();
    assert_eq!(error.code, "bear::aws::protected");
    assert!(
        error.message.starts_with(&format!("terminating daily-emqx-2 ({id}) in eu-central-1: ")),
        "{error}"
    );
    let error = aws.remove_foundation(&world.foundation).await.unwrap_err();
    assert_eq!(error.code, "bear::aws::machines_left");
    assert!(error.message.contains(id), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_somebody_else_uses_is_named_with_who_uses_it() {
    let world = World::of(1);
    let (aws, machines) = made(&world).await;
    let group = world.fake.alive()[0].groups[0].clone();
    let foreign = [
        ("ImageId", machines[0].as_ref().unwrap().image.as_deref().unwrap()),
        ("InstanceType", "t3.small"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("SecurityGroupId.1", &group),
    ];
    world.fake.by_hand("RunInstances", &foreign).unwrap();
    for destroyed in aws.destroy(&world.doomed(&machines)).await {
        destroyed.unwrap();
    }
    let foreign = world.fake.alive()[0].id.clone();
    let error = aws.remove_foundation(&world.foundation).await.unwrap_err();
    assert_eq!(error.code, "bear::aws::in_use");
    assert_eq!(error.help, Some(format!("used by {foreign}: take it out of there, then do the same again")));
    world.fake.by_hand("TerminateInstances", &[("InstanceId.1", &foreign)]).unwrap();
    aws.remove_foundation(&world.foundation).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_held_on_to_for_a_while_is_waited_for() {
    let mut settings = Settings::default();
    settings.delays.shutting_down = bear_lab::fake_ec2::Between::secs(40, 40);
    let world = World::with(1, "", "", settings);
    let (aws, machines) = made(&world).await;
    world.fake.by_hand("TerminateInstances", &[("InstanceId.1", &machines[0].as_ref().unwrap().id)]).unwrap();
    let began = tokio::time::Instant::now();
    aws.remove_foundation(&world.foundation).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(39));
}

#[tokio::test]
async fn when_the_endpoint_goes_down_and_comes_back_destroy_goes_on_from_there() {
    let world = World::of(3);
    let (_, machines) = made(&world).await;
    let endpoint = world.fake.listen().await.unwrap();
    let (url, address) = (endpoint.url(), endpoint.url().trim_start_matches("http://").parse().unwrap());
    let aws = world.aws_with(crate::world::socket(&world.fake, &url));
    let some = world.doomed(&machines)[..1].to_vec();
    aws.destroy(&some).await.remove(0).unwrap();
    drop(endpoint);
    let errors = aws.destroy(&world.doomed(&machines)).await;
    let error = crate::world::only(errors);
    assert_eq!(error.code, "bear::aws::no_answer");
    assert!(error.transient && world.notices().contains("no answer from EC2 to DescribeInstances"));
    assert_eq!(world.fake.alive().len(), 2);
    let _endpoint = world.fake.listen_at(address).await.unwrap();
    for destroyed in aws.destroy(&world.doomed(&machines)).await {
        destroyed.unwrap();
    }
    assert!(world.fake.alive().is_empty());
}
