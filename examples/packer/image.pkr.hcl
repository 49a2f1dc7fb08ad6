# An encrypted AMI that other accounts can launch. Packer builds it in your account and encrypts it
# with your key. Then ami-share shares the key and the image with the accounts, in that order.
#
#   packer init .    # Packer 1.7 and later
#   packer build -var kms_key_id=alias/golden -var 'target_accounts=["222222222222"]' .

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "name" {
  type        = string
  default     = "golden"
  description = "The AMI's name begins with this."
}

variable "source_ami_name" {
  type    = string
  default = "al2023-ami-2023.*-x86_64"
}

variable "source_ami_owner" {
  type    = string
  default = "amazon"
}

variable "instance_type" {
  type    = string
  default = "t3.micro"
}

# Without a key of yours, Packer takes the account's default key. If that is the AWS managed key
# `aws/ebs`, the image cannot be shared and must be copied once more.
variable "kms_key_id" {
  type        = string
  description = "ID, alias or ARN of a customer managed key."
}

# A key belongs to one Region: for each further Region of the image, name the key there.
variable "region_kms_key_ids" {
  type    = map(string)
  default = {}
}

variable "target_accounts" {
  type        = list(string)
  description = "The accounts that may launch the image."
}

# Only to try this without AWS, for example on ami-share-sim.
variable "ec2_endpoint" {
  type    = string
  default = ""
}

locals {
  # Packer refuses an AMI name that exists already, so every build needs a new one.
  built_at = formatdate("YYYYMMDDhhmmss", timestamp())
}

source "amazon-ebs" "image" {
  region        = var.region
  ami_name      = "${var.name}-${local.built_at}"
  instance_type = var.instance_type

  source_ami_filter {
    filters = {
      name                = var.source_ami_name
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    owners      = [var.source_ami_owner]
    most_recent = true
  }

  # Packer creates an AMI, copies it under this key and removes the first one. ami-share then finds
  # the image under the right key and makes no other copy.
  encrypt_boot       = true
  kms_key_id         = var.kms_key_id
  ami_regions        = keys(var.region_kms_key_ids)
  region_kms_key_ids = var.region_kms_key_ids

  # ami_users would share the image but not its key, and launches would fail. ami-share shares both,
  # the key first.

  # Nothing is installed here, so Packer need not log in. If you add provisioners to the build
  # below, set "ssh" and the image's user, such as ssh_username = "ec2-user".
  communicator = "none"

  # A step that shares an image by its ID can require these tags with `require-image-tags`.
  tags = {
    Name = var.name
  }

  custom_endpoint_ec2 = var.ec2_endpoint
}

build {
  sources = ["source.amazon-ebs.image"]

  # In this order, because ami-share reads the manifest.
  post-processors {
    # The manifest keeps every build. ami-share takes those of the last run, in every Region.
    post-processor "manifest" {
      output = "packer-manifest.json"
    }

    # ami-share must be on the PATH. It uses Packer's credentials if they come from the environment;
    # besides Packer's own permissions they need those of ../iam/publisher.json. If ami-share fails,
    # the build fails but the image stays: run ami-share again with the same manifest to continue.
    post-processor "shell-local" {
      environment_vars = [
        "INPUT_PACKER_MANIFEST=packer-manifest.json",
        "INPUT_TARGET_ACCOUNTS=${join(" ", var.target_accounts)}",
      ]
      inline = ["ami-share"]
    }
  }
}
