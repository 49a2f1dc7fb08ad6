//! What several steps are about: a shared image, and the change of a key policy.

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{AmiId, Region, SourceImage};

/// A shared image: what the request named, and what is shared of it in a Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SharedImage {
    /// The image that the request named.
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
    /// The document as it is.
    pub before: String,
    /// The document as it would be.
    pub after: String,
}
