//! DescribeRegions, and which Regions there are.

use super::{authorize_all, dry_run, filter};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Region, World};

/// The Regions of a world that names none: those that AWS has on for every account.
const AWS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

fn all(world: &World) -> Vec<Region> {
    if world.regions.is_empty() {
        AWS.map(|name| Region {
            name: name.to_owned(),
            opt_in: false,
        })
        .into()
    } else {
        world.regions.clone()
    }
}

/// What EC2 says of a source Region that does not exist (R1.5.12).
pub(super) fn check(world: &World, region: &str) -> Result<(), Fail> {
    if all(world).iter().any(|known| known.name == region) {
        Ok(())
    } else {
        Err(Fail::bad(
            "InvalidRegion",
            format!("{region} is not a valid region name."),
        ))
    }
}

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeRegions")?;
    dry_run(query)?;
    let wanted = query.list("RegionName");
    for name in &wanted {
        check(world, name).ok().ok_or_else(|| {
            Fail::bad(
                "InvalidParameterValue",
                format!("Invalid region name: {name}"),
            )
        })?;
    }
    let on = world
        .accounts
        .get(request.account())
        .map(|account| &account.opted_in);
    let filters = query.members("Filter");
    let mut shown = Vec::new();
    for region in all(world) {
        let status = match (
            region.opt_in,
            on.is_some_and(|on| on.contains(&region.name)),
        ) {
            (false, _) => "opt-in-not-required",
            (true, true) => "opted-in",
            (true, false) => "not-opted-in",
        };
        let named = wanted.is_empty() || wanted.contains(&region.name.as_str());
        let listed = status != "not-opted-in"
            || query.get("AllRegions") == Some("true")
            || !wanted.is_empty();
        let fits = filter::fits(&filters, None, |name| {
            Some(match name {
                "region-name" => vec![region.name.as_str()],
                "opt-in-status" => vec![status],
                _ => return None,
            })
        })?;
        if named && listed && fits {
            shown.push(vec![
                Element::of("regionName", &region.name),
                Element::of(
                    "regionEndpoint",
                    format!("ec2.{}.amazonaws.com", region.name),
                ),
                Element::of("optInStatus", status),
            ]);
        }
    }
    Ok(Body::Xml(vec![Element::list("regionInfo", shown)]))
}
