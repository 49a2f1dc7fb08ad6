//! Images that are retired, one step after the other, and those that stay.

mod groups;

use std::collections::{BTreeMap, BTreeSet};

use super::lifecycle::rfc3339;
use super::planner::Planner;
use super::removals::permissions_to_remove;
use super::step::{
    AwaitGrace, DeprecateNow, DeregisterImage, DisableImage, ForgetDisabled, GroupImage,
    KeptBecause, KeptImage, NoteDisabled, Removal, RemoveKeyAccess, RemovePermissions,
    RetirementState, Step,
};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{KeyArn, Region, SourceImage};
use crate::inventory::{Hold, Image, ImageState, Retirement};
use crate::request::Retire;
use crate::tags;

/// What to do where only a dry run does not know it.
const REMEDY_OF_DRY_RUN: &str =
    "nothing: the run itself asks AWS. To know it before, run `mode: usage` and then the dry run";

pub(crate) use groups::{Standing, deprecated_since, disabled_since};

/// How each image of the groups of a retirement stands.
pub(crate) fn judge_images<'a>(
    retire: &Retire,
    retirement: &'a Retirement,
) -> Vec<(&'a Region, &'a Image, Standing)> {
    groups::judge(retire, &retirement.images, retirement.now)
}

/// The images that everybody loses: those that go on, and that nothing holds back.
pub(crate) fn images_to_take(retire: &Retire, retirement: &Retirement) -> Vec<SourceImage> {
    let mut images = Vec::new();
    for (region, image, standing) in judge_images(retire, retirement) {
        let place = (region.clone(), image.id.clone());
        if standing.takes_image()
            && let Some(holds) = retirement.holds.get(&place)
            && !holds.iter().any(Hold::is_final)
        {
            let (region, ami) = place;
            images.push(SourceImage { region, ami });
        }
    }
    images
}

/// The steps of the images of a retirement: what comes before access ends, its end, and what comes
/// after.
#[derive(Default)]
struct RetiredImages {
    first: Vec<Step>,
    permissions: Vec<RemovePermissions>,
    last: Vec<Step>,
}

