"""A simulated AWS and a repository as the page of examples/release asks for, and its steps."""

import contextlib
import json
import re
import shlex

from conftest import A, B
from examples import EXAMPLES, C, program
from templates import Stack
from workflows import Repository

ARCHITECTURES = ["x86_64", "arm64"]
OLD = [f"golden-old-{number}" for number in range(4)]
LAUNCH_TEMPLATES = "launch-templates"
READS = re.compile(r"\w+:(Describe|Get|List|Assume|Simulate)")
GITHUB = {
    "repository": "o/r",
    "run_id": "7",
    "server_url": "https://github.example",
    "sha": "0123456789012345678901234567890123456789",
    "token": "t",
}


def scenario():
    """A has what Packer builds from, and releases of last year; web launches in the others."""
    allow = {"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sts:AssumeRole"}
    trust = {"Statement": [allow]}
    images = []
    for architecture in ARCHITECTURES:
        common = {"account": A, "machine": {"architecture": architecture}}
        base = f"al2023-ami-2023.9-{architecture}"
        images.append({**common, "name": base, "volumes": [None]})
        tags = {"Product": "golden", "Architecture": architecture}
        for name in OLD:
            old = {"name": f"{name}-{architecture}", "volumes": ["golden"], "tags": tags}
            images.append({**common, **old})
    targets = [{"id": account, "roles": [{"name": "web", "trust": trust}]} for account in (B, C)]
    return {
        "region": "us-east-1",
        "accounts": [{"id": A}, *targets],
        "keys": [{"name": "golden", "account": A}],
        "images": images,
    }


