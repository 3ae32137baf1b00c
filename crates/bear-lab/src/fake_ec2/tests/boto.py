"""Drives the fake EC2 with boto3, and holds each of its answers against botocore's model of the API.

boto3 passes over elements that it does not know. Here these are errors, and so are values of the wrong type.
"""

import datetime
import sys
import xml.etree.ElementTree as Tree

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1vF5h0QFAXnKVwH4b0t7hVJ8vQvO2mN0pQx9bKcT3Y bear"
FLEET = {"Key": "bear:fleet", "Value": "team"}
PROBLEMS, CHECKED = [], {}


def check_shape(path, node, shape):
    """Notes everything in an element that its shape does not have."""
    if shape.type_name == "structure":
        members = {m.serialization.get("name", name): m for name, m in shape.members.items()}
        seen = set()
        for child in node:
            tag = child.tag.split("}")[-1]
            if tag in seen:
                PROBLEMS.append(f"{path}.{tag} comes twice")
            seen.add(tag)
            if tag in members:
                check_shape(f"{path}.{tag}", child, members[tag])
            elif tag not in ("requestId", "ResponseMetadata") and (path, tag) not in ACCEPTED:
                PROBLEMS.append(f"{path}.{tag} is not in the model")
    elif shape.type_name == "list":
        for child in node:
            if child.tag.split("}")[-1] != "item":
                PROBLEMS.append(f"{path} has {child.tag} for an item")
            check_shape(path + "[]", child, shape.member)
    else:
        check_value(path, node.text or "", shape)


# boto3's model has left these out, though EC2 answers them.
ACCEPTED = {
    ("CreateSecurityGroup", "return"),
    ("AssociateAddress", "return"),
    *((action, "return") for action in (
        "CreateTags", "DeleteTags", "ModifyInstanceAttribute", "ReleaseAddress", "DisassociateAddress", "RebootInstances")),
}


def check_value(path, text, shape):
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            int(text)
        elif kind in ("double", "float"):
            float(text)
        elif kind == "timestamp":
            datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
        elif kind == "boolean" and text not in ("true", "false"):
            raise ValueError(text)
        if getattr(shape, "enum", None) and text not in shape.enum:
            PROBLEMS.append(f"{path}: {text!r} is none of {shape.enum[:8]}")
    except ValueError:
        PROBLEMS.append(f"{path}: {text!r} is no {kind}")


def hook(client):
    def before_parse(operation_model, response_dict, **_):
        if response_dict["status_code"] != 200:
            return
        root = Tree.fromstring(response_dict["body"])
        name, shape = operation_model.name, operation_model.output_shape
        CHECKED[name] = CHECKED.get(name, 0) + 1
        wrapper = operation_model.output_shape and operation_model.output_shape.serialization.get("resultWrapper")
        if wrapper:
            root = next(child for child in root if child.tag.endswith(wrapper))
        if shape is not None:
            check_shape(name, root, shape)
        else:
            for child in root:
                tag = child.tag.split("}")[-1]
                if tag != "requestId" and (name, tag) not in ACCEPTED:
                    PROBLEMS.append(f"{name}.{tag} is not in the model")

    client.meta.events.register("before-parse.*", before_parse)
    return client


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"{call} was not refused with {code}")


def tagged(*kinds):
    return [{"ResourceType": kind, "Tags": [FLEET]} for kind in kinds]


