"""Launches of Auto Scaling: a group of the AWS CLI, by a launch template of a shared image."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from conftest import B

NAME = "web"
PATH = "aws-service-role/autoscaling.amazonaws.com"
ROLE = f"arn:aws:iam::{B}:role/{PATH}/AWSServiceRoleForAutoScaling"
# The operations of the grant that AWS documents for the role (R4.11).
OPERATIONS = [
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
    "CreateGrant",
]


@pytest.fixture
def aws(stage):
    """The AWS CLI as B's administrator. It returns the answer, or the error of the CLI."""
    keys = stage.ready["accounts"][B]
    env = {
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(stage.folder),
        "AWS_ENDPOINT_URL": stage.ready["endpoint"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": stage.ready["region"],
        "AWS_DEFAULT_REGION": stage.ready["region"],
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
    }

    def run(*arguments):
        done = subprocess.run(
            ["aws", *arguments, "--output", "json"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()

    return run


def create_group(aws, stage):
    data = json.dumps({"ImageId": stage.image("golden")})
    aws(
        "ec2",
        "create-launch-template",
        f"--launch-template-name={NAME}",
        f"--launch-template-data={data}",
    )
    return aws(
        "autoscaling",
        "create-auto-scaling-group",
        f"--auto-scaling-group-name={NAME}",
        f"--launch-template=LaunchTemplateName={NAME}",
        "--min-size=1",
        "--max-size=1",
        f"--availability-zones={stage.ready['region']}a",
    )


def last_activity(aws):
    shown = aws("autoscaling", "describe-scaling-activities", f"--auto-scaling-group-name={NAME}")
    return json.loads(shown)["Activities"][0]


def test_group_launches_only_with_a_grant_to_its_service_role(stage, aws):
    assert "You are not authorized to use launch template" in create_group(aws, stage)
    stage.client("ec2").modify_image_attribute(
        ImageId=stage.image("golden"), LaunchPermission={"Add": [{"UserId": B}]}
    )
    kms, key = stage.client("kms"), stage.ready["keys"]["golden"]
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{B}:root"},
        "Action": ["kms:DescribeKey", "kms:CreateGrant"],
        "Resource": "*",
    }
    policy["Statement"].append(statement)
    kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))

    assert create_group(aws, stage) == ""
    ended = last_activity(aws)
    assert ended["StatusCode"] == "Cancelled"
    assert "Termination Reason: Client.InvalidKMSKey.InvalidState" in ended["StatusMessage"]

    aws(
        "kms",
        "create-grant",
        f"--key-id={key}",
        f"--grantee-principal={ROLE}",
        "--operations",
        *OPERATIONS,
    )
    size = ("--desired-capacity=1", f"--auto-scaling-group-name={NAME}")
    assert aws("autoscaling", "set-desired-capacity", *size) == ""
    assert last_activity(aws)["StatusCode"] == "Successful"
    scaling = stage.client("autoscaling", B)
    group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])
    group = group["AutoScalingGroups"][0]
    assert group["ServiceLinkedRoleARN"] == ROLE
    instance = group["Instances"][0]
    assert instance["LifecycleState"] == "InService"
    launches = [call for call in stage.journal() if call["action"] == "ec2:RunInstances"]
    by = f"arn:aws:sts::{B}:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling"
    assert {call["principal"] for call in launches} == {by}
