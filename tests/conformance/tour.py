"""Calls every operation of the simulated AWS at least once, most with something in the answer."""

from captures.lab import A, B
from tour_iam import role_changes, roles, users


def images(lab):
    ec2, theirs = lab.client("ec2"), lab.client("ec2", B)
    key = lab.trusting_key()
    snapshot = lab.snapshot(
        key, TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "k", "Value": "v"}]}]
    )
    image = lab.image(snapshot)
    ec2.create_tags(Resources=[image], Tags=[{"Key": "team", "Value": "a"}])
    ec2.delete_tags(Resources=[image], Tags=[{"Key": "team"}])
    ec2.create_tags(Resources=[image], Tags=[{"Key": "team", "Value": "a"}])
    lab.share_image(image, B)
    lab.share_snapshot(snapshot, B)
    ec2.modify_image_attribute(ImageId=image, Description={"Value": "a description"})
    ec2.modify_image_attribute(ImageId=image, ImdsSupport={"Value": "v2.0"})
    for attribute in [
        "launchPermission",
        "description",
        "imdsSupport",
        "deregistrationProtection",
        "bootMode",
    ]:
        ec2.describe_image_attribute(ImageId=image, Attribute=attribute)
    for attribute in [
        "kernel",
        "ramdisk",
        "sriovNetSupport",
        "tpmSupport",
        "uefiData",
        "lastLaunchedTime",
    ]:
        ec2.describe_image_attribute(ImageId=image, Attribute=attribute)
    ec2.describe_image_attribute(ImageId=image, Attribute="productCodes")
    ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="productCodes")
    ec2.enable_image_deprecation(ImageId=image, DeprecateAt="2030-01-01T00:00:00Z")
    ec2.enable_image_deregistration_protection(ImageId=image)
    ec2.describe_images(ImageIds=[image])
    theirs.describe_images(ExecutableUsers=["self"])
    theirs.cancel_image_launch_permission(ImageId=image)
    lab.share_image(image, B)
    ec2.describe_images(Owners=["self"], MaxResults=5)
    ec2.disable_image_deregistration_protection(ImageId=image)
    ec2.disable_image_deprecation(ImageId=image)
    own = lab.key(B)
    copy = theirs.copy_image(
        SourceImageId=image,
        SourceRegion="us-east-1",
        Name="a copy",
        Encrypted=True,
        KmsKeyId=own,
        CopyImageTags=True,
    )["ImageId"]
    theirs.describe_images(ImageIds=[copy])
    theirs.describe_snapshots(OwnerIds=["self"], MaxResults=5)
    ec2.reset_image_attribute(ImageId=image, Attribute="launchPermission")
    ec2.reset_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    ec2.disable_image(ImageId=image)
    ec2.modify_snapshot_tier(SnapshotId=snapshot, StorageTier="archive")
    ec2.restore_snapshot_tier(SnapshotId=snapshot, PermanentRestore=True)
    ec2.enable_image(ImageId=image)
    ec2.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=1)
    ec2.describe_locked_snapshots(SnapshotIds=[snapshot])
    ec2.unlock_snapshot(SnapshotId=snapshot)
    ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    ec2.delete_snapshot(SnapshotId=lab.snapshot())


def launches(lab):
    ec2 = lab.client("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "k", "Value": "v"}]}]
    encrypted = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": lab.key()}}
    group = ec2.create_security_group(
        GroupName=lab.unique("group"),
        Description="a group",
        TagSpecifications=[
            {"ResourceType": "security-group", "Tags": [{"Key": "k", "Value": "v"}]}
        ],
    )["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8"
    )
    anything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[anything])
    ec2.describe_security_groups(GroupIds=[group])
    pair = ec2.create_key_pair(KeyName=lab.unique("pair"))["KeyName"]
    launched = ec2.run_instances(
        ImageId=lab.ready["images"]["public"],
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.micro",
        SecurityGroupIds=[group],
        KeyName=pair,
        BlockDeviceMappings=[encrypted],
        TagSpecifications=tags,
    )
    instance = launched["Instances"][0]["InstanceId"]
    ec2.describe_instances(InstanceIds=[instance])
    volume = ec2.describe_volumes(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance]}]
    )["Volumes"][0]
    ec2.create_snapshot(VolumeId=volume["VolumeId"], Description="by hand")
    ec2.stop_instances(InstanceIds=[instance])
    ec2.describe_instances(InstanceIds=[instance])
    made = ec2.create_image(InstanceId=instance, Name=lab.unique("created"))["ImageId"]
    ec2.describe_images(ImageIds=[made])
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.delete_security_group(GroupId=group)
    ec2.delete_key_pair(KeyName=pair)
    network(ec2)
    refused = lab.session(
        A, policy={"Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}
    )
    theirs = lab.client("ec2", keys=refused)
    dead = theirs.run_instances(
        ImageId=lab.ready["images"]["public"],
        MinCount=1,
        MaxCount=1,
        BlockDeviceMappings=[encrypted],
    )
    ec2.describe_instances(InstanceIds=[dead["Instances"][0]["InstanceId"]])


def network(ec2):
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0][
        "VpcId"
    ]
    subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0][
        "SubnetId"
    ]
    assert subnet.startswith("subnet-")
    group = ec2.create_security_group(GroupName="tour", Description="of the tour", VpcId=vpc)[
        "GroupId"
    ]
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=shown["IpPermissionsEgress"])
    ec2.delete_security_group(GroupId=group)
    ec2.describe_instance_types(InstanceTypes=["t3.nano"])
    offered = ec2.describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": ["t3.nano"]}],
    )
    assert len(offered["InstanceTypeOfferings"]) == 3


