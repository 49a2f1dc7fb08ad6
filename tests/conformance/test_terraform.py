"""Makes the calls of Terraform's AWS provider in its order, and checks the members that it reads.

Terraform itself cannot be had on every machine. What its resources call, and which answers they
take for "not there", is in the repository hashicorp/terraform-provider-aws, in the files that the
tests name.
"""

import datetime
import json

import pytest
from botocore.exceptions import ClientError
from conftest import A, B, until

ORGANIZATION = f"arn:aws:organizations::{A}:organization/o-example123"
UNIT = f"arn:aws:organizations::{A}:ou/o-example123/ou-ab12-cdef3456"
# What the provider takes for an image that is gone.
GONE = {"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"}


def code_of(call, **parameters):
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return refused.value.response["Error"]["Code"]


@pytest.fixture
def terraform(stage):
    """The stage; afterwards, no call may have been unknown to the simulated AWS."""
    # The provider asks who it is before anything else.
    identity = stage.client("sts").get_caller_identity()
    assert identity["Account"] == A and identity["Arn"] and identity["UserId"]
    yield stage
    unknown = {"InvalidAction", "UnknownOperationException"}
    assert not [call for call in stage.journal() if call["code"] in unknown]


@pytest.mark.parametrize(
    "permission",
    [{"UserId": B}, {"OrganizationArn": ORGANIZATION}, {"OrganizationalUnitArn": UNIT}],
    ids=lambda permission: next(iter(permission)),
)
def test_launch_permission(terraform, permission):
    """aws_ami_launch_permission: internal/service/ec2/ec2_ami_launch_permission.go"""
    ec2, image = terraform.client("ec2"), terraform.image("golden")
    given = {"Attribute": "launchPermission", "ImageId": image}

    def read():
        return ec2.describe_image_attribute(**given)["LaunchPermissions"]

    ec2.modify_image_attribute(**given, LaunchPermission={"Add": [permission]})
    assert read() == [permission]
    # A second apply changes nothing.
    ec2.modify_image_attribute(**given, LaunchPermission={"Add": [permission]})
    assert read() == [permission]
    ec2.modify_image_attribute(**given, LaunchPermission={"Remove": [permission]})
    assert read() == []

    ec2.deregister_image(ImageId=image)
    remove = {"Remove": [permission]}
    assert code_of(ec2.modify_image_attribute, **given, LaunchPermission=remove) in GONE


def test_snapshot_permission(terraform):
    """aws_snapshot_create_volume_permission:
    internal/service/ec2/ebs_snapshot_create_volume_permission.go"""
    ec2 = terraform.client("ec2")
    image = ec2.describe_images(ImageIds=[terraform.image("golden")])["Images"][0]
    snapshot = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    given = {"Attribute": "createVolumePermission", "SnapshotId": snapshot}

    def read():
        return ec2.describe_snapshot_attribute(**given)["CreateVolumePermissions"]

    # The plan refuses an account that owns the snapshot.
    assert ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["OwnerId"] == A
    ec2.modify_snapshot_attribute(**given, CreateVolumePermission={"Add": [{"UserId": B}]})
    assert read() == [{"UserId": B}]
    ec2.modify_snapshot_attribute(**given, CreateVolumePermission={"Remove": [{"UserId": B}]})
    assert read() == []

    ec2.deregister_image(ImageId=image["ImageId"])
    ec2.delete_snapshot(SnapshotId=snapshot)
    absent = "InvalidSnapshot.NotFound"
    remove = {"Remove": [{"UserId": B}]}
    assert code_of(ec2.describe_snapshot_attribute, **given) == absent
    assert code_of(ec2.modify_snapshot_attribute, **given, CreateVolumePermission=remove) == absent


def test_image_copy(terraform):
    """aws_ami_copy: internal/service/ec2/ec2_ami_copy.go and ec2_ami.go"""
    ec2, key = terraform.client("ec2"), terraform.ready["keys"]["golden"]
    copy = ec2.copy_image(
        Description="",
        Encrypted=True,
        KmsKeyId=key,
        Name="by-terraform",
        SourceImageId=terraform.image("plain"),
        SourceRegion=terraform.ready["region"],
    )["ImageId"]
    ec2.create_tags(Resources=[copy], Tags=[{"Key": "team", "Value": "images"}])

    def read():
        (image,) = ec2.describe_images(ImageIds=[copy])["Images"]
        return image

    until(lambda: read()["State"] == "available")
    image = read()
    read_by_provider = {
        "Architecture",
        "EnaSupport",
        "Hypervisor",
        "ImageLocation",
        "ImageType",
        "Name",
        "OwnerId",
        "PlatformDetails",
        "Public",
        "RootDeviceName",
        "UsageOperation",
        "VirtualizationType",
    }
    assert not read_by_provider - image.keys()
    assert (image["Name"], image["OwnerId"], image["Public"]) == ("by-terraform", A, False)
    assert image["Tags"] == [{"Key": "team", "Value": "images"}]
    # The root snapshot is the one at the name of the root device.
    devices = {one["DeviceName"]: one["Ebs"] for one in image["BlockDeviceMappings"]}
    root = devices[image["RootDeviceName"]]
    assert root["Encrypted"] is True
    assert not {"DeleteOnTermination", "SnapshotId", "VolumeSize", "VolumeType"} - root.keys()

    ec2.modify_image_attribute(ImageId=copy, Description={"Value": "anew"})
    assert read()["Description"] == "anew"
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365)
    # EC2 rounds to the minute.
    end = end.replace(second=0, microsecond=0)
    ec2.enable_image_deprecation(ImageId=copy, DeprecateAt=end)
    assert read()["DeprecationTime"].startswith(end.strftime("%Y-%m-%dT%H:%M:"))
    ec2.disable_image_deprecation(ImageId=copy)
    assert not read().get("DeprecationTime")

    ec2.deregister_image(ImageId=copy)
    for device in devices.values():
        ec2.delete_snapshot(SnapshotId=device["SnapshotId"])
    # No image is gone as well.
    assert ec2.describe_images(ImageIds=[copy])["Images"] == []
    assert code_of(ec2.deregister_image, ImageId=copy) in GONE