def make_foundation(ec2):
    group = ec2.create_security_group(
        GroupName="bear", Description="of bear", TagSpecifications=tagged("security-group"))["GroupId"]
    port = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    members = {"IpProtocol": "tcp", "FromPort": 4370, "ToPort": 4370, "UserIdGroupPairs": [{"GroupId": group}]}
    ssh = {**port, "IpRanges": [{"CidrIp": "192.0.2.0/24", "Description": "operators"}],
           "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}
    rules = ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[ssh, members], TagSpecifications=tagged("security-group-rule"))
    assert len(rules["SecurityGroupRules"]) == 3 and rules["SecurityGroupRules"][2]["ReferencedGroupInfo"]["GroupId"] == group
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[{**port, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[{**port, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
    refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[ssh])
    anew = {**port, "IpRanges": [{"CidrIp": "192.0.2.0/24", "Description": "people"}]}
    assert ec2.update_security_group_rule_descriptions_ingress(GroupId=group, IpPermissions=[anew])["Return"]
    [told] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert told["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "192.0.2.0/24", "Description": "people"}], told
    assert ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[members])
    key = ec2.import_key_pair(KeyName="bear", PublicKeyMaterial=KEY, TagSpecifications=tagged("key-pair"))
    [told] = ec2.describe_key_pairs(KeyNames=["bear"], IncludePublicKey=True)["KeyPairs"]
    assert told["PublicKey"].encode() == KEY and told["KeyPairId"] == key["KeyPairId"] and told["Tags"] == [FLEET]
    return group


def find_image(ec2):
    pattern = "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*"
    images = ec2.describe_images(Owners=["099720109477"], Filters=[{"Name": "name", "Values": [pattern]}])["Images"]
    return max(images, key=lambda image: image["CreationDate"])["ImageId"]


def look_around(ec2):
    assert boto3.client("sts") and hook(boto3.client("sts")).get_caller_identity()["Account"] == "123456789012"
    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert {s["AvailabilityZone"] for s in subnets} == {z["ZoneName"] for z in zones}
    assert "eu-central-1" in {r["RegionName"] for r in ec2.describe_regions()["Regions"]}
    [kind] = ec2.describe_instance_types(InstanceTypes=["t3.small"])["InstanceTypes"]
    assert kind["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"] and kind["MemoryInfo"]["SizeInMiB"] == 2048
    assert len(list(ec2.get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 5}))) == 5
    offered = ec2.describe_instance_type_offerings(LocationType="availability-zone")["InstanceTypeOfferings"]
    assert {o["Location"] for o in offered} == {z["ZoneName"] for z in zones}
    refused("DryRunOperation", ec2.describe_vpcs, DryRun=True)


def launch_arguments(ec2, group, count):
    root = {"DeviceName": "/dev/sda1", "Ebs": {
        "VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True, "Iops": 3000, "Throughput": 125}}
    return dict(
        ImageId=find_image(ec2), InstanceType="t3.small", MinCount=count, MaxCount=count, ClientToken="bear-1",
        KeyName="bear", SecurityGroupIds=[group], UserData="#cloud-config\n", BlockDeviceMappings=[root],
        MetadataOptions={"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 2},
        IamInstanceProfile={"Name": "bear"}, InstanceMarketOptions={"MarketType": "spot"}, Monitoring={"Enabled": True},
        Placement={"AvailabilityZone": "eu-central-1b"}, TagSpecifications=tagged("instance", "volume"))


def live(ec2):
    look_around(ec2)
    group = make_foundation(ec2)
    arguments = launch_arguments(ec2, group, 12)
    launched = ec2.run_instances(**arguments)
    ids = [i["InstanceId"] for i in launched["Instances"]]
    assert [i["State"]["Name"] for i in launched["Instances"]] == ["pending"] * 12
    assert [i["InstanceId"] for i in ec2.run_instances(**arguments)["Instances"]] == ids
    refused("IdempotentParameterMismatch", ec2.run_instances, **{**arguments, "InstanceType": "t3.large"})
    ec2.get_waiter("instance_running").wait(InstanceIds=ids)
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=ids)
    mine = [{"Name": "tag:bear:fleet", "Values": ["team"]}]
    pages = list(ec2.get_paginator("describe_instances").paginate(Filters=mine, PaginationConfig={"PageSize": 5}))
    found = [i for p in pages for r in p["Reservations"] for i in r["Instances"]]
    assert len(pages) == 3 and [i["InstanceId"] for i in found] == ids
    assert found[0]["MetadataOptions"]["HttpTokens"] == "required" and found[0]["PublicIpAddress"].startswith("198.18.")
    [volume] = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": ids[:1]}])["Volumes"]
    assert volume["Encrypted"] and volume["Size"] == 20 and volume["Attachments"][0]["InstanceId"] == ids[0]
    told = ec2.describe_instance_attribute(InstanceId=ids[0], Attribute="userData")["UserData"]["Value"]
    assert told == "I2Nsb3VkLWNvbmZpZwo=", told
    ec2.describe_instance_attribute(InstanceId=ids[0], Attribute="groupSet")
    assert "Linux" in ec2.get_console_output(InstanceId=ids[0])["Output"]
    ec2.modify_instance_metadata_options(InstanceId=ids[0], HttpTokens="optional")
    ec2.reboot_instances(InstanceIds=ids[:2])
    refused("UnsupportedOperation", ec2.stop_instances, InstanceIds=ids[:1])
    change_by_hand(ec2, group)
    change_profile(ec2, ids[0])
    give_address(ec2, ids[0])
    end(ec2, group, mine)


def change_by_hand(ec2, group):
    [instance] = ec2.run_instances(
        ImageId=find_image(ec2), InstanceType="t3.small", MinCount=1, MaxCount=1,
        NetworkInterfaces=[{"DeviceIndex": 0, "AssociatePublicIpAddress": False, "Groups": [group],
                            "SubnetId": ec2.describe_subnets()["Subnets"][2]["SubnetId"]}],
        TagSpecifications=tagged("instance"))["Instances"]
    name = instance["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[name])
    assert ec2.stop_instances(InstanceIds=[name])["StoppingInstances"][0]["PreviousState"]["Name"] == "running"
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[name])
    ec2.modify_instance_attribute(InstanceId=name, InstanceType={"Value": "t3.large"})
    ec2.modify_instance_attribute(InstanceId=name, Groups=[group])
    ec2.start_instances(InstanceIds=[name])
    ec2.create_tags(Resources=[name], Tags=[{"Key": "Name", "Value": "by hand"}])
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [name]}])["Tags"][1]["ResourceType"] == "instance"
    ec2.delete_tags(Resources=[name], Tags=[{"Key": "Name"}])
    [told] = ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"]
    assert told["InstanceType"] == "t3.large" and told["Tags"] == [FLEET] and "PublicIpAddress" not in told


