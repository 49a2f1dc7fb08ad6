"""Runs the real Packer with examples/packer on the simulated AWS, and checks what it shares."""

import json
import os
import pathlib
import subprocess

import hcl2
import pytest
from conftest import A, B

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
FOLDERS = [EXAMPLES / "packer", EXAMPLES / "release/images"]
TEMPLATE = FOLDERS[0] / "image.pkr.hcl"
# Every EC2 action that Packer 1.6.6 calls in this build.
CALLED = {
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CopyImage",
    "ec2:CreateImage",
    "ec2:CreateKeyPair",
    "ec2:CreateSecurityGroup",
    "ec2:CreateTags",
    "ec2:DeleteKeyPair",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSnapshot",
    "ec2:DeregisterImage",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeRegions",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVolumes",
    "ec2:RunInstances",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
}

PACKER = os.environ.get("AMI_SHARE_PACKER", "/usr/bin/packer")


def missing():
    """Returns why the right Packer is missing, or None."""
    if not pathlib.Path(PACKER).exists():
        return f"there is no {PACKER}: `apt-get install packer` on Debian 12 or Ubuntu 22.04"
    version = subprocess.run([PACKER, "version"], capture_output=True, text=True, check=True).stdout
    return (
        None if "v1.6." in version else f"since 1.7 builders are plugins from elsewhere: {version}"
    )


WHY = missing()
# In CI, a machine without Packer is a failure.
needs_packer = pytest.mark.skipif(
    WHY is not None and os.environ.get("CI") != "true", reason=WHY or ""
)


def packer(stage, command, **variables):
    """Runs Packer with the template that users copy. Only the endpoint differs from real AWS."""
    assert WHY is None, WHY
    given = {
        "ec2_endpoint": stage.ready["endpoint"],
        "kms_key_id": "alias/golden",
        "source_ami_name": "plain",
        "source_ami_owner": "self",
        "target_accounts": json.dumps([B]),
        **variables,
    }
    arguments = [part for name, value in given.items() for part in ("-var", f"{name}={value}")]
    keys = stage.ready["accounts"][A]
    env = {
        "PATH": f"{pathlib.Path(os.environ['AMI_SHARE_ACTION']).parent}:{os.environ['PATH']}",
        "HOME": str(stage.folder),
        "CHECKPOINT_DISABLE": "1",
        "AWS_POLL_DELAY_SECONDS": "1",
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        # The rest is for the action, as a pipeline would set it.
        "AWS_ENDPOINT_URL": stage.ready["endpoint"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "INPUT_SETTLE": "200ms",
        "INPUT_POLL_INTERVAL": "100ms..1s",
    }
    return subprocess.run(
        [PACKER, command, *arguments, str(TEMPLATE)],
        cwd=stage.folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def built(stage):
    """Returns the images of the manifest's only build by Region."""
    [build] = json.loads((stage.folder / "packer-manifest.json").read_text())["builds"]
    return dict(artifact.split(":") for artifact in build["artifact_id"].split(","))


@needs_packer
def test_image_that_packer_built_launches_in_b(stage):
    done = packer(stage, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    [image] = built(stage).values()
    assert stage.launch(image) == "running"
    assert stage.launch(image, stage.assume(B, "launcher")) == "running"

    calls = [call for call in stage.journal() if call["account"] == A]
    actions = [call["action"] for call in calls]
    by_packer = actions[: actions.index("ec2:DeleteKeyPair") + 1]
    assert set(by_packer) == CALLED
    assert all(call["code"] is None for call in calls), calls
    # Packer's copy is under the right key, so the action copies nothing. It shares the key before
    # the image.
    assert actions.count("ec2:CopyImage") == 1
    assert actions.index("kms:PutKeyPolicy") < actions.index("ec2:ModifyImageAttribute")

    ec2 = stage.client("ec2")
    shown = ec2.describe_images(
        Owners=["self"], Filters=[{"Name": "name", "Values": ["golden-*"]}]
    )["Images"]
    assert [entry["ImageId"] for entry in shown] == [image]
    assert shown[0]["Tags"] == [{"Key": "Name", "Value": "golden"}]
    snapshot = ec2.describe_snapshots(
        SnapshotIds=[shown[0]["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]]
    )["Snapshots"][0]
    assert (snapshot["Encrypted"], snapshot["KmsKeyId"]) == (True, stage.ready["keys"]["golden"])
    # The build leaves nothing else behind.
    assert ec2.describe_security_groups()["SecurityGroups"] == []
    states = [
        one["State"]["Name"]
        for all in ec2.describe_instances()["Reservations"]
        for one in all["Instances"]
    ]
    assert states == ["terminated"]


@needs_packer
def test_image_that_packer_built_launches_in_every_region(stage):
    regions = ["us-east-1", "eu-west-1"]
    key = stage.client("kms", region="eu-west-1").create_key()["KeyMetadata"]["Arn"]
    done = packer(stage, "build", region_kms_key_ids=json.dumps({"eu-west-1": key}))
    assert done.returncode == 0, done.stdout + done.stderr
    images = built(stage)
    assert sorted(images) == sorted(regions)
    for region in regions:
        assert stage.launch(images[region], region=region) == "running"


@needs_packer
def test_share_that_fails_fails_the_build_and_can_be_repeated(stage):
    done = packer(stage, "build", target_accounts='["12"]')
    assert done.returncode != 0
    assert "target-accounts: `12` is not an account ID" in done.stdout + done.stderr
    [image] = built(stage).values()
    assert stage.launch(image) == "AuthFailure"
    manifest = str(stage.folder / "packer-manifest.json")
    run = stage.run({"INPUT_PACKER_MANIFEST": manifest, "INPUT_TARGET_ACCOUNTS": B})
    assert (run.status, run.outputs["ami-id"]) == (0, image), run.log
    assert stage.launch(image) == "running"


@needs_packer
def test_template_is_valid_and_formatted(stage):
    done = packer(stage, "validate")
    assert done.returncode == 0, done.stdout + done.stderr
    for folder in FOLDERS:
        formatted = subprocess.run(
            [PACKER, "fmt", "-check", "-diff", folder], capture_output=True, text=True, check=False
        )
        assert formatted.returncode == 0, formatted.stdout


@pytest.mark.parametrize("folder", FOLDERS)
def test_template_files_are_hcl(folder):
    """Parses the second file too, which Packer 1.6 does not know."""
    parsed = {file.name: hcl2.loads(file.read_text()) for file in folder.glob("*.hcl")}
    plugins = parsed.pop("plugins.pkr.hcl")
    assert "packer" in plugins
    assert len(parsed) == 1 and all("source" in template for template in parsed.values())
