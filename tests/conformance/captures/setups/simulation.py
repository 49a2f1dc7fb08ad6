"""Simulation of policies.

Custom simulations need no state. Those of principals need a user with a group, and a role.
"""

import json

from ..lab import A
from ..table import Setup, leave_out, setup, setup_area

leave_out("a survey of the names of all actions, not a call", "iam-sim-122")

NAMES = {
    "bucket": "bucket",
    "path": "paths",
    "region": "us-east-1",
    "name": "someone",
    "user": "user",
    "role": "role",
    "group": "group",
    "user_id": "AIDAEXAMPLE",
    "explicit": "explicit",
    "session": "session",
    "i": "i-1",
    "ami": "ami-1",
    "sg": "sg-1",
    "eni": "eni-1",
    "subnet": "subnet-1",
    "vol": "vol-1",
}


def document(action, resource="*", indent=2, **more):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=indent)


@setup_area("iam-sim")
def simulation(case, lab):
    symbols = dict(NAMES)
    if case.params.get("Marker") == "$marker":
        # The marker of the answer has no known value.
        symbols |= {"marker": first_marker(lab), "marker2": "$next"}
    if "Principal" in case.operation and "user with" in case.state:
        symbols |= principals(case, lab)
    return Setup(symbols=symbols)


def first_marker(lab):
    """Returns the marker after one of three actions."""
    answer = lab.client("iam").simulate_custom_policy(
        PolicyInputList=[document("*")],
        ActionNames=["s3:PutObject", "iam:GetUser", "s3:GetObject"],
        ResourceArns=["arn:aws:s3:::bucket/a", "arn:aws:s3:::bucket/b"],
        MaxItems=1,
    )
    return answer["Marker"]


def principals(case, lab):
    """Makes the user, group and role that the state of a case describes."""
    iam = lab.client("iam")
    names = {kind: lab.unique(kind) for kind in ["user", "group", "role", "managed", "boundary"]}
    user, path = names["user"], f"/{NAMES['path']}/"
    iam.create_user(UserName=user, Path=path)
    if "$extra" in case.state:
        names["extra"] = lab.unique("extra")
        compact = json.dumps(json.loads(document("s3:GetObject")), separators=(",", ":"))
        made = iam.create_policy(PolicyName=names["extra"], Path=path, PolicyDocument=compact)
        iam.attach_user_policy(UserName=user, PolicyArn=made["Policy"]["Arn"])
        inline = compact.replace("s3:GetObject", "s3:PutObject")
        iam.put_user_policy(UserName=user, PolicyName="ExtraInline", PolicyDocument=inline)
        return names
    make_holders(iam, names, path)
    if "boundary $boundary" in case.state:
        bounded = document(["s3:GetObject", "s3:PutObject"], Sid="Bounds")
        made = iam.create_policy(PolicyName=names["boundary"], PolicyDocument=bounded)
        arn = made["Policy"]["Arn"]
        iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=arn)
        if "also attached" in case.state:
            iam.attach_user_policy(UserName=user, PolicyArn=arn)
    return names


def make_holders(iam, names, path):
    user, group, role = names["user"], names["group"], names["role"]
    iam.create_group(GroupName=group, Path=path)
    iam.add_user_to_group(UserName=user, GroupName=group)
    trust = {"Effect": "Allow", "Principal": {"AWS": A}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=role, Path=path, AssumeRolePolicyDocument=trust)
    managed = document("s3:DeleteObject", Sid="Managed")
    made = iam.create_policy(PolicyName=names["managed"], PolicyDocument=managed)
    arn = made["Policy"]["Arn"]
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    iam.attach_group_policy(GroupName=group, PolicyArn=arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    inline = document("s3:GetObject", "arn:aws:s3:::bucket/a", Sid="User")
    iam.put_user_policy(UserName=user, PolicyName="UserInline", PolicyDocument=inline)
    inline = document("s3:PutObject", "arn:aws:s3:::bucket/b", Sid="Group")
    iam.put_group_policy(GroupName=group, PolicyName="GroupInline", PolicyDocument=inline)
    inline = document("s3:GetObject", Sid="Role")
    iam.put_role_policy(RoleName=role, PolicyName="RoleInline", PolicyDocument=inline)


@setup("iam-sim-011")
def two_statements(_, __):
    first = json.loads(document("s3:GetObject", Sid="First"))
    second = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*", "Sid": "Second"}
    first["Statement"].append(second)
    return Setup(instead={"PolicyInputList": [json.dumps(first, indent=2)]})


@setup("iam-sim-013")
def crlf(_, __):
    text = " \r\n" + document("s3:GetObject").replace("\n", "\r\n")
    return Setup(instead={"PolicyInputList": [text]})


@setup("iam-sim-141")
def new_default_version(case, lab):
    """The recording has the entry of one action and resource only."""
    names = principals(case, lab)
    denied = json.loads(document("s3:DeleteObject", Sid="DenyTheManaged"))
    denied["Statement"][0]["Effect"] = "Deny"
    lab.client("iam").create_policy_version(
        PolicyArn=f"arn:aws:iam::{A}:policy/{names['managed']}",
        PolicyDocument=json.dumps(denied, separators=(",", ":")),
        SetAsDefault=True,
    )
    instead = {"ActionNames": ["s3:DeleteObject"], "ResourceArns": ["arn:aws:s3:::bucket/b"]}
    return Setup(symbols=NAMES | names, instead=instead)


@setup("iam-sim-149")
def twice(_, __):
    return Setup(symbols={"doc": document("s3:GetObject", "arn:aws:s3:::b/${aws:username}")})


@setup("iam-sim-153")
def unknown_member(_, __):
    unknown = json.loads(document("s3:GetObject")) | {"Foo": "bar"}
    return Setup(instead={"PolicyInputList": [json.dumps(unknown)]})


@setup("iam-sim-154")
def keys_of_user(_, lab):
    """A key of its own in each policy of a user, one of which is attached twice."""
    iam, user, group = lab.client("iam"), lab.unique("user"), lab.unique("group")

    def asks(key):
        return document("s3:GetObject", f"arn:aws:s3:::b/${{aws:PrincipalTag/{key}}}")

    iam.create_user(UserName=user, Path=f"/{NAMES['path']}/")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(UserName=user, GroupName=group)
    iam.put_group_policy(
        GroupName=group, PolicyName="inline", PolicyDocument=asks("GroupInline")
    )
    iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=asks("UserInline"))
    made = iam.create_policy(PolicyName=lab.unique("managed"), PolicyDocument=asks("Managed"))
    iam.attach_user_policy(UserName=user, PolicyArn=made["Policy"]["Arn"])
    iam.attach_group_policy(GroupName=group, PolicyArn=made["Policy"]["Arn"])
    name = lab.unique("boundary")
    made = iam.create_policy(PolicyName=name, PolicyDocument=asks("BoundaryOnly"))
    iam.put_user_permissions_boundary(
        UserName=user, PermissionsBoundary=made["Policy"]["Arn"]
    )
    return Setup(symbols=NAMES | {"user": user})
