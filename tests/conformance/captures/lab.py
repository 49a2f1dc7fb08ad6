"""Two accounts in the state that the recordings started from, and short ways to set them up."""

import itertools
import json
import os
import subprocess
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.handlers import inject_presigned_url_ec2

A, B = "111111111111", "222222222222"
# Copies to this Region never complete.
SLOW = "eu-west-3"
ACCESS = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def deny(actions, resource="*"):
    """Returns a session policy that denies these actions and allows all others."""
    return {"Statement": [ALLOW_ALL, {"Effect": "Deny", "Action": actions, "Resource": resource}]}


def allow(actions, resource="*", **conditions):
    """Returns a session policy that allows these actions only."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return {"Statement": [statement | ({"Condition": conditions} if conditions else {})]}


def named(operator, key, value):
    return {operator: {key: value}}


class Lab:
    """A simulated AWS as a process of its own."""

    numbers = itertools.count()

    def __init__(self, folder, faults):
        scenario, orders = folder / "scenario.json", folder / "faults.json"
        scenario.write_text(json.dumps(SCENARIO))
        orders.write_text(json.dumps(faults))
        command = [os.environ["AMI_SHARE_SIM"], "serve", "--copy-seconds", "0.1"]
        command += ["--scenario", str(scenario), "--faults", str(orders)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())

    def close(self):
        self.process.terminate()
        assert self.process.wait(timeout=10) == 0

    def unique(self, what):
        return f"{what}-{next(self.numbers)}"

    def client(self, service, account=A, region="us-east-1", keys=None, raw=False):
        """Returns a client of an administrator, or with these keys.

        With `raw`, the client sends only the given parameters.
        """
        keys = keys or self.ready["accounts"][account]
        client = boto3.client(
            service,
            endpoint_url=self.ready["endpoint"],
            region_name=region,
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
            aws_session_token=keys.get("session_token"),
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
        )
        if raw and service == "ec2":
            client.meta.events.unregister("before-call.ec2.CopySnapshot", inject_presigned_url_ec2)
        return client

    def session(self, account, role="administrator", name="session", policy=None, managed=()):
        """Assumes a role, with a session policy and managed ones, and returns the session's keys."""
        arn = f"arn:aws:iam::{account}:role/{role}"
        more = {"Policy": json.dumps(policy)} if policy else {}
        if managed:
            more["PolicyArns"] = [{"arn": policy} for policy in managed]
        answer = self.client("sts", account).assume_role(RoleArn=arn, RoleSessionName=name, **more)
        keys = answer["Credentials"]
        return {
            "access_key_id": keys["AccessKeyId"],
            "secret_access_key": keys["SecretAccessKey"],
            "session_token": keys["SessionToken"],
        }

    def controlled_role(self):
        """Creates a role in B that resource control policies are about."""
        role = self.unique("controlled")
        trust = {"Effect": "Allow", "Principal": {"AWS": [A, B]}, "Action": "sts:AssumeRole"}
        iam = self.client("iam", B)
        iam.create_role(
            RoleName=role, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )
        iam.put_role_policy(
            RoleName=role, PolicyName="policy", PolicyDocument=json.dumps(ACCESS)
        )
        return role

    def state(self):
        with urllib.request.urlopen(self.ready["endpoint"] + "/_sim/state") as answer:
            return json.load(answer)

    def events(self, before, key=""):
        """Returns EC2's own calls to KMS after the first `before` ones, for one key if given."""
        return [event for event in self.state()["trail"][before:] if event["key"].endswith(key)]

    def wait(self, condition):
        bound = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < bound
            time.sleep(0.1)

    # The state before a call.

    def base(self, name="plain"):
        """Returns the snapshot of an image of the scenario."""
        image = self.client("ec2").describe_images(ImageIds=[self.ready["images"][name]])["Images"][
            0
        ]
        return image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]

    def snapshot(self, key=None, region="us-east-1", wait=True, **more):
        """Creates a snapshot in A, unencrypted or under a key."""
        encrypted = {"Encrypted": True, "KmsKeyId": key} if key else {}
        ec2 = self.client("ec2", A, region)
        made = ec2.copy_snapshot(
            SourceRegion="us-east-1", SourceSnapshotId=self.base(), **encrypted, **more
        )
        if wait:
            self.end(made["SnapshotId"], A, region)
        return made["SnapshotId"]

    def end(self, snapshot, account=A, region="us-east-1"):
        """Waits until a snapshot is no longer pending, and returns it."""
        ec2, bound = self.client("ec2", account, region), time.monotonic() + 30
        while True:
            shown = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
            if shown["State"] != "pending":
                return shown
            assert time.monotonic() < bound, shown
            time.sleep(0.02)

    def snapshot_permissions(self, snapshot, account=A):
        ec2 = self.client("ec2", account)
        return ec2.describe_snapshot_attribute(
            SnapshotId=snapshot, Attribute="createVolumePermission"
        )["CreateVolumePermissions"]

    def share_snapshot(self, snapshot, account):
        permission = {"Add": [{"UserId": account}]}
        self.client("ec2").modify_snapshot_attribute(
            SnapshotId=snapshot, CreateVolumePermission=permission
        )

    def image(self, snapshot, *more):
        """Registers an image of snapshots."""
        devices = [
            {"DeviceName": device, "Ebs": {"SnapshotId": of}}
            for device, of in zip(["/dev/sda1", "/dev/sdf"], [snapshot, *more], strict=False)
        ]
        made = self.client("ec2").register_image(
            Name=self.unique("image"),
            Description="owned sharing evidence",
            Architecture="x86_64",
            VirtualizationType="hvm",
            RootDeviceName="/dev/sda1",
            BlockDeviceMappings=devices,
        )
        return made["ImageId"]

    def image_permissions(self, image):
        ec2 = self.client("ec2")
        return ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")[
            "LaunchPermissions"
        ]

    def share_image(self, image, *accounts):
        permission = {"Add": [{"UserId": account} for account in accounts]}
        self.client("ec2").modify_image_attribute(ImageId=image, LaunchPermission=permission)

    def key(self, account=A, *statements, region="us-east-1"):
        """Creates a key whose policy leaves access to IAM, and adds these statements."""
        root = {
            "Effect": "Allow",
            "Principal": {"AWS": account},
            "Action": "kms:*",
            "Resource": "*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [root, *statements]})
        return self.client("kms", account, region).create_key(Policy=policy)["KeyMetadata"]["Arn"]

    def trusting_key(self):
        """Creates a key in A that lets B copy, as in the recordings."""
        actions = [
            "kms:DescribeKey",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:CreateGrant",
        ]
        return self.key(
            A, {"Effect": "Allow", "Principal": {"AWS": B}, "Action": actions, "Resource": "*"}
        )

    def role(self, account=A, policy=None, boundary=None):
        """Creates a role that its account may assume."""
        iam, name = self.client("iam", account), self.unique("role")
        trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
        more = {}
        if boundary:
            document = json.dumps(boundary)
            made = iam.create_policy(PolicyName=self.unique("boundary"), PolicyDocument=document)
            more["PermissionsBoundary"] = made["Policy"]["Arn"]
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}), **more
        )
        if policy:
            iam.put_role_policy(
                RoleName=name,
                PolicyName="policy",
                PolicyDocument=json.dumps({"Statement": [policy]}),
            )
        return name


