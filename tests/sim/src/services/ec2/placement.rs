//! The type of an instance, and where it runs.

use super::{instance_types, network, security_groups};
use crate::services::Request;
use crate::wire::{Fail, Query};
use crate::world::{Image, World};

/// The type of an instance, and where it runs.
pub(super) struct Placement<'a> {
    pub(super) instance_type: &'a str,
    pub(super) subnet: Option<&'a str>,
    pub(super) groups: Vec<&'a str>,
}

impl<'a> Placement<'a> {
    /// Reads the parameters of the request, or those of its network interface.
    pub(super) fn read(query: &'a Query) -> Self {
        let mut groups = query.list("SecurityGroupId");
        groups.extend(query.list("NetworkInterface.1.SecurityGroupId"));
        let subnet = query.filled("SubnetId");
        Self {
            instance_type: query.filled("InstanceType").unwrap_or("m1.small"),
            subnet: subnet.or(query.filled("NetworkInterface.1.SubnetId")),
            groups,
        }
    }

    /// Checks what EC2 checks in a dry run too (R4.9).
    pub(super) fn check(
        &self,
        world: &World,
        image: &Image,
        query: &Query,
        request: &Request<'_>,
    ) -> Result<(), Fail> {
        let Some(architecture) = instance_types::architecture(self.instance_type) else {
            let message = format!("Invalid value '{}' for InstanceType.", self.instance_type);
            return Err(Fail::invalid_value(message));
        };
        if (architecture == "arm64") != (image.architecture == "arm64") {
            let message = format!(
                "The architecture '{architecture}' of the specified instance type does not match \
                 the architecture '{}' of the specified AMI. Specify an instance type and an AMI \
                 that have matching architectures, and try again.",
                image.architecture
            );
            return Err(Fail::invalid_value(message));
        }
        if let Some(subnet) = self.subnet {
            network::check_subnet(subnet, request)?;
        }
        security_groups::check_all(world, &self.groups, request)?;
        // Instance profiles are not simulated: no account has any.
        let profile = query.filled("IamInstanceProfile.Name");
        if let Some(name) = profile.or(query.filled("IamInstanceProfile.Arn")) {
            let message = format!(
                "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM \
                 Instance Profile name"
            );
            return Err(Fail::invalid_value(message));
        }
        Ok(())
    }
}
