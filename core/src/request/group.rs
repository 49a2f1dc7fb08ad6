//! A group of targets with settings of its own, beside others in one run.

mod agreement;

use super::ShareRequest;

pub use agreement::{Contradiction, contradictions};
pub(crate) use agreement::{GroupShares, find_contradictions};

/// A group of targets, and what is requested for it.
#[derive(Clone, Debug)]
pub struct RequestGroup {
    /// Its name, which no other group has.
    pub name: String,
    /// The request. It must name the targets of the other groups by
    /// [`listed_elsewhere`](super::ShareRequestBuilder::listed_elsewhere).
    pub request: ShareRequest,
}
