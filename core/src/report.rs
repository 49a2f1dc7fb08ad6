//! The outcome of a run, as values: serialisable, versioned, and made of its events.

mod access;
mod before;
mod event;
mod image_usage;
mod record;
mod retirement;
mod together;
mod verification;
mod waiting;

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::{Code, Error, Finding};
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region, SourceImage};
use crate::plan::{ImageOfVersion, Plan};

pub use event::{Event, EventSink};
pub use image_usage::{AccountUsage, ImageUsage};
pub use retirement::RetiredImage;
pub use verification::{Check, CheckName, Conclusion, Verdict, Verification};
pub use waiting::Waiting;

/// What a run did, or would do.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Report {
    /// The version of this form, [`Report::VERSION`].
    pub version: u32,
    /// Whether anything was changed; in a report of a plan, whether anything would be, or may be
    /// where not everything could be looked at.
    pub changed: bool,
    /// Each image of the request in each of its Regions, in order; in a revoke, each copy of it
    /// there too.
    pub images: Vec<ImageReport>,
    /// Each key that targets need or lose.
    pub keys: Vec<KeyReport>,
    /// What was done in each target account, with the role there.
    pub targets: Vec<TargetReport>,
    /// Whether targets can launch, and what was not checked.
    pub verifications: Vec<Verification>,
    /// Who uses the images, if the run was to tell that.
    pub usage: Vec<ImageUsage>,
    /// The instances of test launches: those of this run, and those that earlier runs had left.
    pub test_instances: Vec<TestInstance>,
    /// Copies that were removed, and images and snapshots that failed copies had left.
    pub removed: Vec<String>,
    /// The SSM parameters that were written.
    pub published: Vec<String>,
    /// Each SSM parameter that is to name an image, and what it held before.
    pub parameters: Vec<ParameterReport>,
    /// Each launch template of a target that is to have a version with an image.
    pub launch_templates: Vec<LaunchTemplateReport>,
    /// The images of a retirement: those that stay, and how far the others are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub retired: Vec<RetiredImage>,
    /// The findings of the plan, and those of the run.
    pub findings: Vec<Finding>,
    /// Every error of the run.
    pub errors: Vec<Error>,
    /// The plan that the run carried out, or would carry out.
    pub plan: Plan,
}

/// One image of the request in one Region.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ImageReport {
    /// The image that the request named.
    pub source: SourceImage,
    /// The Region in which it is shared.
    pub region: Region,
    /// The groups that share it here, if the request has groups.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(default)]
    pub groups: BTreeSet<String>,
    /// The image to launch: the source itself, or its copy once one exists.
    pub image: Option<AmiId>,
    /// The name of the image, or that its copy is to have.
    pub name: Option<String>,
    /// Its processor architecture, such as `x86_64`; `None` in a revoke.
    pub architecture: Option<String>,
    /// Whether this run started the copy.
    pub copied: bool,
    /// Whether the image was available when it was last looked at: a copy may be under way or have
    /// failed, or be removed.
    pub available: bool,
    /// Whether it was read who has launch permission. If not, nobody is named, and somebody may
    /// have it.
    pub permission_read: bool,
    /// The requested principals that can launch it.
    pub principals: BTreeSet<Principal>,
    /// The principals that this run added.
    pub added: BTreeSet<Principal>,
    /// The principals that this run removed.
    pub removed: BTreeSet<Principal>,
    /// Principals that have launch permission and were not requested.
    pub unlisted: BTreeSet<Principal>,
    /// The keys of the requested tags that every recipient sees.
    pub shared_tags: BTreeSet<String>,
    /// The requested watermark, as `account:name`, if the image has it.
    pub watermark: Option<String>,
}

/// One target account.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TargetReport {
    /// The account.
    pub account: AccountId,
    /// Its own copies.
    pub copies: Vec<CopyReport>,
    /// Shared images that were tagged there.
    pub tagged: BTreeSet<AmiId>,
    /// Roles that this run allowed to launch.
    pub roles: BTreeSet<String>,
}

/// An instance of a test launch.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TestInstance {
    /// The target.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The instance.
    pub instance: String,
    /// Whether it was terminated.
    pub terminated: bool,
    /// Whether an earlier run had left it.
    pub abandoned: bool,
}

