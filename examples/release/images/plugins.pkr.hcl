# Since Packer 1.7, builders are plugins that `packer init` installs. Packer 1.6 has them built in
# and does not know this block: leave this file out there.
packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.2.1"
    }
  }
}
