"""Runs the workflows of examples/github: the action with their inputs, and their scripts."""

import json

import pytest
from conftest import B
from examples import REGION, C, Workflow, add_launch_permission, find_jobs, policy, session, share

SUBJECT = "token.actions.githubusercontent.com:sub"


def test_share_workflow_shares_what_packer_built(stage):
    image = stage.image("plain")
    build = {
        "builder_type": "amazon-ebs",
        "artifact_id": f"{REGION}:{image}",
        "packer_run_uuid": "x",
        "name": "golden",
    }
    manifest = stage.folder / "packer-manifest.json"
    manifest.write_text(json.dumps({"builds": [build], "last_run_uuid": "x"}))
    workflow = Workflow(stage, "share-after-packer", {})
    for step in workflow.jobs["golden"]["steps"]:
        given = step.get("with", {})
        if "packer-manifest" in given:
            given["packer-manifest"] = str(manifest)
    run = workflow.share("golden", session(stage, "publisher"))
    assert run.status == 0, run.log
    assert run.outputs["ami-id"] != image, "it was not under the key, so it was copied"
    assert stage.launch(run.outputs["ami-id"]) == "running"
    assert workflow.script("golden") == f"Launch {run.outputs['ami-id']}\n"


def test_promotion_shares_only_an_image_with_the_release_tag(stage):
    image = stage.image("golden")
    values = {"inputs.ami-id": image, "vars.STAGING_ACCOUNTS": B, "vars.PRODUCTION_ACCOUNTS": B}
    workflow = Workflow(stage, "promote", values)
    assert workflow.share("staging").status == 3
    stage.client("ec2").create_tags(Resources=[image], Tags=[{"Key": "release", "Value": "true"}])
    assert workflow.share("staging", session(stage, "publisher")).status == 0
    assert stage.launch(image) == "running"

    before = stage.changes()
    plan = workflow.share("plan", session(stage, "reader"))
    assert (plan.status, plan.outputs["changed"]) == (0, "true"), "the parameter is not there yet"
    assert stage.changes() == before
    # Somebody else gets the image while the plan waits for approval: it is not what was approved.
    add_launch_permission(stage, image, C)
    before = stage.changes()
    run = workflow.share("production", session(stage, "publisher", "parameters"))
    assert run.status == 3 and "plan.not-expected" in run.log, run.log
    assert stage.changes() == before
    assert workflow.share("plan", session(stage, "reader")).status == 0
    run = workflow.share("production", session(stage, "publisher", "parameters"))
    assert run.status == 0, run.log
    assert stage.client("ssm").get_parameter(Name="/golden/golden")["Parameter"]["Value"] == image
    assert workflow.share("plan", session(stage, "reader")).outputs["changed"] == "false", (
        "so nobody is asked to approve anything"
    )


def test_pull_request_gets_the_plan_as_a_comment(stage):
    values = {
        "vars.GOLDEN_AMI": stage.image("golden"),
        "steps.accounts.outputs.list": B,
        "github.event.pull_request.number": "7",
        "github.repository": "o/r",
        "github.token": "t",
    }
    workflow = Workflow(stage, "pull-request", values)
    assert workflow.share("plan", session(stage, "reader")).status == 0
    comment = workflow.script("plan")
    assert comment.startswith("pr comment 7 --edit-last --create-if-none --body Merging this")
    assert "### ami-share: " in comment and "would get launch permission" in comment


def test_drift_workflow_notices_missing_and_extra_access_with_a_read_only_role(stage):
    image = stage.image("golden")
    urls = {
        "github.server_url": "https://github.example",
        "github.repository": "o/r",
        "github.run_id": "7",
    }
    workflow = Workflow(stage, "drift", {"vars.GOLDEN_AMI": image, "github.token": "t", **urls})

    def changed():
        return workflow.share("plan", session(stage, "reader")).outputs.get("changed")

    assert changed() == "true", "it is not shared yet"
    share(stage, image)
    assert changed() == "false"
    add_launch_permission(stage, image, C)
    before = stage.changes()
    assert changed() == "true", "another account has access"
    assert stage.changes() == before
    output = workflow.script("notice")
    assert "issue create --title The golden image is not shared as it should be" in output
    assert "https://github.example/o/r/actions/runs/7" in output


