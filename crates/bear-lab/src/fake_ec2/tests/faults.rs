//! What goes wrong.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::{sleep, timeout};

use super::client::{call, jammy, launch, lost, read, refusal, request, signed, states};
use crate::fake_ec2::{
    ACCESS_KEY, Failure, FakeEc2, Fault, Lost, Outcome, Quotas, Rule, SECRET_KEY, Settings,
};

#[tokio::test(start_paused = true)]
async fn rules_say_what_goes_wrong_and_when() {
    let fake = FakeEc2::new(Settings::default());
    let outcome = async || {
        call(&fake, "DescribeVpcs", &[]).await.map_or_else(|failure| failure.code, |_| "ok".to_owned())
    };
    fake.rule(Rule::on("DescribeVpcs").skip(1).times(2).then(Fault::Fails(Failure::throttled())));
    fake.rule(Rule::on("DescribeRegions").then(Fault::Fails(Failure::internal())));
    let outcomes = [outcome().await, outcome().await, outcome().await, outcome().await];
    assert_eq!(outcomes, ["ok", "RequestLimitExceeded", "RequestLimitExceeded", "ok"]);
    assert_eq!(refusal(&fake, "DescribeRegions", &[]).await, "InternalError");

    fake.calm();
    fake.rule(Rule::any().lasting(Duration::from_mins(1)).then(Fault::Fails(Failure::unavailable())));
    assert_eq!(outcome().await, "Unavailable");
    sleep(Duration::from_mins(1)).await;
    assert_eq!(outcome().await, "ok");

    fake.rule(Rule::any().chance(0.3).then(Fault::Fails(Failure::internal())));
    let mut failed = 0;
    for _ in 0..1000 {
        failed += usize::from(outcome().await != "ok");
    }
    assert!((250..350).contains(&failed), "{failed} of 1000");

    fake.calm();
    let first = |query: &crate::fake_ec2::Query<'_>| query.get("VpcId.1") == Some("vpc-1");
    fake.rule(Rule::any().when(first).then(Fault::Fails(Failure::internal())));
    assert_eq!(refusal(&fake, "DescribeVpcs", &[("VpcId.1", "vpc-1")]).await, "InternalError");
    assert_eq!(refusal(&fake, "DescribeVpcs", &[("VpcId.1", "vpc-2")]).await, "InvalidVpcID.NotFound");
}

/// Whether the effect took place stands beside what the caller sees.
#[tokio::test(start_paused = true)]
async fn an_effect_and_its_answer_part() {
    let cases = [
        (Fault::Reset, "reset", 0),
        (Fault::Hangs, "nothing", 0),
        (Fault::AnswerLost, "reset", 1),
        (Fault::AnswerHangs, "nothing", 1),
        (Fault::AnswerTruncated, "truncated", 1),
        (Fault::Slow(Duration::from_secs(5)), "answer", 1),
        (Fault::Slow(Duration::from_secs(15)), "nothing", 1),
        (Fault::Late(Duration::from_secs(5)), "reset", 0),
    ];
    for (fault, expected, instances) in cases {
        let fake = FakeEc2::new(Settings::default());
        let image = jammy(&fake).await;
        fake.rule(Rule::on("RunInstances").times(1).then(fault.clone()));
        let parameters =
            [("ImageId", image.as_str()), ("InstanceType", "t3.small"), ("MinCount", "1"), ("MaxCount", "1")];
        let request = fake.answer(request(&fake, "RunInstances", &parameters));
        let seen = match timeout(Duration::from_secs(10), request).await {
            Err(_) => "nothing",
            Ok(Ok(_)) => "answer",
            Ok(Err(Lost::Reset)) => "reset",
            Ok(Err(Lost::Truncated(_))) => "truncated",
        };
        assert_eq!((seen, fake.instances().len()), (expected, instances), "{fault:?}");
        assert_eq!(fake.log().last().unwrap().outcome, Outcome::Faulted(fault.clone()));
        sleep(Duration::from_secs(6)).await;
        let late = usize::from(matches!(fault, Fault::Late(_)));
        assert_eq!(fake.instances().len(), instances + late, "{fault:?}, in the end");
    }
}

