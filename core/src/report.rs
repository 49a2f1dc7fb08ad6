//! The outcome of a run: serialisable, versioned, and the sum of its events.

mod event;
mod verification;

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::{Code, Error, Finding};
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region, SourceImage};
use crate::plan::{Plan, Step};

pub use event::{Event, EventSink, Waiting};
pub use verification::{Check, CheckName, Conclusion, Verdict, Verification};

/// What a run did, or would do.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Report {
    /// The version of this form, [`Report::VERSION`].
    pub version: u32,
    /// Whether anything was changed; in a report of a plan, whether anything would be.
    pub changed: bool,
    /// Each image of the request in each of its Regions, in order.
    pub images: Vec<ImageReport>,
    /// Each key that targets need, or lose.
    pub keys: Vec<KeyReport>,
    /// What was done in each target account, by the role there.
    pub targets: Vec<TargetReport>,
    /// Whether targets can launch, as far as that was looked at.
    pub verifications: Vec<Verification>,
    /// What was removed: copies, and what failed ones had left.
    pub removed: Vec<String>,
    /// The SSM parameters that were written.
    pub published: Vec<String>,
    /// The pitfalls of the plan, and those that showed during the run.
    pub findings: Vec<Finding>,
    /// Everything that went wrong.
    pub errors: Vec<Error>,
    /// What the run set out to do.
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
    /// The image to launch: the source itself, or its copy once one exists.
    pub image: Option<AmiId>,
    /// Whether this run started the copy.
    pub copied: bool,
    /// Who can launch it, of those who were asked for.
    pub principals: BTreeSet<Principal>,
    /// Those of them that this run added.
    pub added: BTreeSet<Principal>,
    /// From whom this run took it back.
    pub removed: BTreeSet<Principal>,
    /// Who else has launch permission.
    pub unlisted: BTreeSet<Principal>,
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
    /// Roles that may launch since this run.
    pub roles: BTreeSet<String>,
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
    /// Whether it is available, and checked.
    pub available: bool,
}

/// One key.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct KeyReport {
    /// The key.
    pub key: KeyArn,
    /// Who can use it by statements or grants of ours, of those who were asked for.
    pub principals: BTreeSet<Principal>,
    /// Whose access this run added.
    pub added: BTreeSet<String>,
    /// Whose access this run took back.
    pub removed: BTreeSet<String>,
    /// The policy as it was read before each change.
    pub replaced_policies: Vec<String>,
}

impl Report {
    /// The version of the form of reports. What a reader could trip over raises it: a member that
    /// goes, or changes its type or its meaning. A new member, a new code or a new kind of step
    /// does not, so readers take no notice of what they do not know.
    pub const VERSION: u32 = 1;

    /// The JSON Schema of reports, as this version of the tool writes them.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// The report of a plan that was not carried out: [`changed`](Self::changed) says whether it
    /// would change anything.
    pub fn of_plan(plan: &Plan) -> Self {
        Self {
            changed: plan.changes(),
            ..Self::begin(plan)
        }
    }

    /// The report of a run that has done nothing yet; [`record`](Self::record) each of its events.
    pub fn begin(plan: &Plan) -> Self {
        let mut report = Self {
            version: Self::VERSION,
            changed: false,
            images: Vec::new(),
            keys: Vec::new(),
            targets: Vec::new(),
            verifications: Vec::new(),
            removed: Vec::new(),
            published: Vec::new(),
            findings: plan.findings.clone(),
            errors: Vec::new(),
            plan: plan.clone(),
        };
        for step in &plan.steps {
            report.expect(step);
        }
        report
    }

    fn expect(&mut self, step: &Step) {
        match step {
            Step::LaunchPermission(launch) => {
                let shared = self.image(&launch.shared.source, &launch.shared.region);
                shared.image = launch.shared.image.clone();
                shared.principals = launch
                    .principals
                    .difference(&launch.missing)
                    .cloned()
                    .collect();
                shared.unlisted.clone_from(&launch.unlisted);
            }
            Step::RemovePermissions(remove) => {
                self.image(&remove.source, &remove.region)
                    .image
                    .get_or_insert_with(|| remove.image.clone());
            }
            Step::KeyAccess(access) => {
                self.key(&access.key).principals = access
                    .principals
                    .difference(&access.missing)
                    .cloned()
                    .collect();
            }
            Step::Grants(grants) => {
                let held = grants
                    .accounts
                    .difference(&grants.missing)
                    .cloned()
                    .map(Principal::Account);
                self.key(&grants.key).principals.extend(held);
            }
            Step::RemoveKeyAccess(remove) => {
                self.key(&remove.key);
            }
            _ => {}
        }
    }

