"""Tags of shared snapshots, contexts of copies, volumes of a recipient, and pages."""

from ..lab import A, B, allow, deny
from ..table import Setup, leave_out, session, setup

leave_out(
    "subnets have no tags here, and networks cannot be changed", "ec2-x-037", "ec2-x-038"
)
OWN = [{"Key": "suite", "Value": "owner-tag"}]
THEIRS = [{"Key": "suite", "Value": "recipient"}, {"Key": "other", "Value": "synthetic"}]


@setup("ec2-x-001", "ec2-x-002", "ec2-x-003", "ec2-x-005", "ec2-x-006", "ec2-x-007")
@setup("ec2-x-009", "ec2-x-010", "ec2-x-011", "ec2-x-013", "ec2-x-014")
def tagged(case, lab):
    """A snapshot of A with tags, which B tags too once it is shared, and which is then revoked."""
    owner, recipient = lab.client("ec2"), lab.client("ec2", B)
    snapshot = lab.snapshot()
    owner.create_tags(Resources=[snapshot], Tags=OWN)
    if case.id != "ec2-x-001":
        lab.share_snapshot(snapshot, B)
    if "private" not in case.label and case.id != "ec2-x-002":
        tags = THEIRS if case.label.startswith("revoked") else THEIRS[:1]
        recipient.create_tags(Resources=[snapshot], Tags=tags)
    if case.label.startswith("revoked"):
        permission = {"Remove": [{"UserId": B}]}
        owner.modify_snapshot_attribute(SnapshotId=snapshot, CreateVolumePermission=permission)
    account = B if case.caller == "recipient" else A

    def after(case, answer):
        if case.operation == "DeleteTags":
            assert owner.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["Tags"] == OWN

    symbols = {"snap": snapshot, "v": "owner-tag", "k1": "other"}
    return Setup(account, symbols=symbols, after=after)


def conditioned(snapshot, of_source, of_rest=None):
    """Allows everything on the source snapshot, and on all else, under these conditions."""
    source = f"arn:aws:ec2:us-east-1::snapshot/{snapshot}"
    rest = {"Effect": "Allow", "Action": "*", "NotResource": source}
    if of_rest:
        rest["Condition"] = of_rest
    on_source = {"Effect": "Allow", "Action": "*", "Resource": source, "Condition": of_source}
    return {"Statement": [rest, on_source]}


@setup("ec2-x-018", "ec2-x-019", "ec2-x-021", "ec2-x-022")
def split(case, lab):
    """The session policy has one statement for the source and one for the rest."""
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    key = "aws:ResourceAccount" if "account" in case.label else "ec2:Owner"
    owner = {"StringEquals": {key: B if "wrong" in case.label else A}}
    rest = {"StringEquals": {key: B}} if "both" in case.label else None
    policy = conditioned(snapshot, owner, rest)
    return Setup(B, keys=session(case, lab, B, policy), symbols={"snap": snapshot}, raw=True)


@setup(
    "ec2-x-023",
    "ec2-x-025",
    "ec2-x-026",
    "ec2-x-027",
    "ec2-x-029",
    "ec2-x-030",
)
def volume(case, lab):
    """B makes a volume of A's snapshot, but lacks one action on one of the two keys."""
    key, own = lab.trusting_key(), lab.key(B)
    snapshot = lab.snapshot(key)
    lab.share_snapshot(snapshot, B)
    denied = {
        "fresh-source-decrypt": ("kms:Decrypt", key),
        "fresh-source-describe": ("kms:DescribeKey", key),
        "fresh-source-reencrypt": ("kms:ReEncryptFrom", key),
        "fresh-target-create-grant": ("kms:CreateGrant", own),
        "fresh-target-generate": ("kms:GenerateDataKeyWithoutPlaintext", own),
    }
    policy = deny(*denied[case.label]) if case.label in denied else None

    def after(case, answer):
        ec2 = lab.client("ec2", B)
        try:
            shown = ec2.describe_volumes(VolumeIds=[answer["VolumeId"]])["Volumes"][0]
        except ec2.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == case.terminal["code"]
            return
        assert shown["State"] == case.terminal["State"]
        assert shown["KmsKeyId"] == own

    symbols = {"snap": snapshot, "keyB": own.split("/")[1]}
    return Setup(B, keys=session(case, lab, B, policy), symbols=symbols, after=after)


@setup("ec2-x-031")
def snapshot_without_kms(case, lab):
    own = lab.key(B)
    made = lab.client("ec2", B).create_volume(
        AvailabilityZone="us-east-1a", Size=1, Encrypted=True, KmsKeyId=own
    )

    def after(case, answer):
        shown = lab.end(answer["SnapshotId"], B)
        assert (shown["State"], shown["KmsKeyId"]) == ("completed", own)

    symbols = {"vol": made["VolumeId"], "keyB": own.split("/")[1]}
    return Setup(B, keys=session(case, lab, B, deny("kms:*")), symbols=symbols, after=after)


@setup("ec2-x-033", "ec2-x-034", "ec2-x-035")
def volume_resources(case, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    source = f"arn:aws:ec2:us-east-1::snapshot/{snapshot}"
    made = f"arn:aws:ec2:us-east-1:{B}:volume/*"
    resources = {
        "source-iam-source-and-destination": [source, made],
        "source-iam-destination-only": made,
        "source-iam-source-only": source,
    }
    policy = allow("ec2:CreateVolume", resources[case.label])
    return Setup(B, keys=session(case, lab, B, policy), symbols={"snap": snapshot})
