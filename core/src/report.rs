//! The outcome of a run: serialisable, versioned, and the sum of its events.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::error::{Code, Error};
use crate::event::Event;
use crate::finding::Finding;
use crate::id::{AccountId, AmiId, KeyArn};
use crate::plan::{Plan, Step, Subject};

/// What a run did, or would do.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of this form; a change that could break a reader raises it.
    pub version: u32,
    /// Whether anything was changed; in a report of a plan, whether anything would be.
    pub changed: bool,
    /// Each image of the request, in its order.
    pub images: Vec<SharedImage>,
    /// Each key that targets need.
    pub keys: Vec<SharedKey>,
    /// What failed copies had left and was removed.
    pub removed: Vec<String>,
    /// The pitfalls of the plan, and those that showed during the run.
    pub findings: Vec<Finding>,
    /// Everything that went wrong.
    pub errors: Vec<Error>,
    /// What the run set out to do.
    pub plan: Plan,
}

/// One image of the request.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SharedImage {
    /// The image that the request named.
    pub source: AmiId,
    /// The image to launch: the source itself, or its copy once one exists.
    pub image: Option<AmiId>,
    /// Whether this run started the copy.
    pub copied: bool,
    /// The accounts that can launch it.
    pub accounts: BTreeSet<AccountId>,
    /// Those of them that this run added.
    pub added: BTreeSet<AccountId>,
    /// Who else has launch permission; it was kept.
    pub unlisted: BTreeSet<String>,
}

/// One key.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SharedKey {
    /// The key.
    pub key: KeyArn,
    /// The accounts that the key policy lets use it, by statements of ours.
    pub accounts: BTreeSet<AccountId>,
    /// Those of them that this run added.
    pub added: BTreeSet<AccountId>,
    /// The policy as it was read before each change.
    pub replaced_policies: Vec<String>,
}

impl Report {
    /// The report of a plan that was not carried out: [`changed`](Self::changed) says whether it would change anything.
    pub fn of_plan(plan: &Plan) -> Self {
        Self { changed: plan.changes(), ..Self::begin(plan) }
    }

    /// The report of a run that has done nothing yet; [`record`](Self::record) each of its events.
    pub fn begin(plan: &Plan) -> Self {
        let images = plan.launch_permissions().map(|launch| SharedImage {
            source: launch.source.clone(),
            image: match &launch.image {
                Subject::Existing(image) => Some(image.clone()),
                Subject::CopyOf(source) => adopted(plan, source),
            },
            copied: false,
            accounts: launch.accounts.difference(&launch.missing).cloned().collect(),
            added: BTreeSet::new(),
            unlisted: launch.unlisted.clone(),
        });
        let keys = plan.steps.iter().filter_map(|step| match step {
            Step::KeyAccess(access) => Some(SharedKey {
                key: access.key.clone(),
                accounts: access.accounts.difference(&access.missing).cloned().collect(),
                added: BTreeSet::new(),
                replaced_policies: Vec::new(),
            }),
            _ => None,
        });
        Self {
            version: 1,
            changed: false,
            images: images.collect(),
            keys: keys.collect(),
            removed: Vec::new(),
            findings: plan.findings.clone(),
            errors: Vec::new(),
            plan: plan.clone(),
        }
    }

    /// Adds what an event says.
    pub fn record(&mut self, event: &Event) {
        match event {
            Event::Waiting(_) => {}
            Event::CopyStarted { source, copy } => {
                self.changed = true;
                self.image(source, |image| {
                    image.image = Some(copy.clone());
                    image.copied = true;
                });
            }
            Event::CopyAdopted { source, copy } | Event::CopyAvailable { source, copy } => {
                self.image(source, |image| image.image = Some(copy.clone()));
            }
            Event::KeyPolicyPut { key, added, replaced } => {
                self.changed = true;
                self.key(key, |key| {
                    key.added.extend(added.iter().cloned());
                    key.replaced_policies.push(replaced.clone());
                });
            }
            Event::KeyAccessHeld { key, accounts } => {
                self.key(key, |key| {
                    key.added.retain(|account| accounts.contains(account));
                    key.accounts.clone_from(accounts);
                });
            }
            Event::LaunchPermissionAdded { source, added, .. } => {
                self.changed = true;
                self.image(source, |image| image.added.extend(added.iter().cloned()));
            }
            Event::LaunchPermissionHeld { source, image, accounts } => {
                self.image(source, |shared| {
                    shared.image = Some(image.clone());
                    shared.accounts.clone_from(accounts);
                });
            }
            Event::LeftoverRemoved { resource } => {
                self.changed = true;
                self.removed.push(resource.clone());
            }
            Event::Found(finding) => self.findings.push(finding.clone()),
            Event::Failed(error) => self.errors.push(error.clone()),
        }
    }

    /// Whether the run was cut off by its deadline.
    pub fn is_past_deadline(&self) -> bool {
        self.errors.iter().any(|error| error.code == Code::Deadline)
    }

    fn image(&mut self, source: &AmiId, change: impl FnOnce(&mut SharedImage)) {
        self.images.iter_mut().find(|image| &image.source == source).map(change);
    }

    fn key(&mut self, arn: &KeyArn, change: impl FnOnce(&mut SharedKey)) {
        self.keys.iter_mut().find(|key| &key.key == arn).map(change);
    }
}

fn adopted(plan: &Plan, source: &AmiId) -> Option<AmiId> {
    plan.steps.iter().find_map(|step| match step {
        Step::Copy(copy) if &copy.source == source => copy.adopt.clone(),
        _ => None,
    })
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
