//! What goes wrong is survived where it can be, and said where it can't.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use bear_core::event::StepError;
use bear_lab::fake_ec2::{Failure, Fault, Quotas, Rule, Settings};
use bear_provider::Provider;
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::world::{World, only, socket, wire};

/// The error of a launch, as the user gets it.
async fn refused(world: &World) -> StepError {
    world.laid().await;
    only(world.aws().create(&world.requests(false)).await)
}

fn said(error: &StepError) -> String {
    format!("{}\n{error}\n{}", error.code, error.help.as_deref().unwrap_or_default())
}

/// Run by the test below as a process of its own, with an environment of its own.
#[tokio::test]
#[ignore = "a part of another test"]
async fn helper_without_credentials() {
    let world = World::of(1);
    let error = bear_provider_aws::Aws::connect(world.settings()).await.remains().await.unwrap_err();
    println!("{}", said(&error));
}

#[test]
fn without_credentials_it_is_said_how_to_log_in() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::helper_without_credentials", "--ignored", "--nocapture"])
        .env_clear()
        .envs([("HOME", "/nonexistent"), ("AWS_EC2_METADATA_DISABLED", "true")])
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("bear::aws::no_credentials"), "{output}");
    assert!(output.contains("aws sso login"), "{output}");
}

#[tokio::test(start_paused = true)]
async fn expired_credentials() {
    let world = World::of(1);
    world.fake.expire_credentials();
    insta::assert_snapshot!(said(&world.aws().lay_foundation(&world.foundation).await.unwrap_err()), @r"
    bear::aws::expired
    looking up the subnets in eu-central-1: the AWS credentials have expired (RequestExpired)
    log in again, for example with `aws sso login`, and do the same again: nothing is done twice
    ");
}

#[tokio::test(start_paused = true)]
async fn another_region_than_the_credentials_are_for() {
    let mut world = World::of(1);
    world.foundation.region = "ap-east-1".to_owned();
    let region = aws_sdk_ec2::config::Region::new("ap-east-1");
    let aws = world.aws_with(wire(&world.fake).region(region));
    let error = aws.lay_foundation(&world.foundation).await.unwrap_err();
    assert_eq!(error.code, "bear::aws::credentials_refused");
    assert!(error.help.unwrap().ends_with("is `ap-east-1` the right one?"));
    world.fake.rule(Rule::any().then(Fault::Fails(Failure::new(
        401,
        "OptInRequired",
        "You are not subscribed",
    ))));
    let error = world.aws().lay_foundation(&world.foundation).await.unwrap_err();
    assert_eq!(error.code, "bear::aws::region_disabled");
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_another_region_is_not_made_here() {
    let world = World::of(1);
    let mut requests = world.requests(false);
    requests[0].spec.region = Some("eu-west-3".to_owned());
    let error = only(world.laid().await.create(&requests).await);
    assert_eq!((error.code, error.untouched), ("bear::aws::other_region", true));
}

#[tokio::test(start_paused = true)]
async fn a_type_and_an_image_that_do_not_exist() {
    let mut requests = World::of(1).requests(false);
    requests[0].spec.machine.as_mut().unwrap().kind = "t9.small".to_owned();
    let world = World::of(1);
    let error = only(world.laid().await.create(&requests).await);
    assert!(error.untouched);
    insta::assert_snapshot!(said(&error), @r"
    bear::aws::unknown_type
    looking up the type t9.small in eu-central-1: The following supplied instance types do not exist: [t9.small] (InvalidInstanceType)
    `aws ec2 describe-instance-type-offerings` lists the types of a region
    ");
    for image in ["ami-0000000000000000f", "windows-95"] {
        let mut requests = world.requests(false);
        requests[0].spec.machine.as_mut().unwrap().image = image.to_owned();
        let error = only(world.aws().create(&requests).await);
        assert_eq!((error.code, error.untouched), ("bear::aws::unknown_image", true));
    }
}

#[tokio::test(start_paused = true)]
async fn quotas() {
    let quotas = Quotas { vcpus: 2, ..Quotas::default() };
    let world = World::with(3, "", "", Settings { quotas, ..Settings::default() });
    world.laid().await;
    let results = world.aws().create(&world.requests(false)).await;
    let refusals = results.iter().filter_map(|result| result.as_ref().err()).collect::<Vec<_>>();
    assert_eq!((refusals.len(), world.fake.alive().len()), (2, 1), "what fits is made");
    assert!(refusals.iter().all(|error| error.code == "bear::aws::quota" && error.untouched));
    world.fake.rule(Rule::on("RunInstances").then(Fault::Fails(Failure::instance_limit())));
    assert_eq!(refused(&world.neighbour("11223344-another")).await.code, "bear::aws::quota");
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_missing_is_named() {
    let world = World::of(1);
    world.laid().await;
    for action in ["ec2:RunInstances", "ec2:CreateTags"] {
        world.fake.deny(action);
        let error = only(world.aws().create(&world.requests(false)).await);
        assert_eq!((error.code, error.untouched), ("bear::aws::denied", true));
        assert_eq!(
            error.message,
            format!(
                "launching a t3.small in eu-central-1: these AWS credentials may not {action} (UnauthorizedOperation)"
            )
        );
        world.fake.allow(action);
    }
    world.fake.deny("ec2:StopInstances");
    let permissions = world.aws().permissions().await.unwrap();
    let denied = permissions.iter().filter(|permission| permission.allowed == Some(false));
    assert_eq!(denied.map(|permission| permission.action).collect::<Vec<_>>(), ["ec2:StopInstances"]);
    let unknown = permissions.iter().filter(|permission| permission.allowed.is_none());
    assert_eq!(unknown.count(), 5, "only those of IAM profiles can't be tried");
    world.fake.expire_credentials();
    assert_eq!(world.aws().permissions().await.unwrap_err().code, "bear::aws::expired");
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_throttling_is_survived_and_said() {
    let world = World::of(6);
    let aws = world.laid().await;
    world.fake.rule(
        Rule::on("RunInstances").lasting(Duration::from_mins(1)).then(Fault::Fails(Failure::throttled())),
    );
    let began = Instant::now();
    world.create(&aws, false).await;
    assert!(began.elapsed() < Duration::from_secs(90), "{:?}", began.elapsed());
    assert!(world.notices().contains("EC2 asks to slow down (RunInstances): next request in "));
    assert_eq!(world.fake.alive().len(), 6);
    let calls = world.fake.calls().of("RunInstances");
    assert!(calls < 40, "it slows down: {calls} calls");
}

#[tokio::test(start_paused = true)]
async fn connections_that_break_and_answers_that_are_lost() {
    for (round, fault) in [
        Fault::Reset,
        Fault::AnswerLost,
        Fault::AnswerTruncated,
        Fault::Hangs,
        Fault::AnswerHangs,
        Fault::Late(Duration::from_secs(20)),
        Fault::Fails(Failure::internal()),
        Fault::Fails(Failure::unavailable()),
    ]
    .into_iter()
    .enumerate()
    {
        let world = World::with(3, "", "", Settings::realistic(round as u64));
        let aws = world.laid().await;
        world.fake.rule(Rule::any().times(4).then(fault.clone()));
        let machines = world.create(&aws, false).await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        let ids = machines.iter().map(|machine| machine.id.clone()).collect::<BTreeSet<_>>();
        let alive = world.fake.alive().into_iter().map(|instance| instance.id).collect::<BTreeSet<_>>();
        assert_eq!((alive.len(), alive), (3, ids), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_is_given_up_and_the_machines_are_in_doubt() {
    let world = World::of(1);
    let aws = world.laid().await;
    world.fake.rule(Rule::on("RunInstances").then(Fault::AnswerHangs));
    let error = only(aws.create(&world.requests(false)).await);
    assert_eq!((error.code, error.transient, error.untouched), ("bear::aws::no_answer", true, false));
    world.fake.calm();
    let machines = world.create(&world.aws(), true).await;
    assert_eq!(world.fake.alive().len(), machines.len());
}

#[tokio::test]
async fn over_real_sockets_as_well() {
    let world = World::of(3);
    world.laid().await;
    let endpoint = world.fake.listen().await.unwrap();
    for fault in [Fault::Reset, Fault::AnswerTruncated, Fault::AnswerLost] {
        world.fake.rule(Rule::on("RunInstances").times(1).then(fault.clone()));
        world.fake.rule(Rule::on("DescribeSubnets").times(1).then(fault));
    }
    let aws = world.aws_with(socket(&world.fake, &endpoint.url()));
    world.create(&aws, false).await;
    assert_eq!(world.fake.alive().len(), 3);
}

#[tokio::test]
async fn a_wrong_clock() {
    let world = World::of(1);
    world.fake.set_clock_skew(SignedDuration::from_hours(1));
    let error = world.aws().lay_foundation(&world.foundation).await.unwrap_err();
    assert_eq!(error.code, "bear::aws::clock_skew");
    assert!(error.message.contains("the clock of this machine is 60 minutes behind EC2's"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_key_pair_that_somebody_deleted_is_brought_back() {
    let world = World::of(2);
    let aws = world.laid().await;
    let name = world.fake.key_pairs()[0].name.clone();
    world.fake.by_hand("DeleteKeyPair", &[("KeyName", &name)]).unwrap();
    world.create(&aws, false).await;
    assert!(world.fake.alive().iter().all(|instance| instance.key_name.as_ref() == Some(&name)));
}

#[tokio::test(start_paused = true)]
async fn a_foundation_that_is_gone_is_said() {
    let world = World::of(1);
    let error = only(world.aws().create(&world.requests(false)).await);
    assert_eq!((error.code, error.untouched), ("bear::aws::no_foundation", true));
}
