//! What the caller wants: [`ShareRequest`], checked as a whole, so that every problem is said at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::id::{AccountId, AmiId, KeyRef, Region};
use crate::name::NameTemplate;

/// How targets may use the key of a shared image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyScope {
    /// Only through EC2, as AWS's own policy of `aws/ebs` has it.
    #[default]
    ViaEc2,
    /// Also by calling KMS directly.
    Direct,
}

/// How long things may take, and how often to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The whole run's deadline, counted from the start of [`Sharer::plan`](crate::Sharer::plan).
    pub timeout: Duration,
    /// The shortest and the longest pause between two looks at something awaited.
    pub poll: (Duration, Duration),
    /// How long a key policy is left alone after a change before it is looked at again. Under 8 s a put of a run
    /// beside this one, or a stale read of it, can be missed.
    pub settle: Duration,
}

impl Timing {
    /// The longest that any of these may be.
    pub const LONGEST: Duration = Duration::from_hours(7 * 24);

    /// The shortest [`settle`](Self::settle) that keeps every statement when several runs change one key: a put may
    /// land 7 s after its read, and a read may be a second old.
    pub const SAFE_SETTLE: Duration = Duration::from_secs(8);
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            timeout: Duration::from_hours(2),
            poll: (Duration::from_secs(5), Duration::from_mins(1)),
            settle: Duration::from_secs(10),
        }
    }
}

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
        Self { field, message: message.into() }
    }
}

/// Images to share with accounts, and how. Made by [`ShareRequest::builder`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ShareRequest {
    pub(crate) region: Region,
    pub(crate) images: Vec<AmiId>,
    pub(crate) targets: BTreeSet<AccountId>,
    pub(crate) allowed_accounts: BTreeSet<AccountId>,
    pub(crate) require_image_tags: BTreeMap<String, String>,
    pub(crate) kms_key: Option<KeyRef>,
    pub(crate) key_scope: KeyScope,
    pub(crate) copy_name: NameTemplate,
    pub(crate) copy_tags: bool,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) timing: Timing,
    pub(crate) max_concurrency: usize,
}

impl ShareRequest {
    /// A builder with the defaults of the action's inputs.
    pub fn builder() -> ShareRequestBuilder {
        ShareRequestBuilder::default()
    }

    /// The Region of the images.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The images, in the order they were given.
    pub fn images(&self) -> &[AmiId] {
        &self.images
    }

    /// The accounts to share with.
    pub fn targets(&self) -> &BTreeSet<AccountId> {
        &self.targets
    }

    /// How long the run may take, and how often it looks.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }
}

/// Collects a [`ShareRequest`]; [`build`](Self::build) checks it.
#[derive(Clone, Debug)]
pub struct ShareRequestBuilder {
    region: Option<Region>,
    images: Vec<AmiId>,
    targets: BTreeSet<AccountId>,
    allowed_accounts: BTreeSet<AccountId>,
    require_image_tags: BTreeMap<String, String>,
    kms_key: Option<KeyRef>,
    key_scope: KeyScope,
    copy_name: String,
    copy_tags: bool,
    tags: BTreeMap<String, String>,
    timing: Timing,
    max_concurrency: usize,
}

impl Default for ShareRequestBuilder {
    fn default() -> Self {
        Self {
            region: None,
            images: Vec::new(),
            targets: BTreeSet::new(),
            allowed_accounts: BTreeSet::new(),
            require_image_tags: BTreeMap::new(),
            kms_key: None,
            key_scope: KeyScope::default(),
            copy_name: "{name}".to_owned(),
            copy_tags: true,
            tags: BTreeMap::new(),
            timing: Timing::default(),
            max_concurrency: 32,
        }
    }
}

impl ShareRequestBuilder {
    /// The Region of the images and of their keys.
    #[must_use]
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// One more image to share.
    #[must_use]
    pub fn image(self, image: AmiId) -> Self {
        self.images([image])
    }

    /// More images to share.
    #[must_use]
    pub fn images(mut self, images: impl IntoIterator<Item = AmiId>) -> Self {
        self.images.extend(images);
        self
    }

    /// One more account to share with.
    #[must_use]
    pub fn target_account(self, account: AccountId) -> Self {
        self.target_accounts([account])
    }

    /// More accounts to share with.
    #[must_use]
    pub fn target_accounts(mut self, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        self.targets.extend(accounts);
        self
    }

    /// Refuse to start under any other source account than these.
    #[must_use]
    pub fn allowed_accounts(mut self, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        self.allowed_accounts.extend(accounts);
        self
    }

