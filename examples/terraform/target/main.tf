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

variable "source_account" {
  type        = string
  description = "The account that owns the images"
}

variable "key_arns" {
  type        = list(string)
  description = "The keys of the images, in the source account"
}

variable "launch_role_names" {
  type        = list(string)
  description = "The roles that launch, which get the launch policy; they have no path"
  default     = []
}

variable "external_id" {
  type        = string
  description = "The input target-external-id"
  default     = ""

  validation {
    condition     = var.preset == "share" || (var.external_id != "" && length(var.launch_role_names) > 0)
    error_message = "This preset needs external_id and launch_role_names."
  }
}

variable "role_name" {
  type        = string
  description = "The input target-role"
  default     = "consumer"
}

variable "launch_policy_name" {
  type        = string
  description = "The name of the launch policy"
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

locals {
  # The policies of each role.
  presets = {
    share = {
      consumer = []
    }
    verify = {
      consumer = ["target-reader", "verifier", "verifier-launch", "launcher", "target-tags", "target-parameters"]
    }
    copy = {
      consumer = ["target-reader", "verifier", "verifier-launch", "launcher", "target-tags", "target-parameters", "target-copies", "target-lifecycle", "target-launch-roles", "target-service-linked-roles"]
    }
  }

  roles   = local.presets[var.preset]
  created = concat(["launcher"], local.roles.consumer)
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
  count       = contains(local.created, "target-copies") ? 1 : 0
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
  count       = contains(local.created, "target-lifecycle") ? 1 : 0
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
  count       = contains(local.created, "target-tags") ? 1 : 0
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

  statement {
    sid       = "ReadAlias"
    actions   = ["iam:ListAccountAliases"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "target_parameters" {
  count       = contains(local.created, "target-parameters") ? 1 : 0
  name        = "ami-share-target-parameters"
  description = "publish-ssm-parameter in targets, and {account-alias} in any name there."
  policy      = data.aws_iam_policy_document.target_parameters.json
}

# It can attach that one policy to the roles named here, and detach it, and list every image of the account.
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

  statement {
    sid       = "FindCopies"
    actions   = ["ec2:DescribeImages"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "target_launch_roles" {
  count       = contains(local.created, "target-launch-roles") ? 1 : 0
  name        = "ami-share-target-launch-roles"
  description = "target-launch-roles with target-launch-policy: the recommended way. The target creates the managed policy once, from launcher.json."
  policy      = data.aws_iam_policy_document.target_launch_roles.json
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
  count       = contains(local.created, "target-service-linked-roles") ? 1 : 0
  name        = "ami-share-target-service-linked-roles"
  description = "target-service-linked-roles, such as Auto Scaling's: grants that only the target can create."
  policy      = data.aws_iam_policy_document.target_service_linked_roles.json
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
    sid       = "ReadLaunchTemplates"
    actions   = ["ec2:DescribeLaunchTemplateVersions"]
    resources = ["*"]
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
    sid       = "ReadLaunchRoles"
    actions   = ["iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetRolePolicy"]
    resources = [for each in var.launch_role_names : "arn:${local.partition}:iam::${local.account}:role/${each}"]
  }
}

resource "aws_iam_policy" "target_reader" {
  count       = contains(local.created, "target-reader") ? 1 : 0
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
  count       = contains(local.created, "verifier") ? 1 : 0
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
  count       = contains(local.created, "verifier-launch") ? 1 : 0
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
  count       = contains(local.created, "launcher") ? 1 : 0
  name        = var.launch_policy_name
  description = "The principals that launch the images, and the managed policy that target-launch-policy names. Roles that may launch instances already need only the statements about keys; the output iam-policy has those, with the keys of the run."
  policy      = data.aws_iam_policy_document.launcher.json
}

locals {
  arns = {
    "target-copies"               = one(aws_iam_policy.target_copies[*].arn)
    "target-lifecycle"            = one(aws_iam_policy.target_lifecycle[*].arn)
    "target-tags"                 = one(aws_iam_policy.target_tags[*].arn)
    "target-parameters"           = one(aws_iam_policy.target_parameters[*].arn)
    "target-launch-roles"         = one(aws_iam_policy.target_launch_roles[*].arn)
    "target-service-linked-roles" = one(aws_iam_policy.target_service_linked_roles[*].arn)
    "target-reader"               = one(aws_iam_policy.target_reader[*].arn)
    "verifier"                    = one(aws_iam_policy.verifier[*].arn)
    "verifier-launch"             = one(aws_iam_policy.verifier_launch[*].arn)
    "launcher"                    = one(aws_iam_policy.launcher[*].arn)
  }
}

# It names the publisher's role and not its account, which would trust every principal there that may assume roles. The external ID is not a secret: it prevents that a publisher which serves several customers is made to act for the wrong one.
data "aws_iam_policy_document" "target_trust" {
  statement {
    sid     = "TrustPublisher"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${var.source_account}:role/publisher"]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["${var.external_id}"]
    }
  }
}

resource "aws_iam_role" "consumer" {
  count              = length(local.roles.consumer) > 0 ? 1 : 0
  name               = var.role_name
  assume_role_policy = data.aws_iam_policy_document.target_trust.json
}

resource "aws_iam_role_policy_attachment" "consumer" {
  for_each   = toset(length(aws_iam_role.consumer) == 0 ? [] : local.roles.consumer)
  role       = aws_iam_role.consumer[0].name
  policy_arn = local.arns[each.key]
}

output "consumer_role_arn" {
  value = one(aws_iam_role.consumer[*].arn)
}

resource "aws_iam_role_policy_attachment" "launch" {
  for_each   = toset(var.launch_role_names)
  role       = each.key
  policy_arn = local.arns["launcher"]
}

output "policy_arns" {
  value = local.arns
}