def controlled(action, **limit):
    return {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": action} | limit]}


# What the organization denies in B, to roles of a certain name and on them.
CONTROLLED = f"arn:aws:iam::{B}:role/controlled-*"
CONTROLS = [
    controlled("kms:*", Condition=named("ArnLike", "aws:PrincipalArn", CONTROLLED), Resource="*"),
    controlled("sts:AssumeRole", Condition=named("StringEquals", "aws:PrincipalAccount", A), Resource=CONTROLLED),
]
SCENARIO = {
    "$comment": "What the recordings started from: plain and encrypted snapshots of 1 GiB.",
    "region": "us-east-1",
    "accounts": [{"id": A}, {"id": B}],
    "keys": [{"name": "golden", "account": A}],
    "organization": {
        "id": "o-example123",
        "management": A,
        "root": "r-ab12",
        "units": [{"id": "ou-ab12-11111111", "parent": "r-ab12"}],
        "accounts": {A: "r-ab12", B: "r-ab12"},
        "resource-control-policies": {B: CONTROLS},
    },
    "nonexistent-accounts": ["123456789012"],
    "images": [
        {"name": "plain", "account": A, "volumes": [None], "size": 1},
        {"name": "public", "account": A, "volumes": [None], "size": 1, "shared-with": ["all"]},
    ],
    "copies-as-recorded": True,
}
FAULTS = {
    "$comment": "Copies to one Region never end; everything else is as fast as it can be.",
    "faults": [
        {
            "operation": "ec2:CopySnapshot",
            "region": SLOW,
            "effect": {"copy-time": {"seconds": 86400}},
        }
    ],
}
