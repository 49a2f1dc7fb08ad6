//! Instance types.

use super::authorize::authorize_all;
use super::{dry_run, filter};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};

/// Small types of both architectures: name, processors, MiB of memory. Other types can be launched
/// too.
const TYPES: [(&str, u32, u32); 6] = [
    ("t3.nano", 2, 512),
    ("t3.micro", 2, 1024),
    ("t3.small", 2, 2048),
    ("t4g.nano", 2, 512),
    ("t4g.micro", 2, 1024),
    ("t4g.small", 2, 2048),
];

/// The architecture of an instance type by its name: a `g` after the generation is Arm. `None` if
/// it does not have the form of a type.
pub(super) fn architecture(instance_type: &str) -> Option<&'static str> {
    let (family, size) = instance_type.split_once('.')?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let generation = family.find(|c: char| c.is_ascii_digit())?;
    if generation == 0 || size.is_empty() || !instance_type.chars().all(fits) {
        return None;
    }
    let options = family[generation..].trim_start_matches(|c: char| c.is_ascii_digit());
    if family == "a1" || options.starts_with('g') {
        Some("arm64")
    } else {
        Some("x86_64")
    }
}

pub(super) fn describe(query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeInstanceTypes")?;
    dry_run(query)?;
    let requested = query.list("InstanceType");
    for name in &requested {
        if !TYPES.iter().any(|(known, ..)| known == name) {
            let message = format!("The following supplied instance types do not exist: [{name}]");
            return Err(Fail::bad("InvalidInstanceType", message));
        }
    }
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for (name, processors, memory) in TYPES {
        let architecture = architecture(name).unwrap_or_default();
        let fits = filter::fits(&filters, None, |filter| {
            Some(match filter {
                "instance-type" => vec![name],
                "processor-info.supported-architecture" => vec![architecture],
                "current-generation" => vec!["true"],
                _ => return None,
            })
        })?;
        if fits && (requested.is_empty() || requested.contains(&name)) {
            items.push(render(name, architecture, processors, memory));
        }
    }
    Ok(Body::Xml(vec![Element::list("instanceTypeSet", items)]))
}

fn render(name: &str, architecture: &str, processors: u32, memory: u32) -> Vec<Element> {
    let supported = Element::new("supportedArchitectures").text("item", architecture);
    vec![
        Element::of("instanceType", name),
        Element::of("currentGeneration", true),
        Element::new("processorInfo").child(supported),
        Element::new("vCpuInfo").text("defaultVCpus", processors),
        Element::new("memoryInfo").text("sizeInMiB", memory),
    ]
}
