//! What a run will do, as a value: [`Plan`]. A dry run prints the very value that `apply` carries
//! out.

pub(crate) mod adopt;
mod allowed_images;
mod copies;
mod expected;
mod general;
mod groups;
mod image_usage;
mod images;
mod key_use;
mod keys;
mod launch_roles;
mod launch_templates;
mod lifecycle;
mod names;
mod own_copy;
mod own_grant;
mod parts;
mod permissions;
mod planner;
mod remains;
mod removals;
mod retirement;
mod service_roles;
mod share;
mod shared_tags;
mod step;
mod steps;
mod targets;
mod temporary;
mod watermark;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use crate::diagnostic::{Error, Finding, FindingCode, Severity};
use crate::id::{AccountId, KeyArn, Partition, Principal, Region, RoleArn, SourceImage};
use crate::policy::key_policy::access_statements;
use crate::policy::launch_policy;
use crate::request::{OrganizationAccounts, ShareRequest, Verify};

use self::remains::Remains;

pub(crate) use groups::add_new;
pub(crate) use image_usage::{describe_use, full_report, image_use_unknown, users_among};
pub(crate) use images::refuse_share;
pub(crate) use key_use::key_still_used;
pub(crate) use keys::certain_denial;
pub(crate) use launch_templates::{image_of, resolving_template};
pub(crate) use lifecycle::{deprecation_moment, rfc3339};
pub(crate) use names::ImageGrantName;
pub(crate) use own_copy::{called_copies, not_ours};
pub(crate) use own_grant::OwnGrant;
pub(crate) use parts::make;
pub(crate) use remains::{copy_still_shared, image_shared_again, image_still_shared};
pub(crate) use retirement::{
    Standing, deprecated_since, disabled_since, images_to_take, judge_images,
};
pub(crate) use step::KeyReads;

pub use crate::policy::key_policy::{KeyPermissions, PolicyPrincipal};
pub use groups::PlannedGroup;
pub use step::{
    AwaitGrace, CopyImage, Deprecate, DeprecateNow, DeregisterImage, DisableImage, ForgetDisabled,
    ForgetTemporaryAccess, Grants, GroupImage, ImageOfVersion, KeptBecause, KeptImage, KeyAccess,
    KeyUsage, LaunchPermission, LaunchRole, Leftovers, NextStep, NoteDisabled, PolicyChange,
    Protect, Publish, ReclaimAccess, Removal, RemoveCopy, RemoveKeyAccess, RemovePermissions,
    RemoveRolePolicy, RetirementState, RolePolicy, ServiceRole, ShareTags, SharedImage,
    SnapshotPermission, Step, Steps, TagShared, TargetCopy, UpdateLaunchTemplate, Watermark,
};

/// What a run will do, and what speaks against it.
///
/// Steps say what is to be, not which calls are made: `apply` reads what it changes right before it
/// changes it, and does nothing if the step is in effect already.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Plan {
    /// The source account.
    pub account: AccountId,
    /// The Regions of the run.
    pub regions: BTreeSet<Region>,
    /// The images that the request names, in its order.
    pub images: Vec<SourceImage>,
    /// The principals to share with, or to revoke access from, without the source account.
    pub targets: BTreeSet<Principal>,
    /// The organizations and units whose accounts were listed, with those accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub organizations: Vec<OrganizationAccounts>,
    /// What is to be done, in order.
    pub steps: Steps,
    /// The problems that were found before anything is changed.
    pub findings: Vec<Finding>,
    /// Why parts of the request are left out: they could not be read, or a finding refuses them.
    /// The others are carried out, and the run fails in the end.
    pub errors: Vec<Error>,
    /// The images of a retirement that stay as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub kept: Vec<KeptImage>,
    /// The groups that it was made for, if there are several: each with its targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub groups: Vec<PlannedGroup>,
    /// The keys in whose policies policy variables work, as far as those were read.
    #[serde(skip)]
    pub(crate) keys_with_variables: BTreeSet<KeyArn>,
    /// The aliases by which the request names keys.
    #[serde(skip)]
    pub(crate) key_aliases: Arc<BTreeMap<KeyArn, String>>,
    /// What it says stays, each with a finding of its own.
    #[serde(skip)]
    pub(crate) remains: Vec<Remains>,
    /// The request that the plan was made for.
    #[serde(skip)]
    pub(crate) request: ShareRequest,
    /// When the run that this plan begins must end.
    #[serde(skip)]
    pub(crate) deadline: Instant,
}

