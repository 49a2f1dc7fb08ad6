"""Runs the step of the release that pins the base images, with a stand-in for docker."""

import pathlib
import subprocess

import pytest
import yaml

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
DIGEST = "sha256:" + 64 * "a"


@pytest.fixture
def pin(tmp_path):
    """Runs the step beside a Dockerfile, and returns the two bases that it passes on."""
    workflow = yaml.safe_load((TOP / ".github/workflows/release.yml").read_text())
    steps = workflow["jobs"]["image-build"]["steps"]
    (step,) = [step for step in steps if step.get("id") == "bases"]
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "docker").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho {DIGEST}\n')
    (tools / "docker").chmod(0o755)

    def run(dockerfile):
        (tmp_path / "Dockerfile").write_text(dockerfile)
        output = tmp_path / "output"
        env = {"PATH": f"{tools}:/usr/bin:/bin", "GITHUB_OUTPUT": str(output)}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)
        return dict(line.split("=", 1) for line in output.read_text().splitlines())

    return run


def test_bases_of_the_image_are_pinned(pin, tmp_path):
    bases = pin((TOP / "Dockerfile").read_text())
    assert bases.keys() == {"BUILDER", "RUNTIME"}
    for image in bases.values():
        name, digest = image.split("@")
        assert digest == DIGEST and name in (tmp_path / "asked").read_text()


def test_bases_that_the_repository_pins_stay_pinned(pin):
    pinned = {"BUILDER": f"example.com/rust:1@{DIGEST}", "RUNTIME": f"example.com/static@{DIGEST}"}
    assert pin("".join(f"ARG {name}={image}\n" for name, image in pinned.items())) == pinned
