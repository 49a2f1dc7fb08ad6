//! Fewer boxes where there are many: AMIs with the same access become one box, and so do Regions
//! that look the same.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Access, Kind, RegionBox, Resource};

/// How many boxes are drawn one by one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detail {
    /// Regions.
    pub(super) regions: usize,
    /// AMIs of a Region, and keys of it.
    pub(super) resources: usize,
    /// Groups of principals that may do the same.
    pub(super) groups: usize,
}

/// The Regions in no more boxes than `detail` says.
pub(super) fn regions(all: &[RegionBox], detail: Detail) -> Vec<RegionBox> {
    let mut boxes: Vec<RegionBox> = Vec::new();
    for region in all {
        boxes.push(RegionBox {
            regions: region.regions.clone(),
            resources: resources(&region.resources, detail.resources),
        });
    }
    if boxes.len() <= detail.regions {
        return boxes;
    }
    let boxes = join_equal(boxes);
    if boxes.len() <= detail.regions {
        return boxes;
    }
    join_rest(boxes, detail.regions)
}

/// Regions that look the same, in one box.
fn join_equal(all: Vec<RegionBox>) -> Vec<RegionBox> {
    let mut boxes: Vec<RegionBox> = Vec::new();
    for region in all {
        let same = |known: &&mut RegionBox| appearance(known) == appearance(&region);
        let Some(known) = boxes.iter_mut().find(same) else {
            boxes.push(region);
            continue;
        };
        known.regions.extend(region.regions);
        for (known, resource) in known.resources.iter_mut().zip(&region.resources) {
            known.absorb(resource);
        }
    }
    boxes
}

/// What two Regions that look the same have in common.
fn appearance(region: &RegionBox) -> Vec<(Kind, &BTreeMap<String, Access>)> {
    let resources = region.resources.iter();
    resources
        .map(|resource| (resource.kind, &resource.access))
        .collect()
}

/// The first boxes as they are, and all others in a last one, without their details.
fn join_rest(mut boxes: Vec<RegionBox>, most: usize) -> Vec<RegionBox> {
    let (mut regions, mut rest) = (BTreeSet::new(), Vec::new());
    for region in boxes.split_off(most - 1) {
        regions.extend(region.regions);
        rest.extend(region.resources);
    }
    boxes.push(RegionBox {
        regions,
        resources: resources(&rest, 1),
    });
    boxes
}

/// The images and the keys in no more than `most` boxes each: those with the same access in one
/// box, or, if these are too many, all.
fn resources(all: &[Resource], most: usize) -> Vec<Resource> {
    let mut boxes = Vec::new();
    for kind in [Kind::Image, Kind::Key] {
        let of_kind: Vec<&Resource> = all
            .iter()
            .filter(|resource| resource.kind == kind)
            .collect();
        if of_kind.len() <= most {
            boxes.extend(of_kind.into_iter().cloned());
            continue;
        }
        let joined = join(&of_kind, |one, other| one.access == other.access);
        if joined.len() <= most {
            boxes.extend(joined);
        } else {
            boxes.extend(join(&of_kind, |_, _| true));
        }
    }
    boxes
}

fn join(resources: &[&Resource], same: fn(&Resource, &Resource) -> bool) -> Vec<Resource> {
    let mut boxes: Vec<Resource> = Vec::new();
    for resource in resources {
        match boxes.iter_mut().find(|known| same(known, resource)) {
            Some(known) => known.absorb(resource),
            None => boxes.push((*resource).clone()),
        }
    }
    boxes
}
