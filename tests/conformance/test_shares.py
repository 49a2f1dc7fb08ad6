"""Checks with boto3 what a target can do before and after a share."""

import json

import pytest
from conftest import B, until

CASES = {
    "golden": (["golden"], {}),
    "building": (["building"], {}),
    "managed": (["managed"], {"INPUT_KMS-KEY-ID": "alias/golden"}),
    "plain": (["plain"], {"INPUT_KMS_KEY_ID": "alias/golden"}),
    "two": (["golden", "plain"], {"INPUT_KMS_KEY_ID": "alias/golden"}),
}


@pytest.mark.parametrize("case", CASES)
def test_launch_is_refused_before_a_share_and_runs_after(stage, case):
    names, inputs = CASES[case]
    images = [stage.image(name) for name in names]
    for image in images:
        assert stage.launch(image) in ("AuthFailure", "InvalidAMIID.Unavailable", "terminated")
    spelled = "INPUT_AMI-ID" if case != "plain" else "INPUT_AMI_ID"
    inputs = {**inputs, spelled: ",".join(images), "INPUT_TARGET-ACCOUNTS": B}

    run = stage.run(inputs)
    assert run.status == 0, run.log
    assert run.outputs["changed"] == "true"
    shared = json.loads(run.outputs["ami-ids"])[B][stage.ready["region"]]
    assert len(shared) == len(images)
    for image in shared:
        assert stage.launch(image) == "running"
        assert stage.launch(image, stage.assume(B, "launcher")) == "running"
    assert run.outputs["ami-id"] == shared[0]
    assert run.outputs["kms-key-arn"] == stage.ready["keys"]["golden"]

    actions = [call["action"] for call in stage.journal()]
    assert actions.index("kms:PutKeyPolicy") < actions.index("ec2:ModifyImageAttribute")

    before = stage.changes()
    again = stage.run(inputs)
    assert (again.status, again.outputs["changed"]) == (0, "false"), again.log
    assert stage.changes() == before
    assert json.loads(again.outputs["ami-ids"]) == json.loads(run.outputs["ami-ids"])


def test_published_policy_is_sufficient(stage):
    publisher = stage.assume("111111111111", "publisher")
    images = " ".join(stage.image(name) for name in ("managed", "golden"))
    inputs = {
        "INPUT_AMI-ID": images,
        "INPUT_TARGET-ACCOUNTS": B,
        "INPUT_KMS-KEY-ID": "alias/golden",
    }
    run = stage.run(inputs, publisher)
    assert run.status == 0, run.log
    for image in json.loads(run.outputs["ami-ids"])[B][stage.ready["region"]]:
        assert stage.launch(image) == "running"
    callers = {
        call["principal"] for call in stage.journal() if call["action"] == "kms:PutKeyPolicy"
    }
    assert callers == {"arn:aws:sts::111111111111:assumed-role/publisher/witness"}


def test_copies_are_encrypted_tagged_and_owned(stage):
    run = stage.run(
        {
            "INPUT_AMI-ID": stage.image("plain"),
            "INPUT_TARGET-ACCOUNTS": B,
            "INPUT_KMS-KEY-ID": stage.ready["keys"]["golden"],
            "INPUT_COPY-NAME": "{name}-{account}",
            "INPUT_TAGS": "team=images",
        }
    )
    assert run.status == 0, run.log
    ec2 = stage.client("ec2")
    image = ec2.describe_images(ImageIds=[run.outputs["ami-id"]])["Images"][0]
    assert image["Name"] == "plain-111111111111"
    tags = {tag["Key"]: tag["Value"] for tag in image["Tags"]}
    assert tags["team"] == "images"
    assert tags["ami-share:source"] == f"us-east-1/{stage.image('plain')}"
    snapshot = ec2.describe_snapshots(
        SnapshotIds=[image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]]
    )["Snapshots"][0]
    assert (snapshot["Encrypted"], snapshot["KmsKeyId"]) == (True, stage.ready["keys"]["golden"])
    assert snapshot["Tags"] == image["Tags"]


def test_boto3_parses_every_operation_that_a_share_needs(stage):
    """Uses boto3 alone, without the action."""
    ec2, kms, sts = stage.client("ec2"), stage.client("kms"), stage.client("sts")
    assert sts.get_caller_identity()["Account"] == "111111111111"
    building = stage.image("building")
    until(lambda: ec2.describe_images(ImageIds=[building])["Images"][0]["State"] == "available")
    key = kms.describe_key(KeyId="alias/golden")["KeyMetadata"]
    assert (key["KeyManager"], key["KeyState"], key["Arn"]) == (
        "CUSTOMER",
        "Enabled",
        stage.ready["keys"]["golden"],
    )
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps(policy))
    pages = ec2.get_paginator("describe_images").paginate(
        Owners=["self"], PaginationConfig={"PageSize": 5}
    )
    assert sum(len(page["Images"]) for page in pages) == 4
    with pytest.raises(ec2.exceptions.ClientError, match="UnauthorizedOperation|AuthFailure"):
        stage.client("ec2", B).describe_image_attribute(
            ImageId=building, Attribute="launchPermission"
        )
