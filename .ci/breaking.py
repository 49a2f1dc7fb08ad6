"""Breaks the code on purpose, one defect at a time in a scratch copy: a test of each must fail."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import typing

TOP = pathlib.Path(__file__).resolve().parent.parent


class Defect(typing.NamedTuple):
    """What is broken, in which file, by which text for which, and the test that must fail."""

    what: str
    file: str
    before: str
    after: str
    test: str


class Suite(typing.NamedTuple):
    """Defects of one package, the folder of their files, and the test target that notices them."""

    package: str
    folder: str
    target: str
    defects: list[Defect]


def run(suite, only_named):
    """Breaks each in turn. Returns 1 if the test of one did not fail.

    With `only_named` a defect's own test runs alone, else the whole target.
    """
    os.environ.setdefault("CARGO_TARGET_DIR", str(pathlib.Path.home() / ".cache/ami-share-target"))
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "copy"
        left_out = {".git", "target"}
        shutil.copytree(TOP, copy, ignore=lambda at, _: left_out if at == str(TOP) else set())
        try:
            return break_each(copy, suite, only_named)
        finally:
            # To cargo the broken code is the same package as the real one, and newer.
            clean = ["cargo", "clean", "--quiet", "--package", suite.package]
            subprocess.run(clean, cwd=copy, check=True)


def break_each(copy, suite, only_named):
    names = [defect.test for defect in suite.defects] if only_named else []
    ran, failed = tests(copy, suite, names)
    if failed:
        sys.exit(f"tests fail before anything is broken: {failed}")
    if missing := set(names) - ran:
        sys.exit(f"there are no tests of these names: {missing}")
    survived = 0
    for defect in suite.defects:
        file = copy / suite.folder / defect.file
        text = file.read_text()
        if text.count(defect.before) != 1:
            sys.exit(f"{defect.file} has {defect.before!r} {text.count(defect.before)} times")
        file.write_text(text.replace(defect.before, defect.after))
        _, failed = tests(copy, suite, [defect.test] if only_named else [])
        file.write_text(text)
        noticed = defect.test in failed
        survived += not noticed
        verdict = "noticed " if noticed else "SURVIVED"
        others = "" if only_named else f" {len(failed)} failed, {sorted(failed)[:6]}"
        print(f"{verdict} {defect.what}: {defect.test}{others}", flush=True)
    return 1 if survived else 0


def tests(copy, suite, names):
    """Which of the tests of these names, or of all, ran and failed. Ends if nothing compiles."""
    # With the features of the whole workspace, so that no dependency is compiled again.
    command = ["cargo", "test", "--workspace", "--test", suite.target, "--locked", "--", *names]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if "test result:" not in done.stdout:
        sys.exit(f"it does not compile:\n{done.stderr[-2000:]}")
    results = re.findall(r"^test (?:\w+::)*(\w+) \.\.\. (ok|FAILED)", done.stdout, re.MULTILINE)
    return {name for name, _ in results}, {name for name, result in results if result == "FAILED"}
