"""Grants of the second table: sessions, unique IDs, roles that are gone, retirement."""

import json

from ..lab import A, B, allow
from ..table import Setup, setup
from .grants import arn_of, grant


def role_id(lab, role, account=A):
    return lab.client("iam", account).get_role(RoleName=role)["Role"]["RoleId"]


def key_symbols(key, role=None, lab=None):
    symbols = {"key": key.split("/")[1]}
    if role:
        symbols |= {"role": role, "role_id": role_id(lab, role)}
    return symbols


@setup("kms-grant-101", "kms-grant-102")
def listed(case, lab):
    key, role = lab.key(), lab.role()
    target = arn_of(A, role, "target")
    more = {"RetiringPrincipal": target, "Name": "session"}
    grant(lab, key, target, ["Decrypt", "RetireGrant"], **more)
    return Setup(symbols=key_symbols(key, role, lab))


@setup("kms-grant-103", "kms-grant-105", "kms-grant-106", "kms-grant-107")
def made(case, lab):
    key, role = lab.key(), lab.role()
    symbols = key_symbols(key, role, lab) | {"never_used": "never", "name": "federated"}

    def after(case, answer):
        if case.label != "raw_session_id":
            return
        grants = lab.client("kms").list_grants(KeyId=key)["Grants"]
        assert grants[0]["GranteePrincipal"] == arn_of(A, role, "target")

    return Setup(symbols=symbols, more={"Operations": ["Decrypt"]}, after=after)


@setup("kms-grant-109")
def two_parents(case, lab):
    key, role = lab.key(), lab.role()
    target = arn_of(A, role, "target")
    grant(lab, key, target, ["CreateGrant", "Decrypt"])
    grant(lab, key, target, ["Encrypt"])
    return Setup(keys=lab.session(A, role, "target"), symbols=key_symbols(key, role, lab))


@setup("kms-grant-110", "kms-grant-111")
def retired(case, lab):
    """By the retiring session; one of a role stands for that of a federated user."""
    key, role = lab.key(), lab.role()
    target = arn_of(A, role, "target")
    token = grant(lab, key, target, ["Decrypt"], RetiringPrincipal=target)["GrantToken"]
    policy = allow("s3:*") if "limited" in case.label else None
    return Setup(keys=lab.session(A, role, "target", policy), symbols={"t": token})


@setup(
    "kms-grant-113",
    "kms-grant-114",
    "kms-grant-115",
    "kms-grant-117",
    "kms-grant-118",
    "kms-grant-119",
    "kms-grant-121",
    "kms-grant-122",
    "kms-grant-123",
)
def life_of_role(case, lab):
    """A grant to a session of a role that lives, is deleted, or is made again."""
    key, role = lab.key(), lab.role()
    before = role_id(lab, role)
    future = arn_of(A, role, "future")
    more = {"RetiringPrincipal": future, "Name": "bound-session"}
    made = grant(lab, key, future, ["DescribeKey"], **more)
    symbols = {"key": key.split("/")[1], "role": role, "role_id": before, "old_role_id": before}
    if case.label not in ("lifecycle_filter_id", "lifecycle_named_id_retry"):
        lab.client("iam").delete_role(RoleName=role)
    if "recreated" in case.label and "before" not in case.label:
        trust = {"Effect": "Allow", "Principal": {"AWS": A}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Statement": [trust]})
        lab.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=document)

    def after(case, answer):
        if case.operation == "CreateGrant":
            is_same = answer["GrantId"] == made["GrantId"]
            assert is_same == (case.response["GrantId"] == "$grant")

    return Setup(symbols=symbols, after=after)


@setup("kms-grant-125", "kms-grant-126")
def limited_session(case, lab):
    """The role has an allow, the session policy has nothing of KMS."""
    key, actions = lab.trusting_key(), allow("kms:*")["Statement"][0]
    role = lab.role(B, policy=actions)
    issuer = A if "owner" in case.label else B
    if case.label.startswith("cross_owner"):
        key = lab.key()
    grant(lab, key, arn_of(B, role, "target"), ["DescribeKey"], issuer)
    keys = lab.session(B, role, "target", allow("s3:*"))
    return Setup(B, keys=keys, symbols={"key": key.split("/")[1]})


@setup("kms-grant-127", "kms-grant-129", "kms-grant-130")
def foreign_retirement(case, lab):
    """A issued the grant that a principal of B is to retire."""
    key, role = lab.key(), lab.role(B)
    session = arn_of(B, role, "target")
    principal = session if "retire_session" in case.label else arn_of(B, role)
    if "grantee" in case.label:
        made = grant(lab, key, principal, ["Decrypt", "RetireGrant"])
        policy = None
    else:
        made = grant(lab, key, session, ["Decrypt"], RetiringPrincipal=principal)
        policy = allow("s3:*")
    keys = lab.session(B, role, "target", policy)
    return Setup(B, keys=keys, symbols={"t": made["GrantToken"]})
