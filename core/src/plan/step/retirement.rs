//! The steps that retire images, and the images that stay.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{AmiId, Region, SnapshotId};

/// An image of a group of a retirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GroupImage {
    /// The Region of the image.
    pub region: Region,
    /// The image.
    pub image: AmiId,
    /// Its name.
    pub name: String,
    /// How far its retirement is.
    pub state: RetirementState,
    /// Its tags that say which group it is in.
    pub group: BTreeMap<String, String>,
}

/// How far the retirement of an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RetirementState {
    /// It is pending, or it failed.
    Unavailable,
    /// It is available and not deprecated.
    Available,
    /// It is available and deprecated.
    Deprecated,
    /// It is disabled.
    Disabled,
    /// It is deregistered.
    Deregistered,
}

/// An image is deprecated from now on (`ec2:EnableImageDeprecation`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct DeprecateNow {
    /// The image.
    #[serde(flatten)]
    pub image: GroupImage,
    /// The later time, in RFC 3339, at which it would be deprecated otherwise.
    pub previous: Option<String>,
}

/// A step of a retirement that comes after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NextStep {
    /// The image is taken from everybody and disabled.
    Disable,
    /// The image is deregistered.
    Deregister,
}

/// An image stays as it is until the last step of its retirement has stood for long enough.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct AwaitGrace {
    /// The image.
    #[serde(flatten)]
    pub image: GroupImage,
    /// What is next.
    pub next: NextStep,
    /// From when on, in RFC 3339.
    pub until: String,
}

/// An image is disabled, after everybody's access to it was revoked (`ec2:DisableImage`). A tag
/// says since when (`ec2:CreateTags`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct DisableImage {
    /// The image.
    #[serde(flatten)]
    pub image: GroupImage,
    /// When it was deprecated, in seconds since 1970.
    #[serde(skip)]
    pub(crate) deprecated: i64,
}

/// A tag of an image says that it is disabled (`ec2:CreateTags`): since when is not known, so that
/// it counts from now on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct NoteDisabled {
    /// The image.
    #[serde(flatten)]
    pub image: GroupImage,
}

/// An image is deregistered, and its snapshots are deleted unless another image uses them
/// (`ec2:DeregisterImage`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct DeregisterImage {
    /// The image.
    #[serde(flatten)]
    pub image: GroupImage,
    /// Since when it is disabled, in RFC 3339.
    pub disabled_since: String,
    /// Its snapshots.
    pub snapshots: BTreeSet<SnapshotId>,
}

/// An image that is available loses the tag that says since when it is disabled
/// (`ec2:DeleteTags`): whoever disables it again begins anew.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ForgetDisabled {
    /// The image.
    #[serde(flatten)]
    pub image: GroupImage,
}

/// An image of a group that stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct KeptImage {
    /// The image.
    #[serde(flatten)]
    pub image: GroupImage,
    /// Why.
    pub because: KeptBecause,
}

/// Why an image of a group stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeptBecause {
    /// It is one of the newest of its group.
    Newest,
    /// It is younger than the images that are retired.
    Younger,
    /// It is still being made, or has failed.
    NotAvailable,
    /// When it was made is not known.
    AgeUnknown,
    /// Somebody uses it, or something names it: it goes no further than it is.
    InUse,
    /// Whether anybody uses it is not known.
    UseUnknown,
    /// A snapshot of it is locked.
    Locked,
    /// It is protected from being deregistered.
    Protected,
    /// It has as many tags as a resource can have, and the time at which it is disabled is noted in
    /// a tag.
    TooManyTags,
    /// Its retirement is complete.
    Retired,
}
