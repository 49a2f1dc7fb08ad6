# An encrypted AMI that other accounts can launch: Packer builds it in your account and encrypts it with your key, then
# ami-share gives the accounts the key and the image, in that order.
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

# Without a key of your own Packer would take the account's default key. Where that is AWS's, `aws/ebs`, nobody can share
# what it encrypts, and the image would have to be copied once more.
variable "kms_key_id" {
  type        = string
  description = "ID, alias or ARN of a customer managed key."
}

# A key is of one Region: for each further Region that the image is to be in, the key there.
variable "region_kms_key_ids" {
  type    = map(string)
  default = {}
}

variable "target_accounts" {
  type        = list(string)
  description = "The accounts that are to launch the image."
}

# Only for trying this without AWS, such as on ami-share-sim.
variable "ec2_endpoint" {
  type    = string
  default = ""
}

locals {
  # An account holds each name once, so that a second build needs another one.
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

  # Packer makes an AMI, copies it with this key and removes the first one. ami-share finds the image encrypted as it has
  # to be, and makes no other copy.
  encrypt_boot       = true
  kms_key_id         = var.kms_key_id
  ami_regions        = keys(var.region_kms_key_ids)
  region_kms_key_ids = var.region_kms_key_ids

  # ami_users would give away the image but not its key, and its launches would die. It is left to ami-share, which also
  # gives the key, and before the image.

  # Nothing is installed here, so nothing logs in. With provisioners in the build below take "ssh", and say whose image
  # it is, such as ssh_username = "ec2-user".
  communicator = "none"

  # Who shares an image by its ID can ask for these with `require-image-tags`.
  tags = {
    Name = var.name
  }

  custom_endpoint_ec2 = var.ec2_endpoint
}

build {
  sources = ["source.amazon-ebs.image"]

  # One after the other: sharing reads what the manifest says.
  post-processors {
    # It keeps every build; ami-share takes those of the last run, in every Region.
    post-processor "manifest" {
      output = "packer-manifest.json"
    }

    # ami-share has to be in the PATH. Its credentials are Packer's own where those come from the environment, and
    # need what ../iam/publisher.json allows beside what Packer needs. An error of it fails the build, but the image stays:
    # running it again with the same manifest goes on where it ended.
    post-processor "shell-local" {
      environment_vars = [
        "INPUT_PACKER_MANIFEST=packer-manifest.json",
        "INPUT_TARGET_ACCOUNTS=${join(" ", var.target_accounts)}",
      ]
      inline = ["ami-share"]
    }
  }
}