impl Planner<'_> {
    /// The steps of a retirement: what is deprecated, what everybody loses, what is disabled after
    /// that, and what is deregistered.
    pub(super) fn plan_retirement(&mut self, retire: &Retire) -> Vec<Step> {
        let retirement = &self.inventory.retirement;
        let judged = judge_images(retire, retirement);
        if judged.is_empty() {
            self.warn(
                FindingCode::RetireNothingFound,
                "retire-tags",
                "no image of the account has these tags, so there is nothing to retire",
            );
        }

        // 1. What is known of each image by itself.
        let mut retired = RetiredImages::default();
        for (region, image, standing) in judged {
            let place = (region.clone(), image.id.clone());
            let member = group_image(retire, region, image, retirement.now);
            if image.state == ImageState::Available
                && image.tags.contains_key(tags::DISABLED)
                && !standing.takes_image()
            {
                let image = member.clone();
                let forget = Step::ForgetDisabled(ForgetDisabled { image });
                retired.first.push(forget);
            }
            if !(standing.takes_image() && self.is_held(&member, retirement.holds.get(&place))) {
                self.plan_image_to_retire((region, image), member, standing, &mut retired);
            }
        }
        let RetiredImages {
            first,
            mut permissions,
            mut last,
        } = retired;

        // 2. The keys of those that are taken.
        self.check_revoked_images();
        let removal = Removal::Everybody;
        let so_far = self.count_findings();
        let mut keys = self.plan_key_removals(&permissions, &BTreeSet::new(), &removal);
        let used = list_used(&keys);
        if !used.is_empty() {
            // Without the images under these keys, other keys are as needed as they were.
            self.forget_findings(so_far);
            self.hold_by_keys(&used, &mut permissions, &mut last);
            keys = self.plan_key_removals(&permissions, &BTreeSet::new(), &removal);
        }
        for key in &mut keys {
            key.kept.extend(std::mem::take(&mut key.in_use).into_keys());
        }
        self.check_stale_principals_of_removals(&keys);
        let forgets = self.plan_forgets(&permissions);

        // 3. Access ends before the image does.
        let mut steps = first;
        steps.extend(permissions.into_iter().map(Step::RemovePermissions));
        steps.extend(keys.into_iter().map(Step::RemoveKeyAccess));
        steps.extend(forgets.into_iter().map(Step::ForgetTemporaryAccess));
        steps.extend(last);
        steps
    }

    /// The next step of one image.
    fn plan_image_to_retire(
        &mut self,
        (region, image): (&Region, &Image),
        member: GroupImage,
        standing: Standing,
        retired: &mut RetiredImages,
    ) {
        match standing {
            Standing::Kept(because) => self.keep(member, because),
            Standing::Deprecate(previous) => {
                let image = member;
                let deprecate = Step::DeprecateNow(DeprecateNow { image, previous });
                retired.first.push(deprecate);
            }
            Standing::Await(next, until) => {
                let (image, until) = (member, rfc3339(until));
                let wait = Step::AwaitGrace(AwaitGrace { image, next, until });
                retired.first.push(wait);
            }
            Standing::NoteDisabled => {
                self.warn_of_unknown_moment(image);
                let note = Step::NoteDisabled(NoteDisabled { image: member });
                retired.first.push(note);
            }
            Standing::Disable(deprecated) => {
                if let Some(remove) = self.plan_taking(region, image) {
                    retired.permissions.push(remove);
                    let image = member;
                    let disable = Step::DisableImage(DisableImage { image, deprecated });
                    retired.last.push(disable);
                }
            }
            Standing::Deregister(since) => {
                if let Some(remove) = self.plan_taking(region, image) {
                    retired.permissions.push(remove);
                    retired.last.push(Step::DeregisterImage(DeregisterImage {
                        image: member,
                        disabled_since: rfc3339(since),
                        snapshots: image.snapshots().cloned().collect(),
                    }));
                }
            }
        }
    }

    /// What everybody loses of an image; `None` if it could not be read.
    fn plan_taking(&mut self, region: &Region, image: &Image) -> Option<RemovePermissions> {
        let region = self.inventory.regions.get(region)?;
        let image = region.images.get(&image.id)?;
        if self.is_left_out(region, image, &region.keys_of(image)) {
            return None;
        }
        if let Some(granted) = region.launch_permissions.get(&image.id) {
            self.check_public(&image.id, granted);
        }
        self.check_hidden_snapshots(region, image);
        self.check_records(image);
        let source = SourceImage {
            region: region.location.region.clone(),
            ami: image.id.clone(),
        };
        let removal = Removal::Everybody;
        Some(permissions_to_remove(region, &source, image, &removal))
    }

    fn keep(&mut self, image: GroupImage, because: KeptBecause) {
        let unusual = match because {
            KeptBecause::Protected => Some((
                FindingCode::RetireProtected,
                "this image is protected from being deregistered, so it stays disabled",
            )),
            KeptBecause::TooManyTags => Some((
                FindingCode::RetireTooManyTags,
                "this image has no room for the tag that says since when it is disabled, so it \
                 stays deprecated",
            )),
            _ => None,
        };
        if let Some((code, message)) = unusual {
            self.warn(code, &image.image, message);
        }
        self.kept.push(KeptImage { image, because });
    }

    /// Whether something holds an image back from what it is due for, or that is not known.
    fn is_held(&mut self, image: &GroupImage, holds: Option<&Vec<Hold>>) -> bool {
        let Some(holds) = holds else {
            // Nobody looked at it.
            self.keep(image.clone(), KeptBecause::UseUnknown);
            return true;
        };
        let (mut uses, mut locks, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for hold in holds {
            match hold {
                Hold::Use(what) => uses.push(what.as_str()),
                Hold::Lock(what) => locks.push(what.as_str()),
                Hold::Unknown { error, .. } => {
                    let message = error.without_remedy();
                    if !unknown.contains(&message) {
                        unknown.push(message);
                    }
                }
            }
        }
        let is_kept = holds.iter().any(Hold::is_final);
        let mut because = KeptBecause::UseUnknown;
        if !locks.is_empty() {
            because = KeptBecause::Locked;
            self.warn(FindingCode::RetireLocked, &image.image, locks.join(". "));
        }
        if !unknown.is_empty() {
            let kept = if is_kept {
                ", so it stays as it is"
            } else {
                ""
            };
            let why = unknown.join("; ");
            let message = format!("whether anybody uses the image is not known{kept}: {why}");
            let mut finding = Finding::warn(FindingCode::RetireUseUnknown, &image.image, message);
            if !is_kept {
                REMEDY_OF_DRY_RUN.clone_into(&mut finding.remedy);
            }
            self.add(finding);
        }
        if !uses.is_empty() {
            because = KeptBecause::InUse;
            self.warn(FindingCode::RetireInUse, &image.image, uses.join(". "));
        }
        if is_kept {
            self.kept.push(KeptImage {
                image: image.clone(),
                because,
            });
        }
        is_kept
    }

    fn warn_of_unknown_moment(&mut self, image: &Image) {
        let tag = tags::DISABLED;
        let why = if image.tags.contains_key(tag) {
            format!("its tag `{tag}` cannot be true")
        } else {
            format!("it has no tag `{tag}`")
        };
        let message = format!(
            "since when this image is disabled is not known, as {why}: that begins to count now"
        );
        self.warn(FindingCode::RetireMomentUnknown, &image.id, message);
    }

    /// Keeps the images under keys that those who would lose them use, and that nothing else which
    /// is shared needs: AWS's reports lack the instances of the last day.
    fn hold_by_keys(
        &mut self,
        used: &BTreeMap<KeyArn, String>,
        permissions: &mut Vec<RemovePermissions>,
        steps: &mut Vec<Step>,
    ) {
        let mut held = BTreeSet::new();
        permissions.retain(|remove| {
            let is_held = remove.keys.iter().any(|key| used.contains_key(key));
            if is_held {
                held.insert((remove.region.clone(), remove.image.clone()));
            }
            !is_held
        });
        let whys: Vec<&str> = used.values().map(String::as_str).collect();
        for step in std::mem::take(steps) {
            let image = match &step {
                Step::DisableImage(step) => &step.image,
                Step::DeregisterImage(step) => &step.image,
                _ => continue,
            };
            if !held.contains(&(image.region.clone(), image.image.clone())) {
                steps.push(step);
                continue;
            }
            let message = format!(
                "its key is in use, and that may be by instances of this image which are too young \
                 for AWS's report: {}",
                whys.join("; ")
            );
            self.warn(FindingCode::RetireInUse, &image.image, message);
            self.keep(image.clone(), KeptBecause::InUse);
        }
    }
}

/// The keys that somebody who loses them uses, each with who does.
fn list_used(keys: &[RemoveKeyAccess]) -> BTreeMap<KeyArn, String> {
    let mut used = BTreeMap::new();
    for remove in keys {
        for (principal, usage) in &remove.in_use {
            used.insert(remove.key.clone(), format!("of {principal}, {usage}"));
        }
    }
    used
}

fn group_image(retire: &Retire, region: &Region, image: &Image, now: i64) -> GroupImage {
    let state = match image.state {
        ImageState::Available if deprecated_since(image, now).is_some() => {
            RetirementState::Deprecated
        }
        ImageState::Available => RetirementState::Available,
        ImageState::Disabled => RetirementState::Disabled,
        ImageState::Deregistered => RetirementState::Deregistered,
        ImageState::Pending | ImageState::Failed(_) => RetirementState::Unavailable,
    };
    GroupImage {
        region: region.clone(),
        image: image.id.clone(),
        name: image.name.clone(),
        state,
        group: retire.group_of(&image.tags),
    }
}
