//! What verifying reads, as plain data. What cannot be read is its error.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::iam::OwnDecision;
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, Principal, Region, SourceImage};
use crate::inventory::{AllowedImages, Image, Key, Snapshot};

pub(super) const RUN_INSTANCES: &str = "ec2:RunInstances";

/// What was read of the source, and is known of the targets without asking.
pub(super) struct Evidence {
    /// When it was read, in seconds since 1970.
    pub(super) now: i64,
    pub(super) shared_images: SharedImages,
    pub(super) own_copies: OwnCopies,
}

/// What is shared of each image of the request, by Region.
pub(super) type SharedImages =
    BTreeMap<(SourceImage, Region), (AmiId, Result<SharedImageEvidence, Error>)>;

/// The targets' own copies of the images of the request.
pub(super) type OwnCopies = BTreeMap<(AccountId, SourceImage, Region), AmiId>;

/// A shared image, as its owner sees it.
pub(super) struct SharedImageEvidence {
    pub(super) image: Image,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) launch_permissions: BTreeSet<Principal>,
    /// The principals that can make volumes of each snapshot.
    pub(super) snapshot_permissions: BTreeMap<String, BTreeSet<Principal>>,
    pub(super) keys: Vec<Key>,
}

/// What was read of a target account in each Region; empty without a role there.
pub(super) type Target = BTreeMap<Region, Result<TargetEvidence, Error>>;

/// A target account in one Region.
pub(super) struct TargetEvidence {
    /// The shared images that the target sees, and its own copies.
    pub(super) images: Vec<Image>,
    /// The snapshots of its own copies.
    pub(super) own_snapshots: BTreeMap<AmiId, Vec<Snapshot>>,
    /// The keys of its own copies.
    pub(super) own_keys: BTreeMap<AmiId, Vec<Key>>,
    /// Allowed AMIs, which can hide images (R7.3).
    pub(super) allowed_images: Result<AllowedImages, Error>,
    /// Whether new volumes are encrypted even if their snapshots are not.
    pub(super) encrypts_by_default: Result<bool, Error>,
    /// The key of new volumes: `aws/ebs`, or a customer managed one (R1.3.5).
    pub(super) default_key: Result<Key, Error>,
    pub(super) launchers: Vec<Launcher>,
    /// The ARNs of the roles of each service that the request names.
    pub(super) service_roles: BTreeMap<String, Result<Vec<String>, Error>>,
}

impl TargetEvidence {
    /// One of its images, if the target sees it.
    pub(super) fn image(&self, id: &AmiId) -> Option<&Image> {
        self.images.iter().find(|image| &image.id == id)
    }
}

/// A role that launches, and what its own side allows.
pub(super) struct Launcher {
    /// As the request names it.
    pub(super) name: String,
    /// The ARN with its path; `None` if there is no such role.
    pub(super) arn: Result<Option<String>, Error>,
    pub(super) decisions: Simulated,
}

impl Launcher {
    /// The ARN, if it is known.
    pub(super) fn known_arn(&self) -> Option<&str> {
        self.arn.as_ref().ok()?.as_deref()
    }
}

/// What a role's own side decides of each action on each resource.
pub(super) type Simulated = BTreeMap<(String, String), OwnDecision>;

/// The ARNs of what a launch makes.
pub(super) fn made_resources(account: &AccountId, region: &Region) -> Vec<String> {
    let kinds = ["instance", "volume", "network-interface"];
    kinds.map(|kind| any_arn(account, region, kind)).into()
}

/// The ARNs of what a launch uses and whoever launches chooses: policies may allow only some of
/// them.
pub(super) fn chosen_resources(account: &AccountId, region: &Region) -> Vec<String> {
    let kinds = ["security-group", "subnet"];
    kinds.map(|kind| any_arn(account, region, kind)).into()
}

fn any_arn(account: &AccountId, region: &Region, kind: &str) -> String {
    let partition = region.partition();
    format!("arn:{partition}:ec2:{region}:{account}:{kind}/*")
}

/// The ARN of an image; it names no account.
pub(super) fn image_arn(region: &Region, image: &AmiId) -> String {
    format!("arn:{}:ec2:{region}::image/{image}", region.partition())
}
