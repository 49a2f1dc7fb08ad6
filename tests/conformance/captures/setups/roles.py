"""Roles, their policies and tags, roles of services, users and instance profiles."""

import json

from ..cases import within
from ..lab import A, B, allow, deny
from ..table import Setup, setup

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
AUTO_SCALING = "autoscaling.amazonaws.com"
MULTI_REGION = "mrk.kms.amazonaws.com"


def described_role(lab):
    """Returns the parameters of a role with everything that a role can have."""
    return {
        "RoleName": lab.unique("role"),
        "Path": f"/{lab.unique('path')}/",
        "AssumeRolePolicyDocument": json.dumps(TRUST),
        "Description": "created-description",
        "PermissionsBoundary": READ_ONLY,
        "Tags": [{"Key": "team", "Value": "probe"}],
    }


@setup("iam-role-001", "iam-role-002", "iam-role-003")
def role_wire(case, lab):
    parameters = described_role(lab)
    if case.operation != "CreateRole":
        lab.client("iam").create_role(**parameters)
    symbols = {"role": parameters["RoleName"], "path": parameters["Path"].strip("/")}
    return Setup(symbols=symbols | {"trust": parameters["AssumeRolePolicyDocument"]})


@setup(
    "iam-role-005",
    "iam-role-006",
    "iam-role-007",
    "iam-role-009",
    "iam-role-010",
    "iam-role-011",
    "iam-role-013",
    "iam-role-014",
    "iam-role-015",
    "iam-role-017",
)
def service_linked(case, lab):
    """A role of a service with a suffix, which exists unless the case makes or has deleted it."""
    iam, suffix = lab.client("iam"), lab.unique("suffix")
    if case.label != "create":
        iam.create_service_linked_role(AWSServiceName=AUTO_SCALING, CustomSuffix=suffix)
    if case.state == "deleted":
        iam.delete_service_linked_role(RoleName=f"AWSServiceRoleForAutoScaling_{suffix}")
    policy = {"PolicyName": "p", "PolicyDocument": json.dumps(allow("s3:*"))}
    instead = {
        "PutRolePolicy": policy,
        "AttachRolePolicy": {"PolicyArn": READ_ONLY},
        "DetachRolePolicy": {"PolicyArn": READ_ONLY},
        "UpdateRole": {"MaxSessionDuration": 7200},
        "TagRole": {"Tags": [{"Key": "team", "Value": "a"}]},
    }
    return Setup(symbols={"suffix": suffix}, instead=instead.get(case.operation, {}))


@setup("iam-role-018", "iam-role-019", "iam-role-023")
def deletion(case, lab):
    iam, suffix = lab.client("iam"), lab.unique("suffix")
    iam.create_service_linked_role(AWSServiceName=AUTO_SCALING, CustomSuffix=suffix)
    name = f"AWSServiceRoleForAutoScaling_{suffix}"
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    unknown = f"task/aws-service-role/{AUTO_SCALING}/{name}/00000000-0000-0000-0000-000000000000"
    return Setup(symbols={"task": task, "unknown": unknown, "malformed": "malformed"})


@setup("iam-role-021", "iam-role-022")
def multi_region_role(case, lab):
    """The role is there since the first key of several Regions; B has none."""
    if case.operation == "GetRole":
        return Setup(B)
    lab.client("kms").create_key(MultiRegion=True)
    return Setup()


@setup("iam-role-025", "iam-role-026", "iam-role-027")
def inline_policy(case, lab):
    """A policy whose name is spelled otherwise in the call."""
    iam, role = lab.client("iam"), lab.role()
    before = allow("s3:*") if case.operation == "PutRolePolicy" else deny("s3:*")
    iam.put_role_policy(
        RoleName=role, PolicyName="MixedName", PolicyDocument=json.dumps(before)
    )

    def after(case, answer):
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        if "effect of the document" in case.response:
            assert answer["PolicyName"] == case.response["PolicyName"]
            assert answer["PolicyDocument"]["Statement"][-1]["Effect"] == "Deny"
            return
        assert names == case.response["PolicyNames"]
        if names:
            shown = iam.get_role_policy(RoleName=role, PolicyName="MixedName")
            assert shown["PolicyDocument"] == deny("s3:*")

    symbols = {"role": role, "deny": json.dumps(deny("s3:*")), "other_case": "mIXEDnAME"}
    return Setup(symbols=symbols, after=after, described=True)