def change_profile(ec2, instance):
    of_instance = [{"Name": "instance-id", "Values": [instance]}]
    [had] = ec2.describe_iam_instance_profile_associations(Filters=of_instance)["IamInstanceProfileAssociations"]
    assert had["InstanceId"] == instance and had["State"] == "associated", had
    bear = {"Name": "bear"}
    refused("IncorrectState", ec2.associate_iam_instance_profile, InstanceId=instance, IamInstanceProfile=bear)
    ec2.replace_iam_instance_profile_association(AssociationId=had["AssociationId"], IamInstanceProfile=bear)
    ec2.disassociate_iam_instance_profile(AssociationId=had["AssociationId"])
    assert not ec2.describe_iam_instance_profile_associations(Filters=of_instance)["IamInstanceProfileAssociations"]
    ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile=bear)


def give_address(ec2, instance):
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))
    allocation = address["AllocationId"]
    association = ec2.associate_address(AllocationId=allocation, InstanceId=instance)["AssociationId"]
    [told] = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
    assert told["AssociationId"] == association and told["InstanceId"] == instance
    [told] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    assert told["NetworkInterfaces"][0]["Association"]["IpOwnerId"] == "123456789012", "elastic ones are the account's"
    ec2.disassociate_address(AssociationId=association)
    ec2.release_address(AllocationId=allocation)


def end(ec2, group, mine):
    reservations = ec2.describe_instances(Filters=mine)["Reservations"]
    ids = [i["InstanceId"] for r in reservations for i in r["Instances"]]
    refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
    ec2.terminate_instances(InstanceIds=ids)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=ids)
    ec2.describe_instances(InstanceIds=ids)
    ec2.describe_instance_status(InstanceIds=ids, IncludeAllInstances=True)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_key_pair(KeyName="bear")
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=[group])
    refused("InvalidInstanceID.NotFound", ec2.describe_instances, InstanceIds=["i-00000000000000000"])


def get_over_faults(ec2):
    """Six faults, one after the other, of which two come after the launch: it is made once all the same."""
    launched = ec2.run_instances(
        ImageId=find_image(ec2), InstanceType="t3.small", MinCount=2, MaxCount=2, ClientToken="bear-1")
    found = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    assert len(found) == 2 == len(launched["Instances"]), found


client = hook(boto3.client("ec2", config=Config(retries={"mode": "standard", "total_max_attempts": 8})))
{"life": live, "faults": get_over_faults}[sys.argv[1]](client)
print(f"{sum(CHECKED.values())} answers of {len(CHECKED)} actions were held against the model of boto3 {boto3.__version__}")
for problem in sorted(set(PROBLEMS)):
    print(problem)
sys.exit(bool(PROBLEMS))
