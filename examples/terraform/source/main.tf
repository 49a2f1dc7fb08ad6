# Made from the table in examples/policies; docs/IAM.md says what each policy is for.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
}

variable "key_arns" {
  type        = list(string)
  description = "The keys of the images, and those to re-encrypt with"
}

variable "target_accounts" {
  type        = list(string)
  description = "The accounts to share with"
}

variable "target_role_name" {
  type        = string
  description = "The input target-role"
  default     = "consumer"
}

variable "organizations" {
  type        = list(string)
  description = "ARNs of organizations to share with"
  default     = []
}

variable "organizational_units" {
  type        = list(string)
  description = "ARNs of organizational units to share with"
  default     = []
}

variable "parameter_path" {
  type        = string
  description = "Where the SSM parameters are that images are published in"
  default     = "/golden/"
}

variable "role_name" {
  type        = string
  description = "The name of the role that runs ami-share"
  default     = "publisher"
}

variable "github_subject" {
  type        = string
  description = "Who may assume it, such as repo:OWNER/REPO:environment:production; blank makes no role"
  default     = ""
}

variable "policies" {
  type        = set(string)
  description = "The policies to make, by their names in docs/IAM.md"

  validation {
    condition     = alltrue([for name in var.policies : contains(local.known, name)])
    error_message = "One of these is no policy of this side."
  }
}

locals {
  known = ["publisher", "publisher-grants", "organizations", "snapshots", "targets", "lending", "service-linked-roles", "parameters", "lifecycle", "reader", "revoker", "remove-copies"]
}

