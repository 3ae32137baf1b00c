//! Instances: how they are described, changed, stopped and ended.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client::{all, call, launch, one, refusal, states};
use crate::fake_ec2::{Between, Delays, FakeEc2, Settings};

fn fake() -> FakeEc2 {
    FakeEc2::new(Settings::default())
}

#[tokio::test]
async fn an_instance_is_described_in_full() {
    let fake = fake();
    let launched = [
        ("Placement.AvailabilityZone", "eu-central-1b"),
        ("MetadataOptions.HttpTokens", "required"),
        ("IamInstanceProfile.Name", "bear"),
        ("InstanceMarketOptions.MarketType", "spot"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", "20"),
        ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "Name"),
        ("TagSpecification.1.Tag.1.Value", "<bär & honig>"),
        ("TagSpecification.2.ResourceType", "volume"),
        ("TagSpecification.2.Tag.1.Key", "of"),
        ("TagSpecification.2.Tag.1.Value", "bear"),
        ("ClientToken", "bear-1"),
    ];
    let [id] = launch(&fake, 1, &launched).await.unwrap().try_into().unwrap();
    let xml = call(&fake, "DescribeInstances", &[("InstanceId.1", &id)]).await.unwrap();
    for (name, expected) in [
        ("privateIpAddress", "10.77.1.4"),
        ("ipAddress", "198.18.0.4"),
        ("availabilityZone", "eu-central-1b"),
        ("httpTokens", "required"),
        ("instanceLifecycle", "spot"),
        ("clientToken", "bear-1"),
        ("value", "&lt;bär &amp; honig&gt;"),
        ("privateDnsName", "ip-10-77-1-4.eu-central-1.compute.internal"),
        ("dnsName", "ec2-198-18-0-4.eu-central-1.compute.amazonaws.com"),
    ] {
        assert_eq!(all(&xml, name)[0], expected, "{name}");
    }
    let volumes = [("Filter.1.Name", "attachment.instance-id"), ("Filter.1.Value.1", id.as_str())];
    let xml = call(&fake, "DescribeVolumes", &volumes).await.unwrap();
    assert_eq!([one(&xml, "size"), one(&xml, "encrypted"), one(&xml, "value")], ["20", "true", "bear"]);
    assert_eq!(fake.tagged("of", "bear"), [fake.volumes()[0].id.clone()]);
    fake.by_hand("TerminateInstances", &[("InstanceId.1", &id)]).unwrap();
    assert_eq!(fake.tagged("of", "bear"), [""; 0], "its disk ended with it");
}

#[tokio::test]
async fn addresses_come_from_the_subnet_and_are_not_soon_used_again() {
    let fake = fake();
    let place = [("Placement.AvailabilityZone", "eu-central-1a")];
    let first = launch(&fake, 3, &place).await.unwrap();
    fake.by_hand("TerminateInstances", &[("InstanceId.1", &first[0])]).unwrap();
    launch(&fake, 1, &place).await.unwrap();
    let addresses =
        fake.instances().iter().map(|instance| instance.private_ip.to_string()).collect::<Vec<_>>();
    assert_eq!(addresses, ["10.77.0.4", "10.77.0.5", "10.77.0.6", "10.77.0.7"]);
    let wanted = [("PrivateIpAddress", "10.77.0.100"), place[0]];
    launch(&fake, 1, &wanted).await.unwrap();
    assert_eq!(launch(&fake, 1, &wanted).await.unwrap_err().code, "InvalidIPAddress.InUse");
}

