"""Keys: states, keys of several Regions, tags, rotation."""

import json

from ..lab import A, B
from ..table import Setup, setup

WEST = "us-west-2"
POLICY = {
    "Version": "2012-10-17",
    "Id": "key-default-1",
    "Statement": [
        {
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{A}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}


class MultiRegionKey:
    """A key of several Regions, its primary one in us-east-1."""

    def __init__(self, lab, *regions):
        self.lab = lab
        self.id = self.kms().create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
        for region in regions:
            self.kms().replicate_key(KeyId=self.id, ReplicaRegion=region)
            self.settle(region)

    def kms(self, region="us-east-1"):
        return self.lab.client("kms", region=region)

    def settle(self, region="us-east-1"):
        """Waits until the key in a Region is created or updated."""
        self.lab.wait(lambda: self.kms(region).describe_key(KeyId=self.id)["KeyMetadata"]["Enabled"])

    def arn(self, region):
        return f"arn:aws:kms:{region}:{A}:key/{self.id}"


@setup(
    "kms-pol-005",
    "kms-pol-006",
    "kms-pol-007",
    "kms-pol-009",
    "kms-pol-010",
    "kms-pol-011",
    "kms-pol-013",
)
def replication(case, lab):
    replicas = {"replicate_existing": [WEST], "replicate_replica": [WEST]}
    key = MultiRegionKey(lab, *replicas.get(case.label, []))
    region, alias = "us-east-1", lab.unique("alias")
    key.kms().create_alias(AliasName=f"alias/{alias}", TargetKeyId=key.id)
    if case.label == "replica_initial":
        key.kms().replicate_key(KeyId=key.id, ReplicaRegion=WEST)
    if case.label in ("replica_initial", "replicate_replica"):
        region = WEST
    symbols = {"mrk": key.id, "region2": WEST, "region3": "eu-west-1", "alias": alias}
    return Setup(region=region, symbols=symbols)


@setup("kms-pol-014", "kms-pol-015")
def ciphertext_of_replica(case, lab):
    key = MultiRegionKey(lab, WEST)
    blob = key.kms().encrypt(KeyId=key.id, Plaintext=b"text")["CiphertextBlob"]
    instead = {"CiphertextBlob": blob}
    return Setup(region=WEST, symbols={"mrk": key.id}, instead=instead)


@setup("kms-pol-017", "kms-pol-018")
def new_primary(case, lab):
    key, region = MultiRegionKey(lab, WEST), "us-east-1"
    if case.operation == "DescribeKey":
        key.kms().update_primary_region(KeyId=key.id, PrimaryRegion=WEST)
    else:
        region = WEST
    return Setup(region=region, symbols={"mrk": key.id, "region2": "us-east-1"})


@setup("kms-pol-019", "kms-pol-021", "kms-pol-022", "kms-pol-023", "kms-pol-025", "kms-pol-026")
def deletion(case, lab):
    """Keys that are to be deleted, a primary one after its replicas."""
    with_replica = {"kms-pol-019", "kms-pol-025", "kms-pol-026"}
    key = MultiRegionKey(lab, *([WEST] if case.id in with_replica else []))
    region = "us-east-1"
    if case.id in ("kms-pol-025", "kms-pol-026"):
        # The primary key is in us-west-2.
        key.kms().update_primary_region(KeyId=key.id, PrimaryRegion=WEST)
        key.settle()
        key.settle(WEST)
        region = WEST
    if case.id == "kms-pol-026":
        key.kms().schedule_key_deletion(KeyId=key.id, PendingWindowInDays=7)
    elif case.id != "kms-pol-019":
        key.kms(region).schedule_key_deletion(KeyId=key.id, PendingWindowInDays=7)
    if case.id == "kms-pol-021":
        key.kms().cancel_key_deletion(KeyId=key.id)
    instead = {"Tags": [{"TagKey": "k", "TagValue": "v"}]} if "Tags" in case.params else {}
    symbols = {"mrk": key.id, "policy": json.dumps(POLICY)}
    return Setup(region=region, symbols=symbols, instead=instead)


@setup("kms-pol-027")
def deleted(case, lab):
    return Setup(symbols={"mrk": "mrk-" + "0" * 32})


@setup("kms-pol-029")
def hmac(case, lab):
    kms = lab.client("kms")
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    return Setup(symbols={"hmac": key["KeyId"]})


@setup("kms-pol-030")
def cleanup(case, lab):
    """The recorded answer is the one of DescribeKey afterwards."""
    kms, key = lab.client("kms"), lab.key().split("/")[1]

    def after(case, answer):
        shown = kms.describe_key(KeyId=key)["KeyMetadata"]
        assert (shown["Enabled"], shown["KeyState"]) == (False, "PendingDeletion")
        assert "DeletionDate" in shown

    return Setup(symbols={"key_id": key}, after=after, described=True)


@setup("kms-pol-031")
def rotations(case, lab):
    kms, key = lab.client("kms"), lab.key().split("/")[1]
    kms.rotate_key_on_demand(KeyId=key)
    return Setup(symbols={"key_id": key})


@setup("kms-pol-045", "kms-pol-046", "kms-pol-047")
def pending_import(case, lab):
    key = lab.client("kms").create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    return Setup(symbols={"key_id": key, "key": key})


@setup("kms-pol-002")
def retiring_by_key_id(case, lab):
    key = lab.key(B)
    made = lab.client("kms", B).create_grant(
        KeyId=key, GranteePrincipal=f"arn:aws:iam::{B}:root", Operations=["Decrypt"]
    )
    symbols = {"key_id": key.split("/")[1], "grant": made["GrantId"]}
    return Setup(B, keys=lab.session(B), symbols=symbols)



@setup("kms-pol-001", "kms-pol-003")
def under_resource_control(case, lab):
    """A control policy over B denies everything of KMS to roles of this name."""
    kms, key = lab.client("kms", B), lab.key(B)
    role = lab.controlled_role()
    principal = f"arn:aws:iam::{B}:role/{role}"
    made = kms.create_grant(
        KeyId=key,
        GranteePrincipal=principal,
        RetiringPrincipal=principal,
        Operations=["Decrypt"],
    )
    symbols = {"key_id": key.split("/")[1], "key": key.split("/")[1], "grant": made["GrantId"]}
    more = {"Plaintext": b"text"} if case.operation == "Encrypt" else {}
    keys = lab.session(B, role)
    return Setup(B, keys=keys, symbols=symbols | {"org": "o-example123"}, more=more)
