//! Networks: an account has a default VPC in a Region, with one subnet, unless that was deleted,
//! and perhaps others (R4.9, R7.28).

use super::authorize::authorize_all;
use super::{dry_run, filter};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query, bool_text};
use crate::world::{Subnet, World, hex};

/// A network of the caller's account in the Region.
struct Network {
    subnet: Subnet,
    is_default: bool,
}

fn default_id(kind: &str, request: &Request<'_>) -> String {
    let text = format!("{kind} {} {}", request.account(), request.region);
    format!("{kind}-0{}", hex(&text, 16))
}

fn networks(world: &World, request: &Request<'_>) -> Vec<Network> {
    let launching = world.launching(request.account(), request.region);
    let mut networks = Vec::new();
    if launching.default_vpc {
        networks.push(Network {
            subnet: Subnet {
                id: default_id("subnet", request),
                vpc: default_id("vpc", request),
                zone: format!("{}a", request.region),
            },
            is_default: true,
        });
    }
    for subnet in launching.subnets {
        networks.push(Network {
            subnet,
            is_default: false,
        });
    }
    networks
}

/// The VPC that a request names, or the default one.
pub(super) fn vpc(
    world: &World,
    named: Option<&str>,
    request: &Request<'_>,
) -> Result<String, Fail> {
    for network in networks(world, request) {
        if named.map_or(network.is_default, |id| id == network.subnet.vpc) {
            return Ok(network.subnet.vpc);
        }
    }
    match named {
        Some(id) => {
            let message = format!("The vpc ID '{id}' does not exist");
            Err(Fail::bad("InvalidVpcID.NotFound", message))
        }
        None => Err(no_default_vpc()),
    }
}

/// The subnet that a request names, or the default one.
pub(in crate::services) fn subnet(
    world: &World,
    named: Option<&str>,
    request: &Request<'_>,
) -> Result<Subnet, Fail> {
    for network in networks(world, request) {
        if named.map_or(network.is_default, |id| id == network.subnet.id) {
            return Ok(network.subnet);
        }
    }
    match named {
        Some(id) => {
            let message = format!("The subnet ID '{id}' does not exist");
            Err(Fail::bad("InvalidSubnetID.NotFound", message))
        }
        None => Err(no_default_vpc()),
    }
}

/// The default subnet of a zone.
pub(in crate::services) fn default_subnet(
    world: &World,
    zone: &str,
    request: &Request<'_>,
) -> Result<Subnet, Fail> {
    let mut networks = networks(world, request).into_iter();
    let network = networks.find(|network| network.is_default && network.subnet.zone == zone);
    let network = network.ok_or_else(|| {
        let message = format!("No default subnet for availability zone: '{zone}'.");
        Fail::bad("InvalidInput", message)
    })?;
    Ok(network.subnet)
}

fn no_default_vpc() -> Fail {
    Fail::bad("VPCIdNotSpecified", "No default VPC for this user")
}

pub(super) fn describe_vpcs(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeVpcs")?;
    dry_run(query)?;
    let requested = query.list("VpcId");
    for name in &requested {
        vpc(world, Some(name), request)?;
    }
    let filters = query.members("Filter");
    let mut shown: Vec<String> = Vec::new();
    let mut items = Vec::new();
    for network in networks(world, request) {
        let id = &network.subnet.vpc;
        let fits = filter::fits(&filters, None, |name| {
            Some(match name {
                "vpc-id" => vec![id],
                "is-default" | "isDefault" => vec![bool_text(network.is_default)],
                "state" => vec!["available"],
                _ => return None,
            })
        })?;
        let is_requested = requested.is_empty() || requested.contains(&id.as_str());
        if fits && is_requested && !shown.contains(id) {
            shown.push(id.clone());
            items.push(Ok(vec![
                Element::of("vpcId", id),
                Element::of("state", "available"),
                Element::of("cidrBlock", "172.31.0.0/16"),
                Element::of("ownerId", request.account()),
                Element::of("isDefault", network.is_default),
            ]));
        }
    }
    let page = filter::page(query, request, items.into_iter(), "VpcId")?;
    Ok(page.render("vpcSet", |item| item))
}

pub(super) fn describe_subnets(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeSubnets")?;
    dry_run(query)?;
    let requested = query.list("SubnetId");
    for name in &requested {
        subnet(world, Some(name), request)?;
    }
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for network in networks(world, request) {
        let (subnet, is_default) = (&network.subnet, network.is_default);
        let fits = filter::fits(&filters, None, |name| {
            Some(match name {
                "subnet-id" => vec![&subnet.id],
                "vpc-id" => vec![&subnet.vpc],
                "availability-zone" => vec![&subnet.zone],
                "default-for-az" => vec![bool_text(is_default)],
                "state" => vec!["available"],
                _ => return None,
            })
        })?;
        if fits && (requested.is_empty() || requested.contains(&subnet.id.as_str())) {
            items.push(Ok(vec![
                Element::of("subnetId", &subnet.id),
                Element::of("vpcId", &subnet.vpc),
                Element::of("state", "available"),
                Element::of("cidrBlock", "172.31.0.0/20"),
                Element::of("availabilityZone", &subnet.zone),
                Element::of("availableIpAddressCount", 4091),
                Element::of("defaultForAz", is_default),
                Element::of("mapPublicIpOnLaunch", is_default),
                Element::of("ownerId", request.account()),
            ]));
        }
    }
    let page = filter::page(query, request, items.into_iter(), "SubnetId")?;
    Ok(page.render("subnetSet", |item| item))
}
