//! What the instances of a fleet share, and what AWS offers to all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client::{all, call, launch, one, refusal};
use crate::fake_ec2::{COPYCAT, FakeEc2, NewImage, Quotas, Settings};

/// A key that nobody has the private half of.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1vF5h0QFAXnKVwH4b0t7hVJ8vQvO2mN0pQx9bKcT3Y bear";

fn fake() -> FakeEc2 {
    FakeEc2::new(Settings::default())
}

async fn group(fake: &FakeEc2, name: &str) -> String {
    let group = [("GroupName", name), ("GroupDescription", "of bear")];
    one(&call(fake, "CreateSecurityGroup", &group).await.unwrap(), "groupId")
}

#[tokio::test]
async fn rules_are_made_and_taken_back_one_by_one() {
    let fake = fake();
    let id = group(&fake, "bear").await;
    let rules = [
        ("GroupId", id.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "22"),
        ("IpPermissions.1.ToPort", "22"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "192.0.2.7/24"),
        ("IpPermissions.1.IpRanges.1.Description", "operators"),
        ("IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "2001:db8::/32"),
        ("IpPermissions.2.IpProtocol", "tcp"),
        ("IpPermissions.2.FromPort", "4370"),
        ("IpPermissions.2.ToPort", "4370"),
        ("IpPermissions.2.Groups.1.GroupId", id.as_str()),
    ];
    let made = call(&fake, "AuthorizeSecurityGroupIngress", &rules).await.unwrap();
    let ids = all(&made, "securityGroupRuleId");
    assert_eq!((ids.len(), one(&made, "cidrIpv4")), (3, "192.0.2.0/24".to_owned()));
    assert_eq!(refusal(&fake, "AuthorizeSecurityGroupIngress", &rules).await, "InvalidPermission.Duplicate");
    let xml = call(&fake, "DescribeSecurityGroups", &[("GroupId.1", &id)]).await.unwrap();
    let ingress = one(&xml, "ipPermissions");
    let told = |name| all(&ingress, name);
    assert_eq!(told("fromPort"), ["22", "4370"]);
    assert_eq!(
        (told("cidrIp"), told("cidrIpv6")),
        (vec!["192.0.2.0/24".to_owned()], vec!["2001:db8::/32".to_owned()])
    );
    assert_eq!((told("description"), told("groupId")), (vec!["operators".to_owned()], vec![id.clone()]));
    assert_eq!(one(&one(&xml, "ipPermissionsEgress"), "cidrIp"), "0.0.0.0/0");

    let by_id = [("GroupId", id.as_str()), ("SecurityGroupRuleId.1", ids[0].as_str())];
    call(&fake, "RevokeSecurityGroupIngress", &by_id).await.unwrap();
    let cluster = [rules[0], rules[7], rules[8], rules[9], rules[10]]
        .map(|(name, value)| (name.replace("IpPermissions.2", "IpPermissions.1"), value));
    let cluster = cluster.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>();
    call(&fake, "RevokeSecurityGroupIngress", &cluster).await.unwrap();
    assert_eq!(refusal(&fake, "RevokeSecurityGroupIngress", &cluster).await, "InvalidPermission.NotFound");
    let filter = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", id.as_str())];
    let left = call(&fake, "DescribeSecurityGroupRules", &filter).await.unwrap();
    assert_eq!(all(&left, "isEgress"), ["true", "false"]);
    assert_eq!(one(&left, "cidrIpv6"), "2001:db8::/32");
}

#[tokio::test]
async fn a_group_that_is_needed_stays() {
    let fake = fake();
    let (used, other) = (group(&fake, "used").await, group(&fake, "other").await);
    let duplicate = [("GroupName", "used"), ("GroupDescription", "again")];
    assert_eq!(refusal(&fake, "CreateSecurityGroup", &duplicate).await, "InvalidGroup.Duplicate");
    let from_used = [
        ("GroupId", other.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.Groups.1.GroupId", &used),
    ];
    call(&fake, "AuthorizeSecurityGroupIngress", &from_used).await.unwrap();
    let [id] = launch(&fake, 1, &[("SecurityGroupId.1", &used)]).await.unwrap().try_into().unwrap();
    let delete = async |group: &str| {
        call(&fake, "DeleteSecurityGroup", &[("GroupId", group)])
            .await
            .map(|_| ())
            .map_err(|failure| failure.code)
    };
    let needed = Err("DependencyViolation".to_owned());
    assert_eq!(delete(&used).await, needed);
    fake.by_hand("TerminateInstances", &[("InstanceId.1", &id)]).unwrap();
    assert_eq!(delete(&used).await, needed, "a rule of another group names it");
    delete(&other).await.unwrap();
    delete(&used).await.unwrap();
    assert_eq!(delete(&used).await, Err("InvalidGroup.NotFound".to_owned()));
    let default = fake.security_groups()[0].id.clone();
    assert_eq!(delete(&default).await, Err("CannotDelete".to_owned()));
}

#[tokio::test]
async fn keys_are_imported_once() {
    let fake = fake();
    let key = STANDARD.encode(KEY);
    let import = [("KeyName", "bear"), ("PublicKeyMaterial", key.as_str())];
    let made = call(&fake, "ImportKeyPair", &import).await.unwrap();
    assert_eq!(refusal(&fake, "ImportKeyPair", &import).await, "InvalidKeyPair.Duplicate");
    let garbage = [("KeyName", "other"), ("PublicKeyMaterial", "Z2FyYmFnZQ==")];
    assert_eq!(refusal(&fake, "ImportKeyPair", &garbage).await, "InvalidKey.Format");
    let xml = call(&fake, "DescribeKeyPairs", &[("KeyName.1", "bear"), ("IncludePublicKey", "true")])
        .await
        .unwrap();
    assert_eq!((one(&xml, "publicKey"), one(&xml, "keyType")), (KEY.to_owned(), "ed25519".to_owned()));
    assert_eq!(one(&xml, "keyFingerprint"), one(&made, "keyFingerprint"));
    launch(&fake, 1, &[("KeyName", "bear")]).await.unwrap();
    assert_eq!(fake.instances()[0].key_name.as_deref(), Some("bear"));
    for _ in 0..2 {
        call(&fake, "DeleteKeyPair", &[("KeyName", "bear")]).await.unwrap();
    }
    assert_eq!(refusal(&fake, "DescribeKeyPairs", &[("KeyName.1", "bear")]).await, "InvalidKeyPair.NotFound");
}

#[tokio::test]
async fn an_elastic_address_moves_with_leave_only() {
    let quotas = Quotas { addresses: 1, ..Quotas::default() };
    let fake = FakeEc2::new(Settings { quotas, ..Settings::default() });
    let made = call(&fake, "AllocateAddress", &[("Domain", "vpc")]).await.unwrap();
    assert_eq!(refusal(&fake, "AllocateAddress", &[]).await, "AddressLimitExceeded");
    let allocation = one(&made, "allocationId");
    let ids = launch(&fake, 2, &[]).await.unwrap();
    let to = |instance| [("AllocationId", allocation.as_str()), ("InstanceId", instance)];
    let association = one(&call(&fake, "AssociateAddress", &to(&ids[0])).await.unwrap(), "associationId");
    let again = one(&call(&fake, "AssociateAddress", &to(&ids[0])).await.unwrap(), "associationId");
    assert_eq!(association, again);
    assert_eq!(refusal(&fake, "AssociateAddress", &to(&ids[1])).await, "Resource.AlreadyAssociated");
    assert_eq!(
        refusal(&fake, "ReleaseAddress", &[("AllocationId", &allocation)]).await,
        "InvalidIPAddress.InUse"
    );
    let ip = one(&made, "publicIp");
    let address = |id: &str| fake.instance(id).unwrap().public_ip.map(|ip| ip.to_string());
    assert_eq!(address(&ids[0]), Some(ip.clone()));
    let moved = [to(&ids[1])[0], to(&ids[1])[1], ("AllowReassociation", "true")];
    let association = one(&call(&fake, "AssociateAddress", &moved).await.unwrap(), "associationId");
    assert_eq!((address(&ids[0]), address(&ids[1])), (None, Some(ip.clone())));
    fake.by_hand("StopInstances", &[("InstanceId.1", &ids[1])]).unwrap();
    assert_eq!(address(&ids[1]), Some(ip), "it stays with an instance that has stopped");
    call(&fake, "DisassociateAddress", &[("AssociationId", &association)]).await.unwrap();
    call(&fake, "ReleaseAddress", &[("AllocationId", &allocation)]).await.unwrap();
    let gone = refusal(&fake, "DescribeAddresses", &[("AllocationId.1", &allocation)]).await;
    assert_eq!(gone, "InvalidAllocationID.NotFound");
}

#[tokio::test]
async fn tags_come_and_go() {
    let fake = fake();
    let id = group(&fake, "bear").await;
    let both = [("ResourceId.1", id.as_str()), ("Tag.1.Key", "a"), ("Tag.1.Value", "1"), ("Tag.2.Key", "b")];
    call(&fake, "CreateTags", &both).await.unwrap();
    assert_eq!(
        fake.tags(&id).into_iter().collect::<Vec<_>>(),
        [("a", "1"), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
    let filter = [("Filter.1.Name", "resource-type"), ("Filter.1.Value.1", "security-group")];
    assert_eq!(all(&call(&fake, "DescribeTags", &filter).await.unwrap(), "key"), ["a", "b"]);
    let empty_value = [both[0], both[1], ("Tag.1.Value", "")];
    call(&fake, "DeleteTags", &empty_value).await.unwrap();
    let other_value = [both[0], both[1], ("Tag.1.Value", "2")];
    call(&fake, "DeleteTags", &other_value).await.unwrap();
    assert_eq!(fake.tags(&id).len(), 2);
    call(&fake, "DeleteTags", &both[..2]).await.unwrap();
    assert_eq!(fake.tags(&id).len(), 1);
    let nobody = [("ResourceId.1", "i-00000000000000000"), both[1]];
    assert_eq!(refusal(&fake, "CreateTags", &nobody).await, "InvalidInstanceID.NotFound");
    assert_eq!(
        refusal(&fake, "CreateTags", &[both[0], ("Tag.1.Key", "aws:x")]).await,
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn images_have_copies_that_are_not_meant() {
    let fake = fake();
    let name = "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-*-server-*";
    let find = async |more: &[(&str, &str)]| {
        let mut filter = vec![("Filter.1.Name", "name"), ("Filter.1.Value.1", name)];
        filter.extend(more);
        call(&fake, "DescribeImages", &filter).await.unwrap()
    };
    let canonical =
        [("Owner.1", "099720109477"), ("Filter.2.Name", "architecture"), ("Filter.2.Value.1", "arm64")];
    let found = find(&canonical).await;
    let dates = ["2024-03-01", "2024-09-27", "2025-01-15"].map(|date| format!("{date}T04:30:12.000Z"));
    assert_eq!(all(&found, "creationDate"), dates);
    assert!(all(&find(&[]).await, "imageOwnerId").contains(&COPYCAT.to_owned()), "whoever forgets the owner");
    let id = fake.add_image(NewImage::ubuntu("jammy-22.04", "arm64", "20250601"));
    assert!(all(&find(&canonical).await, "imageId").contains(&id));
    let other = FakeEc2::new(Settings { region: "us-east-1".to_owned(), ..Settings::default() });
    let ids = |fake: &FakeEc2| fake.by_hand("DescribeImages", &[]).map(|xml| all(&xml, "imageId")).unwrap();
    assert!(ids(&other).iter().all(|id| !ids(&fake).contains(id)), "a region has its own");
}

#[tokio::test]
async fn places_and_types_are_told() {
    let fake = fake();
    let told = async |action, parameters: &[(&str, &str)], name| {
        all(&call(&fake, action, parameters).await.unwrap(), name)
    };
    assert_eq!(told("DescribeAvailabilityZones", &[], "zoneId").await, ["euc1-az1", "euc1-az2", "euc1-az3"]);
    assert_eq!(told("DescribeVpcs", &[], "cidrBlock").await[0], "10.77.0.0/22");
    let default = [("Filter.1.Name", "default-for-az"), ("Filter.1.Value.1", "true")];
    assert_eq!(told("DescribeSubnets", &default, "availableIpAddressCount").await, ["251", "251", "251"]);
    assert!(told("DescribeRegions", &[], "regionName").await.contains(&"eu-central-1".to_owned()));
    let kind = [("InstanceType.1", "t4g.small")];
    assert_eq!(told("DescribeInstanceTypes", &kind, "item").await[2..].last().unwrap(), "arm64");
    let unknown = [("InstanceType.1", "t3.small"), ("InstanceType.2", "t3.colossal")];
    assert_eq!(refusal(&fake, "DescribeInstanceTypes", &unknown).await, "InvalidInstanceType");
    let zones = [
        ("LocationType", "availability-zone"),
        ("Filter.1.Name", "instance-type"),
        ("Filter.1.Value.1", "t3.small"),
    ];
    assert_eq!(told("DescribeInstanceTypeOfferings", &zones, "location").await.len(), 3);
    assert_eq!(told("GetCallerIdentity", &[], "Arn").await, ["arn:aws:iam::123456789012:user/bear"]);
}
