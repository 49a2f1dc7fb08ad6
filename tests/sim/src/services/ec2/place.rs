//! Where an instance is to run, and as what.

use super::{network, security_groups};
use crate::services::Request;
use crate::wire::{Fail, Query};
use crate::world::{Image, World};

/// Where an instance is to run, and as what.
pub(super) struct Place<'a> {
    pub(super) kind: &'a str,
    pub(super) subnet: Option<&'a str>,
    pub(super) groups: Vec<&'a str>,
}

impl<'a> Place<'a> {
    /// A network interface has its own subnet and groups.
    pub(super) fn read(query: &'a Query) -> Self {
        let mut groups = query.list("SecurityGroupId");
        groups.extend(query.list("NetworkInterface.1.SecurityGroupId"));
        let subnet = query
            .filled("SubnetId")
            .or(query.filled("NetworkInterface.1.SubnetId"));
        Self {
            kind: query.filled("InstanceType").unwrap_or("m1.small"),
            subnet,
            groups,
        }
    }

    /// What EC2 looks at in a dry run too (R4.9).
    pub(super) fn check(
        &self,
        world: &World,
        image: &Image,
        query: &Query,
        request: &Request<'_>,
    ) -> Result<(), Fail> {
        let wrong = |message: String| Err(Fail::bad("InvalidParameterValue", message));
        let Some(architecture) = network::architecture(self.kind) else {
            return wrong(format!("Invalid value '{}' for InstanceType.", self.kind));
        };
        if (architecture == "arm64") != (image.architecture == "arm64") {
            return wrong(format!(
                "The architecture '{architecture}' of the specified instance type does not match \
                 the architecture '{}' of the specified AMI. Specify an instance type and an AMI \
                 that have matching architectures, and try again.",
                image.architecture
            ));
        }
        self.subnet
            .iter()
            .try_for_each(|id| network::check_subnet(id, request))?;
        security_groups::check(world, &self.groups, request)?;
        // Instance profiles are not simulated: there are none.
        match query
            .filled("IamInstanceProfile.Name")
            .or(query.filled("IamInstanceProfile.Arn"))
        {
            Some(name) => wrong(format!(
                "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM \
                 Instance Profile name"
            )),
            None => Ok(()),
        }
    }
}