def settings(lab):
    ec2 = lab.client("ec2", B, "eu-west-1")
    ec2.describe_regions(AllRegions=True)
    ec2.get_ebs_default_kms_key_id()
    ec2.modify_ebs_default_kms_key_id(KmsKeyId=lab.key(B, region="eu-west-1"))
    ec2.reset_ebs_default_kms_key_id()
    ec2.enable_ebs_encryption_by_default()
    ec2.get_ebs_encryption_by_default()
    ec2.disable_ebs_encryption_by_default()
    ec2.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
    ec2.get_image_block_public_access_state()
    ec2.disable_image_block_public_access()
    ec2.enable_snapshot_block_public_access(State="block-all-sharing")
    ec2.get_snapshot_block_public_access_state()
    ec2.disable_snapshot_block_public_access()
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")
    ec2.replace_image_criteria_in_allowed_images_settings(ImageCriteria=[{"ImageProviders": [A]}])
    ec2.get_allowed_images_settings()
    ec2.disable_allowed_images_settings()


def marks_and_usage(lab):
    ec2, image = lab.client("ec2"), lab.image(lab.snapshot())
    key = ec2.attach_image_watermark(ImageId=image, WatermarkName="approved")["WatermarkKey"]
    ec2.detach_image_watermark(ImageId=image, WatermarkKey=key)
    types = [{"ResourceType": "ec2:Instance"}, {"ResourceType": "ec2:LaunchTemplate"}]
    report = ec2.create_image_usage_report(ImageId=image, ResourceTypes=types)["ReportId"]
    ec2.describe_image_usage_reports(ImageIds=[image])
    ec2.describe_image_usage_report_entries(ReportIds=[report])
    ec2.delete_image_usage_report(ReportId=report)
    ec2.describe_image_references(ImageIds=[image], IncludeAllResourceTypes=True)


