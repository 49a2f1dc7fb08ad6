//! What the caller wants: [`ShareRequest`], checked as a whole, so that all problems are reported
//! together.

mod build;
mod builder;
mod check;
mod group;
mod keys;
pub(crate) mod name;
mod options;
mod organizations;
mod retire;
mod target_names;
mod targets;
mod text;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ImageParameter, Principal, Region, SourceImage};
use crate::policy::key_policy::{KeyPermissions, KeyPolicy};
use crate::request::name::NameTemplate;

pub use crate::policy::key_policy::KeyScope;
pub use builder::ShareRequestBuilder;
pub use group::{Contradiction, RequestGroup, contradictions};
pub(crate) use group::{GroupShares, find_contradictions};
pub(crate) use keys::Keys;
pub(crate) use options::Options;
pub use options::{
    DeprecateAt, KeyAccessMode, Revoke, ShareSnapshots, TagsToShare, Timing, Unlisted,
};
pub use organizations::{ExpandOrganizations, OrganizationAccounts};
pub(crate) use organizations::{Expansion, Members};
pub use retire::Retire;
pub use target_names::{ManagedPolicy, TargetRole};
pub use targets::{LaunchWith, TargetOptions, Verify};

/// One thing wrong with a request: which field, and what is allowed there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Problem {
    /// The field, by the name of the action's input for it.
    pub field: &'static str,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl Problem {
    /// A problem with `field`.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}

/// Everything that is wrong with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Each problem.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Images to share, with whom, and how; or to revoke. Made by [`ShareRequest::builder`], or read
/// with serde, which checks it as the builder does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ShareRequestBuilder", into = "ShareRequestBuilder")]
#[non_exhaustive]
pub struct ShareRequest {
    /// The Region that questions about the whole run are asked in.
    pub(crate) home: Region,
    pub(crate) images: Vec<SourceImage>,
    /// The parameters that hold more images; none once they are read.
    pub(crate) image_parameters: Vec<ImageParameter>,
    pub(crate) copy_name: NameTemplate,
    pub(crate) parameter: Option<NameTemplate>,
    pub(crate) options: Options,
    /// What its organizations were expanded to, once they are listed.
    pub(crate) expansion: Option<Expansion>,
}

impl TryFrom<ShareRequestBuilder> for ShareRequest {
    type Error = Problems;

    fn try_from(builder: ShareRequestBuilder) -> Result<Self, Problems> {
        builder.build()
    }
}

impl From<ShareRequest> for ShareRequestBuilder {
    fn from(request: ShareRequest) -> Self {
        let mut builder = Self::default();
        let given = request.given_targets().clone();
        if request.options.retire.is_some() {
            builder = builder.region(request.home);
        }
        for image in request.images {
            builder = builder.image_in(image.region, image.ami);
        }
        for parameter in request.image_parameters {
            builder = builder.image_of_parameter(Some(parameter.region), parameter.name);
        }
        builder.copy_name = request.copy_name.to_string();
        builder.parameter = request.parameter.map(|name| name.to_string());
        builder.options = request.options;
        builder.options.targets = given;
        builder
    }
}

impl ShareRequest {
    /// How much one run may be about: images times Regions times targets.
    pub const MOST_SHARES: usize = 100_000;

    /// A builder with the defaults of the action's inputs.
    pub fn builder() -> ShareRequestBuilder {
        ShareRequestBuilder::default()
    }

    /// The images, in the order they were given; without those of
    /// [parameters](ShareRequestBuilder::image_of_parameter).
    pub fn images(&self) -> &[SourceImage] {
        &self.images
    }

    /// How much it is about: its images times its Regions times its targets.
    pub fn shares(&self) -> usize {
        let images = self.images.len() + self.image_parameters.len();
        let regions = self.regions().len();
        images * regions * self.targets().len().max(1)
    }

    /// Those to share with, or to take access from.
    pub fn targets(&self) -> &BTreeSet<Principal> {
        &self.options.targets
    }

    /// How long the run may take, and how often it looks.
    pub fn timing(&self) -> &Timing {
        &self.options.timing
    }

    /// The request as it was given, without what only says how a run of it goes, its images in
    /// order.
    pub(crate) fn without_course(&self) -> Self {
        let mut request = self.clone();
        request.images.sort();
        if request.options.retire.is_some() {
            // Found, and not given.
            request.images.clear();
            request.options.revoke = None;
        }
        let options = &mut request.options;
        options.targets.clone_from(self.given_targets());
        options.timing = Timing::default();
        options.max_concurrency = 1;
        options.expected_plan = None;
        options.in_targets.run_name = None;
        request
    }

    /// The request without those whom it is for.
    pub(crate) fn without_targets(&self) -> Self {
        let mut request = self.clone();
        request.options.targets.clear();
        request.options.expand_organizations = None;
        request.options.revoke = None;
        request
    }

    /// The same, to be checked and not carried out.
    pub(crate) fn to_verify(&self) -> Self {
        let mut request = self.clone();
        request.options.verify_only = true;
        request
    }

