//! What EC2 does not let bear do, as people read it.

use bear_lab::fake_ec2::{Failure, Fault, Rule};

use crate::cloud::{APPLY, Cloud, FLEET, check_cloud, give_key};
use crate::support::{Outcome, Project};

/// Why the first of the instances was not made, or what they share; the others were not for the same reason.
fn why(outcome: &Outcome) -> String {
    let whys = outcome.stderr.split("\n\n").filter(|text| text.contains("error: could not"));
    whys.min().unwrap_or(&outcome.stderr).trim().to_owned()
}

/// An apply that fails before anything is made.
#[track_caller]
fn refused(cloud: &Cloud) -> Outcome {
    let outcome = cloud.bear(APPLY);
    assert_eq!(outcome.code(), 1, "{outcome}");
    assert_eq!(cloud.fake.alive().len(), 0);
    outcome
}

#[test]
fn no_credentials() {
    let project =
        Project::new().with("fleets/daily.yaml", FLEET).with_variable("AWS_EC2_METADATA_DISABLED", "true");
    let outcome = project.bear(APPLY);
    check_cloud!(why(&outcome), @"
    error: could not create the foundation: looking up the subnets in eu-central-1: there are no AWS credentials to be had: the credential provider was not enabled: no credentials found in chain
      bear::aws::no_credentials, after [SECONDS]
      help: log in as for the AWS CLI (`aws sso login`, `aws configure`, AWS_PROFILE), or name a `profile` under `provider: aws:`
      retry: bear apply fleets/daily.yaml
    ");
    assert_eq!(outcome.code(), 1);
}

#[test]
fn another_region_than_that_of_the_credentials() {
    let cloud = Cloud::of(&FLEET.replace("eu-central-1", "eu-west-9"));
    check_cloud!(why(&refused(&cloud)), @"
    error: could not create the foundation: looking up the subnets in eu-west-9: EC2 does not accept these AWS credentials: AWS was not able to validate the provided access credentials (AuthFailure)
      bear::aws::credentials_refused, after [SECONDS]
      help: look with `aws sts get-caller-identity` whose they are; credentials are not accepted in a region that the account has not enabled either: is `eu-west-9` the right one?
      retry: bear apply fleets/daily.yaml
    ");
}

#[test]
fn expired_credentials() {
    let cloud = Cloud::new();
    cloud.fake.expire_credentials();
    check_cloud!(why(&refused(&cloud)), @"
    error: could not create the foundation: looking up the subnets in eu-central-1: the AWS credentials have expired (RequestExpired)
      bear::aws::expired, after [SECONDS]
      help: log in again, for example with `aws sso login`, and do the same again: nothing is done twice
      retry: bear apply fleets/daily.yaml
    ");
    cloud.fake.renew_credentials();
    cloud.made();
}

#[test]
fn an_unknown_image_and_an_unknown_type() {
    let unknown = FLEET.replace("image: ubuntu-22.04", "image: ami-0123456789abcdef0");
    check_cloud!(why(&refused(&Cloud::of(&unknown))), @"
    error: could not create daily-emqx-1 and 2 more: looking up the image ami-[ID] in eu-central-1: The image id '[ami-[ID]]' does not exist (InvalidAMIID.NotFound)
      bear::aws::unknown_image, after [SECONDS]
      help: images have other ids in every region; `image: ubuntu-22.04` finds the right one by itself
      retry: bear apply fleets/daily.yaml --only daily-emqx-1 --only daily-emqx-2 --only daily-emqx-3
    ");
    let unknown = FLEET.replace("t3.small", "t3.teapot");
    check_cloud!(why(&refused(&Cloud::of(&unknown))), @"
    error: could not create daily-emqx-1 and 2 more: looking up the type t3.teapot in eu-central-1: The following supplied instance types do not exist: [t3.teapot] (InvalidInstanceType)
      bear::aws::unknown_type, after [SECONDS]
      help: `aws ec2 describe-instance-type-offerings` lists the types of a region
      retry: bear apply fleets/daily.yaml --only daily-emqx-1 --only daily-emqx-2 --only daily-emqx-3
    ");
}

#[test]
fn what_the_credentials_may_not_do() {
    let cloud = Cloud::new();
    cloud.fake.deny("ec2:RunInstances");
    check_cloud!(why(&refused(&cloud)), @"
    error: could not create daily-emqx-1 and 2 more: launching a t3.small in eu-central-1: these AWS credentials may not ec2:RunInstances (UnauthorizedOperation)
      bear::aws::denied, after [SECONDS]
      help: allow `ec2:RunInstances`; docs/aws-iam-policy.json has all that bear needs, and `bear doctor` checks it
      retry: bear apply fleets/daily.yaml --only daily-emqx-1 --only daily-emqx-2 --only daily-emqx-3
    ");
    // Nothing was made, and nothing is recorded as if it might have been.
    check_cloud!(cloud.bear("plan fleets/daily.yaml").ok().stdout, @"
    Fleet daily

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
    cloud.fake.allow("ec2:RunInstances");
    cloud.fake.deny("ec2:DescribeInstances");
    check_cloud!(cloud.bear("plan fleets/daily.yaml"), @"
    exit status: 1
    ----- stderr -----
    bear::observe

      × could not look at the machines of the fleet
      ╰─▶ looking at the machines in eu-central-1: these AWS credentials may not ec2:DescribeInstances (UnauthorizedOperation)
      help: allow `ec2:DescribeInstances`; docs/aws-iam-policy.json has all that bear needs, and `bear doctor` checks it; `bear plan --offline` plans from what is recorded
    ");
    cloud.fake.allow("ec2:DescribeInstances");
    cloud.made();
}

#[test]
fn no_room_and_no_quota() {
    let cloud = Cloud::new();
    for zone in ["a", "b", "c"] {
        cloud.fake.set_capacity(&format!("eu-central-1{zone}"), Some(0));
    }
    check_cloud!(why(&refused(&cloud)), @"
    error: could not create daily-emqx-1: launching a t3.small in eu-central-1: We currently do not have sufficient capacity in the Availability Zone you requested (eu-central-1a). Our system will be working on provisioning additional capacity (InsufficientInstanceCapacity)
      bear::aws::no_capacity, after [SECONDS]
      help: try again later, choose another type under `machine:`, or name subnets in more zones
      retry: bear apply fleets/daily.yaml --only daily-emqx-1
    ");
    for zone in ["b", "c"] {
        cloud.fake.set_capacity(&format!("eu-central-1{zone}"), None);
    }
    let told = cloud.bear(&format!("{APPLY} --verbose"));
    assert_eq!(cloud.fake.alive().len(), 3, "{told}");
    assert!(told.stderr.contains("eu-central-1a has no room for t3.small: trying the next zone"), "{told}");
    let cloud = Cloud::new();
    cloud.fake.rule(Rule::on("RunInstances").then(Fault::Fails(Failure::vcpu_limit())));
    check_cloud!(why(&refused(&cloud)), @"
    error: could not create daily-emqx-1 and 2 more: launching a t3.small in eu-central-1: You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that the specified instance type belongs to (VcpuLimitExceeded)
      bear::aws::quota, after [SECONDS]
      help: the account may not have so many: ask for more under Service Quotas in the AWS console (EC2), or make the fleet smaller
      retry: bear apply fleets/daily.yaml --only daily-emqx-1 --only daily-emqx-2 --only daily-emqx-3
    ");
}

#[test]
fn no_key_to_log_in_with() {
    let cloud = Cloud::new();
    std::fs::remove_file(cloud.project.path("../.ssh/id_ed25519.pub")).unwrap();
    check_cloud!(why(&refused(&cloud)), @"
    error: could not create the foundation: importing the key pair bear-daily-[LINEAGE] in eu-central-1: there is no public key to import
      bear::aws::no_public_key, after [SECONDS]
      help: make one with `ssh-keygen -t ed25519`, or name another under `provider: aws: identity:`, or a `key_pair` that EC2 has
      retry: bear apply fleets/daily.yaml
    ");
    give_key(&cloud.project, "not a key");
    check_cloud!(why(&refused(&cloud)), @"
    error: could not create the foundation: importing the key pair bear-daily-[LINEAGE] in eu-central-1: Key is not in valid OpenSSH public key format (InvalidKey.Format)
      bear::aws::key_format, after [SECONDS]
      help: EC2 takes ed25519 and RSA keys only: `ssh-keygen -t ed25519`, then name it under `provider: aws: identity:`
      retry: bear apply fleets/daily.yaml
    ");
}

#[test]
fn throttling_is_told_and_put_up_with() {
    let cloud = Cloud::new();
    cloud.fake.rule(Rule::on("RunInstances").times(2).then(Fault::Fails(Failure::throttled())));
    let told = cloud.bear(APPLY);
    assert_eq!(cloud.fake.alive().len(), 3, "{told}");
    assert!(told.stderr.contains("EC2 asks to slow down (RunInstances): next request in "), "{told}");
}
