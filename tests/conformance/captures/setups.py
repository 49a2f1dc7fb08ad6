"""For each recorded case, what was there before the call, and who called. Nothing here knows an answer."""

import json
from dataclasses import dataclass, field

from .lab import SLOW, A, B, allow, deny, named


@dataclass
class Setup:
    """Who calls, with what the case's symbols stand for."""

    account: str = A
    keys: dict | None = None
    region: str = "us-east-1"
    raw: bool = False
    symbols: dict = field(default_factory=dict)
    # Parameters that the case leaves out because they do not matter to it.
    more: dict = field(default_factory=dict)
    # Parameters that the case only describes.
    instead: dict = field(default_factory=dict)
    # Looks at what became of it, where the case says more than its answer.
    after: object = None
    # For cases that are no call of a client's: the events that EC2 left behind.
    trail: object = None


SETUPS = {}


def setup(*cases):
    def register(function):
        for case in cases:
            assert case not in SETUPS, case
            SETUPS[case] = function
        return function

    return register


def session(case, lab, account, policy=None, role="administrator"):
    """Keys of a session that is called as the case calls it."""
    return lab.session(account, role, case.session_name, policy)


# Images.


@setup("img-share-001", "img-ctl-001", "img-ctl-012", "img-ctl-013", "img-ctl-014", "img-ref-008")
def register(_, lab):
    snapshot = lab.snapshot()
    more = {"Name": lab.unique("image"), "Architecture": "x86_64", "RootDeviceName": "/dev/sda1"}
    return Setup(symbols={"snap": snapshot, "name": lab.unique("image"), "v": "suite"}, more=more)


@setup("img-ref-009")
def register_two(_, lab):
    more = {"Name": lab.unique("image"), "Architecture": "x86_64"}
    return Setup(symbols={"snap": lab.snapshot(), "snap2": lab.snapshot()}, more=more)