#[tokio::test]
async fn whoever_may_not_is_told_what() {
    let fake = FakeEc2::new(Settings::default());
    let tagged = [("TagSpecification.1.ResourceType", "instance"), ("TagSpecification.1.Tag.1.Key", "x")];
    fake.deny("ec2:CreateTags");
    let failure = launch(&fake, 1, &tagged).await.unwrap_err();
    assert_eq!((failure.status, failure.code.as_str()), (403, "UnauthorizedOperation"));
    assert!(
        failure.message.contains("is not authorized to perform: ec2:CreateTags on"),
        "{}",
        failure.message
    );
    assert!(failure.message.contains("Encoded authorization failure message: eyJ"), "{}", failure.message);
    launch(&fake, 1, &[]).await.unwrap();
    fake.allow("ec2:CreateTags");
    fake.deny("ec2:RunInstances");
    assert_eq!(refusal(&fake, "RunInstances", &[("DryRun", "true")]).await, "UnauthorizedOperation");
    let by_others = fake.by_hand("RunInstances", &[("DryRun", "true")]).unwrap_err();
    assert_eq!(by_others.code, "DryRunOperation");
    fake.allow("ec2:RunInstances");
    let dry = call(&fake, "RunInstances", &[("DryRun", "true")]).await.unwrap_err();
    assert_eq!((dry.status, dry.code.as_str()), (412, "DryRunOperation"));
    fake.deny("iam:PassRole");
    let profile = launch(&fake, 1, &[("IamInstanceProfile.Name", "bear")]).await.unwrap_err();
    assert_eq!(profile.code, "UnauthorizedOperation");
}

#[tokio::test]
async fn only_those_are_let_in_who_are_known() {
    let fake = FakeEc2::new(Settings::default());
    let answer = async |request| {
        read(&fake.answer(request).await.unwrap()).map_err(|failure| (failure.status, failure.code))
    };
    let refused = |status: u16, code: &str| Err((status, code.to_owned()));
    let (known, region) = ((ACCESS_KEY, SECRET_KEY), "eu-central-1");
    let ec2 = refused(401, "AuthFailure");
    let forged = refused(403, "SignatureDoesNotMatch");
    for (action, stranger, forged) in [
        ("DescribeVpcs", ec2.clone(), ec2),
        ("GetCallerIdentity", refused(403, "InvalidClientTokenId"), forged),
    ] {
        answer(signed(&fake, action, &[], known, region)).await.unwrap();
        assert_eq!(
            answer(signed(&fake, action, &[], ("AKIASOMEBODYELSE0000", SECRET_KEY), region)).await,
            stranger
        );
        assert_eq!(answer(signed(&fake, action, &[], (ACCESS_KEY, "guessed"), region)).await, forged);
        assert_eq!(answer(signed(&fake, action, &[], known, "us-east-1")).await, forged);
        let mut changed = signed(&fake, action, &[], known, region);
        let body = [changed.body(), b"&DryRun=true".as_slice()].concat();
        *changed.body_mut() = body.into();
        assert_eq!(answer(changed).await, forged);
    }
    let mut unsigned = request(&fake, "DescribeVpcs", &[]);
    unsigned.headers_mut().remove("authorization");
    assert_eq!(answer(unsigned).await, refused(403, "MissingAuthenticationToken"));
    let mut misshapen = request(&fake, "DescribeVpcs", &[]);
    misshapen.headers_mut().insert("authorization", "AWS4-HMAC-SHA256 Credential=x".parse().unwrap());
    assert_eq!(answer(misshapen).await, refused(400, "IncompleteSignature"));
}

#[tokio::test]
async fn credentials_expire_and_clocks_differ() {
    let fake = FakeEc2::new(Settings::default());
    fake.expire_credentials();
    assert_eq!(refusal(&fake, "DescribeVpcs", &[]).await, "RequestExpired");
    assert_eq!(refusal(&fake, "GetCallerIdentity", &[]).await, "ExpiredToken");
    fake.renew_credentials();
    call(&fake, "DescribeVpcs", &[]).await.unwrap();
    fake.set_clock_skew(SignedDuration::from_mins(6));
    assert_eq!(refusal(&fake, "DescribeVpcs", &[]).await, "RequestExpired");
    fake.set_clock_skew(SignedDuration::from_mins(-6));
    assert_eq!(refusal(&fake, "DescribeVpcs", &[]).await, "AuthFailure");
    fake.set_clock_skew(SignedDuration::from_mins(4));
    call(&fake, "DescribeVpcs", &[]).await.unwrap();
}

