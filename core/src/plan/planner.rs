//! From a request and an inventory to a plan: pure, without calls and without a clock.

use std::collections::BTreeSet;

use super::own_copy;
use super::remains::Remains;
use super::step::{KeptImage, SharedImage, Step};
use crate::diagnostic::{Finding, FindingCode, Severity};
use crate::id::{AmiId, KeyArn, Principal};
use crate::inventory::{Image, Inventory, Part, RegionInventory};
use crate::request::ShareRequest;

/// Makes one plan. Each file of this room adds the methods of its subject: `plan_…` make steps,
/// `check_…` make findings.
pub(super) struct Planner<'a> {
    pub(super) request: &'a ShareRequest,
    pub(super) inventory: &'a Inventory,
    /// The principals of the request, without the source account.
    pub(super) targets: BTreeSet<Principal>,
    /// The parts that are left out.
    broken: &'a BTreeSet<Part>,
    /// The part that is planned now: what `refuse` refuses. `None` is the whole run.
    part: Option<Part>,
    /// Added to by `refuse` and `warn` only.
    findings: Vec<(Option<Part>, Finding)>,
    /// Whether an image is left that is still being made.
    pub(super) awaits_image: bool,
    /// The images of a retirement that stay as they are.
    pub(super) kept: Vec<KeptImage>,
    /// What it says stays.
    pub(super) remains: Vec<Remains>,
}

/// The steps and findings of a request without the parts that are left out.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) steps: Vec<Step>,
    /// Each with the part that it refuses, if it refuses; `None` is the whole run.
    pub(super) findings: Vec<(Option<Part>, Finding)>,
    /// Whether any image is left, to be shared or revoked.
    pub(super) has_images: bool,
    /// The images of a retirement that stay as they are.
    pub(super) kept: Vec<KeptImage>,
    /// What it says stays.
    pub(super) remains: Vec<Remains>,
}

impl Draft {
    /// The findings that refuse something, each with the part; `None` is the whole run.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (Option<&Part>, &Finding)> {
        let findings = self.findings.iter();
        let refusals = findings.filter(|(_, finding)| finding.severity == Severity::Refuse);
        refusals.map(|(part, finding)| (part.as_ref(), finding))
    }

    /// Whether a finding refuses the run as a whole.
    pub(super) fn is_refused(&self) -> bool {
        let mut refusals = self.refusals();
        refusals.any(|(part, _)| part.is_none())
    }
}

/// Plans a request, without the broken parts.
pub(super) fn draft(
    request: &ShareRequest,
    inventory: &Inventory,
    targets: &BTreeSet<Principal>,
    broken: &BTreeSet<Part>,
) -> Draft {
    let mut planner = Planner {
        request,
        inventory,
        targets: targets.clone(),
        broken,
        part: None,
        findings: Vec::new(),
        awaits_image: false,
        kept: Vec::new(),
        remains: Vec::new(),
    };
    // Findings about the whole run come first, because they explain the others.
    planner.check_run();
    let steps = if let Some(retire) = &request.options.retire {
        planner.plan_retirement(retire)
    } else if request.options.revoke.is_some() {
        planner.plan_revoke()
    } else {
        planner.plan_share()
    };
    planner.check_settle(&steps);
    if request.options.verify_only {
        planner.findings.retain(|(_, it)| !is_about_changing(it));
    }
    let has_steps = steps.iter().any(Step::concerns_image);
    Draft {
        // What a retirement finds may be nothing.
        has_images: has_steps || planner.awaits_image || request.options.retire.is_some(),
        kept: planner.kept,
        remains: planner.remains,
        steps,
        findings: planner.findings,
    }
}