    /// The accounts to share with, or to take access from.
    pub(crate) fn target_accounts(&self) -> BTreeSet<&AccountId> {
        self.options
            .targets
            .iter()
            .filter_map(Principal::account)
            .collect()
    }

    /// The Region that questions about the whole run are asked in: that of the first image, or of
    /// the run itself if it names none.
    pub(crate) fn home(&self) -> &Region {
        &self.home
    }

    /// The ARN of the managed policy of launch roles in a target, if the request names one. It is
    /// of the partition of the run, whatever keys there are.
    pub(crate) fn launch_policy_in(&self, account: &AccountId) -> Option<String> {
        let policy = self.options.in_targets.launch_policy.as_ref()?;
        Some(policy.in_account(self.home.partition(), account))
    }

    /// The request with the images that its parameters hold.
    pub(crate) fn with_images(&self, images: impl IntoIterator<Item = SourceImage>) -> Self {
        let mut request = self.clone();
        request.image_parameters.clear();
        for image in images {
            if !request.images.contains(&image) {
                request.images.push(image);
            }
        }
        request
    }

    /// The request to take these images from everybody, which it retires.
    pub(crate) fn retiring(&self, images: Vec<SourceImage>) -> Self {
        let mut request = self.clone();
        request.images = images;
        request.image_parameters.clear();
        request.options.revoke = Some(Revoke {
            all: true,
            ..Revoke::default()
        });
        request
    }

    /// A key policy as this run writes it back, before its own changes.
    pub(crate) fn writable_policy(&self, policy: &KeyPolicy) -> KeyPolicy {
        let cleaned = if self.options.drop_stale_principals {
            policy.without_stale_principals().ok()
        } else {
            None
        };
        cleaned.unwrap_or_else(|| policy.clone())
    }

    /// What targets need of the keys. Those that copy launch with keys of their own.
    pub(crate) fn key_permissions(&self) -> KeyPermissions {
        let target_options = &self.options.in_targets;
        let services = if target_options.copies() {
            BTreeSet::new()
        } else {
            target_options.services.clone()
        };
        KeyPermissions {
            scope: self.options.key_scope.unwrap_or_default(),
            services,
        }
    }

    /// The Regions in which the image is shared: its own, and those that it is copied to.
    pub(crate) fn regions_of(&self, image: &SourceImage) -> BTreeSet<Region> {
        self.options
            .copy_to_regions
            .iter()
            .chain([&image.region])
            .cloned()
            .collect()
    }

    /// Whether names depend on the aliases of accounts.
    pub(crate) fn needs_aliases(&self) -> bool {
        let mut names = self.parameter.iter().chain([&self.copy_name]);
        let mut templates = self.options.in_targets.launch_templates.iter();
        names.any(NameTemplate::needs_alias)
            || templates.any(|name| {
                let template = NameTemplate::for_launch_templates(name);
                template.is_ok_and(|template| template.needs_alias())
            })
    }

    /// Every Region of the run.
    pub(crate) fn regions(&self) -> BTreeSet<Region> {
        let images = self.images.iter().map(|image| &image.region);
        let parameters = self.image_parameters.iter();
        let all = images.chain(parameters.map(|parameter| &parameter.region));
        let all = all.chain(&self.options.copy_to_regions);
        all.chain([&self.home]).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_read_as_it_was_written() {
        let builder = ShareRequest::builder()
            .region("us-east-1".parse().unwrap())
            .image("ami-1a2b3c4d".parse().unwrap())
            .target_account("222222222222".parse().unwrap())
            .kms_key("alias/golden".parse().unwrap())
            .copy_name("{name}-{account}")
            .publish_ssm_parameter("/images/{name}")
            .tag("team", "a")
            .deprecate_at(DeprecateAt::AfterCreation(Timing::LONGEST))
            .target_options(
                TargetOptions::default()
                    .role("consumer".parse().unwrap())
                    .kms_key("alias/own".parse().unwrap()),
            );
        let request = builder.build().unwrap();
        let text = serde_json::to_string(&request).unwrap();
        assert!(text.contains(r#""timeout":"2h""#), "{text}");
        assert!(text.contains(r#""poll":"5s..1m""#), "{text}");
        assert_eq!(
            serde_json::from_str::<ShareRequest>(&text).unwrap(),
            request
        );
    }

    #[test]
    fn request_that_is_read_is_checked() {
        let table = [
            (r"{}", "ami-id"),
            (r#"{"images":[["us-east-1","ami-1"]]}"#, "ami-1"),
            (r#"{"image":"ami-1a2b3c4d"}"#, "unknown field"),
            (r#"{"options":{"timing":{"timeout":"soon"}}}"#, "soon"),
            (
                r#"{"options":{"allowed-accounts":[]}}"#,
                "allowed-account-ids: an empty list",
            ),
        ];
        for (text, expected) in table {
            let error = serde_json::from_str::<ShareRequest>(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
    }
}
