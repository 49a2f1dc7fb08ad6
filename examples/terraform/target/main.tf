# Generated from examples/policies; docs/IAM.md says what each policy is for.

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

variable "source_account" {
  type        = string
  description = "The account that owns the images"
}

variable "publisher_role_arn" {
  type        = string
  description = "The role in that account that runs ami-share"
}

variable "external_id" {
  type        = string
  description = "The input target-external-id"
}

variable "key_arns" {
  type        = list(string)
  description = "The keys of the images, in the source account"
}

variable "role_name" {
  type        = string
  description = "The input target-role"
  default     = "consumer"
}

variable "launch_role_names" {
  type        = list(string)
  description = "The roles that launch"
  default     = []
}

variable "launch_policy_name" {
  type        = string
  description = "The input target-launch-policy"
  default     = "ami-share-launch"
}

variable "services" {
  type        = list(string)
  description = "The input target-service-linked-roles"
  default     = ["autoscaling.amazonaws.com"]
}

variable "parameter_path" {
  type        = string
  description = "The path of the SSM parameters that images are published in"
  default     = "/golden/"
}

variable "policies" {
  type        = set(string)
  description = "The policies to create, by their names in docs/IAM.md"

  validation {
    condition     = alltrue([for name in var.policies : contains(local.known, name)])
    error_message = "One of these is not a policy of this side."
  }
}

locals {
  known = ["target-copies", "target-lifecycle", "target-tags", "target-parameters", "target-launch-roles", "target-launch-roles-inline", "target-service-linked-roles", "target-revoker", "target-reader", "verifier", "verifier-launch", "launcher"]
}

