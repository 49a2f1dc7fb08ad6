# Both sides of a share: the roles in the account that owns the images, and what each target needs.
# One provider for each account; the profiles belong to administrators there. The workflows of
# examples/github assume the roles that this makes.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region  = "us-east-1"
  profile = "source"
}

provider "aws" {
  alias   = "staging"
  region  = "us-east-1"
  profile = "staging"
}

provider "aws" {
  alias   = "production"
  region  = "us-east-1"
  profile = "production"
}

locals {
  preset      = "verify" # the same on both sides
  key_arns    = ["arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"]
  external_id = "example"
}

module "source" {
  source = "./source"

  preset            = local.preset
  key_arns          = local.key_arns
  target_accounts   = ["222222222222", "333333333333"]
  github_repository = "OWNER/REPO"
}

module "staging" {
  source    = "./target"
  providers = { aws = aws.staging }

  preset            = local.preset
  source_account    = "111111111111"
  key_arns          = local.key_arns
  external_id       = local.external_id
  launch_role_names = ["web"]
  depends_on        = [module.source] # its trust policy names the role publisher
}

module "production" {
  source    = "./target"
  providers = { aws = aws.production }

  preset            = local.preset
  source_account    = "111111111111"
  key_arns          = local.key_arns
  external_id       = local.external_id
  launch_role_names = ["web"]
  depends_on        = [module.source]
}

output "publisher" {
  value = module.source.publisher_role_arn
}
