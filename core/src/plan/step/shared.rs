//! What several steps share: a shared image, and the change of a key policy.

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

/// A key policy before and after a change.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PolicyChange {
    /// The document that the key has now.
    pub before: String,
    /// The document that would be written.
    pub after: String,
}