#[tokio::test]
async fn room_and_quotas_have_an_end() {
    let quotas = Quotas { vcpus: 10, instances: Some(4), ..Quotas::default() };
    let fake = FakeEc2::new(Settings { quotas, ..Settings::default() });
    assert_eq!(launch(&fake, 5, &[]).await.unwrap_err().code, "InstanceLimitExceeded");
    let most = launch(&fake, 4, &[("MinCount", "1"), ("MaxCount", "9")]).await.unwrap();
    assert_eq!(most.len(), 4, "as many as may be");
    fake.by_hand("StopInstances", &[("InstanceId.1", &most[0])]).unwrap();
    states(&fake).await;
    assert_eq!(launch(&fake, 1, &[("InstanceType", "t3.xlarge")]).await.map(|ids| ids.len()), Ok(1));
    let started = refusal(&fake, "StartInstances", &[("InstanceId.1", &most[0])]).await;
    assert_eq!(started, "VcpuLimitExceeded");

    let fake = FakeEc2::new(Settings::default());
    fake.set_capacity("eu-central-1a", Some(1));
    let there = [("Placement.AvailabilityZone", "eu-central-1a")];
    assert_eq!(launch(&fake, 2, &there).await.unwrap_err().code, "InsufficientInstanceCapacity");
    let [elsewhere] = launch(&fake, 2, &[]).await.unwrap()[..1].to_vec().try_into().unwrap();
    assert_eq!(fake.instance(&elsewhere).unwrap().zone, "eu-central-1b", "the next zone has room");
    launch(&fake, 1, &there).await.unwrap();
    let subnet = &fake.subnets()[1].0;
    let full = launch(&fake, 250, &[("SubnetId", subnet)]).await.unwrap_err();
    assert_eq!(full.code, "InsufficientFreeAddressesInSubnet");
}

#[tokio::test]
async fn an_instance_may_end_before_it_runs() {
    let fake = FakeEc2::new(Settings::default());
    fake.doom(1);
    let ids = launch(&fake, 2, &[]).await.unwrap();
    assert_eq!(states(&fake).await, ["terminated", "running"]);
    let xml = call(&fake, "DescribeInstances", &[("InstanceId.1", &ids[0])]).await.unwrap();
    assert!(xml.contains("<stateReason><code>Server.InternalError</code>"), "{xml}");
}

#[tokio::test]
async fn what_it_does_not_know_it_refuses() {
    let fake = FakeEc2::new(Settings::default());
    assert_eq!(refusal(&fake, "DescribeLaunchTemplates", &[]).await, "InvalidAction");
    assert_eq!(refusal(&fake, "DescribeVpcs", &[("Colour", "red")]).await, "UnknownParameter");
    let strange = launch(&fake, 1, &[("HibernationOptions.Configured", "true")]).await.unwrap_err();
    assert_eq!(strange.code, "UnknownParameter");
    let filter = [("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")];
    assert_eq!(refusal(&fake, "DescribeInstances", &filter).await, "InvalidParameterValue");
    assert!(fake.instances().is_empty());
}

#[tokio::test]
async fn every_call_is_counted() {
    let fake = FakeEc2::new(Settings::default());
    launch(&fake, 2, &[]).await.unwrap();
    fake.rule(Rule::on("DescribeVpcs").then(Fault::Reset));
    lost(&fake, "DescribeVpcs", &[]).await;
    states(&fake).await;
    fake.by_hand("StopInstances", &[("InstanceId.1", &fake.instances()[0].id)]).unwrap();
    let calls = fake.calls();
    assert_eq!(calls.to_string(), "1 DescribeImages, 1 DescribeInstances, 1 DescribeVpcs, 1 RunInstances");
    assert_eq!((calls.total(), calls.of("RunInstances"), calls.of("StopInstances")), (4, 1, 0));
    assert_eq!(fake.log()[1].parameters["MinCount"], "2");
    fake.forget_calls();
    assert_eq!(fake.calls().total(), 0);
}
