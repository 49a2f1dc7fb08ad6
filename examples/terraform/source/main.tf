# Generated from examples/policies; docs/IAM.md says what each policy is for.

terraform {
  required_version = ">= 1.9"

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

variable "preset" {
  type        = string
  description = "share, verify or copy: see docs/IAM.md"
  default     = "share"

  validation {
    condition     = contains(["share", "verify", "copy"], var.preset)
    error_message = "The preset is share, verify or copy."
  }
}

variable "key_access" {
  type        = string
  description = "The input key-access: policy or grants"
  default     = "policy"
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

variable "github_repository" {
  type        = string
  description = "OWNER/REPO, whose workflows may assume the roles; of a repository made, renamed or transferred after 2026-07-15, OWNER@OWNER_ID/REPO@REPO_ID"
  default     = ""
}

variable "trusted_arns" {
  type        = list(string)
  description = "Other principals that may assume the roles, such as that of another CI"
  default     = []
}

variable "parameter_path" {
  type        = string
  description = "The path of the SSM parameters that images are published in"
  default     = "/golden/"
}

locals {
  # The policies of each role.
  presets = {
    share = {
      publisher = [var.key_access == "grants" ? "publisher-grants" : "publisher", "parameters", "lifecycle", "shared-tags"]
      reader    = ["reader"]
      revoker   = ["revoker", "retire"]
    }
    verify = {
      publisher = [var.key_access == "grants" ? "publisher-grants" : "publisher", "parameters", "lifecycle", "shared-tags", "reader", "targets"]
      reader    = ["reader"]
      revoker   = ["revoker", "retire"]
    }
    copy = {
      publisher = [var.key_access == "grants" ? "publisher-grants" : "publisher", "parameters", "lifecycle", "shared-tags", "reader", "targets", "snapshots", "temporary-access", "service-linked-role-grants", "revoker"]
      reader    = ["reader"]
      revoker   = ["revoker", "retire", "revoke-copies"]
    }
  }

  roles   = local.presets[var.preset]
  created = flatten(values(local.roles))
}

# kms:PutKeyPolicy gives full control over the key: a principal with this permission can let anybody use the key, including itself. Name the keys in Resource, or use publisher-grants. ec2:ModifyImageAttribute can share every image of the account with anybody.
data "aws_iam_policy_document" "publisher" {
  statement {
    sid       = "Describe"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeRegions"]
    resources = ["*"]
  }

  statement {
    sid       = "ReadLaunchPermissions"
    actions   = ["ec2:DescribeImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
  }

  statement {
    sid       = "Share"
    actions   = ["ec2:ModifyImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
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
    sid       = "DescribeKeys"
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
    sid       = "CreateCopyGrants"
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
  count       = contains(local.created, "publisher") ? 1 : 0
  name        = "ami-share-publisher"
  description = "mode: share with accounts, organizations and units, in any number of Regions, with copies, and with key-access: policy."
  policy      = data.aws_iam_policy_document.publisher.json
}

# It can let the target accounts that it names use the key, and no others. A target can pass on a grant that allows creating grants. ec2:ModifyImageAttribute can share every image of the account with anybody.
data "aws_iam_policy_document" "publisher_grants" {
  statement {
    sid       = "Describe"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeRegions"]
    resources = ["*"]
  }

  statement {
    sid       = "ReadLaunchPermissions"
    actions   = ["ec2:DescribeImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
  }

  statement {
    sid       = "Share"
    actions   = ["ec2:ModifyImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
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
    sid       = "DescribeKeys"
    actions   = ["kms:DescribeKey"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
  }

  statement {
    sid       = "ReadKeyPolicies"
    actions   = ["kms:GetKeyPolicy"]
    resources = var.key_arns
  }

  statement {
    sid       = "ListGrants"
    actions   = ["kms:ListGrants"]
    resources = var.key_arns
  }

  statement {
    sid       = "CreateGrants"
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
    sid       = "CreateCopyGrants"
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
  count       = contains(local.created, "publisher-grants") ? 1 : 0
  name        = "ami-share-publisher-grants"
  description = "The same with key-access: grants: it reads the key policy, for a deny beats every grant, and does not write it."
  policy      = data.aws_iam_policy_document.publisher_grants.json
}

# A principal that may create volumes from a snapshot and use its key can read everything in the snapshot.
data "aws_iam_policy_document" "snapshots" {
  statement {
    sid       = "ReadSnapshotPermissions"
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
  count       = contains(local.created, "snapshots") ? 1 : 0
  name        = "ami-share-snapshots"
  description = "share-snapshots: true, and target-kms-key-id, with which targets copy."
  policy      = data.aws_iam_policy_document.snapshots.json
}

# It can do whatever the role in the target may do.
data "aws_iam_policy_document" "targets" {
  statement {
    sid       = "ActInTargets"
    actions   = ["sts:AssumeRole"]
    resources = [for each in var.target_accounts : "arn:${local.partition}:iam::${each}:role/${var.target_role_name}"]
  }
}

resource "aws_iam_policy" "targets" {
  count       = contains(local.created, "targets") ? 1 : 0
  name        = "ami-share-targets"
  description = "target-role: everything that is done in target accounts."
  policy      = data.aws_iam_policy_document.targets.json
}

# The next run revokes the access that these tags name: a principal that can write them can make it revoke other access.
data "aws_iam_policy_document" "temporary_access" {
  statement {
    sid       = "RecordTemporaryAccess"
    actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "aws:TagKeys"
      values   = ["ami-share:temporary-*"]
    }

    condition {
      test     = "Null"
      variable = "aws:TagKeys"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "temporary_access" {
  count       = contains(local.created, "temporary-access") ? 1 : 0
  name        = "ami-share-temporary-access"
  description = "unshare-after-copy: true: tags of the image record the access that a target gets for its copy only, until it is revoked."
  policy      = data.aws_iam_policy_document.temporary_access.json
}

# With key-access: grants, the target can let any principal use the key by the grant that this policy creates. With policy, there is no such grant: a statement of the key policy, limited to the service-linked roles, takes its place.
data "aws_iam_policy_document" "service_linked_role_grants" {
  statement {
    sid       = "ListServiceGrants"
    actions   = ["kms:ListGrants"]
    resources = var.key_arns
  }

  statement {
    sid       = "CreateParentGrants"
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

resource "aws_iam_policy" "service_linked_role_grants" {
  count       = contains(local.created, "service-linked-role-grants") ? 1 : 0
  name        = "ami-share-service-linked-role-grants"
  description = "target-service-linked-roles: the part that is done in the source account."
  policy      = data.aws_iam_policy_document.service_linked_role_grants.json
}

# Deployments that read these parameters launch the image that is written to them.
data "aws_iam_policy_document" "parameters" {
  statement {
    sid       = "PublishParameters"
    actions   = ["ssm:GetParameter", "ssm:PutParameter"]
    resources = ["arn:${local.partition}:ssm:*:${local.account}:parameter${var.parameter_path}*"]
  }

  statement {
    sid       = "ReadAlias"
    actions   = ["iam:ListAccountAliases"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "parameters" {
  count       = contains(local.created, "parameters") ? 1 : 0
  name        = "ami-share-parameters"
  description = "publish-ssm-parameter; ami-id: resolve:ssm:… and {account-alias} in any name, which only read."
  policy      = data.aws_iam_policy_document.parameters.json
}

# Searches no longer find deprecated images, unless they name the ID.
data "aws_iam_policy_document" "lifecycle" {
  statement {
    sid       = "DeprecateAndProtect"
    actions   = ["ec2:EnableImageDeprecation", "ec2:EnableImageDeregistrationProtection"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
  }
}

resource "aws_iam_policy" "lifecycle" {
  count       = contains(local.created, "lifecycle") ? 1 : 0
  name        = "ami-share-lifecycle"
  description = "deprecate-at and deregistration-protection."
  policy      = data.aws_iam_policy_document.lifecycle.json
}

# Every account that an image is shared with can read these tags, and may have policies that trust them.
data "aws_iam_policy_document" "shared_tags" {
  statement {
    sid       = "ShareTags"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "aws:TagKeys"
      values   = ["ec2:SharedTag/*"]
    }

    condition {
      test     = "Null"
      variable = "aws:TagKeys"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "shared_tags" {
  count       = contains(local.created, "shared-tags") ? 1 : 0
  name        = "ami-share-shared-tags"
  description = "share-tags: tags of shared images that every recipient sees."
  policy      = data.aws_iam_policy_document.shared_tags.json
}

# It can read with whom everything is shared. With targets, use it with targets and target-reader.
data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "Describe"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeRegions"]
    resources = ["*"]
  }

  statement {
    sid       = "ReadPermissions"
    actions   = ["ec2:DescribeImageAttribute", "ec2:DescribeSnapshotAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]
  }

  statement {
    sid       = "DescribeKeys"
    actions   = ["kms:DescribeKey"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
  }

  statement {
    sid       = "ReadKeyAccess"
    actions   = ["kms:GetKeyPolicy", "kms:ListGrants"]
    resources = var.key_arns
  }

  statement {
    sid       = "ReadParameters"
    actions   = ["ssm:GetParameter"]
    resources = ["arn:${local.partition}:ssm:*:${local.account}:parameter${var.parameter_path}*"]
  }

  statement {
    sid       = "ReadAlias"
    actions   = ["iam:ListAccountAliases"]
    resources = ["*"]
  }

  statement {
    sid       = "ReadWhoUsesImages"
    actions   = ["ec2:DescribeImageUsageReports", "ec2:DescribeImageUsageReportEntries", "ec2:DescribeImageReferences"]
    resources = ["*"]
  }

  statement {
    sid       = "ScanForReferences"
    actions   = ["ec2:DescribeInstances", "ec2:DescribeLaunchTemplates"]
    resources = ["*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "aws:CalledVia"
      values   = ["ec2-images.amazonaws.com"]
    }
  }

  statement {
    sid       = "ReadWhatNamesImages"
    actions   = ["ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLockedSnapshots"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "reader" {
  count       = contains(local.created, "reader") ? 1 : 0
  name        = "ami-share-reader"
  description = "dry-run: true, whatever the other policies would do: it cannot change anything."
  policy      = data.aws_iam_policy_document.reader.json
}

# It can revoke access to every image from everybody, and share every image, for AWS has no condition that tells the two apart. It cannot share snapshots. kms:PutKeyPolicy gives full control over the key. It can read which accounts use every image.
data "aws_iam_policy_document" "revoker" {
  statement {
    sid       = "Describe"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeRegions"]
    resources = ["*"]
  }

  statement {
    sid       = "ReadPermissions"
    actions   = ["ec2:DescribeImageAttribute", "ec2:DescribeSnapshotAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]
  }

  statement {
    sid       = "RevokeLaunchPermissions"
    actions   = ["ec2:ModifyImageAttribute"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
  }

  statement {
    sid       = "RevokeSnapshotPermissions"
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
      values   = ["true"]
    }
  }

  statement {
    sid       = "DescribeKeys"
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
    sid       = "RevokeGrants"
    actions   = ["kms:ListGrants", "kms:RevokeGrant"]
    resources = var.key_arns
  }

  statement {
    sid       = "AskWhoUsesImages"
    actions   = ["ec2:CreateImageUsageReport"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*:${local.account}:image-usage-report/*"]
  }

  statement {
    sid       = "ReadWhoUsesImages"
    actions   = ["ec2:DescribeImageUsageReports", "ec2:DescribeImageUsageReportEntries", "ec2:DescribeImageReferences"]
    resources = ["*"]
  }

  statement {
    sid       = "ScanForReferences"
    actions   = ["ec2:DescribeInstances", "ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions"]
    resources = ["*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "aws:CalledVia"
      values   = ["ec2-images.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "revoker" {
  count       = contains(local.created, "revoker") ? 1 : 0
  name        = "ami-share-revoker"
  description = "mode: revoke; with publisher also unlisted: revoke. Both ask AWS who uses an image before they take it away."
  policy      = data.aws_iam_policy_document.revoker.json
}

# It can delete every image and snapshot that has the tag ami-share:request: see tag-guard.
data "aws_iam_policy_document" "revoke_copies" {
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

resource "aws_iam_policy" "revoke_copies" {
  count       = contains(local.created, "revoke-copies") ? 1 : 0
  name        = "ami-share-revoke-copies"
  description = "mode: revoke with revoke-copies: true."
  policy      = data.aws_iam_policy_document.revoke_copies.json
}

# It can disable every image of the account, which takes it from everybody: enabling it again does not bring its launch permissions back.
data "aws_iam_policy_document" "retire" {
  statement {
    sid       = "ReadWhatNamesImages"
    actions   = ["ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLockedSnapshots"]
    resources = ["*"]
  }

  statement {
    sid       = "ReadParameters"
    actions   = ["ssm:GetParameter"]
    resources = ["arn:${local.partition}:ssm:*:${local.account}:parameter${var.parameter_path}*"]
  }

  statement {
    sid       = "DeprecateAndDisable"
    actions   = ["ec2:EnableImageDeprecation", "ec2:DisableImage"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
  }

  statement {
    sid       = "NoteDisabled"
    actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ami-share:disabled"]
    }

    condition {
      test     = "Null"
      variable = "aws:TagKeys"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "retire" {
  count       = contains(local.created, "retire") ? 1 : 0
  name        = "ami-share-retire"
  description = "mode: retire: deprecates images, and later takes them from everybody and disables them."
  policy      = data.aws_iam_policy_document.retire.json
}

locals {
  arns = {
    "publisher"                  = one(aws_iam_policy.publisher[*].arn)
    "publisher-grants"           = one(aws_iam_policy.publisher_grants[*].arn)
    "snapshots"                  = one(aws_iam_policy.snapshots[*].arn)
    "targets"                    = one(aws_iam_policy.targets[*].arn)
    "temporary-access"           = one(aws_iam_policy.temporary_access[*].arn)
    "service-linked-role-grants" = one(aws_iam_policy.service_linked_role_grants[*].arn)
    "parameters"                 = one(aws_iam_policy.parameters[*].arn)
    "lifecycle"                  = one(aws_iam_policy.lifecycle[*].arn)
    "shared-tags"                = one(aws_iam_policy.shared_tags[*].arn)
    "reader"                     = one(aws_iam_policy.reader[*].arn)
    "revoker"                    = one(aws_iam_policy.revoker[*].arn)
    "revoke-copies"              = one(aws_iam_policy.revoke_copies[*].arn)
    "retire"                     = one(aws_iam_policy.retire[*].arn)
  }
}

data "aws_iam_policy_document" "trusted" {
  statement {
    sid     = "TrustPrincipals"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.trusted_arns
    }
  }
}

# Without the condition on sub, every repository of GitHub could assume the role. An environment has its own reviewers and branches; repo:OWNER/REPO:* would trust every branch and pull request. A subject without IDs fits a later owner of a repository of that name.
data "aws_iam_policy_document" "github_trust" {
  statement {
    sid     = "TrustWorkflow"
    actions = ["sts:AssumeRoleWithWebIdentity"]

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
      values   = ["repo:${var.github_repository}:environment:staging", "repo:${var.github_repository}:environment:production", "repo:${var.github_repository}:ref:refs/heads/main"]
    }
  }
}

data "aws_iam_policy_document" "publisher_trust" {
  source_policy_documents = concat(
    var.github_repository == "" ? [] : [data.aws_iam_policy_document.github_trust.json],
    length(var.trusted_arns) == 0 ? [] : [data.aws_iam_policy_document.trusted.json],
  )
}

resource "aws_iam_role" "publisher" {
  count              = var.github_repository != "" || length(var.trusted_arns) > 0 ? 1 : 0
  name               = "publisher"
  assume_role_policy = data.aws_iam_policy_document.publisher_trust.json
}

resource "aws_iam_role_policy_attachment" "publisher" {
  for_each   = toset(length(aws_iam_role.publisher) == 0 ? [] : local.roles.publisher)
  role       = aws_iam_role.publisher[0].name
  policy_arn = local.arns[each.key]
}

output "publisher_role_arn" {
  value = one(aws_iam_role.publisher[*].arn)
}

# Everybody who may push a branch can read with whom everything is shared. Pull requests from forks get no token.
data "aws_iam_policy_document" "github_trust_reader" {
  statement {
    sid     = "TrustWorkflow"
    actions = ["sts:AssumeRoleWithWebIdentity"]

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
      values   = ["repo:${var.github_repository}:ref:refs/heads/main", "repo:${var.github_repository}:pull_request"]
    }
  }
}

data "aws_iam_policy_document" "reader_trust" {
  source_policy_documents = concat(
    var.github_repository == "" ? [] : [data.aws_iam_policy_document.github_trust_reader.json],
    length(var.trusted_arns) == 0 ? [] : [data.aws_iam_policy_document.trusted.json],
  )
}

resource "aws_iam_role" "reader" {
  count              = var.github_repository != "" || length(var.trusted_arns) > 0 ? 1 : 0
  name               = "reader"
  assume_role_policy = data.aws_iam_policy_document.reader_trust.json
}

resource "aws_iam_role_policy_attachment" "reader" {
  for_each   = toset(length(aws_iam_role.reader) == 0 ? [] : local.roles.reader)
  role       = aws_iam_role.reader[0].name
  policy_arn = local.arns[each.key]
}

output "reader_role_arn" {
  value = one(aws_iam_role.reader[*].arn)
}

# Everybody who may use the environment can revoke what is shared.
data "aws_iam_policy_document" "github_trust_revoker" {
  statement {
    sid     = "TrustWorkflow"
    actions = ["sts:AssumeRoleWithWebIdentity"]

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
      values   = ["repo:${var.github_repository}:environment:revoke"]
    }
  }
}

data "aws_iam_policy_document" "revoker_trust" {
  source_policy_documents = concat(
    var.github_repository == "" ? [] : [data.aws_iam_policy_document.github_trust_revoker.json],
    length(var.trusted_arns) == 0 ? [] : [data.aws_iam_policy_document.trusted.json],
  )
}

resource "aws_iam_role" "revoker" {
  count              = var.github_repository != "" || length(var.trusted_arns) > 0 ? 1 : 0
  name               = "revoker"
  assume_role_policy = data.aws_iam_policy_document.revoker_trust.json
}

resource "aws_iam_role_policy_attachment" "revoker" {
  for_each   = toset(length(aws_iam_role.revoker) == 0 ? [] : local.roles.revoker)
  role       = aws_iam_role.revoker[0].name
  policy_arn = local.arns[each.key]
}

output "revoker_role_arn" {
  value = one(aws_iam_role.revoker[*].arn)
}

output "policy_arns" {
  value = local.arns
}
