"""Runs the workflows of examples/release on the simulated AWS: a release's whole life."""

import json
import os

import pytest
from conftest import A, B, serve
from examples import C, add_launch_permission
from release import ARCHITECTURES, GITHUB, Release, everywhere, scenario
from test_packer import PACKER, needs_packer


@pytest.fixture
def release(tmp_path):
    world = tmp_path / "world.json"
    world.write_text(json.dumps(scenario()))
    for stage in serve(tmp_path, "--scenario", str(world)):
        yield Release(stage, PACKER)


@needs_packer
def test_release_is_built_approved_promoted_verified_rolled_back_and_retired(release):
    run, first = release.build()
    assert release.published() == {}

    # Somebody else gets an image while the plan waits for approval: it is not what was approved.
    promotion = run.call("promote")
    assert promotion.job("plan").status == 0
    add_launch_permission(release.stage, first["arm64"], C)
    before = release.changes()
    refused = promotion.job("production")
    assert refused.status == 3 and "plan.not-expected" in refused.log, refused.log
    assert (release.changes(), release.published()) == (before, {})

    summary = release.promote(run)
    assert "To roll back" not in refused.summary + summary, "nothing was there before"
    assert release.published() == everywhere(first, (A, B, C))
    assert release.launched() == everywhere(first, (B, C))
    theirs = release.stage.client("ec2", C).describe_images(ImageIds=[first["arm64"]])["Images"][0]
    assert {"Key": "ec2:SharedTag/Commit", "Value": GITHUB["sha"]} in theirs["Tags"]

    run, second = release.build()
    assert set(first.values()).isdisjoint(second.values())
    summary = release.promote(run)
    assert release.published() == everywhere(second, (A, B, C))
    assert release.launched() == everywhere(second, (B, C))

    rollback = release.roll_back(summary)
    assert release.published() == everywhere(first, (A, B, C))
    assert release.launched() == everywhere(first, (B, C))
    again = rollback.call("promote")
    assert again.job("plan").status == 0
    assert again.job("production") is None, "nobody is asked to approve nothing"

    retire_oldest(release)
    assert release.published() == everywhere(first, (A, B, C))


def retire_oldest(release):
    """Four images of each architecture are older than the two releases, and five stay."""
    ec2 = release.stage.client("ec2")
    plan = release.start("retire")
    assert plan.job("plan").status == 0
    # An image leaves the product before the plan is approved.
    [leaves] = [name for name in release.images() if name.startswith("golden-old-0-arm64")]
    product = [{"Key": "Product"}]
    ec2.delete_tags(Resources=[release.images()[leaves]["ImageId"]], Tags=product)
    before = release.changes()
    refused = plan.job("retire")
    assert refused.status == 3 and "plan.not-expected" in refused.log, refused.log

    plan = release.start("retire")
    assert plan.job("plan").status == 0
    assert release.changes() == before
    ended = plan.job("retire")
    assert ended.status == 0, ended.log
    assert "of 11 images, 1 deprecated; 10 kept" in ended.log, ended.log
    assert release.changes() == [*before, "ec2:EnableImageDeprecation"]
    images = release.images().items()
    [deprecated] = [name for name, image in images if "DeprecationTime" in image]
    assert deprecated.startswith("golden-old-") and deprecated.endswith("-x86_64")
    next_week = release.start("retire")
    assert next_week.job("plan").status == 0
    assert next_week.job("retire") is None, "it waits until two weeks are over"


@needs_packer
def test_promotion_that_fails_in_a_target_is_rolled_back_by_its_summary(release):
    run, first = release.build()
    release.promote(run)
    run, second = release.build()
    promotion = run.call("promote")
    assert promotion.job("plan").status == 0
    release.allow_launch_templates(C, allowed=False)
    failed = promotion.job("production")
    assert failed.status == 1 and "`ec2:CreateLaunchTemplateVersion`" in failed.log, failed.log
    assert release.published() == everywhere(second, (A, B, C))
    assert release.launched() == everywhere(second, (B,)) | everywhere(first, (C,))

    release.roll_back(failed.summary)
    assert release.published() == everywhere(first, (A, B, C))
    assert release.launched() == everywhere(first, (B, C))


@needs_packer
def test_promotion_that_a_second_one_completes_is_rolled_back_by_its_summary(release):
    run, first = release.build()
    release.promote(run)
    run, second = release.build()
    promotion = run.call("promote")
    assert promotion.job("plan").status == 0
    with release.denied(C, "ssm:PutParameter"):
        failed = promotion.job("production")
        assert failed.status == 1 and "`ssm:PutParameter`" in failed.log, failed.log
        assert "make a new dry run" in failed.log.splitlines()[-1], failed.log
    resumed = run.call("promote")
    assert resumed.job("plan").status == 0
    ended = resumed.job("production")
    assert ended.status == 0, ended.log
    assert release.published() == everywhere(second, (A, B, C))

    release.roll_back(ended.summary)
    assert release.published() == everywhere(first, (A, B, C))
    assert release.launched() == everywhere(first, (B, C))


def of_targets(*images):
    held = {account: {"us-east-1": {"/golden/arm64": image}} for account, image in images}
    return json.dumps(held)


@pytest.mark.parametrize(
    "previous",
    [
        "{}",
        of_targets((B, "ami-0123456789abcdef0"), (C, "ami-0fedcba9876543210")),
        "$(exit 0)",
        "",
    ],
)
def test_rollback_to_nothing_calls_nothing(release, previous):
    rollback = release.start("rollback", previous=previous)
    calls = len(release.stage.journal())
    assert rollback.job("previous").status != 0
    assert rollback.find("needs.previous.outputs.ami-id") == ""
    assert len(release.stage.journal()) == calls


def test_manifest_of_a_run_that_built_nothing_is_an_error(release):
    folder = release.repository.folder
    manifest = {"builds": [{"packer_run_uuid": "1", "artifact_id": "a:b"}], "last_run_uuid": "2"}
    (folder / "packer-manifest.json").write_text(json.dumps(manifest))
    run = release.start("release")
    run.jobs["build"]["steps"] = run.jobs["build"]["steps"][-1:]
    assert run.job("build", architecture="arm64").status != 0


def test_commit_without_pull_request_gets_no_comment(release):
    gh = release.stage.folder / "bin/gh"
    gh.write_text("#!/bin/sh\n[ \"$1\" = api ]\n")
    run = release.repository.start("promote", {"ami-id": "ami-1"}, **GITHUB)
    run.values["steps.plan.outputs.changed"] = "true"
    run.jobs["plan"]["steps"] = run.jobs["plan"]["steps"][-1:]
    ended = run.job("plan")
    assert ended.status == 0
    assert ended.log.startswith(f"{GITHUB['sha']} has no pull request: "), ended.log
