"""Runs the commands of examples/cli/README.md with the AWS CLI, and leaves out one at a time."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import A, B

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples/cli"
COMMANDS = [
    block
    for block in re.findall(r"```sh\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    if "aws --profile" in block
]
SHARE, PUT_POLICY, ALLOW, LAUNCH, COPY = range(5)


class Recipe:
    """The commands of the README, run in its folder with the profiles that it names."""

    def __init__(self, stage):
        self.stage, self.config = stage, stage.folder / "aws.conf"
        self.env = {
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(stage.folder),
            "AWS_CONFIG_FILE": str(self.config),
            "AWS_ENDPOINT_URL": stage.ready["endpoint"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "A": A,
            "B": B,
            "AMI": stage.image("golden"),
            "KEY": stage.ready["keys"]["golden"],
            "ROLE": "runner",
        }
        self.profiles(a=stage.ready["accounts"][A], b=stage.ready["accounts"][B])
        trust = {
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sts:AssumeRole"}]
        }
        stage.client("iam", B).create_role(
            RoleName="runner", AssumeRolePolicyDocument=json.dumps(trust)
        )
        arn = f"arn:aws:iam::{B}:role/runner"
        keys = stage.client("sts", B).assume_role(RoleArn=arn, RoleSessionName="launcher")[
            "Credentials"
        ]
        self.profiles(
            launcher={
                "access_key_id": keys["AccessKeyId"],
                "secret_access_key": keys["SecretAccessKey"],
                "session_token": keys["SessionToken"],
            }
        )

    def profiles(self, **profiles):
        with self.config.open("a") as config:
            for name, keys in profiles.items():
                config.write(f"[profile {name}]\nregion = {self.stage.ready['region']}\n")
                config.writelines(f"aws_{key} = {value}\n" for key, value in keys.items())

    def run(self, number, **more):
        """Runs a command and returns its output, or the error of the CLI."""
        command = COMMANDS[number]
        for before, after in more.pop("instead", {}).items():
            assert before in command
            command = command.replace(before, after)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=FOLDER,
            env=self.env | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()

    def ends(self, instance):
        """Returns the final state of an instance and its reason."""
        shown = self.stage.client("ec2", B).describe_instances(InstanceIds=[instance])
        instance = shown["Reservations"][0]["Instances"][0]
        return instance["State"]["Name"], instance.get("StateReason", {}).get("Code")

    def completed(self):
        return self.run(ALLOW, instead={"launcher-policy.json": "launcher-policy-completed.json"})


@pytest.fixture
def recipe(stage):
    return Recipe(stage)


DIES = ("terminated", "Client.InvalidKMSKey.InvalidState")


def test_commands_with_the_completed_policy_make_a_copy_that_does_not_depend_on_a(recipe):
    assert len(COMMANDS) == 5
    assert recipe.run(SHARE) == "" and recipe.run(PUT_POLICY) == "" and recipe.completed() == ""
    instance = recipe.run(LAUNCH)
    assert recipe.ends(instance) == ("running", None)
    own = recipe.run(COPY, INSTANCE=instance)
    ec2 = recipe.stage.client("ec2", B)
    ec2.get_waiter("image_available").wait(
        ImageIds=[own], WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    # A revokes everything: the key's policy and the launch permission.
    recipe.run(PUT_POLICY, instead={"BBBBBBBBBBBB/$B": "BBBBBBBBBBBB/$A"})
    a = recipe.stage.client("ec2", A)
    a.reset_image_attribute(ImageId=recipe.env["AMI"], Attribute="launchPermission")
    launched = ec2.run_instances(ImageId=own, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    assert recipe.ends(launched) == ("running", None)


def test_launcher_policy_as_commonly_written_lets_the_instance_die(recipe):
    """R4.4: EC2 creates a grant in the launcher's name, and the policy lacks CreateGrant."""
    recipe.run(SHARE), recipe.run(PUT_POLICY), recipe.run(ALLOW)
    assert recipe.ends(recipe.run(LAUNCH)) == DIES


def test_launch_without_launch_permission_is_refused(recipe):
    """R4.10."""
    recipe.run(PUT_POLICY), recipe.completed()
    error = recipe.run(LAUNCH)
    refusal = f"Not authorized for images: [{recipe.env['AMI']}]"
    assert f"(AuthFailure) when calling the RunInstances operation: {refusal}" in error


def test_launch_without_key_access_lets_the_instance_die(recipe):
    """R4.4: the launch succeeds, and the instance dies."""
    recipe.run(SHARE), recipe.completed()
    assert recipe.ends(recipe.run(LAUNCH)) == DIES


def test_launch_without_the_launcher_policy_is_refused(recipe):
    """R1.6: the error says who may not do what, and why."""
    recipe.run(SHARE), recipe.run(PUT_POLICY)
    error = recipe.run(LAUNCH)
    assert "(UnauthorizedOperation) when calling the RunInstances operation" in error
    user = f"arn:aws:sts::{B}:assumed-role/runner/launcher"
    assert f"User: {user} is not authorized to perform: ec2:RunInstances" in error
    assert "because no identity-based policy allows the ec2:RunInstances action" in error


def test_copy_without_an_instance_is_refused(recipe):
    error = recipe.run(COPY, INSTANCE="i-0123456789abcdef0")
    assert "(InvalidInstanceID.NotFound)" in error


def test_undo_by_hand_removes_what_a_share_added(stage):
    """The commands of docs/KEY-POLICY.md."""
    image, key = stage.image("golden"), stage.ready["keys"]["golden"]
    for access in ("policy", "grants"):
        inputs = {"INPUT_AMI_ID": image, "INPUT_TARGET_ACCOUNTS": B, "INPUT_KEY_ACCESS": access}
        assert stage.run(inputs).status == 0
    kms = stage.client("kms")
    assert kms.list_grants(KeyId=key)["Grants"] and stage.launch(image) == "running"
    page = (FOLDER.parents[1] / "docs/KEY-POLICY.md").read_text().split("## Undo by hand")[1]
    keys = stage.ready["accounts"][A]
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=stage.folder,
            env={
                "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(stage.folder),
                "AWS_ENDPOINT_URL": stage.ready["endpoint"],
                "AWS_DEFAULT_REGION": stage.ready["region"],
                "AWS_ACCESS_KEY_ID": keys["access_key_id"],
                "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
                "KEY": key,
                "AMI": image,
            },
            check=True,
            timeout=60,
        )
    assert "AmiShare" not in kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    assert kms.list_grants(KeyId=key)["Grants"] == []
    assert stage.launch(image) == "AuthFailure"
