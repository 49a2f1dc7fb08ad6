"""The roles of the templates serve every job of examples/github, whose trust policies fit them."""

import json

import pytest
from conftest import A, B
from examples import REGION, Workflow, find_jobs
from templates import find_sides

ISSUER = "token.actions.githubusercontent.com"
SIDES = ["cloudformation", "terraform"]
JOBS = list(find_jobs())


def prepare(stage, image):
    """Returns what the expressions of the workflows mean."""
    build = {"builder_type": "amazon-ebs", "artifact_id": f"{REGION}:{stage.image('plain')}",
             "packer_run_uuid": "x", "name": "golden"}  # fmt: skip
    manifest = stage.folder / "packer-manifest.json"
    manifest.write_text(json.dumps({"builds": [build], "last_run_uuid": "x"}))
    tag = {"Key": "release", "Value": "true"}
    stage.client("ec2").create_tags(Resources=[image], Tags=[tag])
    return {
        "inputs.ami-id": image,
        "inputs.target-accounts": B,
        "vars.GOLDEN_AMI": image,
        "vars.STAGING_ACCOUNTS": B,
        "vars.PRODUCTION_ACCOUNTS": B,
        "steps.accounts.outputs.list": B,
        "github.event.issue.title": image,
        "github.event_name == 'workflow_dispatch' && inputs.dry-run": "false",
    }, manifest


def clear(stage):
    """Removes the roles that the simulated AWS begins with, as far as the templates make them."""
    for account, name in ((A, "publisher"), (B, "consumer")):
        iam = stage.client("iam", account)
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)


@pytest.mark.parametrize("kind", SIDES)
@pytest.mark.parametrize("preset", ["share", "verify", "copy"])
def test_roles_of_each_preset_serve_every_job(stage, kind, preset):
    clear(stage)
    keys = [stage.ready["keys"]["golden"]]
    source, _ = find_sides(kind, A, B, keys, preset, ["launcher"])
    source.create(stage.client("iam"))
    image = stage.image("golden")
    values, manifest = prepare(stage, image)
    assert {role for _, _, role, _ in JOBS} == {"publisher", "reader", "revoker"}
    # Revoking comes last.
    for name, job, role, _ in sorted(JOBS, key=lambda job: job[2] == "revoker"):
        workflow = Workflow(stage, name, values)
        for step in workflow.jobs[job]["steps"]:
            if "packer-manifest" in step.get("with", {}):
                step["with"]["packer-manifest"] = str(manifest)
        stage.ready["roles"][A][role] = f"arn:aws:iam::{A}:role/{role}"
        run = workflow.share(job, stage.assume(A, role))
        assert run.status == 0, f"{name}, {job}: {run.log}"
        assert ("revoked" in run.log) or stage.launch(image) in ("running", "AuthFailure")
    assert stage.launch(image) == "AuthFailure", "the last job revoked it"


@pytest.mark.parametrize("kind", SIDES)
def test_trust_policies_fit_every_job(kind):
    source, _ = find_sides(kind, A, B, ["arn"], "share", ["launcher"])
    subjects = {
        role.name: statement["Condition"]["StringEquals"][f"{ISSUER}:sub"]
        for role in source.roles
        for statement in role.trust["Statement"]
        if statement["Sid"] == "TrustWorkflow"
    }
    wanted = {role: set() for role in subjects}
    for name, job, role, subject in [*JOBS, *find_jobs("release/workflows")]:
        if role == "builder":
            continue  # the user's own
        listed = subjects[role] if isinstance(subjects[role], list) else [subjects[role]]
        assert f"repo:OWNER/REPO:{subject}" in listed, f"{name}, {job}: {role}"
        wanted[role].add(f"repo:OWNER/REPO:{subject}")
    # Nor do they trust jobs that no example has.
    for role, listed in subjects.items():
        assert wanted[role] == ({listed} if isinstance(listed, str) else set(listed)), role


@pytest.mark.parametrize("preset", ["share", "verify", "copy"])
def test_both_kinds_of_templates_make_the_same(preset):
    made = [find_sides(kind, A, B, ["arn"], preset, ["web"]) for kind in SIDES]
    for stack, module in zip(*made, strict=True):
        assert describe(stack) == describe(module)


def describe(side):
    """Returns the roles with what they may do, in an order and form of its own."""
    roles = {}
    for role in side.roles:
        documents = [side.policies[name] for name in role.policies]
        roles[role.name] = [normal(document) for document in [role.trust, *documents]]
    launch = normal(side.policies[side.launch_policy]) if side.launch_policy else None
    return roles, sorted(side.launch_roles), launch


def normal(document):
    def listed(value):
        # IAM has no other account's roles, so that a pattern for the account changes nothing.
        values = value if isinstance(value, list) else [value]
        return sorted(text.replace("::*:role/", f"::{B}:role/") for text in values)

    statements = []
    for statement in document["Statement"]:
        conditions = [
            (operator, key, listed(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        ]
        principal = sorted((k, listed(v)) for k, v in statement.get("Principal", {}).items())
        resources = listed(statement.get("Resource", []))
        actions = listed(statement["Action"])
        statements.append((statement["Sid"], actions, resources, principal, sorted(conditions)))
    return statements
