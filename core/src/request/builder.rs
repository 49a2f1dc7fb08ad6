//! Collects a request piece by piece.

mod images;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::options::{
    DeprecateAt, KeyAccessMode, Options, Revoke, ShareSnapshots, TagsToShare, Timing, Unlisted,
};
use super::text::TextDuration;
use super::{ExpandOrganizations, KeyScope, Retire, TargetOptions};
use crate::id::{AccountId, AmiId, KeyRef, PlanDigest, Principal, Region, RoleArn};

/// Collects a [`ShareRequest`](super::ShareRequest); [`build`](Self::build) checks it.
///
/// Read and written with serde it is a request that was not checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ShareRequestBuilder {
    pub(super) region: Option<Region>,
    pub(super) images: Vec<(Option<Region>, AmiId)>,
    pub(super) image_parameters: Vec<(Option<Region>, String)>,
    pub(super) copy_name: String,
    pub(super) parameter: Option<String>,
    pub(super) options: Options,
}

impl Default for ShareRequestBuilder {
    fn default() -> Self {
        Self {
            region: None,
            images: Vec::new(),
            image_parameters: Vec::new(),
            copy_name: "{name}".to_owned(),
            parameter: None,
            options: Options::default(),
        }
    }
}

impl ShareRequestBuilder {
    /// Adds an account to share with.
    #[must_use]
    pub fn target_account(self, account: AccountId) -> Self {
        self.target_accounts([account])
    }

    /// Adds accounts to share with.
    #[must_use]
    pub fn target_accounts(self, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        self.targets(accounts.into_iter().map(Principal::Account))
    }

    /// Adds accounts, organizations or organizational units to share with.
    #[must_use]
    pub fn targets(mut self, targets: impl IntoIterator<Item = Principal>) -> Self {
        self.options.targets.extend(targets);
        self
    }

    /// Takes organizations and units for their accounts too, which AWS is asked for.
    #[must_use]
    pub fn expand_organizations(mut self, expand: ExpandOrganizations) -> Self {
        self.options.expand_organizations = Some(expand);
        self
    }

    /// Refuses to start in any other source account than these; an empty list is a problem.
    #[must_use]
    pub fn allowed_accounts(mut self, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        let allowed = &mut self.options.allowed_accounts;
        allowed.get_or_insert_default().extend(accounts);
        self
    }

