//! Where the instances of a group run.

use super::invalid;
use crate::services::{Request, ec2};
use crate::wire::{Fail, Query};
use crate::world::{Subnet, World};

/// The subnets that a request names, or the default ones of the zones that it names.
pub(super) fn read(
    world: &World,
    query: &Query,
    request: &Request<'_>,
) -> Result<Vec<Subnet>, Fail> {
    let zones = query.list("AvailabilityZones.member");
    let mut subnets = Vec::new();
    if let Some(ids) = query.filled("VPCZoneIdentifier") {
        for id in ids.split(',') {
            let subnet = ec2::subnet(world, Some(id.trim()), request);
            subnets.push(subnet.map_err(|fail| invalid(fail.message))?);
        }
        let fits = |subnet: &Subnet| zones.is_empty() || zones.contains(&subnet.zone.as_str());
        if !subnets.iter().all(fits) {
            return Err(invalid(
                "The availability zones of the specified subnets and the AutoScalingGroup do not \
                 match",
            ));
        }
        return Ok(subnets);
    }
    for zone in zones {
        let subnet = ec2::default_subnet(world, zone, request);
        subnets.push(subnet.map_err(|fail| super::template::not_usable(&fail))?);
    }
    if subnets.is_empty() {
        return Err(invalid(
            "At least one Availability Zone or VPC Subnet is required.",
        ));
    }
    Ok(subnets)
}
