//! Which images are copied, and which copies already stand.

use std::collections::BTreeMap;

use super::adopt::{self, Candidate};
use super::step::CopyImage;
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{KeyArn, Region, SourceImage};
use crate::inventory::{Image, Inventory, KeyState, RegionInventory};
use crate::limits::CONCURRENT_SNAPSHOT_COPIES;
use crate::limits::TAGS_PER_RESOURCE;
use crate::request::ShareRequest;
use crate::request::name;
use crate::tags;

/// The copy of `source` that a Region needs, or nothing where the image is shared there itself.
pub(super) fn plan(
    request: &ShareRequest,
    inventory: &Inventory,
    source: (&SourceImage, &Image),
    there: &RegionInventory,
    findings: &mut Vec<Finding>,
) -> Option<CopyImage> {
    let (named, image) = source;
    let at_home = named.region == there.location.region;
    let key = there.destination.as_ref()?;
    if at_home && (there.is_wholly_under(image, key) || image.snapshots().next().is_none()) {
        return None;
    }
    let options = &request.options;
    let name = request.copy_name.fill(&image.name_parts(&there.location));
    let passed_on = tags::passed_on(
        options.copy_image_tags.then_some(&image.tags),
        &options.tags,
    );
    let copy = CopyImage::new(
        &there.location.account,
        named.clone(),
        &there.location.region,
        key,
        name,
        &passed_on,
    );
    let mut copy = CopyImage {
        completion: options.copy_completion_minutes(),
        volumes: image.snapshots().count(),
        ..copy
    };
    check(&copy, findings);
    adopt(&mut copy, there, findings);
    if copy.adopt.is_none()
        && let Some(home) = inventory.regions.get(&named.region)
    {
        findings.extend(
            home.keys_of(image)
                .iter()
                .filter_map(|key| source_key(home, image, key)),
        );
    }
    Some(copy)
}

/// Finds what already stands of a copy: the copy itself, or what failed ones left.
pub(super) fn adopt(copy: &mut CopyImage, there: &RegionInventory, findings: &mut Vec<Finding>) {
    let mut adoptable = Vec::new();
    for candidate in there
        .copies
        .iter()
        .filter(|candidate| adopt::answers(candidate, &copy.identity))
    {
        match adopt::judge(candidate, &there.snapshots, copy, &there.location) {
            Candidate::Adoptable => adoptable.push(candidate),
            Candidate::Failed => copy.leftovers.images.push(candidate.id.clone()),
            Candidate::Disabled => findings.push(Finding::warn(
                FindingCode::CopyDisabled,
                &candidate.id,
                format!(
                    "this copy of {} is disabled, so it is not used and another is made",
                    copy.source
                ),
            )),
            Candidate::NotOurs => {}
        }
    }
    // The oldest, so that runs beside each other choose the same.
    adoptable.sort_by_key(|image| (&image.creation_date, &image.id));
    if let [oldest, rest @ ..] = adoptable.as_slice() {
        copy.adopt = Some(oldest.id.clone());
        findings.extend(rest.iter().map(|extra| {
            Finding::warn(
                FindingCode::CopyDuplicate,
                &extra.id,
                format!(
                    "this is one more copy of {} beside {}, which is the one used",
                    copy.source, oldest.id
                ),
            )
        }));
    }
    copy.leftovers.snapshots = adopt::orphans(there, &copy.identity);
}

/// More copies than AWS makes at once wait for each other.
pub(super) fn queued(copies: &[CopyImage], findings: &mut Vec<Finding>) {
    let mut volumes: BTreeMap<(&Region, &Region), usize> = BTreeMap::new();
    for copy in copies.iter().filter(|copy| copy.adopt.is_none()) {
        *volumes
            .entry((&copy.source.region, &copy.region))
            .or_default() += copy.volumes;
    }
    for ((from, to), volumes) in volumes
        .into_iter()
        .filter(|(_, volumes)| *volumes > CONCURRENT_SNAPSHOT_COPIES)
    {
        findings.push(Finding::warn(
            FindingCode::CopyQueued,
            to,
            format!(
                "{volumes} volumes are copied from {from} to here, and AWS copies {CONCURRENT_SNAPSHOT_COPIES} at \
                     once (R1.5.10): the others wait"
            ),
        ));
    }
}

pub(super) fn check(copy: &CopyImage, findings: &mut Vec<Finding>) {
    if !name::is_ami_name(&copy.name) {
        findings.push(Finding::refuse(
            FindingCode::CopyNameInvalid,
            &copy.source,
            format!(
                "the copy would be named `{}`, which AWS does not take: 3 to 128 characters \
                     (R1.2.1)",
                copy.name
            ),
        ));
    }
    if copy.tags.len() > TAGS_PER_RESOURCE {
        findings.push(Finding::refuse(
            FindingCode::CopyTooManyTags,
            &copy.source,
            format!(
                "the copy would have {} tags, two of them ours; a resource can have {}",
                copy.tags.len(),
                TAGS_PER_RESOURCE
            ),
        ));
    }
}

/// A copy decrypts under the source's key, so that key must work once more.
fn source_key(inventory: &RegionInventory, image: &Image, key: &KeyArn) -> Option<Finding> {
    let (code, state) = match inventory.keys.get(key)?.state {
        KeyState::Disabled => (FindingCode::KeyDisabled, "disabled"),
        KeyState::PendingDeletion => (FindingCode::KeyPendingDeletion, "pending deletion"),
        _ => return None,
    };
    let message = format!(
        "{} is encrypted under this key, which is {state}, so it cannot be copied (R3.4)",
        image.id
    );
    Some(Finding::refuse(code, key, message))
}
