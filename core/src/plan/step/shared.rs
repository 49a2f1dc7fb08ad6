//! What several steps share: a shared image, its tags for everybody, the change of a key policy.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{AmiId, Region, SourceImage};

/// An image of the request in one Region, and the image that is shared of it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SharedImage {
    /// The image that the request names.
    pub source: SourceImage,
    /// The Region in which it is shared.
    pub region: Region,
    /// The image that is shared there: the source itself, or its copy. `None` if that copy does not
    /// exist yet: then the [`CopyImage`](super::CopyImage) of this source to this Region makes it.
    pub image: Option<AmiId>,
}

/// Every recipient of a shared image sees these tags of it (`ec2:CreateTags` in the source).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ShareTags {
    /// The shared image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The tags, by the keys with which recipients see them.
    pub tags: BTreeMap<String, String>,
    /// Those that the image does not have yet, or has with another value.
    pub missing: BTreeMap<String, String>,
}

/// A shared image has a watermark (`ec2:AttachImageWatermark` in the source).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Watermark {
    /// The shared image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The watermark, as `account:name`.
    pub watermark: String,
    /// Whether the image has it already, or will have it as a copy of one that has it.
    pub in_effect: bool,
}

/// A key policy before and after a change.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PolicyChange {
    /// The document that the key has now.
    pub before: String,
    /// The document that would be written.
    pub after: String,
}
