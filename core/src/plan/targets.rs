//! What is to be done in target accounts, by the role there.

use std::collections::{BTreeMap, BTreeSet};

use super::copies;
use super::lifecycle;
use super::step::target::{TagShared, TargetCopy};
use super::step::{CopyImage, Leftovers};
use super::step::{SharedImage, Step};
use crate::diagnostic::{Error, Finding, FindingCode};
use crate::id::AccountId;
use crate::inventory::{Image, ImageState, Inventory, Key, KeyState, RegionInventory, Target};
use crate::request::ShareRequest;
use crate::tags;

/// The targets that were reached, with what there is.
pub(super) fn reached(inventory: &Inventory) -> impl Iterator<Item = (&AccountId, &Target)> {
    inventory
        .targets
        .iter()
        .filter_map(|(account, target)| Some((account, target.as_ref().ok()?)))
}

/// The copies that targets make of a shared image.
pub(super) fn copies(
    request: &ShareRequest,
    inventory: &Inventory,
    source: &Image,
    shared: &SharedImage,
    findings: &mut Vec<Finding>,
) -> Vec<TargetCopy> {
    let mut wanted = Vec::new();
    for (account, target) in reached(inventory) {
        let Some(there) = target.regions.get(&shared.region) else {
            continue;
        };
        let Some(key) = there
            .destination
            .as_ref()
            .and_then(|arn| there.keys.get(arn))
        else {
            continue;
        };
        // The copy is wanted all the same: whether it can be launched is another question, which
        // this decides too.
        findings.extend(unusable(key));
        if source.snapshots().next().is_none() {
            continue;
        }
        wanted.push(copy(request, account, there, key, source, shared, findings));
    }
    wanted
}

fn copy(
    request: &ShareRequest,
    account: &AccountId,
    there: &RegionInventory,
    key: &Key,
    source: &Image,
    shared: &SharedImage,
    findings: &mut Vec<Finding>,
) -> TargetCopy {
    let name = request.copy_name.fill(&source.name_parts(&there.location));
    let mut wanted = TargetCopy {
        account: account.clone(),
        shared: shared.clone(),
        key: key.arn.clone(),
        name,
        adopt: None,
        stands: false,
        leftovers: Leftovers::default(),
        tags: passed_on(request, source),
        completion: request.options.copy_completion_minutes(),
        volumes: source.snapshots().count(),
    };
    // What does not exist yet has no copies; its name and tags can be judged all the same.
    let of: &crate::id::AmiId = shared.image.as_ref().unwrap_or(&source.id);
    let mut copy: CopyImage = wanted.of(of);
    copies::check(&copy, findings);
    if shared.image.as_ref().is_some() {
        copies::adopt(&mut copy, there, findings);
        let adopted = copy.adopt.as_ref().and_then(|id| there.image(id));
        wanted.stands = adopted.is_some_and(|image| image.state == ImageState::Available);
        (wanted.adopt, wanted.leftovers) = (copy.adopt, copy.leftovers);
    }
    wanted
}

/// Why a target's key can never encrypt a copy.
fn unusable(key: &Key) -> Option<Finding> {
    let why = match &key.state {
        KeyState::Disabled => "is disabled".to_owned(),
        KeyState::PendingDeletion => "is pending deletion".to_owned(),
        KeyState::Other(state) => format!("is in state `{state}`"),
        _ if !key.symmetric => {
            "is no symmetric encryption key, and EBS takes no other (R1.3.6)".to_owned()
        }
        _ => return None,
    };
    let account = key.arn.account();
    Some(Finding::refuse(
        FindingCode::TargetKeyUnusable,
        &key.arn,
        format!("this key of target {account} {why}, so no copy can be made under it"),
    ))
}

/// A target has no such key.
pub(super) fn missing_key(error: &Error) -> Finding {
    let account = error
        .account
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let region = error
        .region
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let name = error.resource.clone().unwrap_or_default();
    let message =
        format!("target {account} has no such key in {region}, so no copy can be made under it");
    Finding::refuse(FindingCode::TargetKeyUnusable, name, message)
}

fn passed_on(request: &ShareRequest, source: &Image) -> BTreeMap<String, String> {
    tags::passed_on(
        request.options.copy_image_tags.then_some(&source.tags),
        &request.options.tags,
    )
}

/// The accounts that need the source no more: with `unshare-after-copy`, those whose own copies
/// stand, and those that were not reached and so cannot copy now.
pub(super) fn done(
    request: &ShareRequest,
    inventory: &Inventory,
    copies: &[TargetCopy],
) -> BTreeSet<AccountId> {
    if !request.options.target_options.unshare_after_copy {
        return BTreeSet::new();
    }
    let stand = copies
        .iter()
        .filter(|copy| copy.stands)
        .map(|copy| copy.account.clone());
    let unreached = inventory
        .targets
        .iter()
        .filter(|(_, target)| target.is_err())
        .map(|(account, _)| account.clone());
    stand.chain(unreached).collect()
}

/// Tags in targets that share the image itself, and the parameters there.
pub(super) fn images(
    request: &ShareRequest,
    inventory: &Inventory,
    source: &Image,
    shared: &SharedImage,
    copies: &[TargetCopy],
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let wanted = passed_on(request, source);
    let mut steps = Vec::new();
    for (account, target) in reached(inventory) {
        let Some(there) = target.regions.get(&shared.region) else {
            continue;
        };
        let copy = copies.iter().find(|copy| &copy.account == account);
        if copy.is_none() && !wanted.is_empty() {
            let seen = shared.image.as_ref().and_then(|id| there.images.get(id));
            let lacks = |(key, value): &(&String, &String)| {
                seen.is_none_or(|image| image.tags.get(*key) != Some(*value))
            };
            let missing = wanted
                .iter()
                .filter(lacks)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            steps.push(Step::TagShared(TagShared {
                account: account.clone(),
                shared: shared.clone(),
                missing,
            }));
        }
        let image = copy.map_or_else(|| shared.image.clone(), |copy| copy.adopt.clone());
        steps.extend(
            lifecycle::publish(request, there, source, shared, image, findings).map(Step::Publish),
        );
    }
    steps
}
