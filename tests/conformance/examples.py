"""Runs the files of examples/ as they are, with the parts of GitHub that they need."""

import json
import os
import pathlib
import re
import subprocess

import yaml
from conftest import A, B

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
REGION = "us-east-1"
C = "333333333333"


def example(name):
    """Reads an example, without account C: KMS refuses principals that do not exist."""
    return (EXAMPLES / name).read_text().replace(f" {C}", "")


def add_launch_permission(stage, image, account):
    add = {"Add": [{"UserId": account}]}
    stage.client("ec2").modify_image_attribute(ImageId=image, LaunchPermission=add)


def share(stage, image):
    run = stage.run(
        {
            "INPUT_AMI_ID": image,
            "INPUT_TARGET_ACCOUNTS": B,
            "INPUT_PUBLISH_SSM_PARAMETER": "/golden/{name}",
        }
    )
    assert run.status == 0, run.log


def policy(*names):
    """Returns the statements of policies of examples/iam."""
    files = [EXAMPLES / f"iam/{name}.json" for name in names]
    return [statement for file in files for statement in json.loads(file.read_text())["Statement"]]


def session(stage, *names, without=None):
    """Returns keys of a session with policies of examples/iam, minus one action if given."""
    # Statements that differ in their actions alone are one, which is shorter.
    merged = {}
    for statement in policy(*names):
        actions = statement.pop("Action")
        del statement["Sid"]
        same = merged.setdefault(json.dumps(statement, sort_keys=True), (statement, []))
        same[1].extend(actions if isinstance(actions, list) else [actions])
    statements = []
    for statement, actions in merged.values():
        kept = sorted(set(actions) - {without})
        if kept:
            statements.append({**statement, "Action": kept})
    document = {"Version": "2012-10-17", "Statement": statements}
    # A session policy has at most 2,048 characters (R5.4).
    return stage.assume(A, "administrator", Policy=json.dumps(document, separators=(",", ":")))


def find_jobs(folder="github"):
    """Yields every job that assumes a role: workflow, job, role, end of its token's subject."""
    for file in sorted((EXAMPLES / folder).glob("*.yml")):
        workflow = yaml.safe_load(file.read_text())
        # YAML reads the key `on` as true. The branch is the one that these workflows run on.
        event = "pull_request" if "pull_request" in workflow[True] else "ref:refs/heads/main"
        for name, job in workflow["jobs"].items():
            subject = event
            if "environment" in job:
                named = job["environment"].replace("${{ inputs.environment }}", "production")
                subject = f"environment:{named}"
            for step in job.get("steps", []):
                arn = step.get("with", {}).get("role-to-assume")
                if arn:
                    yield file.stem, name, arn.split("/")[1], subject


class Workflow:
    """A GitHub workflow: fills in its expressions and runs its steps."""

    def __init__(self, stage, name, values):
        self.stage, self.values = stage, values
        self.jobs = yaml.safe_load(example(f"github/{name}.yml"))["jobs"]

    def filled(self, texts):
        filled = {}
        for key, value in texts.items():
            text = value if isinstance(value, str) else json.dumps(value)
            for expression in re.findall(r"\$\{\{ (.*?) \}\}", text):
                text = text.replace(f"${{{{ {expression} }}}}", self.values[expression])
            filled[key] = text
        return filled

    def share(self, job, keys=None):
        """Runs the step that uses this action, as action.yml does."""
        (step,) = [
            step
            for step in self.jobs[job]["steps"]
            if step.get("uses", "").startswith("OWNER/ami-share@")
        ]
        names = {
            f"INPUT_{name.upper().replace('-', '_')}": value
            for name, value in self.filled(step["with"]).items()
            # The keys that are given are those of a session of the role.
            if name != "role-to-assume"
        }
        run = self.stage.run(names, keys)
        self.values |= {
            f"steps.{step.get('id')}.outputs.{name}": value for name, value in run.outputs.items()
        }
        # What later jobs read of this one.
        outputs = {
            f"needs.{job}.outputs.{name}": value
            for name, value in self.jobs[job].get("outputs", {}).items()
        }
        if run.outputs:
            self.values |= self.filled(outputs)
        return run

    def script(self, job):
        """Runs the last step, a script, with a `gh` that records its calls and prints nothing."""
        calls = self.stage.folder / "calls"
        gh = program(self.stage.folder / "bin/gh", f'printf "%s " "$@" >>{calls}; echo >>{calls}')
        step = self.jobs[job]["steps"][-1]
        env = {"PATH": f"{gh.parent}:{os.environ['PATH']}", **self.filled(step["env"])}
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            shell, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout + (calls.read_text() if calls.exists() else "")


def program(path, script):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\nset -euo pipefail\n{script}\n")
    path.chmod(0o755)
    return path
