"""Copies of snapshots, and EC2's use of keys on the caller's behalf."""

from ..lab import SLOW, A, B, allow, deny, named
from ..table import Setup, session, setup

COPY = "ec2:CopySnapshot"


def ends(lab, account=A, region="us-east-1", symbols=None):
    """Checks how the copy ended, if the case says how."""

    def after(case, answer):
        if answer is None or "SnapshotId" not in answer:
            return
        shown = lab.end(answer["SnapshotId"], account, region)
        for name, value in case.terminal.items():
            if name == "CreateVolumePermissions":
                assert lab.snapshot_permissions(shown["SnapshotId"], account) == value
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
        if not case.terminal and "error" in case.then:
            assert (
                shown["State"] == "error" and f"StateMessage '{shown['StateMessage']}'" in case.then
            ), shown
        elif not case.terminal:
            assert shown["State"] == "completed" and "StateMessage" not in shown, shown

    return after


@setup("snap-copy-001", "snap-copy-009", "snap-copy-011")
def copy_own(case, lab):
    keys = session(case, lab, A, deny(COPY)) if "denied" in case.caller else None
    symbols = {"snap": lab.snapshot()}
    return Setup(
        keys=keys, symbols=symbols, raw=not case.params.get("SourceRegion"), after=ends(lab)
    )


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


@setup(
    "snap-copy-015",
    "snap-copy-016",
    "snap-copy-017",
    "snap-copy-019",
    "snap-copy-020",
    "snap-copy-021",
)
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
    return Setup(
        account, session(case, lab, account, policy), symbols={"snap": snapshot}, after=after
    )


def with_keys(lab, source):
    """Creates a snapshot in A under a key, shared with B, and a key in B."""
    snapshot = lab.snapshot(source)
    lab.share_snapshot(snapshot, B)
    target = lab.key(B)
    return {"snap": snapshot, "keyA": source.split("/")[1], "keyB": target.split("/")[1]}


@setup("snap-enc-002", "snap-enc-010", "snap-enc-011", "snap-enc-012")
def copy_with_a_key(case, lab):
    key = lab.key()
    if case.id == "snap-enc-011":
        lab.client("kms").disable_key(KeyId=key)
    of_case = (
        "00000000-0000-0000-0000-000000000000" if case.id == "snap-enc-010" else key.split("/")[1]
    )
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
    symbols["url_other_snapshot"] = (
        f"{url}&SourceSnapshotId=snap-00000000000000000&DestinationRegion=us-west-2"
    )
    symbols["url_wrong_destination"] = (
        f"{url}&SourceSnapshotId={symbols['snap']}&DestinationRegion=us-east-1"
    )
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
    copy = {
        "SourceRegion": "us-east-1",
        "SourceSnapshotId": symbols["snap"],
        "Encrypted": True,
        "KmsKeyId": target,
    }
    if case.id in USED_BEFORE:
        made = lab.client("ec2", B).copy_snapshot(**copy)
        lab.end(made["SnapshotId"], B)
    policy = (
        deny(DENIED[case.id], source if case.id in ON_SOURCE else "*")
        if case.id in DENIED
        else None
    )
    return symbols, copy, session(case, lab, B, policy)


@setup(*sorted(DENIED.keys() - {"snap-enc-035", "snap-enc-036"}))
def copy_denied(case, lab):
    symbols, _, keys = denied_copy(case, lab)
    after = ends(lab, B, symbols=symbols) if case.status == 200 else None
    return Setup(B, keys, symbols=symbols, after=after)


# EC2's use of keys on the caller's behalf.


@setup(
    "snap-enc-028",
    "snap-enc-030",
    "snap-enc-031",
    "snap-enc-032",
    "snap-enc-034",
    "snap-enc-035",
    "snap-enc-036",
)
def events_of_a_copy(case, lab):
    symbols, copy, keys = denied_copy(case, lab)
    before = len(lab.state()["trail"])
    made = lab.client("ec2", B, keys=keys).copy_snapshot(**copy)["SnapshotId"]
    of_source = case.id in ("snap-enc-034", "snap-enc-035")
    symbols["copy"] = made
    key = symbols["keyA"] if of_source else symbols["keyB"]
    return Setup(B, symbols=symbols, trail=lambda: lab.events(before, key))


@setup("snap-enc-038")
def events_of_sharing(_, lab):
    snapshot = lab.snapshot(lab.key())
    before = len(lab.state()["trail"])
    lab.share_snapshot(snapshot, B)
    return Setup(trail=lambda: lab.events(before))
