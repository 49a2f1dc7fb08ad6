//! Which images a run retires, and how far.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A run that retires images: it deprecates them, later disables them, and later deregisters them
/// if that is asked for.
///
/// It concerns images of the source account that have every one of the [`tags`](Self::tags) and
/// [`group_by`](Self::group_by). Those that have the same values of `group_by` are one group, of
/// which some stay: at least one of [`keep_last`](Self::keep_last) and
/// [`keep_younger`](Self::keep_younger) says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Retire {
    /// Tags that an image must have; at least one.
    pub tags: BTreeMap<String, String>,
    /// The keys of tags whose values make groups.
    pub group_by: BTreeSet<String>,
    /// How many of the newest images of each group stay. Only images count that are available and
    /// not deprecated; a copy of this tool counts as one with the other copies of its source.
    pub keep_last: Option<usize>,
    /// Images younger than this stay.
    #[serde(with = "super::text::optional_duration")]
    pub keep_younger: Option<Duration>,
    /// How long each step must have stood before the next: an image that is deprecated is disabled,
    /// and one that is disabled is deregistered.
    #[serde(with = "super::text::duration")]
    pub grace: Duration,
    /// Whether images are also deregistered, with their snapshots. Nobody can bring them back.
    pub deregister: bool,
}

impl Retire {
    /// The shortest [`grace`](Self::grace): AWS reports the use of an image up to a day late.
    pub const SHORTEST_GRACE: Duration = Duration::from_hours(24);
    /// The longest [`grace`](Self::grace).
    pub const LONGEST_GRACE: Duration = Duration::from_hours(365 * 24);
    /// The longest [`grace`](Self::grace) with [`deregister`](Self::deregister): AWS keeps a report
    /// on who uses an image for 30 days, and makes none once the image is disabled.
    pub const LONGEST_GRACE_TO_DEREGISTER: Duration = Duration::from_hours(29 * 24);

    /// Whether an image with these tags is in one of the groups.
    pub(crate) fn concerns(&self, tags: &BTreeMap<String, String>) -> bool {
        let mut required = self.tags.iter();
        required.all(|(key, value)| tags.get(key) == Some(value))
            && self.group_by.iter().all(|key| tags.contains_key(key))
    }

    /// The tags of an image that say which group it is in.
    pub(crate) fn group_of(&self, tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let keys = self.tags.keys().chain(&self.group_by);
        keys.filter_map(|key| Some((key.clone(), tags.get(key)?.clone())))
            .collect()
    }
}

impl Default for Retire {
    fn default() -> Self {
        Self {
            tags: BTreeMap::new(),
            group_by: BTreeSet::new(),
            keep_last: None,
            keep_younger: None,
            grace: Duration::from_hours(14 * 24),
            deregister: false,
        }
    }
}
