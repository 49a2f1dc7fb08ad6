//! A group of targets with settings of its own, beside others in one run.

use super::{Keys, ShareRequest};

/// A group of targets, and what is requested for it.
#[derive(Clone, Debug)]
pub struct RequestGroup {
    /// Its name, which no other group has.
    pub name: String,
    /// The request. It must name the targets of the other groups by
    /// [`listed_elsewhere`](super::ShareRequestBuilder::listed_elsewhere).
    pub request: ShareRequest,
}

impl ShareRequest {
    /// The first input, if any, by which two requests would give one target access to keys in
    /// another way. A target has that in one way, so two groups of a run must agree.
    pub fn other_key_setting(&self, other: &Self) -> Option<&'static str> {
        let regions = &self.regions() | &other.regions();
        let (mine, its) = (&self.options, &other.options);
        let same = |mine: &Keys, its: &Keys| {
            let mut regions = regions.iter();
            regions.all(|region| mine.in_region(region) == its.in_region(region))
        };
        let scopes = [mine.key_scope, its.key_scope].map(Option::unwrap_or_default);
        let settings = [
            ("kms-key-id", same(&mine.keys, &its.keys)),
            ("key-access", mine.key_access == its.key_access),
            ("key-scope", scopes[0] == scopes[1]),
            ("key-role", mine.key_role == its.key_role),
            (
                "target-kms-key-id",
                same(&mine.in_targets.keys, &its.in_targets.keys),
            ),
        ];
        let mut differing = settings.into_iter().filter(|(_, is_same)| !is_same);
        differing.next().map(|(name, _)| name)
    }
}