def test_key(terraform):
    """aws_kms_key: internal/service/kms/key.go"""
    kms = terraform.client("kms")

    def policy(*actions):
        statement = {
            "Sid": "Administration",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{A}:root"},
            "Action": list(actions),
            "Resource": "*",
        }
        return {"Version": "2012-10-17", "Statement": [statement]}

    tags = [{"TagKey": "team", "TagValue": "images"}]
    key = kms.create_key(
        BypassPolicyLockoutSafetyCheck=False,
        KeySpec="SYMMETRIC_DEFAULT",
        KeyUsage="ENCRYPT_DECRYPT",
        Tags=tags,
        Description="images",
        Policy=json.dumps(policy("kms:*")),
    )["KeyMetadata"]["KeyId"]

    def metadata():
        return kms.describe_key(KeyId=key)["KeyMetadata"]

    def policy_read():
        return json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])

    def rotation():
        status = kms.get_key_rotation_status(KeyId=key)
        return status["KeyRotationEnabled"], status.get("RotationPeriodInDays")

    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    assert rotation() == (True, 180)
    assert policy_read() == policy("kms:*")
    assert kms.list_resource_tags(KeyId=key)["Tags"] == tags
    shown = metadata()
    expected = {
        "Description": "images",
        "Enabled": True,
        "KeyId": key,
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyState": "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": False,
        "Origin": "AWS_KMS",
    }
    assert {name: shown.get(name) for name in expected} == expected
    assert shown["Arn"].endswith(f":key/{key}")

    kms.disable_key_rotation(KeyId=key)
    assert rotation()[0] is False
    kms.update_key_description(KeyId=key, Description="anew")
    kms.put_key_policy(
        BypassPolicyLockoutSafetyCheck=False,
        KeyId=key,
        Policy=json.dumps(policy("kms:*", "kms:Decrypt")),
        PolicyName="default",
    )
    assert policy_read() == policy("kms:*", "kms:Decrypt")
    kms.untag_resource(KeyId=key, TagKeys=["team"])
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "owner", "TagValue": "us"}])
    tags = kms.list_resource_tags(KeyId=key)["Tags"]
    assert tags == [{"TagKey": "owner", "TagValue": "us"}]
    for call, enabled in [(kms.disable_key, False), (kms.enable_key, True)]:
        call(KeyId=key)
        assert (metadata()["Enabled"], metadata()["Description"]) == (enabled, "anew")

    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert metadata()["KeyState"] == "PendingDeletion"
    # The provider reads these words, to be done if another did it.
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match="is pending deletion"):
        kms.schedule_key_deletion(KeyId=key)
    assert code_of(kms.describe_key, KeyId=f"{'0' * 8}-0000-4000-8000-{'0' * 12}") == (
        "NotFoundException"
    )


@pytest.mark.parametrize("retires", [False, True])
def test_grant(terraform, retires):
    """aws_kms_grant: internal/service/kms/grant.go"""
    kms, key = terraform.client("kms"), terraform.ready["keys"]["golden"]
    grantee = f"arn:aws:iam::{B}:root"
    retiring = f"arn:aws:iam::{A}:root"
    made = kms.create_grant(
        GranteePrincipal=grantee,
        KeyId=key,
        Operations=["Decrypt", "DescribeKey", "CreateGrant"],
        Constraints={"EncryptionContextSubset": {"team": "images"}},
        Name="by-terraform",
        RetiringPrincipal=retiring,
    )
    grant = made["GrantId"]
    assert made["GrantToken"]

    def read():
        pages = kms.get_paginator("list_grants").paginate(
            KeyId=key, PaginationConfig={"PageSize": 100}
        )
        return [one for page in pages for one in page["Grants"] if one["GrantId"] == grant]

    (shown,) = read()
    assert (shown["GranteePrincipal"], shown["RetiringPrincipal"]) == (grantee, retiring)
    assert shown["Name"] == "by-terraform"
    assert sorted(shown["Operations"]) == ["CreateGrant", "Decrypt", "DescribeKey"]
    assert shown["Constraints"] == {"EncryptionContextSubset": {"team": "images"}}

    (kms.retire_grant if retires else kms.revoke_grant)(GrantId=grant, KeyId=key)
    assert read() == []
    assert code_of(kms.revoke_grant, GrantId=grant, KeyId=key) == "NotFoundException"