# It can fill the account with copies, which cost money, and remove those of ami-share. It can use every key of the account through EC2: if you can, name the one key and the default EBS key.
data "aws_iam_policy_document" "target_copies" {
  statement {
    sid       = "Describe"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots"]
    resources = ["*"]
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
    sid       = "DescribeOwnKeys"
    actions   = ["kms:DescribeKey"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
  }

  statement {
    sid       = "DescribeSharedKeys"
    actions   = ["kms:DescribeKey"]
    resources = var.key_arns

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }
  }

  statement {
    sid       = "CopyWithKeys"
    actions   = ["kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt", "kms:ReEncrypt*"]
    resources = concat(var.key_arns, ["arn:${local.partition}:kms:*:${local.account}:key/*"])

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }
  }

  statement {
    sid       = "CreateCopyGrants"
    actions   = ["kms:CreateGrant"]
    resources = concat(var.key_arns, ["arn:${local.partition}:kms:*:${local.account}:key/*"])

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

resource "aws_iam_policy" "target_copies" {
  count       = contains(var.policies, "target-copies") ? 1 : 0
  name        = "ami-share-target-copies"
  description = "target-kms-key-id: copies that belong to the target, under its own key."
  policy      = data.aws_iam_policy_document.target_copies.json
}

# Searches no longer find deprecated images, unless they name the ID.
data "aws_iam_policy_document" "target_lifecycle" {
  statement {
    sid       = "DeprecateAndProtect"
    actions   = ["ec2:EnableImageDeprecation", "ec2:EnableImageDeregistrationProtection"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]
  }
}

resource "aws_iam_policy" "target_lifecycle" {
  count       = contains(var.policies, "target-lifecycle") ? 1 : 0
  name        = "ami-share-target-lifecycle"
  description = "deprecate-at and deregistration-protection of the target's own copies."
  policy      = data.aws_iam_policy_document.target_lifecycle.json
}

# It can tag every image that the account can see, but not with the tags that ami-share relies on.
data "aws_iam_policy_document" "target_tags" {
  statement {
    sid       = "Describe"
    actions   = ["ec2:DescribeImages"]
    resources = ["*"]
  }

  statement {
    sid       = "TagSharedImages"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "ForAllValues:StringNotLike"
      variable = "aws:TagKeys"
      values   = ["ami-share:*"]
    }

    condition {
      test     = "Null"
      variable = "aws:TagKeys"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "target_tags" {
  count       = contains(var.policies, "target-tags") ? 1 : 0
  name        = "ami-share-target-tags"
  description = "copy-image-tags, tags: tags of shared images as the target sees them."
  policy      = data.aws_iam_policy_document.target_tags.json
}

# Deployments that read these parameters launch the image that is written to them.
data "aws_iam_policy_document" "target_parameters" {
  statement {
    sid       = "CheckImages"
    actions   = ["ec2:DescribeImages"]
    resources = ["*"]
  }

  statement {
    sid       = "PublishParameters"
    actions   = ["ssm:GetParameter", "ssm:PutParameter"]
    resources = ["arn:${local.partition}:ssm:*:${local.account}:parameter${var.parameter_path}*"]
  }
}

resource "aws_iam_policy" "target_parameters" {
  count       = contains(var.policies, "target-parameters") ? 1 : 0
  name        = "ami-share-target-parameters"
  description = "publish-ssm-parameter in targets."
  policy      = data.aws_iam_policy_document.target_parameters.json
}

# It can attach that one policy to the roles named here, and detach it.
data "aws_iam_policy_document" "target_launch_roles" {
  statement {
    sid       = "ListAttachedPolicies"
    actions   = ["iam:ListAttachedRolePolicies"]
    resources = [for each in var.launch_role_names : "arn:${local.partition}:iam::${local.account}:role/${each}"]
  }

  statement {
    sid       = "AttachLaunchPolicy"
    actions   = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
    resources = [for each in var.launch_role_names : "arn:${local.partition}:iam::${local.account}:role/${each}"]

    condition {
      test     = "ArnEquals"
      variable = "iam:PolicyARN"
      values   = ["arn:${local.partition}:iam::${local.account}:policy/${var.launch_policy_name}"]
    }
  }
}

resource "aws_iam_policy" "target_launch_roles" {
  count       = contains(var.policies, "target-launch-roles") ? 1 : 0
  name        = "ami-share-target-launch-roles"
  description = "target-launch-roles with target-launch-policy: the recommended way. The target creates the managed policy once, from launcher.json."
  policy      = data.aws_iam_policy_document.target_launch_roles.json
}

# iam:PutRolePolicy gives full control over the role: it can let the role do anything, as no condition key limits what is written. Prefer target-launch-roles, or give the roles a permissions boundary.
data "aws_iam_policy_document" "target_launch_roles_inline" {
  statement {
    sid       = "PutLaunchPolicies"
    actions   = ["iam:ListRolePolicies", "iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"]
    resources = [for each in var.launch_role_names : "arn:${local.partition}:iam::${local.account}:role/${each}"]
  }
}

resource "aws_iam_policy" "target_launch_roles_inline" {
  count       = contains(var.policies, "target-launch-roles-inline") ? 1 : 0
  name        = "ami-share-target-launch-roles-inline"
  description = "target-launch-roles without target-launch-policy: an inline policy for each key."
  policy      = data.aws_iam_policy_document.target_launch_roles_inline.json
}

# It can let the roles of the services named here use the keys, and no others.
data "aws_iam_policy_document" "target_service_linked_roles" {
  statement {
    sid       = "ListRoles"
    actions   = ["iam:ListRoles", "ec2:GetEbsDefaultKmsKeyId", "ec2:GetEbsEncryptionByDefault"]
    resources = ["*"]
  }

  statement {
    sid       = "CreateServiceLinkedRoles"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = [for each in var.services : "arn:${local.partition}:iam::${local.account}:role/aws-service-role/${each}/*"]
  }

  statement {
    sid       = "ListGrants"
    actions   = ["kms:DescribeKey", "kms:ListGrants", "kms:GetKeyPolicy"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
  }

  statement {
    sid       = "CreateServiceGrants"
    actions   = ["kms:CreateGrant"]
    resources = concat(var.key_arns, ["arn:${local.partition}:kms:*:${local.account}:key/*"])

    condition {
      test     = "StringLike"
      variable = "kms:GranteePrincipal"
      values   = [for each in var.services : "arn:${local.partition}:iam::${local.account}:role/aws-service-role/${each}/*"]
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

resource "aws_iam_policy" "target_service_linked_roles" {
  count       = contains(var.policies, "target-service-linked-roles") ? 1 : 0
  name        = "ami-share-target-service-linked-roles"
  description = "target-service-linked-roles, such as Auto Scaling's: grants that only the target can create."
  policy      = data.aws_iam_policy_document.target_service_linked_roles.json
}

# It can list every volume and snapshot of the account, but not read their contents.
data "aws_iam_policy_document" "target_revoker" {
  statement {
    sid       = "FindKeyUse"
    actions   = ["ec2:DescribeVolumes", "ec2:DescribeSnapshots"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "target_revoker" {
  count       = contains(var.policies, "target-revoker") ? 1 : 0
  name        = "ami-share-target-revoker"
  description = "mode: revoke with target-role: a key that volumes or snapshots of the target are encrypted with stays usable. Without this policy nobody can tell, and the key is revoked."
  policy      = data.aws_iam_policy_document.target_revoker.json
}

# It can read the inline policies of the launch roles, the names of all roles, and the policies and grants of keys.
data "aws_iam_policy_document" "target_reader" {
  statement {
    sid       = "Describe"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "iam:ListRoles", "ec2:GetEbsDefaultKmsKeyId", "ec2:GetEbsEncryptionByDefault"]
    resources = ["*"]
  }

  statement {
    sid       = "ReadKeys"
    actions   = ["kms:DescribeKey", "kms:ListGrants", "kms:GetKeyPolicy"]
    resources = ["arn:${local.partition}:kms:*:${local.account}:key/*"]
  }

  statement {
    sid       = "ReadParameters"
    actions   = ["ssm:GetParameter"]
    resources = ["arn:${local.partition}:ssm:*:${local.account}:parameter${var.parameter_path}*"]
  }

  statement {
    sid       = "ReadLaunchRoles"
    actions   = ["iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetRolePolicy"]
    resources = [for each in var.launch_role_names : "arn:${local.partition}:iam::${local.account}:role/${each}"]
  }
}

resource "aws_iam_policy" "target_reader" {
  count       = contains(var.policies, "target-reader") ? 1 : 0
  name        = "ami-share-target-reader"
  description = "dry-run: true with target-role: it cannot change anything."
  policy      = data.aws_iam_policy_document.target_reader.json
}

# It can read what the launch roles may do. The source account needs reader.
data "aws_iam_policy_document" "verifier" {
  statement {
    sid       = "ReadSettings"
    actions   = ["ec2:GetAllowedImagesSettings"]
    resources = ["*"]
  }

  statement {
    sid       = "SimulateLaunches"
    actions   = ["iam:GetContextKeysForPrincipalPolicy", "iam:SimulatePrincipalPolicy"]
    resources = concat([for each in var.launch_role_names : "arn:${local.partition}:iam::${local.account}:role/${each}"], ["arn:${local.partition}:iam::${local.account}:role/${var.role_name}"])
  }

  statement {
    sid       = "FindLaunchRoles"
    actions   = ["iam:GetRole"]
    resources = [for each in var.launch_role_names : "arn:${local.partition}:iam::${local.account}:role/${each}"]
  }
}

resource "aws_iam_policy" "verifier" {
  count       = contains(var.policies, "verifier") ? 1 : 0
  name        = "ami-share-verifier"
  description = "mode: verify, and verify: permissions after a share: it cannot change anything. Without it the checks say unknown, and the share continues."
  policy      = data.aws_iam_policy_document.verifier.json
}

# It can launch instances, terminate those that have the tag ami-share:verify, and remove security groups that have it. An instance costs money until it is terminated.
data "aws_iam_policy_document" "verifier_launch" {
  statement {
    sid       = "DescribeInstances"
    actions   = ["ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeInstanceTypes", "ec2:DescribeInstanceTypeOfferings"]
    resources = ["*"]
  }

  statement {
    sid       = "TagLaunches"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:instance/*", "arn:${local.partition}:ec2:*:${local.account}:volume/*", "arn:${local.partition}:ec2:*:${local.account}:network-interface/*", "arn:${local.partition}:ec2:*:${local.account}:security-group/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["RunInstances", "CreateSecurityGroup"]
    }
  }

  statement {
    sid       = "TerminateOwnInstances"
    actions   = ["ec2:TerminateInstances"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:instance/*"]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/ami-share:verify"
      values   = ["false"]
    }
  }

  statement {
    sid       = "CreateSecurityGroups"
    actions   = ["ec2:CreateSecurityGroup"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:vpc/*"]
  }

  statement {
    sid       = "MarkSecurityGroups"
    actions   = ["ec2:CreateSecurityGroup"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:security-group/*"]

    condition {
      test     = "Null"
      variable = "aws:RequestTag/ami-share:verify"
      values   = ["false"]
    }
  }

  statement {
    sid       = "RemoveOwnSecurityGroups"
    actions   = ["ec2:RevokeSecurityGroupEgress", "ec2:DeleteSecurityGroup"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:security-group/*"]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/ami-share:verify"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "verifier_launch" {
  count       = contains(var.policies, "verifier-launch") ? 1 : 0
  name        = "ami-share-verifier-launch"
  description = "verify: launch: a real instance, terminated as soon as it runs. The role in the target launches it, and needs the statements about keys of launcher too. Every run as a role with this policy terminates what a killed run left."
  policy      = data.aws_iam_policy_document.verifier_launch.json
}

# It launches instances, which cost money, only from images of the two accounts. It does not allow instance profiles: add iam:PassRole yourself.
data "aws_iam_policy_document" "launcher" {
  statement {
    sid       = "LaunchImages"
    actions   = ["ec2:RunInstances"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:Owner"
      values   = ["${var.source_account}", "${local.account}"]
    }
  }

  statement {
    sid       = "LaunchInto"
    actions   = ["ec2:RunInstances"]
    resources = ["arn:${local.partition}:ec2:*:${local.account}:instance/*", "arn:${local.partition}:ec2:*:${local.account}:volume/*", "arn:${local.partition}:ec2:*:${local.account}:network-interface/*", "arn:${local.partition}:ec2:*:${local.account}:subnet/*", "arn:${local.partition}:ec2:*:${local.account}:security-group/*", "arn:${local.partition}:ec2:*:${local.account}:key-pair/*"]
  }

  statement {
    sid       = "LaunchWithKeys"
    actions   = ["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt", "kms:ReEncrypt*"]
    resources = concat(var.key_arns, ["arn:${local.partition}:kms:*:${local.account}:key/*"])

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }
  }

  statement {
    sid       = "CreateLaunchGrants"
    actions   = ["kms:CreateGrant"]
    resources = concat(var.key_arns, ["arn:${local.partition}:kms:*:${local.account}:key/*"])

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

resource "aws_iam_policy" "launcher" {
  count       = contains(var.policies, "launcher") ? 1 : 0
  name        = var.launch_policy_name
  description = "The principals that launch the images, and the managed policy that target-launch-policy names. Roles that may launch instances already need only the statements about keys; the output iam-policy has those, with the keys of the run."
  policy      = data.aws_iam_policy_document.launcher.json
}

# It names the publisher's role and not its account, which would trust every principal there that may assume roles. The external ID is not a secret: it prevents that a publisher which serves several customers is made to act for the wrong one.
data "aws_iam_policy_document" "target_trust" {
  statement {
    sid       = "TrustPublisher"
    actions   = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["${var.publisher_role_arn}"]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["${var.external_id}"]
    }
  }
}

resource "aws_iam_role" "consumer" {
  count              = 1
  name               = var.role_name
  assume_role_policy = data.aws_iam_policy_document.target_trust.json
}

locals {
  attached = concat(
    aws_iam_policy.target_copies[*].arn,
    aws_iam_policy.target_lifecycle[*].arn,
    aws_iam_policy.target_tags[*].arn,
    aws_iam_policy.target_parameters[*].arn,
    aws_iam_policy.target_launch_roles[*].arn,
    aws_iam_policy.target_launch_roles_inline[*].arn,
    aws_iam_policy.target_service_linked_roles[*].arn,
    aws_iam_policy.target_revoker[*].arn,
    aws_iam_policy.verifier[*].arn,
    aws_iam_policy.verifier_launch[*].arn,
  )
}

resource "aws_iam_role_policy_attachment" "consumer" {
  count      = length(aws_iam_role.consumer) * length(local.attached)
  role       = aws_iam_role.consumer[0].name
  policy_arn = local.attached[count.index]
}

output "role_arn" {
  value = one(aws_iam_role.consumer[*].arn)
}

output "policy_arns" {
  value = {
    "target-copies" = one(aws_iam_policy.target_copies[*].arn)
    "target-lifecycle" = one(aws_iam_policy.target_lifecycle[*].arn)
    "target-tags" = one(aws_iam_policy.target_tags[*].arn)
    "target-parameters" = one(aws_iam_policy.target_parameters[*].arn)
    "target-launch-roles" = one(aws_iam_policy.target_launch_roles[*].arn)
    "target-launch-roles-inline" = one(aws_iam_policy.target_launch_roles_inline[*].arn)
    "target-service-linked-roles" = one(aws_iam_policy.target_service_linked_roles[*].arn)
    "target-revoker" = one(aws_iam_policy.target_revoker[*].arn)
    "target-reader" = one(aws_iam_policy.target_reader[*].arn)
    "verifier" = one(aws_iam_policy.verifier[*].arn)
    "verifier-launch" = one(aws_iam_policy.verifier_launch[*].arn)
    "launcher" = one(aws_iam_policy.launcher[*].arn)
  }
}
