//! What is done in each target account, with a role there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::name::{NameParts, NameTemplate};
use super::options::is_false;
use super::{Keys, ManagedPolicy, TargetRole};
use crate::id::{AccountId, KeyRef, Region};

/// What a run does in each target account. Everything but [`verify`](Self::verify) needs the
/// [`role`](Self::role).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct TargetOptions {
    pub(crate) role: Option<TargetRole>,
    pub(crate) external_id: Option<String>,
    pub(crate) run_name: Option<String>,
    pub(crate) keys: Keys,
    pub(crate) unshare_after_copy: bool,
    pub(crate) launch_roles: BTreeSet<String>,
    pub(crate) launch_policy: Option<ManagedPolicy>,
    pub(crate) services: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) launch_templates: BTreeSet<String>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) set_default_version: bool,
    pub(crate) verify: Verify,
    pub(crate) launch: LaunchWith,
}

/// How a run checks that targets can launch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verify {
    /// Not at all.
    None,
    /// By permissions and states.
    #[default]
    Permissions,
    /// By a real instance in each target, terminated at once (`ec2:RunInstances`).
    Launch,
}

/// What [`Verify::Launch`] launches with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct LaunchWith {
    /// The instance type; by default a small one that fits the image and that the Region offers.
    pub instance_type: Option<String>,
    /// The subnet, `subnet-…`; by default one of the default VPC.
    pub subnet: Option<String>,
    /// Subnets of single targets. Each is under its account, its Region, or both, as in
    /// `222222222222/eu-west-1`; the one that says more goes before the other.
    pub subnets: BTreeMap<String, String>,
}

impl LaunchWith {
    /// The subnet in a target, if one is given.
    pub(crate) fn subnet_in(&self, account: &AccountId, region: &Region) -> Option<&str> {
        let both = self.subnets.get(&format!("{account}/{region}"));
        let of_account = both.or_else(|| self.subnets.get(account.as_ref()));
        let found = of_account.or_else(|| self.subnets.get(region.as_ref()));
        found.or(self.subnet.as_ref()).map(String::as_str)
    }
}

impl TargetOptions {
    /// Sets the role to assume in each target (`sts:AssumeRole`).
    #[must_use]
    pub fn role(mut self, role: TargetRole) -> Self {
        self.role = Some(role);
        self
    }

    /// Sets the external ID that the role's trust policy asks for.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// Names the sessions in targets after this run, so that CloudTrail there shows which run it
    /// was.
    #[must_use]
    pub fn run_name(mut self, name: impl Into<String>) -> Self {
        self.run_name = Some(name.into());
        self
    }

    /// Copies each shared image in each target, re-encrypted with this key of the target's
    /// (`ec2:CopyImage`).
    #[must_use]
    pub fn kms_key(mut self, key: KeyRef) -> Self {
        self.keys.all = Some(key);
        self
    }

    /// Copies with this key in one Region.
    #[must_use]
    pub fn kms_key_in(mut self, region: Region, key: KeyRef) -> Self {
        self.keys.of_region.insert(region, key);
        self
    }

    /// Sets whether a target loses access to the source once its own copy is available.
    #[must_use]
    pub fn unshare_after_copy(mut self, unshare: bool) -> Self {
        self.unshare_after_copy = unshare;
        self
    }

    /// Allows these roles in each target, by name, to launch with the keys.
    #[must_use]
    pub fn launch_roles(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.launch_roles.extend(names);
        self
    }

    /// Sets the managed policy in each target to attach to those roles. Without one, an inline
    /// policy is put.
    #[must_use]
    pub fn launch_policy(mut self, policy: ManagedPolicy) -> Self {
        self.launch_policy = Some(policy);
        self
    }

    /// Allows the service-linked roles of these services to launch with the keys, such as
    /// `autoscaling.amazonaws.com`.
    #[must_use]
    pub fn service_linked_roles(mut self, services: impl IntoIterator<Item = String>) -> Self {
        self.services.extend(services);
        self
    }

    /// Gives these launch templates in each target, by ID or name, a new version with the image
    /// that the target launches (`ec2:CreateLaunchTemplateVersion`). Names have the placeholders
    /// of [`copy_name`](super::ShareRequestBuilder::copy_name). An ID is looked for in every
    /// target, and one target has it.
    #[must_use]
    pub fn launch_templates(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.launch_templates.extend(names);
        self
    }

    /// Sets whether that version becomes the default one (`ec2:ModifyLaunchTemplate`).
    #[must_use]
    pub fn set_default_version(mut self, set: bool) -> Self {
        self.set_default_version = set;
        self
    }

    /// Sets how the run checks that targets can launch.
    #[must_use]
    pub fn verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// What [`Verify::Launch`] launches with.
    #[must_use]
    pub fn launch_with(mut self, launch: LaunchWith) -> Self {
        self.launch = launch;
        self
    }

    /// The names of the roles that launch, without the paths that they may be given with: IAM's
    /// calls take names.
    pub(crate) fn launch_role_names(&self) -> impl Iterator<Item = &str> {
        let roles = self.launch_roles.iter();
        roles.map(|role| role.rsplit('/').next().unwrap_or(role))
    }

    /// The launch templates for an image, by ID or name.
    pub(crate) fn launch_templates_for(&self, parts: &NameParts<'_>) -> BTreeSet<String> {
        let templates = self.launch_templates.iter();
        let checked = templates.filter_map(|name| NameTemplate::for_launch_templates(name).ok());
        checked.map(|template| template.fill(parts)).collect()
    }

    /// Whether targets make copies of their own.
    pub(crate) fn copies(&self) -> bool {
        self.keys.each().next().is_some()
    }

    /// The name of a session in a target, in the characters that STS takes (R5.2).
    pub(crate) fn session(&self) -> String {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(*c);
        let name: String = self
            .run_name
            .iter()
            .flat_map(|name| name.chars())
            .filter(allowed)
            .take(50)
            .collect();
        if name.is_empty() {
            "ami-share".to_owned()
        } else {
            format!("ami-share-{name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_name_is_the_run_name_in_characters_that_sts_takes() {
        let name = |run: &str| TargetOptions::default().run_name(run).session();
        assert_eq!(name("octo/repo 42"), "ami-share-octorepo42");
        assert_eq!(name(""), "ami-share");
        assert!(name(&"n".repeat(100)).len() <= 64);
    }
}