@setup("iam-role-029", "iam-role-049", "iam-role-037")
def changed_role(case, lab):
    iam, role = lab.client("iam"), lab.role()
    iam.tag_role(RoleName=role, Tags=[{"Key": "Team", "Value": "One"}])
    iam.update_role(RoleName=role, MaxSessionDuration=7200, Description="before")

    def after(case, answer):
        shown = iam.get_role(RoleName=role)["Role"]
        assert shown["MaxSessionDuration"] == 7200
        assert shown["Description"] == "before"
        if case.response:
            assert shown["Tags"] == case.response["Tags"]

    return Setup(symbols={"role": role}, after=after, described=True)


@setup("iam-role-030", "iam-role-031", "iam-role-033")
def managed_policies(case, lab):
    """Four policies: unused, attached, used as a boundary, and both."""
    iam, path, arns = lab.client("iam"), f"/{lab.unique('path')}/", {}
    for name in ["unused", "attached", "boundary", "both"]:
        made = iam.create_policy(
            PolicyName=lab.unique(name), Path=path, PolicyDocument=json.dumps(allow("s3:*"))
        )
        arns[name] = made["Policy"]["Arn"]
    for name in ["attached", "both"]:
        iam.attach_role_policy(RoleName=lab.role(), PolicyArn=arns[name])
    for name in ["boundary", "both"]:
        iam.put_role_permissions_boundary(RoleName=lab.role(), PermissionsBoundary=arns[name])

    def after(case, answer):
        if case.operation == "GetPolicy":
            assert case.response.items() <= answer["Policy"].items()
            return
        names = [policy["PolicyName"].rsplit("-", 1)[0] for policy in answer["Policies"]]
        assert sorted(names) == case.response["policies"]

    more = {} if case.operation == "GetPolicy" else {"PathPrefix": path}
    return Setup(symbols=arns, more=more, after=after, described=True)


@setup("iam-role-034", "iam-role-035")
def invalid_role(case, lab):
    instead = {"Description": "x" * 1001} if "Description" in case.params else {}
    more = {"AssumeRolePolicyDocument": json.dumps(TRUST)}
    return Setup(symbols={"role": lab.unique("role")}, more=more, instead=instead)


@setup("iam-role-038")
def upper_case(case, lab):
    """The caller may read the role under its exact ARN only."""
    path, name = lab.unique("path"), "resource-auth-Role"
    lab.client("iam").create_role(
        RoleName=name, Path=f"/{path}/", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    policy = allow("iam:GetRole", f"arn:aws:iam::{A}:role/{path}/{name}")

    def after(case, answer):
        assert answer["Role"]["Arn"] == case.response["Arn"].replace("$acctA", A).replace(
            "$path", path
        )

    keys = lab.session(A, policy=policy)
    return Setup(keys=keys, after=after, described=True)


@setup("iam-role-053", "iam-role-054", "iam-role-055")
def instance_profile(case, lab):
    iam, role, profile = lab.client("iam"), lab.role(), lab.unique("profile")
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    if case.label == "repeat-remove":
        iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    return Setup(symbols={"role": role, "profile": profile})


@setup("iam-role-059")
def made_by_organizations(case, lab):
    """Organizations makes this role in a member; its path, trust and policy are its own."""
    iam, name = lab.client("iam", B), "OrganizationAccountAccessRole"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{A}:root"}}
    trust = {"Version": "2012-10-17", "Statement": [trust | {"Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    keys = lab.session(B, policy=allow("*"))
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_role_policy(RoleName=name, PolicyArn=administrator)

    def after(case, answer):
        assert within(case.response["Role"], answer["Role"], {"acctA": A, "acctB": B})
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        names = [policy["PolicyName"] for policy in attached]
        assert names == case.response["AttachedPolicies"]
        assert iam.list_role_policies(RoleName=name)["PolicyNames"] == []

    return Setup(B, keys=keys, after=after, described=True)


@setup("iam-role-039")
def denied_path(case, lab):
    keys = lab.session(A, policy=allow("iam:CreateUser", f"arn:aws:iam::{A}:user/allowed/*"))
    return Setup(keys=keys, symbols={"user": lab.unique("user"), "path": "p"})


@setup("iam-role-041")
def wrong_path(case, lab):
    user = lab.unique("user")
    made = lab.client("iam").create_user(UserName=user, Path="/here/")["User"]
    keys = lab.session(A, policy=allow("iam:SimulatePrincipalPolicy", made["Arn"]))
    return Setup(keys=keys, symbols={"user": user})


@setup("iam-role-042", "iam-role-043", "iam-role-045", "iam-role-046", "iam-role-047")
@setup("iam-role-050", "iam-role-051")
def user(case, lab):
    name = lab.unique("user")
    lab.client("iam").create_user(UserName=name)
    return Setup(symbols={"user": name, "p": "policy", "x": "name", "v": "value"})


@setup("iam-role-057", "iam-role-058")
def page_size(case, lab):
    return Setup(symbols={"path": "/"})
