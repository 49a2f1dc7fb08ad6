"""Fixtures: the simulated AWS as a process, the action's binary, and boto3 as a witness."""

import json
import os
import pathlib
import subprocess
import time
from dataclasses import dataclass, field

import boto3
import pytest

A, B = "111111111111", "222222222222"
SCENARIOS = pathlib.Path(__file__).resolve().parents[1] / "sim/examples/scenarios"
CHANGING = {
    "ec2:CopyImage",
    "ec2:CreateTags",
    "ec2:DeleteSnapshot",
    "ec2:DeregisterImage",
    "ec2:ModifyImageAttribute",
    "kms:PutKeyPolicy",
}


@dataclass
class Run:
    status: int
    log: str
    outputs: dict


@dataclass
class Stage:
    """One simulated AWS with helpers to act in it."""

    ready: dict
    folder: pathlib.Path
    journal_file: pathlib.Path
    clients: dict = field(default_factory=dict)

    def client(self, service, account=A, keys=None, region=None):
        keys = keys or self.ready["accounts"][account]
        return boto3.client(
            service,
            endpoint_url=self.ready["endpoint"],
            region_name=region or self.ready["region"],
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
            aws_session_token=keys.get("session_token"),
        )

    def assume(self, account, role, **more):
        """Assumes a role and returns the session's keys."""
        arn = self.ready["roles"][account][role]
        answer = self.client("sts", account).assume_role(
            RoleArn=arn, RoleSessionName="witness", **more
        )
        keys = answer["Credentials"]
        return {
            "access_key_id": keys["AccessKeyId"],
            "secret_access_key": keys["SecretAccessKey"],
            "session_token": keys["SessionToken"],
        }

    def image(self, name):
        return self.ready["images"][name]

    def journal(self):
        return [json.loads(line) for line in self.journal_file.read_text().splitlines()]

    def changes(self):
        return [call["action"] for call in self.journal() if call["action"] in CHANGING]

    def launch(self, image, keys=None, region=None):
        """Launches an instance in B and returns its final state, or the error code."""
        ec2 = self.client("ec2", B, keys, region)
        try:
            launched = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)
        except ec2.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        instance = launched["Instances"][0]["InstanceId"]
        shown = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return shown["State"]["Name"]

    def run(self, inputs, keys=None, github=True, folder=None):
        """Runs the action without this process's environment, in a folder."""
        keys = keys or self.ready["accounts"][A]
        output = self.folder / "output"
        output.write_text("")
        env = {
            "AWS_ENDPOINT_URL": self.ready["endpoint"],
            "AWS_REGION": self.ready["region"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": keys["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
            "INPUT_SETTLE": "200ms",
            "INPUT_POLL-INTERVAL": "100ms..1s",
            **inputs,
        }
        if "session_token" in keys:
            env["AWS_SESSION_TOKEN"] = keys["session_token"]
        if github:
            env |= {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output)}
        done = subprocess.run(
            [os.environ["AMI_SHARE_ACTION"]],
            env=env,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert all(line.startswith("error: ") for line in done.stderr.splitlines()), done.stderr
        return Run(done.returncode, done.stdout + done.stderr, read_outputs(output.read_text()))


def read_outputs(text):
    """Parses the output file as GitHub does."""
    outputs, lines = {}, iter(text.splitlines())
    for line in lines:
        name, delimiter = line.split("<<")
        value = []
        for part in lines:
            if part == delimiter:
                break
            value.append(part)
        outputs[name] = "\n".join(value)
    return outputs


def serve(folder, *arguments):
    """Yields a simulated AWS while it serves."""
    journal = folder / "journal.jsonl"
    command = [
        os.environ["AMI_SHARE_SIM"],
        "serve",
        "--copy-seconds",
        "1",
        "--journal",
        str(journal),
        *arguments,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield Stage(json.loads(process.stdout.readline()), folder, journal)
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0


@pytest.fixture
def stage(tmp_path):
    yield from serve(tmp_path)


@pytest.fixture
def stage_with_new_reports(tmp_path):
    """Its reports on the usage of images count what is a moment old too."""
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps({"delays": {"usage": 0}}))
    yield from serve(tmp_path, "--faults", str(faults))


@pytest.fixture
def stage_with_organization(tmp_path):
    """A manages an organization of three accounts; the third is in a unit of its own."""
    yield from serve(tmp_path, "--scenario", str(SCENARIOS / "organization.json"))


def until(condition, seconds=30):
    """Polls until a condition holds, and fails after a bound."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.05)
