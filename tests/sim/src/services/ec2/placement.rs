//! The type of an instance, and where it runs.

use super::instance_type_table::{self, InstanceType};
use super::{fitness, network, security_groups};
use crate::services::Request;
use crate::wire::{Fail, Query};
use crate::world::{Image, Subnet, World};

/// The type of an instance, and where it runs.
pub(super) struct Placement<'a> {
    pub(super) instance_type: &'a str,
    pub(super) subnet: Option<&'a str>,
    pub(super) groups: Vec<&'a str>,
}

impl<'a> Placement<'a> {
    /// Reads the parameters of the request, or those of its network interface.
    pub(super) fn read(query: &'a Query, architecture: &str) -> Self {
        let mut groups = query.list("SecurityGroupId");
        groups.extend(query.list("NetworkInterface.1.SecurityGroupId"));
        let subnet = query.filled("SubnetId");
        // AWS takes `m1.small`, which fits no image of today.
        let usual = if architecture == "arm64" {
            "t4g.micro"
        } else {
            "t3.micro"
        };
        Self {
            instance_type: query.filled("InstanceType").unwrap_or(usual),
            subnet: subnet.or(query.filled("NetworkInterface.1.SubnetId")),
            groups,
        }
    }

    /// Checks what EC2 checks in a dry run too (R4.9). Returns where the instance will run.
    pub(super) fn check(
        &self,
        world: &World,
        image: &Image,
        query: &Query,
        request: &Request<'_>,
    ) -> Result<Subnet, Fail> {
        let name = self.instance_type;
        let Some(instance_type) = instance_type_table::find(name) else {
            let message = format!("Invalid value '{name}' for InstanceType.");
            return Err(Fail::invalid_value(message));
        };
        fitness::check(image, name, &instance_type)?;
        let launching = world.launching(request.account(), request.region);
        if launching.free_plan && !instance_type.free {
            let message = "The specified instance type is not eligible for Free Tier. For a list \
                           of Free Tier instance types, run 'describe-instance-types' with the \
                           filter 'free-tier-eligible=true'.";
            return Err(Fail::bad("InvalidParameterCombination", message));
        }
        let subnet = network::subnet(world, self.subnet, request)?;
        self.check_groups(world, &subnet, request)?;
        self.check_offered(world, &subnet, request)?;
        // Instance profiles are not simulated: no account has any.
        let profile = query.filled("IamInstanceProfile.Name");
        if let Some(name) = profile.or(query.filled("IamInstanceProfile.Arn")) {
            let message = format!(
                "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM \
                 Instance Profile name"
            );
            return Err(Fail::invalid_value(message));
        }
        Ok(subnet)
    }

    fn check_groups(
        &self,
        world: &World,
        subnet: &Subnet,
        request: &Request<'_>,
    ) -> Result<(), Fail> {
        for id in &self.groups {
            if security_groups::find(world, id, request)?.vpc != subnet.vpc {
                let message = format!(
                    "Security group {id} and subnet {} belong to different networks.",
                    subnet.id
                );
                return Err(Fail::bad("InvalidParameter", message));
            }
        }
        Ok(())
    }

    /// Checks that the zone has the type (R7.28).
    fn check_offered(
        &self,
        world: &World,
        subnet: &Subnet,
        request: &Request<'_>,
    ) -> Result<(), Fail> {
        let (zone, name) = (&subnet.zone, self.instance_type);
        if world.offers(zone, name) {
            return Ok(());
        }
        let message = if self.subnet.is_some() && world.offers_in_region(request.region, name) {
            format!(
                "Your requested instance type ({name}) is not supported in your requested \
                 Availability Zone ({zone}). Please retry your request by not specifying an \
                 Availability Zone or choosing another one."
            )
        } else {
            "The requested configuration is currently not supported. Please check the \
             documentation for supported configurations."
                .to_owned()
        };
        Err(Fail::bad("Unsupported", message))
    }

    /// Checks what only a real launch meets: capacity and quota (R7.28).
    pub(super) fn check_available(
        &self,
        world: &World,
        subnet: &Subnet,
        request: &Request<'_>,
    ) -> Result<(), Fail> {
        let (zone, name) = (&subnet.zone, self.instance_type);
        let launching = world.launching(request.account(), request.region);
        if let Some(limit) = launching.vcpus
            && used_vcpus(world, request) + vcpus(name) > limit
        {
            let message = format!(
                "You have requested more vCPU capacity than your current vCPU limit of {limit} \
                 allows for the instance bucket that the specified instance type belongs to. \
                 Please visit http://aws.amazon.com/contact-us/ec2-request to request an \
                 adjustment to this limit."
            );
            return Err(Fail::bad("VcpuLimitExceeded", message));
        }
        let wanted = (zone.clone(), name.to_owned());
        if launching.without_capacity.contains(&wanted) {
            let message = format!(
                "We currently do not have sufficient {name} capacity in the Availability Zone you \
                 requested ({zone}). Our system will be working on provisioning additional \
                 capacity."
            );
            return Err(Fail::new(500, "InsufficientInstanceCapacity", message));
        }
        Ok(())
    }
}

fn vcpus(instance_type: &str) -> u32 {
    let known: Option<InstanceType> = instance_type_table::find(instance_type);
    known.map_or(2, |known| known.vcpus)
}

fn used_vcpus(world: &World, request: &Request<'_>) -> u32 {
    let mut used = 0;
    for instance in world.instances.values() {
        let is_own = instance.owner == request.account() && instance.region == request.region;
        if is_own && matches!(instance.state, "pending" | "running") {
            used += vcpus(&instance.kind);
        }
    }
    used
}
