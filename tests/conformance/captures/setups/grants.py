"""Grants, and the use of keys by grant."""

import json

from ..lab import A, B, allow, deny
from ..table import Setup, setup


def arn_of(account, role, name=None):
    return (
        f"arn:aws:sts::{account}:assumed-role/{role}/{name}"
        if name
        else f"arn:aws:iam::{account}:role/{role}"
    )


def grant(lab, key, grantee, operations, issuer=A, **more):
    kms = lab.client("kms", issuer)
    return kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=operations, **more)


def ciphertext(lab, key, context=None):
    encrypted = lab.client("kms").encrypt(
        KeyId=key, Plaintext=b"evidence", EncryptionContext=context or {}
    )
    return {"CiphertextBlob": encrypted["CiphertextBlob"]}


@setup("kms-grant-001", "kms-grant-010")
def granting(_, lab):
    return Setup(
        symbols={
            "key": lab.key().split("/")[1],
            "role": lab.role(),
            "missing": lab.unique("missing"),
        }
    )


@setup(
    "kms-grant-002",
    "kms-grant-004",
    "kms-grant-005",
    "kms-grant-006",
    "kms-grant-008",
    "kms-grant-009",
)
def granted(case, lab):
    """A grant from A to a role without policies, or to one of its sessions."""
    key = lab.key()
    boundary = allow("s3:*") if "boundary" in case.label else None
    role = lab.role(boundary=boundary)
    grantee = arn_of(A, role) if case.caller == "grantee-role" else arn_of(A, role, "target")
    token = grant(lab, key, grantee, ["Decrypt"])["GrantToken"]
    policy = {"kms-grant-004": deny("kms:*"), "kms-grant-008": allow("s3:ListAllMyBuckets")}.get(
        case.id
    )
    name = "sibling" if case.id == "kms-grant-005" else "target"
    keys = lab.session(A, role, name, policy)
    return Setup(
        A,
        keys,
        symbols={"key": key.split("/")[1], "role": role, "t": token},
        more=ciphertext(lab, key),
    )


@setup("kms-grant-012", "kms-grant-013")
def delegating(case, lab):
    """A caller that has only grants, and creates further grants."""
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


@setup(
    "kms-grant-016",
    "kms-grant-017",
    "kms-grant-018",
    "kms-grant-020",
    "kms-grant-021",
    "kms-grant-022",
)
def across(case, lab):
    """A key in A on which B may create grants, and a role in B with a grant."""
    key = lab.key(
        A,
        {"Effect": "Allow", "Principal": {"AWS": B}, "Action": "kms:CreateGrant", "Resource": "*"},
    )
    allowed = (
        {"Effect": "Allow", "Action": "kms:*", "Resource": key}
        if case.id == "kms-grant-017"
        else None
    )
    role = lab.role(B, allowed)
    grantee = arn_of(B, role, "target") if "session" in case.caller else arn_of(B, role)
    issuer = B if "trusted" in case.label else A
    retiring = (
        {"RetiringPrincipal": arn_of(B, role, "target")} if case.id == "kms-grant-022" else {}
    )
    token = grant(lab, key, grantee, ["Encrypt", "DescribeKey"], issuer, **retiring)["GrantToken"]
    policy = allow("s3:ListAllMyBuckets") if case.id == "kms-grant-021" else None
    keys = lab.session(B, role, "target", policy)
    more = {"Plaintext": b"evidence"} if case.operation == "Encrypt" else {}
    return Setup(B, keys, symbols={"key": key.split("/")[1], "role": role, "t": token}, more=more)
