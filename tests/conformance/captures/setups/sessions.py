"""Sessions of STS, and credentials that are not valid."""

import json

from ..lab import A, B, allow
from ..table import Setup, leave_out, setup

leave_out(
    "the world of these cases has no provider of OpenID Connect, and none can be made by a call",
    "sts-013",
)


@setup("sts-001")
def across_accounts(case, lab):
    """The administrator of A assumes a role of B that trusts A."""
    iam, role = lab.client("iam", B), lab.unique("role")
    trust = {"Effect": "Allow", "Principal": {"AWS": A}, "Action": "sts:AssumeRole"}
    made = iam.create_role(
        RoleName=role, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )
    symbols = {"role": role, "role_id": made["Role"]["RoleId"], "session": "session"}
    return Setup(symbols=symbols)


@setup("sts-003", "sts-005")
def session_token(case, lab):
    return Setup()


@setup("sts-006")
def managed_session_policy(case, lab):
    """The policy allowed the call when the session began, and a new version no longer does."""
    iam, role = lab.client("iam"), lab.role(policy=allow("*")["Statement"][0])
    policy = iam.create_policy(
        PolicyName=lab.unique("managed"), PolicyDocument=json.dumps(allow("iam:ListUsers"))
    )["Policy"]["Arn"]
    keys = lab.session(A, role, managed=[policy])
    lab.client("iam", keys=keys).list_users()
    iam.create_policy_version(
        PolicyArn=policy, PolicyDocument=json.dumps(allow("s3:*")), SetAsDefault=True
    )
    return Setup(keys=keys, service="iam", operation="ListUsers", without={"session"})


@setup("sts-007")
def identity(case, lab):
    return Setup(symbols={"user": "admin"})


@setup("sts-009", "sts-010", "sts-011")
def unknown_key(case, lab):
    """An access key that the service does not know, or does not know yet."""
    keys = {"access_key_id": "AKIAUNKNOWN", "secret_access_key": "secret"}
    if case.service == "sts" and "kms" in case.operation + case.label.lower():
        call = {"service": "kms", "operation": "CreateKey"}
    else:
        call = {"operation": "GetCallerIdentity"}
    return Setup(keys=keys, **call)


@setup("sts-014")
def member(case, lab):
    """A session of a role of B under a path, which its ARN leaves out."""
    iam, role = lab.client("iam", B), "OrganizationAccountAccessRole"
    trust = {"Effect": "Allow", "Principal": {"AWS": [A, B]}, "Action": "sts:AssumeRole"}
    documents = json.dumps({"Statement": [trust]})
    try:
        made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=documents)
    except iam.exceptions.EntityAlreadyExistsException:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=documents)
        made = iam.get_role(RoleName=role)
    symbols = {"role_id": made["Role"]["RoleId"], "session": "session"}
    return Setup(B, keys=lab.session(B, role), symbols=symbols)


@setup("sts-015")
def foreign_message(case, lab):
    """The encoded message of a refusal in B, which A decodes."""
    keys = lab.session(B, policy=allow("s3:*"))
    ec2 = lab.client("ec2", B, keys=keys)
    try:
        ec2.describe_images()
    except ec2.exceptions.ClientError as error:
        encoded = error.response["Error"]["Message"].rsplit(" ", 1)[1]
    return Setup(symbols={"encoded_of_another_accounts_call": encoded})


@setup("sts-002")
def resource_control(case, lab):
    """A control policy over B denies to assume roles of this name."""
    role = lab.controlled_role()
    return Setup(symbols={"user": "admin", "role": role, "session": "session"} | {"org": "o-example123"})
