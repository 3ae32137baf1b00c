//! `bear doctor`: whether the credentials allow what bear does.

use crate::cloud::{Cloud, FLEET, check_cloud};
use crate::support::Outcome;

/// What it says of EC2.
fn of_ec2(outcome: &Outcome) -> String {
    let lines = outcome.stdout.lines().skip_while(|line| !line.contains("  aws "));
    let lines = lines
        .enumerate()
        .take_while(|(index, line)| *index == 0 || line.starts_with("      ") || line.contains("  aws "));
    lines.map(|(_, line)| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn it_tries_every_action_without_doing_any() {
    let cloud = Cloud::new();
    let told = cloud.bear("doctor fleets/daily.yaml");
    check_cloud!(of_ec2(&told), @"  ok  aws         eu-central-1: all 25 actions are allowed");
    assert!(
        cloud.fake.log().iter().all(|call| call.parameters.get("DryRun").is_some_and(|dry| dry == "true"))
    );
    assert_eq!((cloud.fake.instances().len(), cloud.tagged().len()), (0, 0));
    assert!(!cloud.project.path(".bear/daily").exists());

    cloud.fake.deny("ec2:TerminateInstances");
    cloud.fake.deny("ec2:CreateTags");
    let told = cloud.bear("doctor fleets/daily.yaml");
    check_cloud!(of_ec2(&told), @"
    FAIL  aws         eu-central-1: not allowed: ec2:CreateTags, ec2:RunInstances, ec2:TerminateInstances
                      help: docs/aws-iam-policy.json lists what bear needs
    ");
    assert_eq!(told.code(), 1, "{told}");
}

#[test]
fn what_can_not_be_tried_is_told_where_it_is_needed() {
    let cloud = Cloud::of(&FLEET.replace("disk: 20 GiB", "disk: 20 GiB, iam_profile: bear"));
    check_cloud!(of_ec2(&cloud.bear("doctor fleets/daily.yaml")), @"
    warn  aws         eu-central-1: EC2 does not say whether ec2:AssociateIamInstanceProfile, ec2:DescribeIamInstanceProfileAssociations, ec2:DisassociateIamInstanceProfile, ec2:ReplaceIamInstanceProfileAssociation, iam:PassRole is allowed
                      help: docs/aws-iam-policy.json lists what bear needs
    ");
}

#[test]
fn credentials_that_are_not_accepted() {
    let cloud = Cloud::new();
    cloud.fake.expire_credentials();
    let told = cloud.bear("doctor fleets/daily.yaml");
    check_cloud!(of_ec2(&told), @"
    FAIL  aws         eu-central-1: trying what the credentials may do in eu-central-1: the AWS credentials have expired (RequestExpired)
                      help: log in again, for example with `aws sso login`, and do the same again: nothing is done twice
    ");
    cloud.go_down();
    let told = cloud.bear("doctor fleets/daily.yaml");
    check_cloud!(of_ec2(&told), @"
    FAIL  aws         eu-central-1: trying what the credentials may do in eu-central-1: no answer from EC2 (AllocateAddress) in [SECONDS] s: connection refused (os error 111)
                      help: is `eu-central-1` the region, is the network up, and does a proxy (HTTPS_PROXY) or AWS_ENDPOINT_URL point elsewhere? Once EC2 answers, do the same again: nothing is done twice
    ");
}
