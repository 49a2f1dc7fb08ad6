"""How the binaries of a release are built: with one file of settings; a panic is still told."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SETTINGS = TOP / "release/dist.toml"
PROGRAM = """
fn main() {
    let numbers: Vec<usize> = std::env::args().map(|argument| argument.len()).collect();
    println!("{}", numbers[7]);
}
"""


@pytest.mark.parametrize("file", [".github/workflows/release.yml", "Dockerfile"])
def test_every_build_of_a_release_has_the_settings(file):
    text = (TOP / file).read_text()
    assert "cargo build --profile dist" in text
    assert not re.findall(r"--profile dist (?!--config release/dist\.toml )", text)


def test_settings_are_in_the_context_of_the_image():
    assert "!release/dist.toml" in (TOP / ".dockerignore").read_text().splitlines()


def test_panic_is_told_where_nothing_unwinds(tmp_path):
    manifest = (TOP / "Cargo.toml").read_text()
    profiles = re.search(r"\[profile\.release\].*\[profile\.dist\].*", manifest, re.DOTALL)[0]
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.rs").write_text(PROGRAM)
    package = '[package]\nname = "panics"\nversion = "0.1.0"\nedition = "2024"\n\n'
    (tmp_path / "Cargo.toml").write_text(package + profiles)
    command = ["cargo", "build", "--quiet", "--profile", "dist", "--config", str(SETTINGS)]
    env = os.environ | {"CARGO_TARGET_DIR": str(tmp_path / "target")}
    subprocess.run(command, cwd=tmp_path, env=env, check=True)
    program = tmp_path / "target/dist/panics"
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert "panicked at src/main.rs:4:" in done.stderr
    assert "index out of bounds: the len is 1 but the index is 7" in done.stderr
    assert done.returncode == -signal.SIGABRT
