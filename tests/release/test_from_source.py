"""Runs the step that builds from source, in a workspace that holds code of strangers."""

import pathlib
import shutil
import subprocess

import pytest
import yaml

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = """
fn main() {
    let here = std::env::current_dir().unwrap();
    println!("runs in {} with {:?}", here.display(), std::env::var("INPUT_AMI_ID"));
    std::process::exit(3);
}
"""
# What the build can see goes into the program.
BUILD_SCRIPT = """
fn main() {
    let secret = std::env::vars().any(|(name, _)| name.starts_with("AWS_"));
    if secret {
        panic!("the build sees credentials");
    }
}
"""


@pytest.fixture
def action(tmp_path):
    """A stand-in for this repository: the same step, and a program that compiles in a second."""
    top = tmp_path / "action"
    (top / "release").mkdir(parents=True)
    shutil.copy2(TOP / "release/from-source", top / "release/from-source")
    (top / "src").mkdir()
    (top / "src/main.rs").write_text(PROGRAM)
    (top / "build.rs").write_text(BUILD_SCRIPT)
    (top / "Cargo.toml").write_text(
        '[package]\nname = "ami-share-action"\nversion = "0.1.0"\nedition = "2021"\n'
        '[[bin]]\nname = "ami-share"\npath = "src/main.rs"\n'
    )
    lock = 'version = 4\n\n[[package]]\nname = "ami-share-action"\nversion = "0.1.0"\n'
    (top / "Cargo.lock").write_text(lock)
    return top


def run(action, workspace, **more):
    step = yaml.safe_load((TOP / "action.yml").read_text())["runs"]["steps"][0]
    env = {
        "PATH": os_path(),
        "HOME": str(pathlib.Path.home()),
        "GITHUB_ACTION_PATH": str(action),
        "INPUT_AMI_ID": "ami-1a2b3c4d",
        "AWS_SECRET_ACCESS_KEY": "secret",
        **more,
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(
        command, cwd=workspace, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def os_path():
    return str(pathlib.Path(shutil.which("cargo")).parent) + ":/usr/local/bin:/usr/bin:/bin"


HOSTILE = {
    "a wrapper of the compiler": {".cargo/config.toml": '[build]\nrustc-wrapper = "{evil}"\n'},
    "an older name of the file": {".cargo/config": '[build]\nrustc-wrapper = "{evil}"\n'},
    "another compiler": {".cargo/config.toml": '[build]\nrustc = "{evil}"\n'},
    "a linker": {".cargo/config.toml": '[target.\'cfg(unix)\']\nlinker = "{evil}"\n'},
    "a runner": {".cargo/config.toml": '[target.\'cfg(unix)\']\nrunner = "{evil}"\n'},
    "an alias": {".cargo/config.toml": '[alias]\nbuild = ["run", "--manifest-path", "{evil}"]\n'},
    "a toolchain": {"rust-toolchain.toml": '[toolchain]\npath = "{toolchain}"\n'},
    "a toolchain by its older file": {"rust-toolchain": "no-such-toolchain\n"},
}


@pytest.mark.parametrize("files", HOSTILE.values(), ids=HOSTILE)
def test_workspace_runs_nothing_in_the_build(action, tmp_path, files):
    workspace = hostile(tmp_path, files)
    done = run(action, workspace)
    expected = f'runs in {workspace} with Ok("ami-1a2b3c4d")\n'
    assert (done.returncode, done.stdout) == (3, expected), done.stderr
    assert not (tmp_path / "stolen").exists()


def hostile(tmp_path, files):
    workspace = tmp_path / "workspace"
    toolchain = workspace / "toolchain"
    (toolchain / "bin").mkdir(parents=True)
    for evil in [workspace / "evil", toolchain / "bin/cargo", toolchain / "bin/rustc"]:
        evil.write_text(f"#!/bin/sh\nenv > {tmp_path}/stolen\nexit 1\n")
        evil.chmod(0o755)
    for name, text in files.items():
        file = workspace / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.format(evil=workspace / "evil", toolchain=toolchain))
    return workspace


@pytest.mark.parametrize(
    "variable", ["RUSTC", "RUSTC_WRAPPER", "CARGO_BUILD_RUSTC", "CARGO_ENCODED_RUSTFLAGS"]
)
def test_environment_of_the_job_changes_nothing_in_the_build(action, tmp_path, variable):
    workspace = hostile(tmp_path, {})
    done = run(action, workspace, **{variable: str(workspace / "evil")})
    assert done.returncode == 3, done.stderr
    assert not (tmp_path / "stolen").exists()


def test_failed_build_runs_nothing_and_says_so(action, tmp_path):
    (action / "src/main.rs").write_text("fn main() { nonsense }")
    done = run(action, tmp_path)
    assert done.returncode == 1
    assert done.stdout.endswith("could not be built from source; nothing was run\n")


def test_toolchain_is_that_of_the_image():
    script = (TOP / "release/from-source").read_text()
    toolchain = next(line for line in script.splitlines() if line.startswith("toolchain="))
    assert f"rust:{toolchain.removeprefix('toolchain=')}-" in (TOP / "Dockerfile").read_text()