class Release:
    """The accounts with the roles of the templates, and a repository with the example."""

    def __init__(self, stage, packer):
        self.stage, self.packer = stage, packer
        self.create_roles()
        for account in (B, C):
            for architecture in ARCHITECTURES:
                stage.client("ec2", account).create_launch_template(
                    LaunchTemplateName=f"web-{architecture}",
                    LaunchTemplateData={"ImageId": "ami-0aaaaaaaaaaaaaaaa"},
                )
        self.repository = Repository(stage, self.programs())
        (self.repository.folder / "images/plugins.pkr.hcl").unlink()

    def create_roles(self):
        """Makes what the page of the example asks for."""
        stage, keys = self.stage, self.stage.ready["keys"]["golden"]
        common = {"Preset": "verify", "KeyArns": keys}
        given = {"GitHubRepository": "OWNER/REPO", "TrustedArns": f"arn:aws:iam::{A}:root"}
        text = (EXAMPLES / "cloudformation/source.json").read_text()
        source = Stack(text, A, {**common, **given, "TargetAccounts": f"{B},{C}"})
        source.side().create(stage.client("iam"))
        for role in ("publisher", "reader", "revoker"):
            stage.ready["roles"][A][role] = f"arn:aws:iam::{A}:role/{role}"
        text = (EXAMPLES / "cloudformation/target.json").read_text()
        given = {"SourceAccount": A, "ExternalId": "example", "LaunchRoleNames": "web"}
        for account in (B, C):
            iam = stage.client("iam", account)
            Stack(text, account, {**common, **given}).side().create(iam)
            document = (EXAMPLES / "iam/target-launch-templates.json").read_text()
            iam.create_policy(
                PolicyName=LAUNCH_TEMPLATES, PolicyDocument=document.replace(B, account)
            )
            self.allow_launch_templates(account)

    def allow_launch_templates(self, account, allowed=True):
        iam = self.stage.client("iam", account)
        arn = f"arn:aws:iam::{account}:policy/{LAUNCH_TEMPLATES}"
        change = iam.attach_role_policy if allowed else iam.detach_role_policy
        change(RoleName="consumer", PolicyArn=arn)

    @contextlib.contextmanager
    def denied(self, account, action):
        """While it lasts, the role in a target may not do this."""
        name = {"RoleName": "consumer", "PolicyName": "denied"}
        statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
        iam = self.stage.client("iam", account)
        iam.put_role_policy(**name, PolicyDocument=json.dumps({"Statement": [statement]}))
        yield
        iam.delete_role_policy(**name)

    def programs(self):
        """Packer 1.6, which has no `init`; and a `gh` that knows one pull request."""
        folder, keys = self.stage.folder, self.stage.ready["accounts"][A]
        program(folder / "bin/packer", f'[ "$1" = init ] || exec {self.packer} "$@"')
        gh = program(
            folder / "bin/gh",
            f'if [ "$1" = api ]; then echo 12; else echo "$@" >>{folder}/gh; cat >>{folder}/gh; fi',
        )
        return {
            "PATH": f"{gh.parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "CHECKPOINT_DISABLE": "1",
            "AWS_POLL_DELAY_SECONDS": "1",
            "AWS_ACCESS_KEY_ID": keys["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
            "PKR_VAR_ec2_endpoint": self.stage.ready["endpoint"],
            "PKR_VAR_source_ami_owner": "self",
        }

    def start(self, name, **inputs):
        return self.repository.start(name, inputs, **GITHUB)

    def build(self):
        """Builds both architectures. Returns the run and the images."""
        run = self.start("release")
        for architecture in ARCHITECTURES:
            built = run.job("build", architecture=architecture)
            assert built.status == 0, built.log
        outputs = [run.find(f"needs.build.outputs.{name}") for name in ARCHITECTURES]
        images = [output.removeprefix("us-east-1:") for output in outputs]
        return run, dict(zip(ARCHITECTURES, images, strict=True))

    def promote(self, run):
        """Plans, promotes and verifies. Returns the summary of the promotion."""
        promotion = run.call("promote")
        plan = promotion.job("plan")
        assert plan.status == 0, plan.log
        comment = (self.stage.folder / "gh").read_text()
        assert "pr comment 12 --body-file -" in comment
        assert "### ami-share: " in comment and "web-arm64" in comment, comment
        promoted = promotion.job("production")
        assert promoted.status == 0, promoted.log
        verified = promotion.job("verify")
        assert verified.status == 0, verified.log
        assert "checked 4 pairs of image and target: launched 4" in verified.log, verified.log
        return promoted.summary

    def roll_back(self, summary):
        """Starts the workflow that a promotion's summary names, and promotes. Returns the run."""
        command = next(line for line in summary.splitlines() if "gh workflow run" in line)
        *_, name, _, given = shlex.split(command)
        assert name == "rollback.yml"
        run = self.start("rollback", previous=given.removeprefix("previous="))
        read = run.job("previous")
        assert read.status == 0, read.log
        self.promote(run)
        return run

    def changes(self):
        actions = [call["action"] for call in self.stage.journal() if not call["dry_run"]]
        return [action for action in actions if not READS.match(action)]

    def images(self):
        """The images of A by name."""
        images = self.stage.client("ec2").describe_images(Owners=["self"])["Images"]
        return {image["Name"]: image for image in images}

    def published(self):
        """What the parameters of each account hold."""
        held = {}
        for account in (A, B, C):
            ssm = self.stage.client("ssm", account)
            for architecture in ARCHITECTURES:
                try:
                    answer = ssm.get_parameter(Name=f"/golden/{architecture}")
                except ssm.exceptions.ParameterNotFound:
                    continue
                held[account, architecture] = answer["Parameter"]["Value"]
        return held

    def launched(self):
        """What launches get by the default version of each launch template."""
        images = {}
        for account in (B, C):
            for architecture in ARCHITECTURES:
                answer = self.stage.client("ec2", account).describe_launch_template_versions(
                    LaunchTemplateName=f"web-{architecture}", Versions=["$Default"]
                )
                data = answer["LaunchTemplateVersions"][0]["LaunchTemplateData"]
                images[account, architecture] = data["ImageId"]
        return images


def everywhere(images, accounts):
    return {(account, name): image for account in accounts for name, image in images.items()}