    /// A tag that every source image must carry.
    #[must_use]
    pub fn require_image_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.require_image_tags.insert(key.into(), value.into());
        self
    }

    /// Re-encrypt with this key before sharing; an image already wholly under it is not copied.
    #[must_use]
    pub fn kms_key(mut self, key: KeyRef) -> Self {
        self.kms_key = Some(key);
        self
    }

    /// How targets may use the key.
    #[must_use]
    pub fn key_scope(mut self, scope: KeyScope) -> Self {
        self.key_scope = scope;
        self
    }

    /// The name of copies, with the placeholders `{name} {ami-id} {region} {account}`.
    #[must_use]
    pub fn copy_name(mut self, template: impl Into<String>) -> Self {
        self.copy_name = template.into();
        self
    }

    /// Whether copies get the tags of their source.
    #[must_use]
    pub fn copy_tags(mut self, copy: bool) -> Self {
        self.copy_tags = copy;
        self
    }

    /// One more tag for copies and their snapshots.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// How long the run may take, and how often it looks.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// How many calls may be under way at once.
    #[must_use]
    pub fn max_concurrency(mut self, calls: usize) -> Self {
        self.max_concurrency = calls;
        self
    }

    /// Every problem of what was collected so far; nothing is asked of AWS.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut check = |ok: bool, field, message: String| {
            if !ok {
                problems.push(Problem::new(field, message));
            }
        };
        check(self.region.is_some(), "aws-region", "no Region is given: set it, or AWS_REGION".into());
        check(!self.images.is_empty(), "ami-id", "no image is given: name at least one AMI".into());
        check(!self.targets.is_empty(), "target-accounts", "no target is given: name at least one account ID".into());
        if let (Some(region), Some(key)) = (&self.region, self.kms_key.as_ref()) {
            let same = key.region().is_none_or(|of_key| of_key == region);
            check(same, "kms-key-id", format!("`{key}` is not in {region}, the Region of the images (R1.3.6)"));
        }
        check(
            self.tags.len() <= crate::tags::LIMIT,
            "tags",
            format!("{} tags are given, a resource can have {}", self.tags.len(), crate::tags::LIMIT),
        );
        for (field, tags) in [("tags", &self.tags), ("require-image-tags", &self.require_image_tags)] {
            for problem in tags.iter().filter_map(|(key, value)| crate::tags::problem(key, value)) {
                check(false, field, problem);
            }
        }
        for key in self.tags.keys().filter(|key| crate::tags::is_reserved(key)) {
            check(false, "tags", format!("`{key}`: tag keys that begin with `aws:` or `ami-share:` are reserved"));
        }
        if let Err(problem) = NameTemplate::parse(&self.copy_name) {
            check(false, "copy-name", problem);
        }
        let (floor, ceiling) = self.timing.poll;
        for (field, duration) in
            [("timeout", self.timing.timeout), ("poll-interval", ceiling), ("settle", self.timing.settle)]
        {
            check(duration <= Timing::LONGEST, field, "must be at most 7 days".into());
        }
        check(!self.timing.timeout.is_zero(), "timeout", "must be longer than nothing".into());
        check(
            !floor.is_zero() && floor <= ceiling,
            "poll-interval",
            "the shortest pause must be longer than nothing and at most the longest".into(),
        );
        check(self.max_concurrency > 0, "max-concurrency", "must be at least 1".into());
        problems
    }

    /// The request.
    ///
    /// # Errors
    /// Every problem that [`validate`](Self::validate) finds.
    pub fn build(self) -> Result<ShareRequest, Vec<Problem>> {
        let problems = self.validate();
        let (Some(region), Ok(copy_name), true) =
            (self.region, NameTemplate::parse(&self.copy_name), problems.is_empty())
        else {
            return Err(problems);
        };
        let mut seen = BTreeSet::new();
        let images = self.images.into_iter().filter(|image| seen.insert(image.clone())).collect();
        Ok(ShareRequest {
            region,
            images,
            targets: self.targets,
            allowed_accounts: self.allowed_accounts,
            require_image_tags: self.require_image_tags,
            kms_key: self.kms_key,
            key_scope: self.key_scope,
            copy_name,
            copy_tags: self.copy_tags,
            tags: self.tags,
            timing: self.timing,
            max_concurrency: self.max_concurrency,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_said_at_once_and_no_number_makes_it_panic() {
        let timing = Timing { timeout: Duration::MAX, poll: (Duration::MAX, Duration::MAX), settle: Duration::MAX };
        let builder = ShareRequest::builder().timing(timing).max_concurrency(0).copy_name("{").tag("aws:x", "y");
        let fields: Vec<&str> = builder.validate().iter().map(|problem| problem.field).collect();
        let expected = [
            "aws-region",
            "ami-id",
            "target-accounts",
            "tags",
            "copy-name",
            "timeout",
            "poll-interval",
            "settle",
            "max-concurrency",
        ];
        assert_eq!(fields, expected);
        assert_eq!(builder.build().unwrap_err().len(), expected.len());
    }
}
