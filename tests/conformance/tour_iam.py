"""The stops of the tour at IAM and STS."""

import json
import time

from captures.lab import A, B

TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": A}, "Action": "sts:AssumeRole"}]}
ALLOW = json.dumps({"Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]})


def roles(lab):
    iam = lab.client("iam", B)
    name = lab.unique("tour")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == TRUST
    iam.list_roles()
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=ALLOW)
    assert iam.get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"] == json.loads(
        ALLOW
    )
    iam.list_role_policies(RoleName=name)
    policy = iam.create_policy(PolicyName=name, PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    iam.list_attached_role_policies(RoleName=name)
    arn = iam.get_role(RoleName=name)["Role"]["Arn"]
    iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["ec2:RunInstances", "kms:Decrypt"]
    )
    iam.detach_role_policy(RoleName=name, PolicyArn=policy)
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    sts = lab.client("sts")
    sts.get_caller_identity()
    sts.assume_role(RoleArn=arn, RoleSessionName="tour")
    iam.delete_role(RoleName=name)
    iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=name)


def role_changes(lab):
    iam, name = lab.client("iam", B), lab.unique("tour")
    role = {"RoleName": name}
    read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    tags = [{"Key": "team", "Value": "a"}]
    trust = json.dumps(TRUST)
    iam.create_role(**role, AssumeRolePolicyDocument=trust, Description="d", Tags=tags)
    iam.update_role(**role, MaxSessionDuration=7200)
    iam.update_role_description(**role, Description="other")
    iam.update_assume_role_policy(**role, PolicyDocument=trust)
    iam.put_role_permissions_boundary(**role, PermissionsBoundary=read_only)
    iam.get_role(**role)
    iam.delete_role_permissions_boundary(**role)
    iam.tag_role(**role, Tags=[{"Key": "stage", "Value": "b"}])
    iam.list_role_tags(**role)
    iam.untag_role(**role, TagKeys=["stage"])
    profile = {"InstanceProfileName": name}
    iam.create_instance_profile(**profile)
    iam.add_role_to_instance_profile(**profile, **role)
    iam.get_instance_profile(**profile)
    iam.list_instance_profiles_for_role(**role)
    iam.remove_role_from_instance_profile(**profile, **role)
    iam.delete_instance_profile(**profile)
    policy = iam.create_policy(PolicyName=name, PolicyDocument=ALLOW)["Policy"]["Arn"]
    policies = {"PolicyArn": policy}
    iam.create_policy_version(**policies, PolicyDocument=ALLOW)
    iam.get_policy(**policies)
    iam.list_policies()
    iam.list_policy_versions(**policies)
    iam.get_policy_version(**policies, VersionId="v2")
    iam.set_default_policy_version(**policies, VersionId="v2")
    iam.delete_policy_version(**policies, VersionId="v1")
    iam.delete_policy(**policies)
    made = iam.create_service_linked_role(
        AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=lab.unique("tour")
    )
    task = iam.delete_service_linked_role(RoleName=made["Role"]["RoleName"])["DeletionTaskId"]
    time.sleep(1.1)
    iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    sts = lab.client("sts", B)
    sts.get_session_token()
    none = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    ec2 = lab.client("ec2", B, keys=lab.session(B, policy=none))
    try:
        ec2.describe_images()
    except ec2.exceptions.ClientError as error:
        encoded = error.response["Error"]["Message"].rsplit(" ", 1)[1]
    sts.decode_authorization_message(EncodedMessage=encoded)


def users(lab):
    iam, name = lab.client("iam"), lab.unique("tour")
    iam.create_account_alias(AccountAlias="tour-alias")
    assert iam.list_account_aliases()["AccountAliases"] == ["tour-alias"]
    iam.delete_account_alias(AccountAlias="tour-alias")
    user, group, policy = {"UserName": name}, {"GroupName": name}, {"PolicyDocument": ALLOW}
    iam.create_user(**user, Path="/tour/")
    iam.get_user(**user)
    iam.list_users()
    iam.tag_user(**user, Tags=[{"Key": "k", "Value": "v"}])
    iam.list_user_tags(**user)
    iam.untag_user(**user, TagKeys=["k"])
    iam.create_group(**group)
    iam.add_user_to_group(**user, **group)
    iam.put_user_policy(**user, PolicyName="p", **policy)
    iam.put_group_policy(**group, PolicyName="p", **policy)
    arn = iam.create_policy(PolicyName=name, **policy)["Policy"]["Arn"]
    iam.attach_user_policy(**user, PolicyArn=arn)
    iam.attach_group_policy(**group, PolicyArn=arn)
    iam.put_user_permissions_boundary(**user, PermissionsBoundary=arn)
    iam.simulate_custom_policy(PolicyInputList=[ALLOW], ActionNames=["s3:GetObject"])
    iam.get_context_keys_for_custom_policy(PolicyInputList=[ALLOW])
    source = f"arn:aws:iam::{A}:user/tour/{name}"
    iam.get_context_keys_for_principal_policy(PolicySourceArn=source)
