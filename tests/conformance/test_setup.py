"""Follows docs/SETUP.md word by word, from accounts without anything to a verified launch.

CloudFormation is not simulated: a stand-in makes what the templates say. Everything else is done by
the AWS CLI.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import A, B, serve
from examples import program

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs/SETUP.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
TRUST = {"Version": "2012-10-17",
         "Statement": [{"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sts:AssumeRole"}]}  # fmt: skip
AWS = r"""
if [ "${3-}" = cloudformation ] && [ "$4" = deploy ]; then
    "$PYTHON" "$CONFORMANCE/stand_in.py" "$2" "${@:5}"
elif [ "${3-}" = cloudformation ] || [ "$4" = create-open-id-connect-provider ]; then
    # The simulated AWS does not know these, so that only their form is checked.
    status=0
    "$REAL_AWS" "$@" >&2 || status=$?
    [ "$status" = 255 ] || [ "$status" = 254 ]
else
    exec "$REAL_AWS" "$@"
fi
"""


class Shell:
    """A shell in the repository that runs blocks of the page one after the other."""

    def __init__(self, stage, image):
        binaries = stage.folder / "bin"
        program(binaries / "aws", AWS)
        program(binaries / "cargo", "exit 0")  # the program is built already
        program(binaries / "ami-share", f'exec "{os.environ["AMI_SHARE_ACTION"]}" "$@"')
        config = stage.folder / "aws.conf"
        with config.open("w") as file:
            for name, account in (("source", A), ("target", B), ("management", A)):
                keys = stage.ready["accounts"][account]
                file.write(f"[profile {name}]\nregion = {stage.ready['region']}\n")
                file.writelines(f"aws_{key} = {value}\n" for key, value in keys.items())
        self.stage, self.script = stage, []
        self.env = {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "HOME": str(stage.folder),
            "AWS_CONFIG_FILE": str(config),
            "AWS_ENDPOINT_URL": stage.ready["endpoint"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "INPUT_SETTLE": "200ms",
            "PYTHON": sys.executable,
            "CONFORMANCE": str(TOP / "tests/conformance"),
            "REAL_AWS": str(pathlib.Path(sys.executable).parent / "aws"),
            "IMAGE": stage.image(image),
        }

    def run(self, block):
        """Runs a block after those before it, in one shell as a reader would."""
        block = block.replace("ami-0123456789abcdef0", self.env["IMAGE"])
        block = block.replace("report.json", str(self.stage.folder / "report.json"))
        saved = self.stage.folder / "variables"
        lines = ["set -a", f"[ ! -e {saved} ] || . {saved}", "set +a", block, f"export -p >{saved}"]
        done = subprocess.run(
            ["sh", "-eu", "-c", "\n".join(lines)],
            env=self.env,
            cwd=TOP,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def empty_stage(tmp_path):
    """Two accounts that have an image, a role that launches, and nothing else."""
    keys = [{"name": "golden", "account": A}]
    images = [
        {"name": name, "account": A, "volumes": [key]}
        for name, key in (("golden", "golden"), ("managed", "aws/ebs"), ("plain", None))
    ]
    accounts = [{"id": A}, {"id": B, "roles": [{"name": "web", "trust": TRUST}]}]
    scenario = tmp_path / "scenario.json"
    world = {"region": "us-east-1", "accounts": accounts, "keys": keys, "images": images}
    scenario.write_text(json.dumps(world))
    yield from serve(tmp_path, "--scenario", str(scenario))


def launch_as(stage, role, image):
    keys = stage.client("sts", B).assume_role(
        RoleArn=f"arn:aws:iam::{B}:role/{role}", RoleSessionName="reader"
    )["Credentials"]
    ec2 = stage.client("ec2", B, keys={
        "access_key_id": keys["AccessKeyId"],
        "secret_access_key": keys["SecretAccessKey"],
        "session_token": keys["SessionToken"],
    })  # fmt: skip
    try:
        launched = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)
    except ec2.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    instance = launched["Instances"][0]["InstanceId"]
    shown = stage.client("ec2", B).describe_instances(InstanceIds=[instance])
    return shown["Reservations"][0]["Instances"][0]["State"]["Name"]


@pytest.mark.parametrize("image", ["golden", "managed", "plain"])
def test_reader_of_setup_gets_from_nothing_to_a_verified_launch(empty_stage, image):
    stage, shell = empty_stage, Shell(empty_stage, image)
    lines = iter(BLOCKS)
    shell.run(next(lines))
    manager = shell.run(next(lines)).strip()
    own_key = next(lines)
    if image == "golden":
        assert manager == "CUSTOMER"
    else:
        shell.run(own_key)
    made = False
    for block in lines:
        if "schedule-key-deletion" in block and image == "golden":
            continue  # only of a key that these steps made
        output = shell.run(block)
        if "INPUT_DRY_RUN" in block:
            assert "ec2:ModifyImageAttribute" not in stage.changes()
        elif "INPUT_VERIFY=launch" in block:
            made = True
            assert "launched" in output, output
            saved = (stage.folder / "variables").read_text()
            shared = re.search(r"""SHARED=['"](ami-\w+)['"]""", saved)[1]
            assert (shared == stage.image(image)) == (image == "golden")
            assert launch_as(stage, "web", shared) == "running"
        elif "INPUT_MODE=revoke" in block:
            assert launch_as(stage, "web", shared) == "AuthFailure"
    assert made
    if image != "golden":
        key = re.search(r"""KEY=['"](arn:[^'"]+)['"]""", (stage.folder / "variables").read_text())[1]
        described = stage.client("kms", A).describe_key(KeyId=key)["KeyMetadata"]
        assert described["KeyState"] == "PendingDeletion"
        assert not stage.client("ec2", A).describe_images(
            Owners=["self"], Filters=[{"Name": "image-id", "Values": [shared]}]
        )["Images"]
