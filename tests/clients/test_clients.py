"""Runs clients of others on the simulated AWS, as a second opinion on its answers.

AMI_SHARE_SIM names the program. Each test prints the calls that its client made.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys

import boto3
import pytest

HERE = pathlib.Path(__file__).resolve().parent
A, B = "111111111111", "222222222222"
ORGANIZATION = f"arn:aws:organizations::{A}:organization/o-example123"
# What a service answers to an operation that it does not know.
UNKNOWN = {"InvalidAction", "UnknownOperationException"}


class Stage:
    """A simulated AWS, and the environment of its clients."""

    def __init__(self, ready, folder):
        self.ready, self.folder = ready, folder
        keys = ready["accounts"][A]
        tools = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
        self.env = {
            "PATH": tools,
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "NO_PROXY": "127.0.0.1",
            "AWS_ENDPOINT_URL": ready["endpoint"],
            "AWS_ACCESS_KEY_ID": keys["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
            "AWS_REGION": ready["region"],
            "AWS_DEFAULT_REGION": ready["region"],
        }
        self.ec2 = boto3.client(
            "ec2",
            endpoint_url=ready["endpoint"],
            region_name=ready["region"],
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
        )

    def snapshot(self, name):
        images = self.ec2.describe_images(ImageIds=[self.ready["images"][name]])["Images"]
        return images[0]["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]

    def run(self, *command, **more):
        """Runs a client; fails if the client does, or if a call of it was not known."""
        journal = self.folder / "journal"
        before = len(journal.read_text().splitlines())
        env = {**self.env, **more}
        done = subprocess.run(
            command, env=env, cwd=self.folder, capture_output=True, text=True, check=False
        )
        calls = [json.loads(line) for line in journal.read_text().splitlines()[before:]]
        answers = collections.Counter(
            f"{call['action']} {call.get('code') or 'answered'}" for call in calls
        )
        for answer, count in sorted(answers.items()):
            print(f"{count:4} {answer}")
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        assert calls
        unknown = {call["action"] for call in calls if call.get("code") in UNKNOWN}
        assert not unknown


@pytest.fixture
def stage(tmp_path):
    program = os.environ["AMI_SHARE_SIM"]
    journal = tmp_path / "journal"
    command = [program, "serve", "--copy-seconds", "0", "--journal", str(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield Stage(json.loads(process.stdout.readline()), tmp_path)
        process.terminate()


def test_ansible_makes_changes_shares_copies_and_removes(stage):
    plain = stage.ready["images"]["plain"]
    instance = stage.ec2.run_instances(ImageId=plain, MinCount=1, MaxCount=1)["Instances"][0]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{A}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    variables = {
        "ansible_python_interpreter": sys.executable,
        "golden": stage.ready["images"]["golden"],
        "snapshot": stage.snapshot("golden"),
        "instance": instance["InstanceId"],
        "role": stage.ready["roles"][A]["administrator"],
        "policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        "organization": ORGANIZATION,
        "target": B,
        "region": stage.ready["region"],
    }
    playbook = str(HERE / "ansible.yml")
    more = ["-e", json.dumps(variables)]
    stage.run("ansible-playbook", "-i", "localhost,", playbook, *more, ANSIBLE_NOCOLOR="1")


def test_awspub_registers_in_regions_shares_and_finds_it_again(stage):
    source = stage.folder / "image"
    source.write_text("an image")
    config = {
        "s3": {"bucket_name": "none"},
        "source": {"path": str(source), "architecture": "x86_64"},
        "images": {
            "golden-pub": {
                "boot_mode": "uefi-preferred",
                "description": "an image",
                "root_device_name": "/dev/sda1",
                "regions": [stage.ready["region"], "eu-west-1"],
                "share": [B],
            }
        },
        "tags": {"team": "images"},
    }
    # YAML contains JSON.
    (stage.folder / "config.yaml").write_text(json.dumps({"awspub": config}))
    snapshot = stage.snapshot("plain")
    for command in ["create", "list", "publish", "create", "cleanup"]:
        program = str(HERE / "awspub_without_s3.py")
        stage.run(sys.executable, program, command, str(stage.folder / "config.yaml"), snapshot)
    launched = stage.ec2.describe_images(Filters=[{"Name": "name", "Values": ["golden-pub"]}])
    (image,) = launched["Images"]
    permissions = stage.ec2.describe_image_attribute(
        ImageId=image["ImageId"], Attribute="launchPermission"
    )
    assert permissions["LaunchPermissions"] == [{"UserId": B}]