def keys(lab):
    kms = lab.client("kms")
    key = kms.create_key(Description="a key")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/tour", TargetKeyId=key)
    kms.list_aliases(KeyId=key)
    kms.list_keys()
    kms.list_key_policies(KeyId=key)
    kms.update_key_description(KeyId=key, Description="the key of a tour")
    kms.describe_key(KeyId="alias/tour")
    kms.describe_key(KeyId="alias/aws/ebs")
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    blob = kms.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == b"text"
    kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "b"}, DestinationKeyId=key)
    kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=64)
    named = {
        "KeyId": key,
        "GranteePrincipal": f"arn:aws:iam::{B}:root",
        "Operations": ["Decrypt"],
        "Name": "tour",
    }
    bound = {"Constraints": {"EncryptionContextSubset": {"a": "b"}}}
    first = kms.create_grant(**named, **bound, RetiringPrincipal=f"arn:aws:iam::{A}:root")
    second = kms.create_grant(**named)
    kms.list_grants(KeyId=key, Limit=1)
    kms.revoke_grant(KeyId=key, GrantId=second["GrantId"])
    kms.retire_grant(GrantToken=first["GrantToken"])
    kms.disable_key(KeyId=key)
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.describe_key(KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    kms.delete_alias(AliasName="alias/tour")


def key_changes(lab):
    kms = lab.client("kms")
    key = kms.create_key(MultiRegion=True, Tags=[{"TagKey": "k", "TagValue": "v"}])
    key = {"KeyId": key["KeyMetadata"]["KeyId"]}
    kms.replicate_key(**key, ReplicaRegion="us-west-2")
    kms.describe_key(**key)
    there = lab.client("kms", region="us-west-2")
    lab.wait(lambda: there.describe_key(**key)["KeyMetadata"]["Enabled"])
    kms.tag_resource(**key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    kms.list_resource_tags(**key)
    kms.untag_resource(**key, TagKeys=["a"])
    kms.enable_key_rotation(**key)
    kms.get_key_rotation_status(**key)
    kms.disable_key_rotation(**key)
    kms.rotate_key_on_demand(**key)
    kms.list_key_rotations(**key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    root = f"arn:aws:iam::{A}:root"
    kms.create_grant(
        **key, GranteePrincipal=root, RetiringPrincipal=root, Operations=["Decrypt"]
    )
    kms.list_retirable_grants(RetiringPrincipal=root)
    kms.update_primary_region(**key, PrimaryRegion="us-west-2")


def parameters(lab):
    ssm = lab.client("ssm")
    image = {"Name": "/tour/image", "DataType": "aws:ec2:image", "Type": "String"}
    ssm.put_parameter(**image, Value=lab.ready["images"]["plain"])
    ssm.get_parameter(Name="/tour/image")
    tags = [{"Key": "k", "Value": "v"}]
    name, text = {"Name": "/tour/text"}, {"Value": "a", "Type": "String"}
    ssm.put_parameter(**name, **text, Description="d", AllowedPattern=".*", Tags=tags)
    ssm.label_parameter_version(**name, Labels=["old"])
    ssm.get_parameters(Names=["/tour/text:old", "/tour/none"])
    ssm.get_parameters_by_path(Path="/tour")
    ssm.get_parameter_history(**name)
    ssm.describe_parameters()
    resource = {"ResourceType": "Parameter", "ResourceId": "/tour/text"}
    ssm.add_tags_to_resource(**resource, Tags=[{"Key": "a", "Value": "b"}])
    ssm.list_tags_for_resource(**resource)
    ssm.remove_tags_from_resource(**resource, TagKeys=["a"])
    ssm.delete_parameters(Names=["/tour/text", "/tour/none"])
    ssm.delete_parameter(Name="/tour/image")


def organization(lab):
    client = lab.client("organizations")
    assert client.describe_organization()["Organization"]["MasterAccountId"] == A
    assert len(client.list_accounts()["Accounts"]) == 2
    members = client.list_accounts_for_parent(ParentId="r-ab12")["Accounts"]
    assert [(member["Id"], member["State"]) for member in members] == [(A, "ACTIVE"), (B, "ACTIVE")]
    assert client.list_organizational_units_for_parent(ParentId="r-ab12")["OrganizationalUnits"]


def volumes(lab):
    ec2, tags = lab.client("ec2"), [{"Key": "k", "Value": "v"}]
    made = ec2.create_volume(
        AvailabilityZone="us-east-1a",
        SnapshotId=lab.snapshot(),
        VolumeType="gp3",
        TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
    )
    ec2.describe_volumes(VolumeIds=[made["VolumeId"]])
    ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["volume"]}])
    ec2.delete_volume(VolumeId=made["VolumeId"])


def groups(lab):
    ec2, scaling = lab.client("ec2"), lab.client("autoscaling")
    by_name, group = {"LaunchTemplateName": lab.unique("tour")}, lab.unique("group")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "k", "Value": "v"}]}]
    ec2.create_launch_template(
        **by_name,
        VersionDescription="first",
        LaunchTemplateData={
            "ImageId": lab.ready["images"]["plain"],
            "InstanceType": "t3.micro",
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}],
            "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": []}],
            "TagSpecifications": tags,
        },
        TagSpecifications=[
            {"ResourceType": "launch-template", "Tags": [{"Key": "k", "Value": "v"}]}
        ],
    )
    ec2.create_launch_template_version(
        **by_name, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.nano"}
    )
    ec2.modify_launch_template(**by_name, DefaultVersion="2")
    ec2.describe_launch_templates(LaunchTemplateNames=[by_name["LaunchTemplateName"]])
    ec2.describe_launch_template_versions(**by_name)
    named = {"AutoScalingGroupName": group}
    scaling.create_auto_scaling_group(
        **named,
        LaunchTemplate={**by_name, "Version": "$Latest"},
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=2,
        AvailabilityZones=["us-east-1a"],
    )
    shown = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    assert len(shown["AutoScalingGroups"][0]["Instances"]) == 2
    scaling.set_desired_capacity(**named, DesiredCapacity=1)
    scaling.describe_scaling_activities(**named)
    scaling.delete_auto_scaling_group(**named, ForceDelete=True)
    scaling.describe_scaling_activities(**named, IncludeDeletedGroups=True)
    ec2.delete_launch_template(**by_name)


STOPS = [
    images,
    launches,
    settings,
    marks_and_usage,
    keys,
    key_changes,
    roles,
    role_changes,
    parameters,
    organization,
    volumes,
    users,
    groups,
]
