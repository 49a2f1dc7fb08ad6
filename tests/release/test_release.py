"""Runs the released step as GitHub does, from a release on loopback; checks a release's parts."""

import functools
import hashlib
import http.server
import os
import pathlib
import platform
import re
import shutil
import subprocess
import threading

import pytest
import yaml

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
TARGETS = {
    ("Linux", "x86_64"): "x86_64-unknown-linux-musl",
    ("Linux", "aarch64"): "aarch64-unknown-linux-musl",
    ("Darwin", "arm64"): "aarch64-apple-darwin",
    ("Darwin", "x86_64"): "x86_64-apple-darwin",
}
TARGET = TARGETS[platform.system(), platform.machine()]
NAME = f"ami-share-{TARGET}"


def program(target):
    """Returns a stand-in for the binary that prints its target and its input."""
    return f'#!/bin/sh\necho "{target} runs with $INPUT_AMI_ID"\nexit 3\n'


def says(target):
    return f"{target} runs with ami-1a2b3c4d\n"


def prepare(*arguments, top=TOP):
    command = [top / "release/prepare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def release(tmp_path):
    """Serves a folder on loopback, and prepares the action.yml for it."""
    folder = tmp_path / "release"
    folder.mkdir()
    for target in TARGETS.values():
        (folder / f"ami-share-{target}").write_text(program(target))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(prepare("sums", folder).stdout)
    (folder / "OWNER/fork/releases/download").mkdir(parents=True)
    (folder / "OWNER/fork/releases/download/v1.2.3").symlink_to(folder)
    base = f"http://127.0.0.1:{server.server_port}/OWNER/fork/releases/download/v1.2.3"
    made = prepare("action-yml", base, sums)
    assert made.returncode == 0, made.stderr
    yield folder, yaml.safe_load(made.stdout)
    server.shutdown()


def run(action, tmp_path, **more):
    """Runs the step in its shell, with the environment that GitHub sets."""
    step = action["runs"]["steps"][0]
    env = {name: value for name, value in step["env"].items() if "${{" not in value}
    env |= {
        "INPUT_AMI_ID": "ami-1a2b3c4d",
        "GITHUB_ACTION_PATH": str(TOP),
        "RUNNER_TEMP": str(tmp_path / "temp"),
    }
    env |= {"PATH": os.environ["PATH"], "no_proxy": "127.0.0.1", **more}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_released_action_differs_only_in_its_step(release):
    _, action = release
    main = yaml.safe_load((TOP / "action.yml").read_text())
    ours, theirs = action["runs"]["steps"][0], main["runs"]["steps"][0]
    assert {key: value for key, value in action.items() if key != "runs"} == {
        key: value for key, value in main.items() if key != "runs"
    }
    inputs = {name: value for name, value in ours["env"].items() if name.startswith("INPUT_")}
    assert inputs == theirs["env"]
    ours["env"] = {name: value for name, value in ours["env"].items() if name not in inputs}
    assert set(ours["env"]) == {"AMI_SHARE_RELEASE", "AMI_SHARE_REPOSITORY", "AMI_SHARE_SUMS"}
    assert ours["env"]["AMI_SHARE_REPOSITORY"] == "OWNER/fork"
    assert "cargo" not in ours["run"]
    assert hashlib.sha256(program(TARGET).encode()).hexdigest() in ours["env"]["AMI_SHARE_SUMS"]


def test_good_binary_gets_its_inputs_and_its_exit_status_is_kept(release, tmp_path):
    folder, action = release
    done = run(action, tmp_path)
    assert (done.returncode, done.stdout) == (3, says(TARGET)), done.stderr
    # A second step of the job downloads nothing.
    (folder / NAME).unlink()
    assert run(action, tmp_path).returncode == 3


def test_tampered_binary_is_not_run(release, tmp_path):
    folder, action = release
    (folder / NAME).write_text(program(TARGET).replace("runs with", "stole"))
    done = run(action, tmp_path)
    assert done.returncode == 1
    assert "::error title=ami-share::" in done.stdout and "it was not run" in done.stdout
    assert "stole" not in done.stdout
    assert not files(tmp_path / "temp")


def files(folder):
    return [file for file in folder.rglob("*") if file.is_file()]


def test_binary_that_is_tampered_with_after_the_download_is_replaced(release, tmp_path):
    _, action = release
    cache = tmp_path / "cache"
    run(action, tmp_path, RUNNER_TOOL_CACHE=str(cache))
    (binary,) = files(cache)
    binary.write_text("#!/bin/sh\necho stole\n")
    assert run(action, tmp_path, RUNNER_TOOL_CACHE=str(cache)).stdout == says(TARGET)


def test_binary_that_is_swapped_while_it_is_hashed_is_not_run(release, tmp_path):
    """Others may write the folder of tools: what is in it when the hash is made is not trusted."""
    _, action = release
    cache = tmp_path / "cache"
    run(action, tmp_path, RUNNER_TOOL_CACHE=str(cache))
    (kept,) = files(cache)
    tools = pathlib.Path(runner(tmp_path, platform.system(), platform.machine()))
    name = "shasum" if platform.system() == "Darwin" else "sha256sum"
    (tools / name).unlink()
    # Swaps the kept file as soon as a hash was made.
    (tools / name).write_text(
        f'#!/bin/sh\n{shutil.which(name)} "$@"\nrm -f {kept}\n'
        f'printf "#!/bin/sh\\necho stole\\n" > {kept}\nchmod 755 {kept}\n'
    )
    (tools / name).chmod(0o755)
    done = run(action, tmp_path, RUNNER_TOOL_CACHE=str(cache), PATH=str(tools))
    assert "stole" in kept.read_text(), "the swap must have happened"
    assert (done.returncode, done.stdout) == (3, says(TARGET)), done.stderr
    private = [file for file in files(tmp_path / "temp") if file.name == NAME]
    assert private and all(file.parent.stat().st_mode & 0o777 == 0o700 for file in private)


def test_folder_of_tools_may_be_read_only(release, tmp_path):
    _, action = release
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    done = run(action, tmp_path, RUNNER_TOOL_CACHE=str(blocked))
    assert (done.returncode, done.stdout) == (3, says(TARGET)), done.stderr


def test_mirror_gives_the_binary_of_the_release_or_nothing(release, tmp_path):
    folder, action = release
    env = action["runs"]["steps"][0]["env"]
    mirror = env["AMI_SHARE_RELEASE"]
    env["AMI_SHARE_RELEASE"] = "http://127.0.0.1:1/OWNER/fork/releases/download/v1.2.3"
    assert run(action, tmp_path, AMI_SHARE_MIRROR=mirror).stdout == says(TARGET)
    (folder / NAME).write_text("#!/bin/sh\necho stole\n")
    cache = str(tmp_path / "other")
    done = run(action, tmp_path, AMI_SHARE_MIRROR=mirror, RUNNER_TOOL_CACHE=cache)
    assert done.returncode == 1 and "it was not run" in done.stdout


def test_password_of_a_mirror_is_in_no_message(release, tmp_path):
    _, action = release
    for mirror in ["http://user:hunter2@127.0.0.1:1/x", "http://a:hunter2/b@127.0.0.1:1"]:
        done = run(action, tmp_path, AMI_SHARE_MIRROR=mirror)
        assert done.returncode == 1 and "could not be downloaded" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr


def test_file_in_place_of_the_download_must_be_the_release(release, tmp_path):
    folder, action = release
    action["runs"]["steps"][0]["env"]["AMI_SHARE_RELEASE"] = "http://127.0.0.1:1"
    assert run(action, tmp_path, AMI_SHARE_FILE=str(folder / NAME)).stdout == says(TARGET)
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho stole\n")
    for file in [other, tmp_path / "missing", tmp_path]:
        done = run(action, tmp_path, AMI_SHARE_FILE=str(file))
        assert done.returncode == 1 and "AMI_SHARE_FILE" in done.stdout
        assert "stole" not in done.stdout


@pytest.mark.parametrize(("status", "runs"), [(0, True), (1, False), (None, False)])
def test_required_attestation_is_verified(release, tmp_path, status, runs):
    """`gh` stands for GitHub's program. Without it, a required attestation is a missing one."""
    _, action = release
    tools = pathlib.Path(runner(tmp_path, platform.system(), platform.machine()))
    if status is not None:
        (tools / "gh").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit {status}\n')
        (tools / "gh").chmod(0o755)
    done = run(action, tmp_path, PATH=str(tools), AMI_SHARE_ATTESTATION="required")
    assert (done.stdout == says(TARGET)) is runs
    if not runs:
        assert done.returncode == 1 and "has no valid attestation of OWNER/fork" in done.stdout
    if status is not None:
        asked = (tmp_path / "asked").read_text().split()
        assert asked[:2] == ["attestation", "verify"] and asked[-2:] == ["--repo", "OWNER/fork"]


def test_attestation_that_is_misspelled_is_not_taken_for_none(release, tmp_path):
    _, action = release
    done = run(action, tmp_path, AMI_SHARE_ATTESTATION="yes")
    assert done.returncode == 1 and "is `required` or not set" in done.stdout


def test_release_without_a_checksum_of_the_binary_runs_nothing(release, tmp_path):
    _, action = release
    env = action["runs"]["steps"][0]["env"]
    lines = env["AMI_SHARE_SUMS"].splitlines()
    env["AMI_SHARE_SUMS"] = "\n".join(line for line in lines if not line.endswith(NAME))
    done = run(action, tmp_path)
    assert done.returncode == 1
    assert f"this release has no checksum of {NAME}" in done.stdout
    assert not (tmp_path / "temp").exists()


def test_step_without_network_runs_nothing(release, tmp_path):
    _, action = release
    action["runs"]["steps"][0]["env"]["AMI_SHARE_RELEASE"] = "http://127.0.0.1:1"
    done = run(action, tmp_path)
    assert done.returncode == 1
    assert "could not be downloaded; nothing was run" in done.stdout


def runner(tmp_path, system, machine):
    """Returns the PATH of a runner with this system. macOS has `shasum` instead of `sha256sum`."""
    tools = tmp_path / "tools"
    tools.mkdir()
    sums = "shasum" if system == "Darwin" else "sha256sum"
    for name in [
        "awk",
        "bash",
        "chmod",
        "cp",
        "curl",
        "cut",
        "env",
        "mkdir",
        "mktemp",
        "mv",
        "perl",
        "rm",
        "tail",
        sums,
    ]:
        (tools / name).symlink_to(shutil.which(name))
    (tools / "uname").write_text(f'#!/bin/sh\n[ "$1" = -s ] && echo {system} || echo {machine}\n')
    (tools / "uname").chmod(0o755)
    return str(tools)


@pytest.mark.parametrize(("system", "machine"), TARGETS)
def test_runner_gets_the_binary_for_its_system(release, tmp_path, system, machine):
    _, action = release
    done = run(action, tmp_path, PATH=runner(tmp_path, system, machine))
    assert (done.returncode, done.stdout) == (3, says(TARGETS[system, machine])), done.stderr


def test_unsupported_runner_is_told_which_ones_work(release, tmp_path):
    _, action = release
    done = run(action, tmp_path, PATH=runner(tmp_path, "MINGW64_NT-10.0", "x86_64"))
    assert done.returncode == 1
    assert "runners that work are Linux and macOS" in done.stdout


@pytest.fixture
def tree(tmp_path):
    """Copies the files that `prepare` reads, so that a test can change them."""
    top = tmp_path / "tree"
    (top / "release").mkdir(parents=True)
    shutil.copy2(TOP / "release/prepare", top / "release/prepare")
    repository = "https://github.com/OWNER/ami-share"
    manifest = f'[workspace.package]\nversion = "1.2.3"\nrepository = "{repository}"\n'
    (top / "Cargo.toml").write_text(manifest)
    changes = "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [1.2.3] - some day\n\n- now\n\n"
    changes += "## [1.2.2]\n\n- before\n"
    (top / "CHANGELOG.md").write_text(changes)
    return top


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("v1.2.3", None),
        ("1.2.3", "1.2.3 is not a version tag: v1.2.3"),
        ("v1.2", "v1.2 is not a version tag: v1.2.3"),
        ("v1.2.4", "the tag says 1.2.4, Cargo.toml says 1.2.3"),
    ],
)
def test_tag_must_agree_with_the_manifest(tree, tag, message):
    done = prepare("check", tag, top=tree)
    assert (done.returncode, done.stderr.strip()) == ((1, message) if message else (0, ""))


