"""Runs the scripts of the examples for GitLab, Jenkins and a shell with the real binary."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml
from conftest import A, B
from examples import EXAMPLES, REGION, C, add_launch_permission, example, program


def environment(stage, **more):
    """Returns a CI job's environment: credentials, and pauses short enough for a simulation."""
    keys = stage.ready["accounts"][A]
    return {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": stage.ready["endpoint"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        "INPUT_SETTLE": "200ms",
        **more,
    }


def shell(stage, script, env):
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        env=env,
        cwd=stage.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


class GitLab:
    """A GitLab pipeline, without the installation of Debian packages."""

    def __init__(self, stage, **more):
        self.stage, self.more = stage, more
        self.file = yaml.safe_load(example("gitlab/.gitlab-ci.yml"))

    def run(self, name):
        hidden, job = self.file[".ami-share"], self.file[name]
        assert job["extends"] == ".ami-share"
        variables = self.file["variables"] | hidden["variables"] | job["variables"] | self.more
        variables = {name: str(value) for name, value in variables.items()}
        before = [line for line in hidden["before_script"] if not line.startswith("apt-get")]
        env = environment(self.stage, AWS_TOKEN="t", **variables)
        return shell(self.stage, "\n".join(before + job["script"]), env)


def test_gitlab_pipeline_verifies_the_binary_plans_shares_and_notices_drift(stage):
    image = stage.image("golden")
    binary = pathlib.Path(os.environ["AMI_SHARE_ACTION"])
    digest = subprocess.run(
        ["sha256sum", binary], capture_output=True, text=True, check=True
    ).stdout.split()[0]
    more = {
        "AMI_SHARE_BINARY": binary.as_uri(),
        "AMI_SHARE_SHA256": digest,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(stage.folder / "token"),
        "INPUT_AMI_ID": image,
    }
    pipeline = GitLab(stage, **more)
    assert pipeline.run("drift")[0] == 1
    status, output = pipeline.run("plan")
    assert (status, stage.changes()) == (0, []), output
    status, output = pipeline.run("share")
    assert status == 0, output
    assert (stage.folder / "shared.env").read_text() == f"AMI_ID={image}\n"
    assert stage.launch(image) == "running"
    assert pipeline.run("drift")[0] == 0
    add_launch_permission(stage, image, C)
    assert pipeline.run("drift")[0] == 1

    calls = len(stage.journal())
    status, output = GitLab(stage, **{**more, "AMI_SHARE_SHA256": "0" * 64}).run("share")
    assert status == 1 and "did NOT match" in output
    assert len(stage.journal()) == calls, "a binary with another checksum is not run"


DOCKER = r"""
# `docker run` without Docker: the binary gets only the variables that --env names.
shift
volume=
given=(AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY)
given+=(AWS_EC2_METADATA_DISABLED INPUT_SETTLE)
variables=()
while [ $# -gt 1 ]; do
    case "$1" in
    --env) given+=("$2"); shift 2 ;;
    --volume) volume="$2"; shift 2 ;;
    --network | --user) shift 2 ;;
    --rm | --read-only) shift ;;
    *) echo "docker does not know $1" >&2; exit 125 ;;
    esac
done
[ "$1" = "$AMI_SHARE" ]
for name in "${given[@]}"; do
    case "$name" in
    *=*) variables+=("${name/\/out/${volume%:*}}") ;;
    *) variables+=("$name=${!name}") ;;
    esac
done
exec env -i "${variables[@]}" "$AMI_SHARE_ACTION"
"""