#[tokio::test]
async fn filters_choose() {
    let fake = fake();
    let tags = |name| {
        [
            ("TagSpecification.1.ResourceType", "instance"),
            ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", name),
        ]
    };
    let [one] = launch(&fake, 1, &tags("team-a-1")).await.unwrap().try_into().unwrap();
    let [two] = launch(&fake, 1, &tags("team-b-1")).await.unwrap().try_into().unwrap();
    fake.by_hand("StopInstances", &[("InstanceId.1", &two)]).unwrap();
    let both = vec![one.clone(), two.clone()];
    let cases = [
        (vec![("tag:Name", "team-?-1")], both.clone()),
        (vec![("tag:Name", "team-a*")], vec![one.clone()]),
        (vec![("tag-key", "Name"), ("instance-state-name", "stopped")], vec![two]),
        (vec![("tag:name", "*")], vec![]),
        (vec![("private-ip-address", "10.77.0.4")], vec![one]),
        (vec![("vpc-id", &fake.vpc())], both),
    ]
    .map(|(filters, expected)| {
        let named = filters.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        (named.collect::<Vec<_>>(), expected)
    });
    for (filters, expected) in cases {
        let mut parameters = Vec::new();
        for (index, (name, value)) in filters.iter().enumerate() {
            parameters.push((format!("Filter.{}.Name", index + 1), name.as_str()));
            parameters.push((format!("Filter.{}.Value.1", index + 1), value.as_str()));
        }
        let parameters = parameters.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>();
        let xml = call(&fake, "DescribeInstances", &parameters).await.unwrap();
        assert_eq!(all(&xml, "instanceId"), expected, "{filters:?}");
    }
    let many =
        (0..201).map(|index| (format!("Filter.1.Value.{index}"), index.to_string())).collect::<Vec<_>>();
    let many = many.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let many = [("Filter.1.Name", "instance-id")].into_iter().chain(many).collect::<Vec<_>>();
    assert_eq!(refusal(&fake, "DescribeInstances", &many).await, "FilterLimitExceeded");
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let fake = fake();
    let mut ids = launch(&fake, 7, &[]).await.unwrap();
    ids.extend(launch(&fake, 5, &[]).await.unwrap());
    let first = call(&fake, "DescribeInstances", &[("MaxResults", "5")]).await.unwrap();
    let mut seen = all(&first, "instanceId");
    launch(&fake, 1, &[]).await.unwrap();
    let mut token = all(&first, "nextToken");
    while let Some(next) = token.pop() {
        let page = [("MaxResults", "5"), ("NextToken", next.as_str())];
        let xml = call(&fake, "DescribeInstances", &page).await.unwrap();
        seen.extend(all(&xml, "instanceId"));
        token = all(&xml, "nextToken");
    }
    assert_eq!(seen, ids, "what came in between is not in pages that began before");
    for (page, expected) in [
        (vec![("MaxResults", "4")], "InvalidParameterValue"),
        (vec![("MaxResults", "1001")], "InvalidParameterValue"),
        (vec![("MaxResults", "5"), ("InstanceId.1", ids[0].as_str())], "InvalidParameterCombination"),
        (vec![("NextToken", "made-up")], "InvalidPaginationToken"),
    ] {
        assert_eq!(refusal(&fake, "DescribeInstances", &page).await, expected, "{page:?}");
    }
}

#[tokio::test]
async fn what_does_not_fit_the_state_is_refused() {
    let delays = Delays { pending: Between::secs(900, 900), ..Delays::default() };
    let slow = FakeEc2::new(Settings { delays, ..Settings::default() });
    let [pending] = launch(&slow, 1, &[]).await.unwrap().try_into().unwrap();
    for action in ["StopInstances", "RebootInstances"] {
        assert_eq!(refusal(&slow, action, &[("InstanceId.1", &pending)]).await, "IncorrectInstanceState");
    }
    let fake = fake();
    let [id] = launch(&fake, 1, &[]).await.unwrap().try_into().unwrap();
    let resize = [("InstanceId", id.as_str()), ("InstanceType.Value", "t3.large")];
    assert_eq!(refusal(&fake, "ModifyInstanceAttribute", &resize).await, "IncorrectInstanceState");
    call(&fake, "StopInstances", &[("InstanceId.1", &id)]).await.unwrap();
    call(&fake, "ModifyInstanceAttribute", &resize).await.unwrap();
    let other = [resize[0], ("InstanceType.Value", "t4g.large")];
    assert_eq!(refusal(&fake, "ModifyInstanceAttribute", &other).await, "InvalidParameterCombination");
    assert_eq!(fake.instance(&id).unwrap().instance_type, "t3.large");
    call(&fake, "StartInstances", &[("InstanceId.1", &id)]).await.unwrap();

    let protect = |yes| [("InstanceId", id.as_str()), ("DisableApiTermination.Value", yes)];
    call(&fake, "ModifyInstanceAttribute", &protect("true")).await.unwrap();
    assert_eq!(refusal(&fake, "TerminateInstances", &[("InstanceId.1", &id)]).await, "OperationNotPermitted");
    call(&fake, "ModifyInstanceAttribute", &protect("false")).await.unwrap();
    call(&fake, "TerminateInstances", &[("InstanceId.1", &id)]).await.unwrap();
    call(&fake, "TerminateInstances", &[("InstanceId.1", &id)]).await.unwrap();
    assert_eq!(refusal(&fake, "StartInstances", &[("InstanceId.1", &id)]).await, "IncorrectInstanceState");
    assert_eq!(states(&fake).await, ["terminated"]);

    let spot = launch(&fake, 1, &[("InstanceMarketOptions.MarketType", "spot")]).await.unwrap();
    states(&fake).await;
    assert_eq!(refusal(&fake, "StopInstances", &[("InstanceId.1", &spot[0])]).await, "UnsupportedOperation");
}