@pytest.mark.parametrize(
    ("url", "passes"),
    [
        ("https://github.com/Example/share-images", True),
        ("https://github.com/example/Share-Images/", True),
        ("https://github.com/OWNER/ami-share", False),
        ("https://github.com/example/other", False),
    ],
)
def test_manifest_names_the_repository_that_releases(tree, url, passes):
    manifest = tree / "Cargo.toml"
    text = manifest.read_text()
    manifest.write_text(
        re.sub('\nrepository = ".*"', f'\nrepository = "{url}"', text, count=1)
    )
    done = prepare("repository", "https://github.com/Example/share-images", top=tree)
    assert (done.returncode == 0) is passes, done.stderr
    if not passes:
        assert "`repository` of Cargo.toml" in done.stderr


@pytest.mark.parametrize(
    ("tag", "tags", "moves"),
    [
        ("v1.2.3", "v1.2.2 v1.2.3 v0.9.0 v2.0.0", True),
        ("v1.2.3", "v1.2.3", True),
        ("v1.2.3", "v1.2.3 v1.10.0", False),
        ("v1.10.0", "v1.9.9 v1.10.0", True),
        ("v1.2.3", "v1.2.4 v1.2.3", False),
        ("v1.2.3", "v1 v1.2.3 v1.3.0-rc.1 v1x", True),
    ],
)
def test_moving_tag_never_goes_back(tag, tags, moves):
    done = prepare("newest", tag, tags)
    assert (done.returncode, done.stdout.strip()) == (0, "true" if moves else "false")