@setup("img-ref-005")
def register_shared(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    return Setup(B, symbols={"snap": snapshot, "name": lab.unique("image")})


@setup("img-ctl-017", "img-ctl-018", "img-ctl-020")
def register_limited(case, lab):
    snapshot = lab.snapshot()
    image, of_snapshot = "arn:aws:ec2:us-east-1::image/*", f"arn:aws:ec2:us-east-1::snapshot/{snapshot}"
    policy = {
        "img-ctl-017": allow("ec2:RegisterImage", image),
        "img-ctl-018": allow("ec2:RegisterImage", of_snapshot),
        "img-ctl-020": deny("ec2:DescribeSnapshots"),
    }[case.id]
    more = {"RootDeviceName": "/dev/sda1"}
    symbols = {"snap": snapshot, "name": lab.unique("image")}
    return Setup(keys=session(case, lab, A, policy), symbols=symbols, more=more)


def an_image(lab, *shared_with):
    image = lab.image(lab.snapshot())
    if shared_with:
        lab.share_image(image, *shared_with)
    return image


@setup(
    "img-share-003",
    "img-share-014",
    "img-ctl-002",
    "img-ctl-004",
    "img-ctl-005",
    "img-ctl-006",
    "img-ctl-008",
    "img-ctl-009",
    "img-ctl-010",
)
def own_image(_, lab):
    return Setup(symbols={"ami": an_image(lab)})


@setup("img-share-002")
def private_image(_, lab):
    return Setup(B, symbols={"ami": an_image(lab)})


@setup("img-share-006", "img-share-007")
def shared_image(_, lab):
    snapshot = lab.snapshot()
    image = lab.image(snapshot)
    lab.share_image(image, B)
    shown = lab.client("ec2").describe_images(ImageIds=[image])["Images"][0]
    return Setup(B, symbols={"ami": image, "snap": snapshot, "name": shown["Name"]})


@setup("img-share-005", "img-share-009", "img-share-010", "img-share-011")
def image_shared_with_both(_, lab):
    image = an_image(lab, A, B)
    lab.client("ec2").create_tags(Resources=[image], Tags=[{"Key": "suite", "Value": "v"}])
    return Setup(symbols={"ami": image, "v": "v"})


@setup("img-share-013")
def image_that_was_shared(_, lab):
    image = an_image(lab, B)
    lab.client("ec2").reset_image_attribute(ImageId=image, Attribute="launchPermission")
    return Setup(B, symbols={"ami": image})


@setup("img-share-015")
def deleted_snapshot(_, lab):
    snapshot = lab.snapshot()
    lab.client("ec2").delete_snapshot(SnapshotId=snapshot)
    return Setup(symbols={"snap": snapshot})


@setup("img-share-017", "img-ctl-016")
def nothing(_, __):
    return Setup()


@setup("img-ctl-021", "img-ctl-022")
def snapshot_of_two_images(_, lab):
    snapshot = lab.snapshot()
    first, second = lab.image(snapshot), lab.image(snapshot)
    return Setup(symbols={"snap": snapshot, "ami": first, "ami2": second})


@setup("img-ctl-024")
def dead_image(_, lab):
    image = an_image(lab)
    lab.client("ec2").deregister_image(ImageId=image)
    return Setup(symbols={"ami": image})


@setup("img-ref-001", "img-ref-002", "img-ref-006")
def root_of_an_image(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    return Setup(symbols={"snap": snapshot, "ami": lab.image(snapshot)})


@setup("img-ref-010")
def data_of_an_image(_, lab):
    snapshot = lab.snapshot()
    lab.image(lab.snapshot(), snapshot)
    return Setup(symbols={"snap": snapshot})


@setup("img-ref-004", "snap-data-002", "snap-data-003", "snap-data-012", "snap-share-023", "snap-share-025")
def shared_snapshot(case, lab):
    snapshot = lab.snapshot(Description="evidence")
    lab.share_snapshot(snapshot, B)
    return Setup(B, symbols={"snap": snapshot, "desc": "evidence"})


@setup("snap-data-004")
def shared_encrypted_snapshot(_, lab):
    key = lab.key()
    snapshot = lab.snapshot(key)
    lab.share_snapshot(snapshot, B)
    return Setup(B, symbols={"snap": snapshot, "key": key.split("/")[1]})


@setup("snap-data-014")
def snapshot_that_was_shared(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    lab.client("ec2").reset_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    return Setup(B, symbols={"snap": snapshot})


# Sharing of snapshots.


@setup("snap-share-001")
def pending_snapshot(_, lab):
    return Setup(region=SLOW, symbols={"snap": lab.snapshot(region=SLOW, wait=False)})


@setup("snap-share-002", "snap-share-003", "snap-share-009", "snap-share-010")
def own_snapshot(_, lab):
    return Setup(symbols={"snap": lab.snapshot()})


@setup("snap-share-005", "snap-share-006", "snap-share-007", "snap-share-011", "snap-share-013")
def own_shared_snapshot(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)

    def after(_, __):
        shown = lab.client("ec2").describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
        permissions = shown["CreateVolumePermissions"]
        # Of everything that was tried only `public-add` left a trace.
        assert permissions in ([{"UserId": B}], [{"Group": "all"}, {"UserId": B}])

    return Setup(symbols={"snap": snapshot}, after=after)


@setup("snap-share-014")
def public_snapshot(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    permission = {"Add": [{"Group": "all"}]}
    lab.client("ec2").modify_snapshot_attribute(SnapshotId=snapshot, CreateVolumePermission=permission)
    return Setup(symbols={"snap": snapshot})


@setup("snap-share-015", "snap-share-017", "snap-share-018")
def snapshot_under_the_default_key(_, lab):
    return Setup(symbols={"snap": lab.snapshot("alias/aws/ebs")})


@setup("snap-share-019")
def snapshot_under_an_own_key(_, lab):
    return Setup(symbols={"snap": lab.snapshot(lab.key())})


@setup("snap-share-021", "snap-share-022")
def snapshot_of_another(_, lab):
    return Setup(B, symbols={"snap": lab.snapshot()})


MODIFY = "ec2:ModifySnapshotAttribute"


@setup("snap-share-026", "snap-share-027")
def sharing_denied(case, lab):
    return Setup(keys=session(case, lab, A, deny(MODIFY)), symbols={"snap": lab.snapshot()})


@setup("snap-share-029", "snap-share-030", "snap-share-031")
def sharing_under_a_condition_that_fails(case, lab):
    key = {
        "snap-share-029": "ec2:Owner",
        "snap-share-030": "aws:ResourceAccount",
        "snap-share-031": "ec2:Remove/userId",
    }[case.id]
    policy = allow(MODIFY, **named("StringEquals", key, "333333333333"))
    return Setup(keys=session(case, lab, A, policy), symbols={"snap": lab.snapshot()})


@setup(
    "snap-batch-002", "snap-batch-003", "snap-batch-004", "snap-batch-006", "snap-batch-007", "snap-batch-008"
)
def sharing_with_named_accounts(case, lab):
    lists = {"owner-only": A, "member-only": B, "both": [A, B]}
    accounts = next(accounts for name, accounts in lists.items() if case.label.startswith(name))
    policy = allow(MODIFY, **named("StringEquals", "ec2:Add/userId", accounts))
    return Setup(keys=session(case, lab, A, policy), symbols={"snap": lab.snapshot()})


@setup("snap-data-015")
def too_many_names(_, lab):
    permission = {"Add": [{"UserId": A}] * 501}
    return Setup(symbols={"snap": lab.snapshot()}, instead={"CreateVolumePermission": permission})


# Copies of snapshots.

COPY = "ec2:CopySnapshot"


def ends(lab, account=A, region="us-east-1", symbols=None):
    """Looks at how the copy ended, where the case says how."""

    def after(case, answer):
        shown = lab.end(answer["SnapshotId"], account, region)
        for name, value in case.terminal.items():
            if name == "CreateVolumePermissions":
                continue
            if name == "KmsKeyId" and value.startswith("key behind"):
                of = B if "acctB" in value else A
                kms = lab.client("kms", of, region)
                value = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
            elif name == "KmsKeyId":
                assert shown[name].endswith(symbols[value.removeprefix("$")]), shown
                continue
            elif name == "OwnerId":
                value = account
            assert shown[name] == value, (name, shown)
        if not case.terminal:
            assert shown["State"] == ("error" if "error" in case.then else "completed"), shown

    return after


@setup("snap-copy-001", "snap-copy-009", "snap-copy-011")
def copy_own(case, lab):
    keys = session(case, lab, A, deny(COPY)) if "denied" in case.caller else None
    symbols = {"snap": lab.snapshot()}
    return Setup(keys=keys, symbols=symbols, raw=not case.params.get("SourceRegion"), after=ends(lab))


@setup("snap-copy-003", "snap-copy-004")
def copy_pending(_, lab):
    source = lab.snapshot(region=SLOW, wait=False)
    return Setup(symbols={"snap": source, "region": SLOW}, after=ends(lab))


@setup("snap-copy-005")
def copy_of_another(_, lab):
    return Setup(B, symbols={"snap": lab.snapshot()}, after=ends(lab, B))


@setup("snap-copy-007", "snap-enc-007")
def copy_shared(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    return Setup(B, symbols={"snap": snapshot, "v": "v"}, after=ends(lab, B))


@setup("snap-copy-008")
def copy_from_the_wrong_region(_, lab):
    return Setup(symbols={"snap": lab.snapshot(), "other_region": "us-west-2"}, after=ends(lab))


@setup("snap-copy-012", "snap-copy-013")
def copy_raw(_, lab):
    return Setup(symbols={"snap": lab.snapshot()}, raw=True)


@setup("snap-copy-015", "snap-copy-016", "snap-copy-017", "snap-copy-019", "snap-copy-020", "snap-copy-021")
def copy_limited(case, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    arn = "arn:aws:ec2:us-east-1:{}:snapshot/{}"
    account, policy = {
        "snap-copy-015": (A, allow(COPY, arn.format("", snapshot))),
        "snap-copy-016": (A, allow(COPY, arn.format("", "*"))),
        "snap-copy-017": (A, allow(COPY, arn.format(A, "*"))),
        "snap-copy-019": (B, deny(COPY, arn.format("", snapshot))),
        "snap-copy-020": (B, allow(COPY, **named("StringEquals", "aws:ResourceAccount", A))),
        "snap-copy-021": (A, deny(["ec2:DescribeSnapshots", "ebs:List*", "ebs:Get*"])),
    }[case.id]
    after = ends(lab, account) if case.status == 200 else None
    return Setup(account, session(case, lab, account, policy), symbols={"snap": snapshot}, after=after)


def with_keys(lab, source):
    """A snapshot of A's under a key, shared with B, and a key of B's."""
    snapshot = lab.snapshot(source)
    lab.share_snapshot(snapshot, B)
    target = lab.key(B)
    return {"snap": snapshot, "keyA": source.split("/")[1], "keyB": target.split("/")[1]}


@setup("snap-enc-002", "snap-enc-010", "snap-enc-011", "snap-enc-012")
def copy_with_a_key(case, lab):
    key = lab.key()
    if case.id == "snap-enc-011":
        lab.client("kms").disable_key(KeyId=key)
    of_case = "00000000-0000-0000-0000-000000000000" if case.id == "snap-enc-010" else key.split("/")[1]
    symbols = {"snap": lab.snapshot(), "keyA": of_case, "missing": lab.unique("missing")}
    return Setup(symbols=symbols, after=ends(lab, symbols=symbols))


@setup("snap-enc-003", "snap-enc-004")
def copy_encrypted(_, lab):
    return Setup(symbols={"snap": lab.snapshot(lab.key())}, after=ends(lab))


@setup("snap-enc-006")
def copy_across(_, lab):
    # The case means the source's Region.
    symbols = {"snap": lab.snapshot(lab.key()), "region": "us-east-1"}
    return Setup(region="us-west-2", symbols=symbols, after=ends(lab, A, "us-west-2"))


@setup("snap-enc-014", "snap-enc-015", "snap-enc-016")
def copy_with_a_url(_, lab):
    symbols = {"snap": lab.snapshot()}
    url = "https://ec2.us-east-1.amazonaws.com/?Action=CopySnapshot&SourceRegion=us-east-1"
    symbols["url_other_snapshot"] = f"{url}&SourceSnapshotId=snap-00000000000000000&DestinationRegion=us-west-2"
    symbols["url_wrong_destination"] = f"{url}&SourceSnapshotId={symbols['snap']}&DestinationRegion=us-east-1"
    return Setup(region="us-west-2", symbols=symbols, raw=True)


@setup("snap-enc-008")
def copy_to_the_default_key(_, lab):
    return Setup(B, symbols=with_keys(lab, lab.trusting_key()), after=ends(lab, B))


DENIED = {
    "snap-enc-018": "kms:DescribeKey",
    "snap-enc-019": "kms:Decrypt",
    "snap-enc-020": "kms:ReEncrypt*",
    "snap-enc-022": "kms:CreateGrant",
    "snap-enc-023": "kms:GenerateDataKey",
    "snap-enc-024": "kms:CreateGrant",
    "snap-enc-026": "kms:GenerateDataKeyWithoutPlaintext",
    "snap-enc-027": "kms:CreateGrant",
    "snap-enc-035": "kms:CreateGrant",
    "snap-enc-036": "kms:CreateGrant",
}
ON_SOURCE = {"snap-enc-024", "snap-enc-035"}
USED_BEFORE = {"snap-enc-026", "snap-enc-027"}


def denied_copy(case, lab):
    source = lab.trusting_key()
    symbols = with_keys(lab, source)
    target = f"arn:aws:kms:us-east-1:{B}:key/{symbols['keyB']}"
    copy = {"SourceRegion": "us-east-1", "SourceSnapshotId": symbols["snap"], "Encrypted": True, "KmsKeyId": target}
    if case.id in USED_BEFORE:
        made = lab.client("ec2", B).copy_snapshot(**copy)
        lab.end(made["SnapshotId"], B)
    policy = deny(DENIED[case.id], source if case.id in ON_SOURCE else "*") if case.id in DENIED else None
    return symbols, copy, session(case, lab, B, policy)


@setup(*sorted(DENIED.keys() - {"snap-enc-035", "snap-enc-036"}))
def copy_denied(case, lab):
    symbols, _, keys = denied_copy(case, lab)
    after = ends(lab, B, symbols=symbols) if case.status == 200 else None
    return Setup(B, keys, symbols=symbols, after=after)


# What EC2 did with keys on the caller's behalf.


def events(lab, key, before):
    return [event for event in lab.state()["trail"][before:] if event["key"].endswith(key)]


@setup("snap-enc-028", "snap-enc-030", "snap-enc-031", "snap-enc-032", "snap-enc-034", "snap-enc-035", "snap-enc-036")
def events_of_a_copy(case, lab):
    symbols, copy, keys = denied_copy(case, lab)
    before = len(lab.state()["trail"])
    made = lab.client("ec2", B, keys=keys).copy_snapshot(**copy)["SnapshotId"]
    of_source = case.id in ("snap-enc-034", "snap-enc-035")
    symbols["copy"] = made
    key = symbols["keyA"] if of_source else symbols["keyB"]
    return Setup(B, symbols=symbols, trail=lambda: events(lab, key, before))


@setup("snap-enc-038")
def events_of_sharing(_, lab):
    snapshot = lab.snapshot(lab.key())
    before = len(lab.state()["trail"])
    lab.share_snapshot(snapshot, B)
    return Setup(trail=lambda: lab.state()["trail"][before:])


# Launches.

ON_LAUNCH = {
    "run-enc-003": "kms:CreateGrant",
    "run-enc-004": "kms:CreateGrant",
    "run-enc-006": "kms:GenerateDataKeyWithoutPlaintext",
    "run-enc-007": "kms:Decrypt",
    "run-enc-008": "kms:Decrypt",
    "run-enc-012": "kms:CreateGrant",
}


def launch(case, lab):
    policy = deny(ON_LAUNCH[case.id]) if case.id in ON_LAUNCH else None
    symbols = {"ami": lab.ready["images"]["public"], "key": lab.key().split("/")[1]}
    return symbols, session(case, lab, A, policy)


@setup("run-enc-002", "run-enc-003", "run-enc-004", "run-enc-006", "run-enc-007", "run-enc-008")
def run(case, lab):
    symbols, keys = launch(case, lab)

    def after(_, answer):
        shown = lab.client("ec2").describe_instances(InstanceIds=[answer["Instances"][0]["InstanceId"]])
        instance = shown["Reservations"][0]["Instances"][0]
        runs = "boots" in case.then
        assert instance["State"]["Name"] == ("running" if runs else "terminated")
        if not runs:
            reason = "Client.InvalidKMSKey.InvalidState"
            message = f"{reason}: The KMS key provided is in an incorrect state"
            assert instance["StateReason"] == {"Code": reason, "Message": message}
            assert instance["StateTransitionReason"] == "Client.InternalError"
            key = f"arn:aws:kms:us-east-1:{A}:key/{symbols['key']}"
            assert lab.client("kms").list_grants(KeyId=key)["Grants"] == []

    return Setup(A, keys, symbols=symbols, after=after if case.status == 200 else None)


@setup("run-enc-010", "run-enc-011", "run-enc-012")
def events_of_a_launch(case, lab):
    symbols, keys = launch(case, lab)
    before = len(lab.state()["trail"])
    key = f"arn:aws:kms:us-east-1:{A}:key/{symbols['key']}"
    ebs = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": key}}
    ec2 = lab.client("ec2", keys=keys)
    made = ec2.run_instances(ImageId=symbols["ami"], MinCount=1, MaxCount=1, BlockDeviceMappings=[ebs])
    symbols["instance"] = made["Instances"][0]["InstanceId"]
    state = lab.state()["instances"][symbols["instance"]]
    symbols["volume"] = state["volumes"][0]["id"] if state["volumes"] else ""
    return Setup(symbols=symbols, trail=lambda: events(lab, symbols["key"], before))


# Grants.


def arn_of(account, role, name=None):
    return f"arn:aws:sts::{account}:assumed-role/{role}/{name}" if name else f"arn:aws:iam::{account}:role/{role}"


def grant(lab, key, grantee, operations, issuer=A, **more):
    kms = lab.client("kms", issuer)
    return kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=operations, **more)


def ciphertext(lab, key, context=None):
    encrypted = lab.client("kms").encrypt(KeyId=key, Plaintext=b"evidence", EncryptionContext=context or {})
    return {"CiphertextBlob": encrypted["CiphertextBlob"]}


@setup("kms-grant-001", "kms-grant-010")
def granting(_, lab):
    return Setup(symbols={"key": lab.key().split("/")[1], "role": lab.role(), "missing": lab.unique("missing")})


@setup("kms-grant-002", "kms-grant-004", "kms-grant-005", "kms-grant-006", "kms-grant-008", "kms-grant-009")
def granted(case, lab):
    """A grant of A's to a role without policies, or to one of its sessions."""
    key = lab.key()
    boundary = allow("s3:*") if "boundary" in case.label else None
    role = lab.role(boundary=boundary)
    grantee = arn_of(A, role) if case.caller == "grantee-role" else arn_of(A, role, "target")
    token = grant(lab, key, grantee, ["Decrypt"])["GrantToken"]
    policy = {"kms-grant-004": deny("kms:*"), "kms-grant-008": allow("s3:ListAllMyBuckets")}.get(case.id)
    name = "sibling" if case.id == "kms-grant-005" else "target"
    keys = lab.session(A, role, name, policy)
    return Setup(A, keys, symbols={"key": key.split("/")[1], "role": role, "t": token}, more=ciphertext(lab, key))


@setup("kms-grant-012", "kms-grant-013")
def delegating(case, lab):
    """Somebody who has nothing but grants, and hands them on."""
    key, delegator, role = lab.key(), lab.role(), lab.role()
    bound = {"EncryptionContextEquals": {"department": "IT", "project": "stackd"}}
    grantee = arn_of(A, delegator, "target")
    grant(lab, key, grantee, ["CreateGrant", "Decrypt"], Constraints=bound)
    if case.id == "kms-grant-013":
        grant(lab, key, grantee, ["Encrypt"], Constraints=bound)
    symbols = {"key": key.split("/")[1], "delegator": delegator, "role": role}
    return Setup(A, lab.session(A, delegator, "target"), symbols=symbols)


@setup("kms-grant-014")
def recreated(_, lab):
    key, role = lab.key(), lab.role()
    token = grant(lab, key, arn_of(A, role, "future"), ["DescribeKey"])["GrantToken"]
    iam = lab.client("iam")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    iam.delete_role(RoleName=role)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    symbols = {"key": key.split("/")[1], "role": role, "t": token}
    return Setup(A, lab.session(A, role, "future"), symbols=symbols)


@setup("kms-grant-016", "kms-grant-017", "kms-grant-018", "kms-grant-020", "kms-grant-021", "kms-grant-022")
def across(case, lab):
    """A key of A's that B may make grants on, and a role of B's with a grant."""
    key = lab.key(A, {"Effect": "Allow", "Principal": {"AWS": B}, "Action": "kms:CreateGrant", "Resource": "*"})
    allowed = {"Effect": "Allow", "Action": "kms:*", "Resource": key} if case.id == "kms-grant-017" else None
    role = lab.role(B, allowed)
    grantee = arn_of(B, role, "target") if "session" in case.caller else arn_of(B, role)
    issuer = B if "trusted" in case.label else A
    retiring = {"RetiringPrincipal": arn_of(B, role, "target")} if case.id == "kms-grant-022" else {}
    token = grant(lab, key, grantee, ["Encrypt", "DescribeKey"], issuer, **retiring)["GrantToken"]
    policy = allow("s3:ListAllMyBuckets") if case.id == "kms-grant-021" else None
    keys = lab.session(B, role, "target", policy)
    more = {"Plaintext": b"evidence"} if case.operation == "Encrypt" else {}
    return Setup(B, keys, symbols={"key": key.split("/")[1], "role": role, "t": token}, more=more)