    /// Requires a tag of every source image.
    #[must_use]
    pub fn require_image_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options
            .require_image_tags
            .insert(key.into(), value.into());
        self
    }

    /// Re-encrypts with this key before sharing, in every Region. An image whose volumes are all
    /// under it is not copied.
    #[must_use]
    pub fn kms_key(mut self, key: KeyRef) -> Self {
        self.options.keys.all = Some(key);
        self
    }

    /// Re-encrypts with this key in one Region.
    #[must_use]
    pub fn kms_key_in(mut self, region: Region, key: KeyRef) -> Self {
        self.options.keys.of_region.insert(region, key);
        self
    }

    /// Copies every image to these Regions, and shares the copies.
    #[must_use]
    pub fn copy_to_regions(mut self, regions: impl IntoIterator<Item = Region>) -> Self {
        self.options.copy_to_regions.extend(regions);
        self
    }

    /// Names the copies, with the placeholders `{name} {ami-id} {region} {account} {account-alias}
    /// {architecture} {tag:KEY}`: those of the image, and where the copy is.
    #[must_use]
    pub fn copy_name(mut self, template: impl Into<String>) -> Self {
        self.copy_name = template.into();
        self
    }

    /// Has AWS complete copies within this time, for a fee: 15 minutes to 48 hours, in steps of 15
    /// minutes.
    #[must_use]
    pub fn copy_completion(mut self, time: Duration) -> Self {
        self.options.copy_completion = Some(TextDuration(time));
        self
    }

    /// Describes the copies. Without it, they have the description of their image.
    #[must_use]
    pub fn copy_description(mut self, description: impl Into<String>) -> Self {
        self.options.copy_description = Some(description.into());
        self
    }

    /// Sets whether an image that needs no copy in its own Region is shared there itself. If it is
    /// not, that Region needs no key of its own when others have one, and gets no copy then.
    #[must_use]
    pub fn share_source(mut self, share: bool) -> Self {
        self.options.share_source = share;
        self
    }

    /// Sets whether copies get the tags of their source.
    #[must_use]
    pub fn copy_image_tags(mut self, copy: bool) -> Self {
        self.options.copy_image_tags = copy;
        self
    }

    /// Adds a tag to copies and their snapshots.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.tags.insert(key.into(), value.into());
        self
    }

    /// Sets how targets are given access to the keys.
    #[must_use]
    pub fn key_access(mut self, mode: KeyAccessMode) -> Self {
        self.options.key_access = mode;
        self
    }

    /// Sets how targets may use the keys by a key policy.
    #[must_use]
    pub fn key_scope(mut self, scope: KeyScope) -> Self {
        self.options.key_scope = Some(scope);
        self
    }

    /// Sets the role to assume for the policy and grants of keys that another account owns.
    #[must_use]
    pub fn key_role(mut self, role: RoleArn) -> Self {
        self.options.key_role = Some(role);
        self
    }

    /// Sets whether snapshots are shared too.
    #[must_use]
    pub fn share_snapshots(mut self, share: ShareSnapshots) -> Self {
        self.options.share_snapshots = share;
        self
    }

    /// Sets which tags of shared images every recipient sees; targets then tag none themselves.
    #[must_use]
    pub fn share_tags(mut self, tags: TagsToShare) -> Self {
        self.options.share_tags = Some(tags);
        self
    }

    /// Attaches a watermark of this name to the shared images, by which targets can allow them
    /// (Allowed AMIs). Copies keep it, whoever makes them.
    #[must_use]
    pub fn watermark(mut self, name: impl Into<String>) -> Self {
        self.options.watermark = Some(name.into());
        self
    }

    /// Sets what becomes of principals that have access and are not listed.
    #[must_use]
    pub fn unlisted(mut self, unlisted: Unlisted) -> Self {
        self.options.unlisted = unlisted;
        self
    }

    /// Revokes access instead of giving it.
    #[must_use]
    pub fn revoke(mut self, revoke: Revoke) -> Self {
        self.options.revoke = Some(revoke);
        self
    }

    /// Sets whether images are revoked that AWS reports in use; else that refuses the plan.
    #[must_use]
    pub fn revoke_in_use(mut self, revoke: bool) -> Self {
        self.options.revoke_in_use = revoke;
        self
    }

    /// Retires images of the source account instead of sharing any, in the [Region](Self::region)
    /// of the request and those of [`copy_to_regions`](Self::copy_to_regions). No image is named
    /// then, but [parameters](Self::image_of_parameter) may name some that stay.
    #[must_use]
    pub fn retire(mut self, retire: Retire) -> Self {
        self.options.retire = Some(retire);
        self
    }

    /// Only asks who uses the images, with [`Sharer::usage`](crate::Sharer::usage): no target is
    /// needed.
    #[must_use]
    pub fn usage_only(mut self) -> Self {
        self.options.usage_only = true;
        self
    }

    /// Sets whether principals that no longer exist are removed from a key policy that is written:
    /// KMS refuses it with them. They give access to nobody.
    #[must_use]
    pub fn drop_stale_principals(mut self, drop: bool) -> Self {
        self.options.drop_stale_principals = drop;
        self
    }

    /// Deprecates the shared images.
    #[must_use]
    pub fn deprecate_at(mut self, at: DeprecateAt) -> Self {
        self.options.deprecate_at = Some(at);
        self
    }

    /// Sets whether the shared images are protected from being deregistered.
    #[must_use]
    pub fn deregistration_protection(mut self, protect: bool) -> Self {
        self.options.deregistration_protection = protect;
        self
    }

    /// Writes each shared image into the SSM parameter of this name, with the placeholders of
    /// [`copy_name`](Self::copy_name).
    #[must_use]
    pub fn publish_ssm_parameter(mut self, template: impl Into<String>) -> Self {
        self.parameter = Some(template.into());
        self
    }

    /// Sets whether that parameter is written even if it holds something other than an AMI ID.
    #[must_use]
    pub fn overwrite_ssm_parameter(mut self, overwrite: bool) -> Self {
        self.options.overwrite_parameter = overwrite;
        self
    }

    /// Names principals that other requests share the same images with, so that
    /// [`unlisted`](Self::unlisted) is not about them.
    #[must_use]
    pub fn listed_elsewhere(mut self, principals: impl IntoIterator<Item = Principal>) -> Self {
        self.options.listed_elsewhere.extend(principals);
        self
    }

    /// Sets what is done in each target account, with a role there.
    #[must_use]
    pub fn target_options(mut self, target_options: TargetOptions) -> Self {
        self.options.in_targets = target_options;
        self
    }

    /// Refuses any plan but the one with this digest, [`Plan::digest`](crate::Plan::digest), with
    /// the finding `plan.not-expected`: nothing else than what somebody approved is carried out.
    #[must_use]
    pub fn expect_plan(mut self, digest: PlanDigest) -> Self {
        self.options.expected_plan = Some(digest);
        self
    }

    /// Sets how long the run may take, and how often it checks.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.options.timing = timing;
        self
    }

    /// Sets how many calls may run at once.
    #[must_use]
    pub fn max_concurrency(mut self, calls: usize) -> Self {
        self.options.max_concurrency = calls;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::ShareRequest;

    #[test]
    fn builder_reports_every_problem_at_once_and_panics_on_no_number() {
        let longest = Duration::MAX;
        let timing = Timing {
            timeout: longest,
            poll: (longest, longest),
            settle: longest,
        };
        let builder = ShareRequest::builder()
            .timing(timing)
            .max_concurrency(0)
            .copy_name("{")
            .tag("aws:x", "y");
        let fields: Vec<&str> = builder
            .validate()
            .iter()
            .map(|problem| problem.field)
            .collect();
        let expected = [
            "ami-id",
            "aws-region",
            "target-accounts",
            "tags",
            "copy-name",
            "timeout",
            "poll-interval",
            "settle",
            "max-concurrency",
        ];
        assert_eq!(fields, expected);
        let error: Box<dyn std::error::Error> = builder.build().unwrap_err().into();
        let lines = error.to_string();
        assert_eq!(
            lines
                .lines()
                .map(|line| line.split_once(": ").unwrap().0)
                .collect::<Vec<_>>(),
            expected
        );
    }
}
