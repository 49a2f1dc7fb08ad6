"""Runs the jobs of examples/release as GitHub does: their steps in order, in a checkout."""

import json
import os
import re
import shutil
import subprocess

import yaml
from conftest import A, read_outputs
from examples import EXAMPLES

RELEASE = EXAMPLES / "release"
EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")


class Repository:
    """A repository with what the page of the example says to copy, and programs on the PATH."""

    def __init__(self, stage, programs):
        self.stage, self.programs = stage, programs
        self.folder = stage.folder / "repository"
        shutil.copytree(RELEASE, self.folder, ignore=shutil.ignore_patterns("README.md"))
        (self.folder / ".github").mkdir()
        (self.folder / "workflows").rename(self.folder / ".github/workflows")

    def start(self, name, inputs, **github):
        text = (self.folder / f".github/workflows/{name}.yml").read_text()
        return Run(self, yaml.safe_load(text), inputs, github)


class Run:
    """A run of a workflow."""

    def __init__(self, repository, workflow, inputs, github):
        self.repository, self.jobs, self.github = repository, workflow["jobs"], github
        self.values = {f"github.{name}": value for name, value in github.items()}
        # YAML reads the key `on` as true.
        events = workflow[True]
        declared = (events.get("workflow_call") or events.get("workflow_dispatch") or {}).get(
            "inputs", {}
        )
        assert inputs.keys() == declared.keys()
        self.values |= {f"inputs.{name}": value for name, value in inputs.items()}

    def find(self, name):
        return self.values.get(name, "")

    def fill(self, text):
        text = text if isinstance(text, str) else json.dumps(text)
        return EXPRESSION.sub(lambda match: self.find(match[1]), text)

    def fill_all(self, texts):
        return {name: self.fill(text) for name, text in texts.items()}

    def holds(self, condition):
        """Whether a condition of the few forms that the example has is true."""
        condition = condition.removeprefix("always() && ")
        if given := re.fullmatch(r"(\S+) == '(.*)'", condition):
            return self.find(given[1]) == given[2]
        given = re.fullmatch(r"contains\((\S+), '(.*)'\)", condition)
        return given[2] in self.find(given[1])

    def call(self, job):
        """Starts the workflow that a job calls."""
        called = self.jobs[job]
        name = re.fullmatch(r"\$/\.github/workflows/(\w+)\.yml", called["uses"])[1]
        return self.repository.start(name, self.fill_all(called["with"]), **self.github)

    def job(self, name, **matrix):
        """Runs a job, unless its condition says no. Returns its parts."""
        job = self.jobs[name]
        if "if" in job and not self.holds(job["if"]):
            return None
        assert matrix.keys() == job.get("strategy", {}).get("matrix", {}).keys()
        self.values |= {f"matrix.{name}": value for name, value in matrix.items()}
        ended = Job()
        for step in job["steps"]:
            condition = step.get("if", "")
            # Without a condition on how the job went, GitHub takes `success()`.
            if ended.status != 0 and "always()" not in condition:
                continue
            if condition and not self.holds(condition):
                continue
            if step.get("uses", "").startswith(("actions/", "aws-actions/")):
                continue  # the checkout is there, and each step has its role
            outputs = self.script(step, ended) if "run" in step else self.share(step, ended)
            if "id" in step:
                for output, value in outputs.items():
                    self.values[f"steps.{step['id']}.outputs.{output}"] = value
        for output, value in self.fill_all(job.get("outputs", {})).items():
            # The jobs of a matrix have their outputs together.
            self.values[f"needs.{name}.outputs.{output}"] = (
                value or self.find(f"needs.{name}.outputs.{output}")
            )
        return ended

    def share(self, step, ended):
        """Runs ami-share, as the role of its step."""
        assert step["uses"].startswith("OWNER/ami-share@")
        given = self.fill_all(step["with"])
        role = given.pop("role-to-assume").split("/")[1]
        inputs = {f"INPUT_{key.upper().replace('-', '_')}": text for key, text in given.items()}
        summary = self.repository.stage.folder / "summary"
        inputs["GITHUB_STEP_SUMMARY"] = str(summary)
        stage = self.repository.stage
        run = stage.run(inputs, stage.assume(A, role), folder=self.repository.folder)
        ended.add(run.status, run.log, summary.read_text())
        summary.unlink()
        return run.outputs

    def script(self, step, ended):
        """Runs a script."""
        files = {name: self.repository.stage.folder / name for name in ("output", "summary")}
        for file in files.values():
            file.write_text("")
        env = {
            **self.repository.programs,
            **self.fill_all(step.get("env", {})),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
        }
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            shell,
            env={"PATH": os.environ["PATH"], **env},
            cwd=self.repository.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        ended.add(done.returncode, done.stdout + done.stderr, files["summary"].read_text())
        return dict(line.split("=", 1) for line in files["output"].read_text().splitlines())


class Job:
    """How a job ended."""

    def __init__(self):
        self.status, self.log, self.summary = 0, "", ""

    def add(self, status, log, summary):
        self.status = self.status or status
        self.log += log
        self.summary += summary
