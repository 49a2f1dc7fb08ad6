//! What a launch takes beside an image: the default VPC with its subnet, and instance types (R4.9).

use super::{authorize_all, dry_run, filter};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::hex;

/// Every account has its default VPC in every Region, with one subnet.
pub(super) fn default_id(kind: &str, request: &Request<'_>) -> String {
    format!(
        "{kind}-0{}",
        hex(
            &format!("{kind} {} {}", request.account(), request.region),
            16
        )
    )
}

fn zone(request: &Request<'_>) -> String {
    format!("{}a", request.region)
}

pub(super) fn describe_vpcs(query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeVpcs")?;
    dry_run(query)?;
    let id = default_id("vpc", request);
    if let Some(other) = query.list("VpcId").into_iter().find(|other| *other != id) {
        return Err(Fail::bad(
            "InvalidVpcID.NotFound",
            format!("The vpc ID '{other}' does not exist"),
        ));
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
    Ok(Body::Xml(vec![Element::list(
        "vpcSet",
        fits.then_some(vpc),
    )]))
}

pub(super) fn describe_subnets(query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeSubnets")?;
    dry_run(query)?;
    let (id, vpc, zone) = (
        default_id("subnet", request),
        default_id("vpc", request),
        zone(request),
    );
    query
        .list("SubnetId")
        .into_iter()
        .try_for_each(|named| check_subnet(named, request))?;
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
    Ok(Body::Xml(vec![Element::list(
        "subnetSet",
        fits.then_some(subnet),
    )]))
}

/// A subnet that a request names.
pub(super) fn check_subnet(id: &str, request: &Request<'_>) -> Result<(), Fail> {
    let missing = || {
        Fail::bad(
            "InvalidSubnetID.NotFound",
            format!("The subnet ID '{id}' does not exist"),
        )
    };
    (id == default_id("subnet", request))
        .then_some(())
        .ok_or_else(missing)
}

/// The architecture of an instance type, as its name tells it: a `g` behind the generation is Arm.
/// Nothing where it has not the form of a type.
pub(super) fn architecture(kind: &str) -> Option<&'static str> {
    let (family, size) = kind.split_once('.')?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let generation = family.find(|c: char| c.is_ascii_digit())?;
    let named = generation > 0 && !size.is_empty() && kind.chars().all(|c| fits(c) || c == '.');
    let behind = family[generation..].trim_start_matches(|c: char| c.is_ascii_digit());
    named.then_some(if family == "a1" || behind.starts_with('g') {
        "arm64"
    } else {
        "x86_64"
    })
}

/// Small types of both architectures; others can be launched all the same.
const TYPES: [(&str, u32, u32); 6] = [
    ("t3.nano", 2, 512),
    ("t3.micro", 2, 1024),
    ("t3.small", 2, 2048),
    ("t4g.nano", 2, 512),
    ("t4g.micro", 2, 1024),
    ("t4g.small", 2, 2048),
];

pub(super) fn describe_types(query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeInstanceTypes")?;
    dry_run(query)?;
    let (wanted, filters) = (query.list("InstanceType"), query.members("Filter"));
    if let Some(unknown) = wanted
        .iter()
        .find(|kind| !TYPES.iter().any(|(known, ..)| known == *kind))
    {
        let message = format!("The following supplied instance types do not exist: [{unknown}]");
        return Err(Fail::bad("InvalidInstanceType", message));
    }
    let mut found = Vec::new();
    for (kind, processors, memory) in TYPES {
        let architecture = architecture(kind).unwrap_or_default();
        let fits = filter::fits(&filters, None, |name| {
            Some(match name {
                "instance-type" => vec![kind],
                "processor-info.supported-architecture" => vec![architecture],
                "current-generation" => vec!["true"],
                _ => return None,
            })
        })?;
        if fits && (wanted.is_empty() || wanted.contains(&kind)) {
            let supported =
                Element::new("supportedArchitectures").child(Element::of("item", architecture));
            found.push(vec![
                Element::of("instanceType", kind),
                Element::of("currentGeneration", true),
                Element::new("processorInfo").child(supported),
                Element::new("vCpuInfo").text("defaultVCpus", processors),
                Element::new("memoryInfo").text("sizeInMiB", memory),
            ]);
        }
    }
    Ok(Body::Xml(vec![Element::list("instanceTypeSet", found)]))
}
