//! `DescribeInstanceTypes` and `DescribeInstanceTypeOfferings` (R7.28).

use super::authorize::authorize_all;
use super::instance_type_table::{InstanceType, TYPES};
use super::{dry_run, filter};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query, bool_text};
use crate::world::{World, ZONES};

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeInstanceTypes")?;
    dry_run(query)?;
    let requested = query.list("InstanceType");
    for name in &requested {
        if !TYPES.iter().any(|known| known.name == *name) {
            let message = format!("The following supplied instance types do not exist: [{name}]");
            return Err(Fail::bad("InvalidInstanceType", message));
        }
    }
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for one in &TYPES {
        let fits = filter::fits(&filters, None, |name| filter_values(one, name))?;
        let is_requested = requested.is_empty() || requested.contains(&one.name);
        if fits && is_requested && world.offers_in_region(request.region, one.name) {
            items.push(Ok(render(one)));
        }
    }
    let page = filter::page(query, request, items.into_iter(), "InstanceType")?;
    Ok(page.render("instanceTypeSet", |item| item))
}

fn filter_values(one: &InstanceType, name: &str) -> Option<Vec<&'static str>> {
    let machine = one.machine;
    Some(match name {
        "instance-type" => vec![one.name],
        "processor-info.supported-architecture" => machine.architectures.to_vec(),
        "supported-boot-mode" => machine.boot_modes.to_vec(),
        "supported-virtualization-type" => machine.virtualization.to_vec(),
        "supported-root-device-type" => vec!["ebs"],
        "network-info.ena-support" => vec![machine.ena],
        "nitro-tpm-support" => vec![tpm_text(one)],
        "bare-metal" => vec![bool_text(machine.bare_metal)],
        "free-tier-eligible" => vec![bool_text(one.free)],
        "current-generation" => vec![bool_text(machine.current)],
        _ => return None,
    })
}

fn tpm_text(one: &InstanceType) -> &'static str {
    if one.machine.tpm {
        "supported"
    } else {
        "unsupported"
    }
}

fn render(one: &InstanceType) -> Vec<Element> {
    let machine = one.machine;
    let texts = |name: &'static str, texts: &[&'static str]| {
        let items = texts.iter().map(|text| Element::of("item", text));
        Element::new(name).children(items)
    };
    let processor = texts("supportedArchitectures", machine.architectures);
    vec![
        Element::of("instanceType", one.name),
        Element::of("currentGeneration", machine.current),
        Element::of("freeTierEligible", one.free),
        Element::of("bareMetal", machine.bare_metal),
        texts("supportedRootDeviceTypes", &["ebs"]),
        texts("supportedVirtualizationTypes", machine.virtualization),
        texts("supportedBootModes", machine.boot_modes),
        Element::new("processorInfo").child(processor),
        Element::new("vCpuInfo").text("defaultVCpus", one.vcpus),
        Element::new("memoryInfo").text("sizeInMiB", one.memory),
        Element::new("networkInfo").text("enaSupport", machine.ena),
        Element::of("nitroTpmSupport", tpm_text(one)),
    ]
}

pub(super) fn describe_offerings(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeInstanceTypeOfferings")?;
    dry_run(query)?;
    let kind = query.get("LocationType").unwrap_or("region");
    let locations = match kind {
        "region" => vec![request.region.to_owned()],
        "availability-zone" => ZONES.map(|zone| format!("{}{zone}", request.region)).into(),
        other => {
            let message = format!("Invalid value '{other}' for LocationType.");
            return Err(Fail::invalid_value(message));
        }
    };
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for location in &locations {
        for one in &TYPES {
            let fits = filter::fits(&filters, None, |name| {
                Some(match name {
                    "location" => vec![location.as_str()],
                    "instance-type" => vec![one.name],
                    _ => return None,
                })
            })?;
            let is_offered = if kind == "region" {
                world.offers_in_region(location, one.name)
            } else {
                world.offers(location, one.name)
            };
            if fits && is_offered {
                items.push(Ok(vec![
                    Element::of("instanceType", one.name),
                    Element::of("locationType", kind),
                    Element::of("location", location),
                ]));
            }
        }
    }
    let page = filter::page(query, request, items.into_iter(), "InstanceTypeOffering")?;
    Ok(page.render("instanceTypeOfferingSet", |item| item))
}