#[tokio::test]
async fn a_launch_is_checked_before_anything_is_made() {
    let fake = fake();
    let long = STANDARD.encode("x".repeat(16 * 1024 + 1));
    let cases = [
        (("ImageId", "ami-00000000000000000"), "InvalidAMIID.NotFound"),
        (("ImageId", "jammy"), "InvalidAMIID.Malformed"),
        (("InstanceType", "t3.colossal"), "InvalidParameterValue"),
        (("InstanceType", "t4g.small"), "InvalidParameterValue"),
        (("KeyName", "nobody"), "InvalidKeyPair.NotFound"),
        (("SecurityGroupId.1", "sg-00000000000000000"), "InvalidGroup.NotFound"),
        (("SubnetId", "subnet-00000000000000000"), "InvalidSubnetID.NotFound"),
        (("Placement.AvailabilityZone", "us-east-1a"), "InvalidParameterValue"),
        (("IamInstanceProfile.Name", "nobody"), "InvalidParameterValue"),
        (("MinCount", "2"), "InvalidParameterValue"),
        (("MaxCount", ""), "MissingParameter"),
        (("UserData", "no base64"), "InvalidParameterValue"),
        (("UserData", &long), "InvalidParameterValue"),
        (("TagSpecification.1.ResourceType", "vpc"), "InvalidParameterValue"),
    ];
    for (parameter, expected) in cases {
        assert_eq!(launch(&fake, 1, &[parameter]).await.unwrap_err().code, expected, "{parameter:?}");
    }
    assert!(fake.instances().is_empty());
    let nowhere = FakeEc2::new(Settings { default_vpc: false, ..Settings::default() });
    assert_eq!(launch(&nowhere, 1, &[]).await.unwrap_err().code, "VPCIdNotSpecified");
    launch(&nowhere, 1, &[("SubnetId", &nowhere.subnets()[0].0)]).await.unwrap();
    assert_eq!(nowhere.instances()[0].public_ip, None);
}

#[tokio::test]
async fn a_single_instance_tells_of_itself() {
    let fake = fake();
    let [id] = launch(&fake, 1, &[("UserData", "I2Nsb3VkLWNvbmZpZw==")]).await.unwrap().try_into().unwrap();
    let user_data = [("InstanceId", id.as_str()), ("Attribute", "userData")];
    let xml = call(&fake, "DescribeInstanceAttribute", &user_data).await.unwrap();
    assert_eq!(one(&one(&xml, "userData"), "value"), "I2Nsb3VkLWNvbmZpZw==");
    fake.set_console_output(&id, "Kernel panic");
    let xml = call(&fake, "GetConsoleOutput", &[("InstanceId", &id)]).await.unwrap();
    assert_eq!(one(&xml, "output"), STANDARD.encode("Kernel panic"));
    let tokens = [("InstanceId", id.as_str()), ("HttpTokens", "required")];
    call(&fake, "ModifyInstanceMetadataOptions", &tokens).await.unwrap();
    assert_eq!(fake.instance(&id).unwrap().metadata.tokens, "required");
    let xml = call(&fake, "DescribeInstanceStatus", &[]).await.unwrap();
    assert_eq!(all(&xml, "status"), ["ok", "passed", "ok", "passed"].map(str::to_owned));
}