/// A target's own copy of a shared image.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CopyReport {
    /// The shared image.
    pub source: SourceImage,
    /// The Region of the copy.
    pub region: Region,
    /// The copy.
    pub image: AmiId,
    /// Whether this run started it.
    pub copied: bool,
    /// Whether it is available and passed the checks of a copy.
    pub available: bool,
}

/// One SSM parameter.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ParameterReport {
    /// The account that it is in.
    pub account: AccountId,
    /// The Region that it is in.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// The image that it holds; `None` if it does not exist, or holds something else.
    pub holds: Option<AmiId>,
    /// The image that this run replaced in it, or in a report of a plan would replace: the way
    /// back.
    pub previous: Option<AmiId>,
}

/// One launch template of a target.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LaunchTemplateReport {
    /// The target.
    pub account: AccountId,
    /// The Region that it is in.
    pub region: Region,
    /// Its ID.
    pub template: String,
    /// Its name.
    pub name: String,
    /// The version that launches get which name no number: the default one if the run sets it, else
    /// the newest; with the image that it names.
    pub current: ImageOfVersion,
    /// Whether that is the default version. Else only launches that ask for the newest one
    /// (`$Latest`) get it.
    pub is_default: bool,
    /// The image that it is to have; in a report of a plan `None` if that is a copy to be made.
    pub image: Option<AmiId>,
    /// The version that this run made, or in a report of a plan has found, with the image; `None`
    /// if there is none.
    pub version: Option<u64>,
    /// The version that this run replaced as the current one, or in a report of a plan would
    /// replace: the way back.
    pub previous: Option<ImageOfVersion>,
}

/// One key.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct KeyReport {
    /// The key.
    pub key: KeyArn,
    /// The requested principals that can use it by statements or grants of this tool.
    pub principals: BTreeSet<Principal>,
    /// Others that can use it by such statements or grants.
    pub unlisted: BTreeSet<String>,
    /// The principals whose access this run added.
    pub added: BTreeSet<String>,
    /// The principals whose access this run revoked.
    pub removed: BTreeSet<String>,
    /// The policy as it was read before each change.
    pub replaced_policies: Vec<String>,
}

impl Report {
    /// The version of the form of reports. It is raised when a member is removed or changes its
    /// type or meaning. New members, codes and kinds of steps do not raise it, so readers ignore
    /// what they do not know.
    pub const VERSION: u32 = 1;

    /// The JSON Schema of reports, as this version of the tool writes them.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// The report of a plan that was not carried out, with its errors: [`changed`](Self::changed)
    /// says whether it would change anything, or may where not everything could be looked at.
    pub fn of_plan(plan: &Plan) -> Self {
        let mut report = Self {
            changed: plan.may_change(),
            errors: plan.errors.clone(),
            ..Self::begin(plan)
        };
        for publish in plan.publications() {
            if !publish.is_in_effect() {
                let current = publish.current.clone();
                report.parameter(publish).previous = current;
            }
        }
        for update in plan.launch_templates().filter(|update| !update.in_effect) {
            report.launch_template(update).previous = Some(update.current.clone());
        }
        report
    }

    /// The report of a run that has done nothing yet; [`record`](Self::record) each of its events.
    pub fn begin(plan: &Plan) -> Self {
        if !plan.groups.is_empty() {
            let groups = plan.groups.iter();
            let begun = groups.map(|group| Self::begin(&group.plan));
            return Self::together(plan, begun.collect());
        }
        let mut report = Self {
            version: Self::VERSION,
            changed: false,
            images: Vec::new(),
            keys: Vec::new(),
            targets: Vec::new(),
            verifications: Vec::new(),
            usage: Vec::new(),
            test_instances: Vec::new(),
            removed: Vec::new(),
            published: Vec::new(),
            parameters: Vec::new(),
            launch_templates: Vec::new(),
            retired: Vec::new(),
            findings: plan.findings.clone(),
            errors: Vec::new(),
            plan: plan.clone(),
        };
        for kept in &plan.kept {
            report.record_kept(kept);
        }
        for step in &plan.steps {
            report.record_state_before(step);
            report.record_retired(step);
        }
        report
    }

    /// Whether the run was cut off by its deadline.
    pub fn is_past_deadline(&self) -> bool {
        self.errors.iter().any(|error| error.code == Code::Deadline)
    }
}

/// A run that did not do everything: the report says what it did, and its errors why it stopped.
#[derive(Clone, Debug)]
pub struct Incomplete {
    /// What was done, and every error.
    pub report: Report,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.report.errors.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Incomplete {}