@pytest.mark.parametrize(
    ("name", "workflow", "job"), [("reader", "drift", "plan"), ("revoker", "revoke", "revoke")]
)
def test_policy_needs_each_of_its_actions(stage, name, workflow, job):
    image = stage.image("golden")
    everything = {
        "INPUT_AMI_ID": image,
        "INPUT_TARGET_ACCOUNTS": B,
        "INPUT_SHARE_SNAPSHOTS": "true",
    }
    actions = {action for statement in policy(name) for action in statement["Action"]}
    # The images are in one Region, no name has the alias of an account, and that usage could not be
    # read is a warning.
    # No image is due to be retired.
    unneeded = {
        "ec2:CreateImageUsageReport",
        "ec2:DescribeInstances",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeLockedSnapshots",
        "ec2:DescribeRegions",
        "iam:ListAccountAliases",
        "ec2:DescribeImageReferences",
        "ec2:DescribeImageUsageReportEntries",
        "ec2:DescribeImageUsageReports",
    }
    for action in actions - unneeded:
        share(stage, image)
        assert stage.run({**everything, "INPUT_KEY_ACCESS": "grants"}).status == 0
        values = {"vars.GOLDEN_AMI": image, "github.event.issue.title": image}
        run = Workflow(stage, workflow, values).share(job, session(stage, name, without=action))
        assert run.status == 1 and f"`{action}`" in run.log, (
            f"without {action}: {run.status}\n{run.log}"
        )


def test_weekly_retirement_keeps_young_images(stage):
    image = stage.image("golden")
    tags = [{"Key": "Product", "Value": "golden"}, {"Key": "Channel", "Value": "stable"}]
    stage.client("ec2").create_tags(Resources=[image], Tags=tags)
    before = stage.changes()
    for dry_run in ["true", "false"]:
        by_hand = "github.event_name == 'workflow_dispatch' && inputs.dry-run"
        workflow = Workflow(stage, "retire", {by_hand: dry_run})
        run = workflow.share("retire", session(stage, "revoker", "retire"))
        assert run.status == 0, run.log
        assert "of 1 image, none changed; 1 kept" in run.log, run.log
    assert stage.changes() == before


def test_issue_with_the_label_revokes_an_image(stage):
    image = stage.image("golden")
    share(stage, image)
    urls = {
        "github.server_url": "https://github.example",
        "github.repository": "o/r",
        "github.run_id": "7",
    }
    values = {
        "github.event.issue.title": image,
        "github.event.issue.number": "12",
        "github.token": "t",
        **urls,
    }
    workflow = Workflow(stage, "revoke", {**values, "needs.revoke.result": "success"})
    run = workflow.share("revoke", session(stage, "revoker"))
    assert run.status == 0, run.log
    assert stage.launch(image) == "AuthFailure"
    again = {
        "INPUT_AMI_ID": image,
        "INPUT_TARGET_ACCOUNTS": B,
        "INPUT_SHARE_SNAPSHOTS": "true",
    }
    refused = stage.run(again, session(stage, "revoker"))
    assert refused.status == 1 and "may not perform ec2:ModifySnapshotAttribute" in refused.log, (
        "a revoker may not share snapshots"
    )
    assert "issue comment 12 --body Revoking access: success." in workflow.script("answer")
    assert "issue close 12" in workflow.script("answer")

    calls = len(stage.journal())
    for title in ("please take it back", f"{image}; all", "*"):
        assert (
            Workflow(stage, "revoke", {"github.event.issue.title": title}).share("revoke").status
            == 2
        )
    assert len(stage.journal()) == calls


@pytest.mark.parametrize("repository", ["OWNER/REPO", "OWNER@OWNER_ID/REPO@REPO_ID"])
def test_trust_policies_fit_every_job_that_assumes_a_role(repository):
    names = {
        "publisher": "github-trust",
        "reader": "github-trust-reader",
        "revoker": "github-trust-revoker",
    }
    for workflow, job, role, subject in [*find_jobs(), *find_jobs("release/workflows")]:
        if role == "builder":
            continue  # the user's own
        (trust,) = policy(names[role])
        subjects = trust["Condition"]["StringEquals"][SUBJECT]
        assert f"repo:{repository}:{subject}" in subjects, f"{workflow}, {job}: {role}"
