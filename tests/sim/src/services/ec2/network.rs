//! Networks: every account has its default VPC in every Region, with one subnet (R4.9).

use super::authorize::authorize_all;
use super::{dry_run, filter};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query};
use crate::world::hex;

/// The ID of the default VPC of the caller's account in the Region.
pub(super) fn default_vpc(request: &Request<'_>) -> String {
    default_id("vpc", request)
}

fn default_id(kind: &str, request: &Request<'_>) -> String {
    let text = format!("{kind} {} {}", request.account(), request.region);
    format!("{kind}-0{}", hex(&text, 16))
}

/// Checks that a request that names a VPC names the default one.
pub(super) fn check_vpc(id: &str, request: &Request<'_>) -> Result<(), Fail> {
    if id == default_vpc(request) {
        return Ok(());
    }
    let message = format!("The vpc ID '{id}' does not exist");
    Err(Fail::bad("InvalidVpcID.NotFound", message))
}

/// Checks that a request that names a subnet names the default one.
pub(super) fn check_subnet(id: &str, request: &Request<'_>) -> Result<(), Fail> {
    if id == default_id("subnet", request) {
        return Ok(());
    }
    let message = format!("The subnet ID '{id}' does not exist");
    Err(Fail::bad("InvalidSubnetID.NotFound", message))
}

pub(super) fn describe_vpcs(query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeVpcs")?;
    dry_run(query)?;
    let id = default_vpc(request);
    for name in query.list("VpcId") {
        check_vpc(name, request)?;
    }
    let fits = filter::fits(&query.members("Filter"), None, |name| {
        Some(match name {
            "vpc-id" => vec![&id],
            "is-default" => vec!["true"],
            "state" => vec!["available"],
            _ => return None,
        })
    })?;
    let vpc = vec![
        Element::of("vpcId", &id),
        Element::of("state", "available"),
        Element::of("cidrBlock", "172.31.0.0/16"),
        Element::of("ownerId", request.account()),
        Element::of("isDefault", true),
    ];
    let vpcs = fits.then_some(vpc).into_iter().map(Ok);
    let page = filter::page(query, request, vpcs, "VpcId")?;
    Ok(page.render("vpcSet", |item| item))
}

pub(super) fn describe_subnets(query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeSubnets")?;
    dry_run(query)?;
    let (id, vpc) = (default_id("subnet", request), default_vpc(request));
    let zone = format!("{}a", request.region);
    for name in query.list("SubnetId") {
        check_subnet(name, request)?;
    }
    let fits = filter::fits(&query.members("Filter"), None, |name| {
        Some(match name {
            "subnet-id" => vec![&id],
            "vpc-id" => vec![&vpc],
            "availability-zone" => vec![&zone],
            "default-for-az" => vec!["true"],
            "state" => vec!["available"],
            _ => return None,
        })
    })?;
    let subnet = vec![
        Element::of("subnetId", &id),
        Element::of("vpcId", &vpc),
        Element::of("state", "available"),
        Element::of("cidrBlock", "172.31.0.0/20"),
        Element::of("availabilityZone", &zone),
        Element::of("availableIpAddressCount", 4091),
        Element::of("defaultForAz", true),
        Element::of("mapPublicIpOnLaunch", true),
        Element::of("ownerId", request.account()),
    ];
    let subnets = fits.then_some(subnet).into_iter().map(Ok);
    let page = filter::page(query, request, subnets, "SubnetId")?;
    Ok(page.render("subnetSet", |item| item))
}