    /// Adds what an event says.
    pub fn record(&mut self, event: &Event) {
        self.changed |= event.changed_something();
        match event {
            Event::CopyStarted {
                account,
                source,
                region,
                copy,
            }
            | Event::CopyAdopted {
                account,
                source,
                region,
                copy,
            }
            | Event::CopyAvailable {
                account,
                source,
                region,
                copy,
            } if *account != self.plan.account => {
                let started = matches!(event, Event::CopyStarted { .. });
                let available = matches!(event, Event::CopyAvailable { .. });
                self.target_copy(account, source, region, copy, started, available);
            }
            Event::CopyStarted {
                source,
                region,
                copy,
                ..
            } => {
                let image = self.image(source, region);
                image.image = Some(copy.clone());
                image.copied = true;
            }
            Event::CopyAdopted {
                source,
                region,
                copy,
                ..
            }
            | Event::CopyAvailable {
                source,
                region,
                copy,
                ..
            } => {
                self.image(source, region).image = Some(copy.clone());
            }
            Event::KeyPolicyPut {
                key,
                added,
                removed,
                replaced,
            } => {
                let key = self.key(key);
                key.added.extend(added.iter().cloned());
                key.removed.extend(removed.iter().cloned());
                key.replaced_policies.push(replaced.clone());
            }
            Event::KeyAccessConfirmed { key, principals } => {
                let key = self.key(key);
                key.added.retain(|added| {
                    principals
                        .iter()
                        .any(|principal| principal.to_string() == *added)
                });
                key.principals.extend(principals.iter().cloned());
            }
            Event::GrantsCreated { key, added, .. } => {
                let key = self.key(key);
                key.added.extend(added.iter().map(ToString::to_string));
                key.principals
                    .extend(added.iter().cloned().map(Principal::Account));
            }
            Event::GrantsRevoked { key, grantees } => {
                self.key(key).removed.extend(grantees.iter().cloned())
            }
            Event::LaunchPermissionAdded {
                source,
                region,
                added,
                ..
            } => {
                self.image(source, region)
                    .added
                    .extend(added.iter().cloned());
            }
            Event::LaunchPermissionConfirmed {
                source,
                region,
                image,
                principals,
            } => {
                let shared = self.image(source, region);
                shared.image = Some(image.clone());
                shared.principals.clone_from(principals);
            }
            Event::LaunchPermissionRemoved {
                source,
                region,
                removed,
                ..
            } => {
                let shared = self.image(source, region);
                shared.removed.extend(removed.iter().cloned());
                shared
                    .unlisted
                    .retain(|principal| !removed.contains(principal));
            }
            Event::CopyRemoved { image } => self.removed.push(image.to_string()),
            Event::LeftoverRemoved { resource } => self.removed.push(resource.clone()),
            Event::Published { name, .. } => self.published.push(name.clone()),
            Event::Verified(found) => self.verifications.push(found.clone()),
            Event::Found(finding) => self.findings.push(finding.clone()),
            Event::Failed(error) => self.errors.push(error.clone()),
            Event::RoleAllowed { account, role, .. }
            | Event::ServiceRoleGranted { account, role, .. } => {
                self.target(account).roles.insert(role.clone());
            }
            Event::Tagged { account, image } => {
                self.target(account).tagged.insert(image.clone());
            }
            Event::Waiting(_)
            | Event::RoleDisallowed { .. }
            | Event::TemporaryAccessRecorded { .. }
            | Event::SnapshotPermissionAdded { .. }
            | Event::SnapshotPermissionRemoved { .. }
            | Event::Deprecated { .. }
            | Event::Protected { .. } => {}
        }
    }

    /// Whether the run was cut off by its deadline.
    pub fn is_past_deadline(&self) -> bool {
        self.errors.iter().any(|error| error.code == Code::Deadline)
    }

    fn image(&mut self, source: &SourceImage, region: &Region) -> &mut ImageReport {
        let same = |image: &ImageReport| &image.source == source && &image.region == region;
        let place = self
            .images
            .iter()
            .position(same)
            .unwrap_or(self.images.len());
        if place == self.images.len() {
            self.images.push(ImageReport {
                source: source.clone(),
                region: region.clone(),
                image: None,
                copied: false,
                principals: BTreeSet::new(),
                added: BTreeSet::new(),
                removed: BTreeSet::new(),
                unlisted: BTreeSet::new(),
            });
        }
        &mut self.images[place]
    }

    fn target(&mut self, account: &AccountId) -> &mut TargetReport {
        let place = self
            .targets
            .iter()
            .position(|target| &target.account == account)
            .unwrap_or(self.targets.len());
        if place == self.targets.len() {
            let (copies, tagged, roles) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
            self.targets.push(TargetReport {
                account: account.clone(),
                copies,
                tagged,
                roles,
            });
        }
        &mut self.targets[place]
    }

    fn target_copy(
        &mut self,
        account: &AccountId,
        source: &SourceImage,
        region: &Region,
        image: &AmiId,
        started: bool,
        available: bool,
    ) {
        let copies = &mut self.target(account).copies;
        let place = copies
            .iter()
            .position(|copy| (&copy.source, &copy.region) == (source, region));
        let place = place.unwrap_or_else(|| {
            let (source, region, image) = (source.clone(), region.clone(), image.clone());
            copies.push(CopyReport {
                source,
                region,
                image,
                copied: false,
                available: false,
            });
            copies.len() - 1
        });
        let copy = &mut copies[place];
        copy.image = image.clone();
        copy.copied |= started;
        copy.available |= available;
    }

    fn key(&mut self, arn: &KeyArn) -> &mut KeyReport {
        let place = self
            .keys
            .iter()
            .position(|key| &key.key == arn)
            .unwrap_or(self.keys.len());
        if place == self.keys.len() {
            self.keys.push(KeyReport {
                key: arn.clone(),
                principals: BTreeSet::new(),
                added: BTreeSet::new(),
                removed: BTreeSet::new(),
                replaced_policies: Vec::new(),
            });
        }
        &mut self.keys[place]
    }
}

/// A run that did not do all it was to do; the report says what it did, and its errors why.
#[derive(Clone, Debug)]
pub struct Incomplete {
    /// What was done, and what went wrong.
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