# kms:PutKeyPolicy is all power over the key: whoever has it can let anybody use it, themselves above all. Name the keys in Resource, or use publisher-grants. ec2:ModifyImageAttribute shares every image of the account.
data "aws_iam_policy_document" "publisher" {
  statement {
    sid       = "Look"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeRegions"]
    resources = ["*"]
  }

  statement {
    sid       = "LookAtLaunchPermissions"
    actions   = ["ec2:DescribeImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
  }

  statement {
    sid       = "Share"
    actions   = ["ec2:ModifyImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "Null"
      variable = "ec2:Add/group"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/organizationArn"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/organizationalUnitArn"
      values   = ["true"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "ec2:Add/userId"
      values   = var.target_accounts
    }
  }

  statement {
    sid       = "Copy"
    actions   = ["ec2:CopyImage"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]
  }

  statement {
    sid       = "TagCopies"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CopyImage"]
    }
  }

  statement {
    sid       = "RemoveFailedCopies"
    actions   = ["ec2:DeregisterImage", "ec2:DeleteSnapshot"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/ami-share:request"
      values   = ["false"]
    }
  }

  statement {
    sid       = "LookAtKeys"
    actions   = ["kms:DescribeKey"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
  }

  statement {
    sid       = "ReadKeyPolicies"
    actions   = ["kms:GetKeyPolicy"]
    resources = var.key_arns
  }

  statement {
    sid       = "WriteKeyPolicies"
    actions   = ["kms:PutKeyPolicy"]
    resources = var.key_arns

    condition {
      test     = "BoolIfExists"
      variable = "kms:BypassPolicyLockoutSafetyCheck"
      values   = ["false"]
    }
  }

  statement {
    sid       = "CopyWithKeys"
    actions   = ["kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt", "kms:ReEncrypt*"]
    resources = var.key_arns

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }
  }

  statement {
    sid       = "CopyGrants"
    actions   = ["kms:CreateGrant"]
    resources = var.key_arns

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
}

resource "aws_iam_policy" "publisher" {
  count       = contains(var.policies, "publisher") ? 1 : 0
  name        = "ami-share-publisher"
  description = "mode: share with accounts, in any number of Regions, with copies, and with key-access: policy."
  policy      = data.aws_iam_policy_document.publisher.json
}

# It can give the use of the key to the target accounts named in it, and to nobody else. A grant that may create grants can be handed on by its holder.
data "aws_iam_policy_document" "publisher_grants" {
  statement {
    sid       = "Look"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeRegions"]
    resources = ["*"]
  }

  statement {
    sid       = "LookAtLaunchPermissions"
    actions   = ["ec2:DescribeImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
  }

  statement {
    sid       = "Share"
    actions   = ["ec2:ModifyImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "Null"
      variable = "ec2:Add/group"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/organizationArn"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/organizationalUnitArn"
      values   = ["true"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "ec2:Add/userId"
      values   = var.target_accounts
    }
  }

  statement {
    sid       = "Copy"
    actions   = ["ec2:CopyImage"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]
  }

  statement {
    sid       = "TagCopies"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CopyImage"]
    }
  }

  statement {
    sid       = "RemoveFailedCopies"
    actions   = ["ec2:DeregisterImage", "ec2:DeleteSnapshot"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/ami-share:request"
      values   = ["false"]
    }
  }

  statement {
    sid       = "LookAtKeys"
    actions   = ["kms:DescribeKey"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
  }

  statement {
    sid       = "LookAtGrants"
    actions   = ["kms:ListGrants"]
    resources = var.key_arns
  }

  statement {
    sid       = "Grant"
    actions   = ["kms:CreateGrant"]
    resources = var.key_arns

    condition {
      test     = "StringEquals"
      variable = "kms:GranteePrincipal"
      values   = [for each in var.target_accounts : "arn:${local.partition}:iam::${each}:root"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "kms:GrantOperations"
      values   = ["DescribeKey", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKeyWithoutPlaintext", "CreateGrant"]
    }

    condition {
      test     = "Null"
      variable = "kms:GrantOperations"
      values   = ["false"]
    }
  }

  statement {
    sid       = "CopyWithKeys"
    actions   = ["kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt", "kms:ReEncrypt*"]
    resources = var.key_arns

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }
  }

  statement {
    sid       = "CopyGrants"
    actions   = ["kms:CreateGrant"]
    resources = var.key_arns

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
}

resource "aws_iam_policy" "publisher_grants" {
  count       = contains(var.policies, "publisher-grants") ? 1 : 0
  name        = "ami-share-publisher-grants"
  description = "The same with key-access: grants: the key policy is neither read nor written."
  policy      = data.aws_iam_policy_document.publisher_grants.json
}

# Every account that will ever join the organization or unit can launch the image. The policies above refuse organizations and units where EC2 fills in the condition keys.
data "aws_iam_policy_document" "organizations" {
  statement {
    sid       = "ShareWithOrganizations"
    actions   = ["ec2:ModifyImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "Null"
      variable = "ec2:Add/group"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/organizationArn"
      values   = ["false"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "ec2:Add/organizationArn"
      values   = var.organizations
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "ec2:Add/organizationalUnitArn"
      values   = var.organizational_units
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "ec2:Add/userId"
      values   = var.target_accounts
    }
  }

  statement {
    sid       = "ShareWithOrganizationalUnits"
    actions   = ["ec2:ModifyImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "Null"
      variable = "ec2:Add/group"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/organizationalUnitArn"
      values   = ["false"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "ec2:Add/organizationArn"
      values   = var.organizations
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "ec2:Add/organizationalUnitArn"
      values   = var.organizational_units
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "ec2:Add/userId"
      values   = var.target_accounts
    }
  }
}

resource "aws_iam_policy" "organizations" {
  count       = contains(var.policies, "organizations") ? 1 : 0
  name        = "ami-share-organizations"
  description = "target-organizations and target-organizational-units, alone or with accounts."
  policy      = data.aws_iam_policy_document.organizations.json
}

# Whoever may make volumes of a snapshot, and use its key, reads all that is on it.
data "aws_iam_policy_document" "snapshots" {
  statement {
    sid       = "LookAtSnapshotPermissions"
    actions   = ["ec2:DescribeSnapshotAttribute"]
    resources = ["arn:${local.partition}:ec2:*::snapshot/*"]
  }

  statement {
    sid       = "ShareSnapshots"
    actions   = ["ec2:ModifySnapshotAttribute"]
    resources = ["arn:${local.partition}:ec2:*::snapshot/*"]

    condition {
      test     = "Null"
      variable = "ec2:Add/group"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/userId"
      values   = ["false"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "ec2:Add/userId"
      values   = var.target_accounts
    }
  }
}

resource "aws_iam_policy" "snapshots" {
  count       = contains(var.policies, "snapshots") ? 1 : 0
  name        = "ami-share-snapshots"
  description = "share-snapshots: true, and wherever targets copy (target-kms-key-id)."
  policy      = data.aws_iam_policy_document.snapshots.json
}

# It is worth what the role in the target may do there.
data "aws_iam_policy_document" "targets" {
  statement {
    sid       = "ActInTargets"
    actions   = ["sts:AssumeRole"]
    resources = [for each in var.target_accounts : "arn:${local.partition}:iam::${each}:role/${var.target_role_name}"]
  }
}

resource "aws_iam_policy" "targets" {
  count       = contains(var.policies, "targets") ? 1 : 0
  name        = "ami-share-targets"
  description = "target-role: everything that is done in target accounts."
  policy      = data.aws_iam_policy_document.targets.json
}

# By these tags the next run knows what to take back: who writes them can make it take back what was not lent.
data "aws_iam_policy_document" "lending" {
  statement {
    sid       = "NoteLoans"
    actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "aws:TagKeys"
      values   = ["ami-share:lent-*"]
    }

    condition {
      test     = "Null"
      variable = "aws:TagKeys"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "lending" {
  count       = contains(var.policies, "lending") ? 1 : 0
  name        = "ami-share-lending"
  description = "keep-shared: false: what a target is lent for copying is noted in tags of the image, and taken back."
  policy      = data.aws_iam_policy_document.lending.json
}

# The parent grant lets the target hand on the use of the key to whomever it likes (R3.3.9). Only key-access: grants makes it; with policy a statement of the key policy, bound to the services' roles, stands in its place.
data "aws_iam_policy_document" "service_linked_roles" {
  statement {
    sid       = "LookAtServiceGrants"
    actions   = ["kms:ListGrants"]
    resources = var.key_arns
  }

  statement {
    sid       = "GrantForServices"
    actions   = ["kms:CreateGrant"]
    resources = var.key_arns

    condition {
      test     = "StringEquals"
      variable = "kms:GranteePrincipal"
      values   = [for each in var.target_accounts : "arn:${local.partition}:iam::${each}:root"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "kms:GrantOperations"
      values   = ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "DescribeKey", "CreateGrant"]
    }

    condition {
      test     = "Null"
      variable = "kms:GrantOperations"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "service_linked_roles" {
  count       = contains(var.policies, "service-linked-roles") ? 1 : 0
  name        = "ami-share-service-linked-roles"
  description = "service-linked-roles: what the source account does for it."
  policy      = data.aws_iam_policy_document.service_linked_roles.json
}

# Whoever deploys by these parameters launches what is written into them.
data "aws_iam_policy_document" "parameters" {
  statement {
    sid       = "PublishParameters"
    actions   = ["ssm:GetParameter", "ssm:PutParameter"]
    resources = ["arn:${local.partition}:ssm:*:${local.account}:parameter${var.parameter_path}*"]
  }
}

resource "aws_iam_policy" "parameters" {
  count       = contains(var.policies, "parameters") ? 1 : 0
  name        = "ami-share-parameters"
  description = "publish-ssm-parameter."
  policy      = data.aws_iam_policy_document.parameters.json
}

# Deprecated images stop being found by those who do not ask for their ID.
data "aws_iam_policy_document" "lifecycle" {
  statement {
    sid       = "DeprecateAndProtect"
    actions   = ["ec2:EnableImageDeprecation", "ec2:EnableImageDeregistrationProtection"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
  }
}

resource "aws_iam_policy" "lifecycle" {
  count       = contains(var.policies, "lifecycle") ? 1 : 0
  name        = "ami-share-lifecycle"
  description = "deprecate-at and deregistration-protection."
  policy      = data.aws_iam_policy_document.lifecycle.json
}

# It sees with whom everything is shared. With targets, targets and target-reader are needed beside it.
data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "Look"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeRegions"]
    resources = ["*"]
  }

  statement {
    sid       = "LookAtPermissions"
    actions   = ["ec2:DescribeImageAttribute", "ec2:DescribeSnapshotAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]
  }

  statement {
    sid       = "LookAtKeys"
    actions   = ["kms:DescribeKey"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
  }

  statement {
    sid       = "LookAtKeyAccess"
    actions   = ["kms:GetKeyPolicy", "kms:ListGrants"]
    resources = var.key_arns
  }

  statement {
    sid       = "LookAtParameters"
    actions   = ["ssm:GetParameter"]
    resources = ["arn:${local.partition}:ssm:*:${local.account}:parameter${var.parameter_path}*"]
  }
}

resource "aws_iam_policy" "reader" {
  count       = contains(var.policies, "reader") ? 1 : 0
  name        = "ami-share-reader"
  description = "mode: plan of whatever the other policies do: it can change nothing."
  policy      = data.aws_iam_policy_document.reader.json
}

# It can take every image from everybody. It cannot share snapshots; of images, only where EC2 fills in the condition keys. kms:PutKeyPolicy is all power over the key.
data "aws_iam_policy_document" "revoker" {
  statement {
    sid       = "Look"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeRegions"]
    resources = ["*"]
  }

  statement {
    sid       = "LookAtPermissions"
    actions   = ["ec2:DescribeImageAttribute", "ec2:DescribeSnapshotAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]
  }

  statement {
    sid       = "TakeBack"
    actions   = ["ec2:ModifyImageAttribute", "ec2:ModifySnapshotAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]

    condition {
      test     = "Null"
      variable = "ec2:Add/group"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/userId"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/organizationArn"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "ec2:Add/organizationalUnitArn"
      values   = ["true"]
    }
  }

  statement {
    sid       = "LookAtKeys"
    actions   = ["kms:DescribeKey"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
  }

  statement {
    sid       = "ReadKeyPolicies"
    actions   = ["kms:GetKeyPolicy"]
    resources = var.key_arns
  }

  statement {
    sid       = "WriteKeyPolicies"
    actions   = ["kms:PutKeyPolicy"]
    resources = var.key_arns

    condition {
      test     = "BoolIfExists"
      variable = "kms:BypassPolicyLockoutSafetyCheck"
      values   = ["false"]
    }
  }

  statement {
    sid       = "TakeGrantsBack"
    actions   = ["kms:ListGrants", "kms:RevokeGrant"]
    resources = var.key_arns
  }
}

resource "aws_iam_policy" "revoker" {
  count       = contains(var.policies, "revoker") ? 1 : 0
  name        = "ami-share-revoker"
  description = "mode: revoke; beside publisher also unlisted: revoke."
  policy      = data.aws_iam_policy_document.revoker.json
}

# What carries the tag ami-share:request can be deleted: see tag-guard.
data "aws_iam_policy_document" "remove_copies" {
  statement {
    sid       = "RemoveCopies"
    actions   = ["ec2:DeregisterImage", "ec2:DeleteSnapshot"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/ami-share:request"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "remove_copies" {
  count       = contains(var.policies, "remove-copies") ? 1 : 0
  name        = "ami-share-remove-copies"
  description = "mode: revoke with remove-copies."
  policy      = data.aws_iam_policy_document.remove_copies.json
}

# Without the condition on sub every repository of GitHub could assume the role. An environment has reviewers and branches of its own; repo:OWNER/REPO:* would let any branch and pull request in.
data "aws_iam_policy_document" "github_trust" {
  statement {
    sid       = "LetTheWorkflowIn"
    actions   = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["arn:${local.partition}:iam::${local.account}:oidc-provider/token.actions.githubusercontent.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["${var.github_subject}"]
    }
  }
}

resource "aws_iam_role" "publisher" {
  count              = var.github_subject == "" ? 0 : 1
  name               = var.role_name
  assume_role_policy = data.aws_iam_policy_document.github_trust.json
}

locals {
  attached = concat(
    aws_iam_policy.publisher[*].arn,
    aws_iam_policy.publisher_grants[*].arn,
    aws_iam_policy.organizations[*].arn,
    aws_iam_policy.snapshots[*].arn,
    aws_iam_policy.targets[*].arn,
    aws_iam_policy.lending[*].arn,
    aws_iam_policy.service_linked_roles[*].arn,
    aws_iam_policy.parameters[*].arn,
    aws_iam_policy.lifecycle[*].arn,
    aws_iam_policy.revoker[*].arn,
    aws_iam_policy.remove_copies[*].arn,
  )
}

resource "aws_iam_role_policy_attachment" "publisher" {
  count      = length(aws_iam_role.publisher) * length(local.attached)
  role       = aws_iam_role.publisher[0].name
  policy_arn = local.attached[count.index]
}

output "role_arn" {
  value = one(aws_iam_role.publisher[*].arn)
}

output "policy_arns" {
  value = {
    "publisher" = one(aws_iam_policy.publisher[*].arn)
    "publisher-grants" = one(aws_iam_policy.publisher_grants[*].arn)
    "organizations" = one(aws_iam_policy.organizations[*].arn)
    "snapshots" = one(aws_iam_policy.snapshots[*].arn)
    "targets" = one(aws_iam_policy.targets[*].arn)
    "lending" = one(aws_iam_policy.lending[*].arn)
    "service-linked-roles" = one(aws_iam_policy.service_linked_roles[*].arn)
    "parameters" = one(aws_iam_policy.parameters[*].arn)
    "lifecycle" = one(aws_iam_policy.lifecycle[*].arn)
    "reader" = one(aws_iam_policy.reader[*].arn)
    "revoker" = one(aws_iam_policy.revoker[*].arn)
    "remove-copies" = one(aws_iam_policy.remove_copies[*].arn)
  }
}