impl Plan {
    /// A plan without steps that a finding refuses.
    pub(crate) fn refused(
        request: &ShareRequest,
        account: &AccountId,
        finding: Finding,
        deadline: Instant,
    ) -> Self {
        Self {
            findings: vec![finding],
            ..Self::empty(request, account, deadline)
        }
    }

    /// A plan without steps and findings.
    pub(crate) fn empty(request: &ShareRequest, account: &AccountId, deadline: Instant) -> Self {
        let mut targets = request.options.targets.clone();
        targets.remove(&Principal::Account(account.clone()));
        Self {
            account: account.clone(),
            regions: request.regions(),
            images: request.images.clone(),
            targets,
            organizations: request.listed_organizations().to_vec(),
            steps: Steps::default(),
            findings: Vec::new(),
            errors: Vec::new(),
            kept: Vec::new(),
            groups: Vec::new(),
            keys_with_variables: BTreeSet::new(),
            key_aliases: Arc::default(),
            remains: Vec::new(),
            request: request.clone(),
            deadline,
        }
    }

    /// The same without its steps and groups.
    pub(crate) fn without_steps(&self) -> Self {
        Self {
            steps: Steps::default(),
            groups: Vec::new(),
            ..self.clone()
        }
    }

    /// The alias by which the request names a key, such as `alias/golden`.
    pub fn key_alias(&self, key: &KeyArn) -> Option<&str> {
        self.key_aliases.get(key).map(String::as_str)
    }

    /// The steps that would change anything.
    pub fn changing_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.changes())
    }

    /// Whether carrying it out would change anything.
    pub fn changes(&self) -> bool {
        self.steps.iter().any(Step::changes)
    }

    /// Whether carrying it out may change anything: it would, or not everything could be looked at.
    pub fn may_change(&self) -> bool {
        let mut findings = self.findings.iter();
        let is_pending = findings.any(|finding| finding.code == FindingCode::ImagePending);
        self.changes() || !self.errors.is_empty() || is_pending
    }

    /// The findings that refuse the plan.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.severity == Severity::Refuse)
    }

    /// The keys that targets need.
    pub fn keys(&self) -> BTreeSet<&KeyArn> {
        self.launch_permissions()
            .flat_map(|launch| &launch.keys)
            .collect()
    }

    /// The identity policy that principals in a target need besides `ec2:RunInstances`: the use of
    /// the shared keys, through EC2 only. The default EBS key of the target encrypts the volumes,
    /// so they need the same for that key if it is a customer managed one. `None` if no image is
    /// encrypted.
    pub fn launch_policy(&self) -> Option<serde_json::Value> {
        let keys: Vec<&str> = self.keys().into_iter().map(AsRef::as_ref).collect();
        (!keys.is_empty()).then(|| launch_policy::document(self.partition(), &keys))
    }

    /// The statements that the policies of the keys need, without duplicates, for users who keep
    /// key policies in code.
    pub fn key_policy_statements(&self) -> Vec<serde_json::Value> {
        if !self.groups.is_empty() {
            let mut statements = Vec::new();
            for group in &self.groups {
                add_new(&mut statements, &group.plan.key_policy_statements());
            }
            return statements;
        }
        let targets = self.targets.iter();
        let principals: BTreeSet<_> = targets.filter_map(PolicyPrincipal::of).collect();
        let mut statements = Vec::new();
        for key in self.keys() {
            let permissions = self.request.key_permissions();
            let has_variables = self.keys_with_variables.contains(key);
            for statement in access_statements(key, &permissions, &principals, has_variables) {
                if !statements.contains(&statement) {
                    statements.push(statement);
                }
            }
        }
        statements
    }

    /// The roles that launch in a target, if they are known: those that the request names, or else
    /// the role that is assumed there, if it starts instances to verify.
    pub(crate) fn launchers(&self, account: &AccountId) -> Vec<LauncherRole> {
        let options = &self.request.options.in_targets;
        let mut launchers = Vec::new();
        for name in options.launch_role_names() {
            launchers.push(LauncherRole::Name(name.to_owned()));
        }
        if launchers.is_empty()
            && options.verify == Verify::Launch
            && let Some(role) = &options.role
        {
            let role = role.in_account(self.partition(), account);
            launchers.extend(role.map(LauncherRole::Arn));
        }
        launchers
    }

    /// The partition of every Region of the run.
    pub(crate) fn partition(&self) -> Partition {
        let first = self.regions.first();
        first.map_or(Partition::Aws, Region::partition)
    }
}

/// A role that launches in a target.
#[derive(Clone, Debug)]
pub(crate) enum LauncherRole {
    /// Its name, as IAM's calls take it.
    Name(String),
    Arn(RoleArn),
}

impl fmt::Display for LauncherRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Arn(arn) => arn.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