def test_version_without_notes_is_not_released(tree):
    assert prepare("notes", "1.2.3", top=tree).stdout == "- now\n"
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    assert prepare("check", "v1.2.3", top=tree).stderr == "CHANGELOG.md has no section [1.2.3]\n"
    assert prepare("notes", "1.2.3", top=tree).returncode == 1


def test_prepare_says_what_it_cannot_prepare(tmp_path):
    assert "has no binaries" in prepare("sums", tmp_path).stderr
    assert "release/prepare check" in prepare("nonsense").stderr
    assert "release/prepare check" in prepare("check").stderr


def test_dockerfile_builds_dependencies_from_a_valid_workspace(tmp_path):
    """Runs the Dockerfile's layer of dependencies up to the point where cargo would compile."""
    layer = re.search(
        r"^COPY Cargo.toml.*?(?=^COPY core core)",
        (TOP / "Dockerfile").read_text(),
        re.MULTILINE | re.DOTALL,
    )[0]
    copies, commands = layer.split("\nRUN ")
    for files, folder in re.findall(r"^COPY (.+) (\S+)$", copies, re.MULTILINE):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for file in files.split():
            shutil.copy(TOP / file, tmp_path / folder)
    command = commands.strip().replace("\\\n", "") + " --bin nothing"
    env = os.environ | {"CARGO_TARGET_DIR": str(tmp_path / "target"), "LIBC": "gnu"}
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert "no bin target named `nothing` in `ami-share-action` package" in done.stderr
