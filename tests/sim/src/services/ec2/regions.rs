//! The Regions that exist, and DescribeRegions.

use super::authorize::authorize_all;
use super::{dry_run, filter};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Region, World};

fn all_regions(world: &World) -> Vec<Region> {
    if !world.regions.is_empty() {
        return world.regions.clone();
    }
    let region = |name: &str| Region {
        name: name.to_owned(),
        opt_in: false,
    };
    world
        .partition
        .regions
        .iter()
        .copied()
        .map(region)
        .collect()
}

fn exists(world: &World, region: &str) -> bool {
    all_regions(world).iter().any(|known| known.name == region)
}

/// Checks that a source Region exists (R1.5.12).
pub(super) fn check(world: &World, region: &str) -> Result<(), Fail> {
    if exists(world, region) {
        return Ok(());
    }
    let message = format!("{region} is not a valid region name.");
    Err(Fail::bad("InvalidRegion", message))
}

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeRegions")?;
    dry_run(query)?;
    let requested = query.list("RegionName");
    for name in &requested {
        if !exists(world, name) {
            return Err(Fail::invalid_value(format!("Invalid region name: {name}")));
        }
    }
    let lists_disabled = !requested.is_empty() || query.get("AllRegions") == Some("true");
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for region in all_regions(world) {
        let status = opt_in_status(world, &region, request);
        let fits = filter::fits(&filters, None, |name| {
            Some(match name {
                "region-name" => vec![region.name.as_str()],
                "opt-in-status" => vec![status],
                _ => return None,
            })
        })?;
        let is_requested = requested.is_empty() || requested.contains(&region.name.as_str());
        let is_listed = lists_disabled || status != "not-opted-in";
        if fits && is_requested && is_listed {
            let endpoint = format!("ec2.{}.{}", region.name, world.partition.dns_suffix);
            items.push(vec![
                Element::of("regionName", &region.name),
                Element::of("regionEndpoint", endpoint),
                Element::of("optInStatus", status),
            ]);
        }
    }
    Ok(Body::Xml(vec![Element::list("regionInfo", items)]))
}

fn opt_in_status(world: &World, region: &Region, request: &Request<'_>) -> &'static str {
    if !region.opt_in {
        return "opt-in-not-required";
    }
    let account = world.accounts.get(request.account());
    if account.is_some_and(|account| account.opted_in.contains(&region.name)) {
        "opted-in"
    } else {
        "not-opted-in"
    }
}