/// Whether a finding is about a run that changes something, as a verification does not: it says
/// nothing of what is there.
fn is_about_changing(finding: &Finding) -> bool {
    use FindingCode as Is;
    matches!(
        finding.code,
        Is::CopyNameInvalid
            | Is::CopyTooManyTags
            | Is::CredentialsMayExpire
            | Is::ImageTooManyTags
            | Is::KeyAccessWider
            | Is::KeyForeign
            | Is::KeySidTaken
            | Is::KeyStalePrincipal
            | Is::LaunchRoleTooLarge
            | Is::LaunchTemplateAmbiguous
            | Is::LaunchTemplateNotFound
            | Is::ParameterAmbiguous
            | Is::ParameterNameInvalid
            | Is::ParameterNotImage
            | Is::ParameterOtherType
            | Is::TemporaryAccessTooManyTags
            | Is::TimingSettleShort
    )
}

impl<'a> Planner<'a> {
    /// Adds a finding that refuses the part that is planned now.
    pub(super) fn refuse(
        &mut self,
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
    ) {
        self.add_to_part(Finding::refuse(code, resource, message));
    }

    /// Adds a finding of the part that is planned now.
    pub(super) fn add_to_part(&mut self, finding: Finding) {
        self.findings.push((self.part.clone(), finding));
    }

    /// Adds a finding that refuses a smaller part than the one that is planned now.
    pub(super) fn refuse_part(&mut self, part: Part, finding: Finding) {
        self.findings.push((Some(part), finding));
    }

    /// Adds a finding that refuses the whole run.
    pub(super) fn refuse_run(
        &mut self,
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
    ) {
        let finding = Finding::refuse(code, resource, message);
        self.findings.push((None, finding));
    }

    /// Adds a finding that does not stop the plan.
    pub(super) fn warn(
        &mut self,
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
    ) {
        self.add(Finding::warn(code, resource, message));
    }

    /// Says what stays.
    pub(super) fn say_remains(&mut self, remains: Remains) {
        self.add(remains.finding());
        self.remains.push(remains);
    }

    /// Adds a finding that other rooms report too.
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push((None, finding));
    }

    /// How many findings there are so far.
    pub(super) fn count_findings(&self) -> usize {
        self.findings.len()
    }

    /// Takes back the findings since there were so many.
    pub(super) fn forget_findings(&mut self, so_far: usize) {
        self.findings.truncate(so_far);
    }

    /// Begins to plan a part; returns whether it is not left out.
    pub(super) fn begin(&mut self, part: Part) -> bool {
        let is_left = !self.is_broken(&part);
        self.part = Some(part);
        is_left
    }

    /// Ends the part that was planned last: what follows concerns the whole run.
    pub(super) fn end_part(&mut self) {
        self.part = None;
    }

    /// Whether a part is left out.
    pub(super) fn is_broken(&self, part: &Part) -> bool {
        self.broken.contains(part)
    }

    /// What is known of a shared image; `None` if it is a copy that does not exist yet.
    pub(super) fn existing_image(&self, shared: &SharedImage) -> Option<&'a Image> {
        let region = self.inventory.regions.get(&shared.region)?;
        region.image(shared.image.as_ref()?)
    }

    /// Whether an image that exists in a Region is left out, itself or as the copy that it is.
    pub(super) fn is_left_out(
        &self,
        region: &RegionInventory,
        image: &Image,
        keys: &BTreeSet<KeyArn>,
    ) -> bool {
        let location = &region.location;
        let mut sources = self.request.images.iter();
        let is_made_from_broken = sources.any(|source| {
            self.is_broken(&Part::ImageIn(source.clone(), location.region.clone()))
                && (source.ami == image.id || own_copy::is_called_copy_of(image, source))
        });
        is_made_from_broken
            || self.is_broken(&Part::Region(location.region.clone()))
            || self.has_broken(region, Some(&image.id), keys)
    }

    /// Whether an image in a Region, or one of its keys, is left out.
    pub(super) fn has_broken(
        &self,
        region: &RegionInventory,
        image: Option<&AmiId>,
        keys: &BTreeSet<KeyArn>,
    ) -> bool {
        let image = image.map(|id| Part::Image(region.location.region.clone(), id.clone()));
        image.is_some_and(|image| self.is_broken(&image))
            || keys
                .iter()
                .any(|key| self.is_broken(&Part::Key(key.clone())))
    }
}