def test_jenkins_pipeline_plans_and_shares(stage):
    image = stage.image("golden")
    text = example("jenkins/Jenkinsfile")
    block = re.search(r"\n    environment \{\n(.*?)\n    \}\n", text, re.DOTALL)[1]
    variables = dict(re.findall(r"^ +(\w+) = ['\"](.*)['\"]$", block, re.MULTILINE))
    variables["INPUT_AMI_ID"] = variables["INPUT_AMI_ID"].replace("${params.AMI_ID}", image)
    docker = program(stage.folder / "bin/docker", DOCKER)
    path = f"{docker.parent}:{os.environ['PATH']}"
    more = {
        "PATH": path,
        "WORKSPACE": str(stage.folder),
        "AMI_SHARE_ACTION": os.environ["AMI_SHARE_ACTION"],
    }
    plan, share = re.findall(r"sh '''\n(.*?)'''", text, re.DOTALL)
    status, output = shell(stage, plan, environment(stage, **variables, **more))
    assert (status, stage.changes()) == (0, []), output
    assert "Plan: " in output
    status, output = shell(stage, share, environment(stage, **variables, **more))
    assert status == 0, output
    assert stage.launch(image) == "running"
    assert json.loads((stage.folder / "report.json").read_text())["ended"] == "done"


@pytest.mark.parametrize(
    ("image", "status", "says"),
    [
        ("golden", 0, "launch {} in us-east-1"),
        ("managed", 3, "the findings say what to do"),
        (None, 2, "AWS was not called"),
    ],
)
def test_shell_script_reports_how_the_share_ended(stage, image, status, says):
    image = stage.image(image) if image else "ami-xyz"
    action = program(stage.folder / "bin/ami-share", f"exec {os.environ['AMI_SHARE_ACTION']}")
    env = environment(stage, AWS_REGION=REGION, PATH=f"{action.parent}:{os.environ['PATH']}")
    ended, output = shell(stage, f"{EXAMPLES}/shell/share.sh {image} {B}", env)
    assert ended == status, output
    assert output.splitlines()[-1].endswith(says.format(image)), output
    assert (stage.launch(image) == "running") == (status == 0)


def test_shell_script_says_who_uses_an_image(stage_with_new_reports):
    stage = stage_with_new_reports
    image = stage.image("golden")
    action = program(stage.folder / "bin/ami-share", f"exec {os.environ['AMI_SHARE_ACTION']}")
    env = environment(stage, AWS_REGION=REGION, PATH=f"{action.parent}:{os.environ['PATH']}")
    ended, output = shell(stage, f"{EXAMPLES}/shell/usage.sh {image}", env)
    assert ended == 0, output
    shared, output = shell(stage, f"{EXAMPLES}/shell/share.sh {image} {B}", env)
    assert (shared, stage.launch(image)) == (0, "running"), output
    report = stage.folder / "report.json"
    report.unlink()
    ec2 = stage.client("ec2")
    for known in ec2.describe_image_usage_reports(ImageIds=[image])["ImageUsageReports"]:
        ec2.delete_image_usage_report(ReportId=known["ReportId"])
    ended, output = shell(stage, f"{EXAMPLES}/shell/usage.sh {image}", env)
    assert (ended, f"{B} uses {image}: 1 ec2:Instance" in output) == (1, True), output


def test_shell_script_shares_with_accounts_of_an_organization(stage_with_organization):
    stage, image = stage_with_organization, stage_with_organization.image("golden")
    action = program(stage.folder / "bin/ami-share", f"exec {os.environ['AMI_SHARE_ACTION']}")
    env = environment(stage, AWS_REGION=REGION, PATH=f"{action.parent}:{os.environ['PATH']}")
    arns = "arn:aws:organizations::111111111111"
    for target, members in [
        ("organization/o-example123", [B, C]),
        ("ou/o-example123/ou-ab12-33333333", [C]),
    ]:
        call = f"{EXAMPLES}/shell/organization.sh {image} {arns}:{target} 2>log"
        ended, output = shell(stage, call, env)
        assert (ended, output.split()) == (0, members), (stage.folder / "log").read_text()
    key = stage.ready["keys"]["shared"]
    grants = stage.client("kms").list_grants(KeyId=key)["Grants"]
    assert len(grants) == 2
    call = f"{EXAMPLES}/shell/organization.sh {image} {arns}:ou/o-example123/ou-ab12-99999999"
    assert shell(stage, call, env)[0] == 1


def test_shell_script_without_arguments_says_how_it_is_used(stage):
    ended, output = shell(stage, f"{EXAMPLES}/shell/share.sh", environment(stage))
    assert (ended, output) == (2, 'usage: share.sh "AMI…" ACCOUNT…\n')
