# A golden image for one architecture: the workflow release.yml builds it once for each. It is
# encrypted with your key, and shared with nobody yet.
#
#   packer init images    # Packer 1.7 and later
#   packer build -var architecture=arm64 -var commit=$(git rev-parse HEAD) images

variable "architecture" {
  type        = string
  description = "x86_64 or arm64."
}

variable "commit" {
  type        = string
  description = "The commit that the image is built from."
}

variable "region" {
  type    = string
  default = "us-east-1"
}

# The key of the accounts that share images, not `aws/ebs`, under which nobody can share.
variable "kms_key_id" {
  type    = string
  default = "alias/golden"
}

variable "source_ami_owner" {
  type    = string
  default = "amazon"
}

# Only to try this without AWS, for example on ami-share-sim.
variable "ec2_endpoint" {
  type    = string
  default = ""
}

locals {
  # Packer refuses an AMI name that exists already, so every build needs a new one.
  built_at = formatdate("YYYYMMDDhhmmss", timestamp())

  instance_types = {
    x86_64 = "t3.micro"
    arm64  = "t4g.micro"
  }
}

source "amazon-ebs" "golden" {
  region        = var.region
  ami_name      = "golden-${var.architecture}-${local.built_at}"
  instance_type = local.instance_types[var.architecture]

  source_ami_filter {
    filters = {
      name                = "al2023-ami-2023.*-${var.architecture}"
      architecture        = var.architecture
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    owners      = [var.source_ami_owner]
    most_recent = true
  }

  encrypt_boot = true
  kms_key_id   = var.kms_key_id

  # Nothing is installed here, so Packer need not log in. If you add provisioners to the build
  # below, set "ssh" and the image's user, such as ssh_username = "ec2-user".
  communicator = "none"

  # ami-share.yml promotes only images of this product, and tells every account the commit;
  # ami-share-retire.yml retires images of this product, each architecture by itself.
  tags = {
    Name         = "golden-${var.architecture}"
    Product      = "golden"
    Architecture = var.architecture
    Commit       = var.commit
  }

  custom_endpoint_ec2 = var.ec2_endpoint
}

build {
  sources = ["source.amazon-ebs.golden"]

  # scripts/built.sh reads it.
  post-processor "manifest" {
    output = "packer-manifest.json"
  }
}
