//! Which targets cannot launch what was shared with them.

use std::collections::BTreeMap;

use crate::id::{AccountId, Region, SourceImage};
use crate::plan::SharedImage;
use crate::report::{Conclusion, Verification};

/// Which targets cannot launch an image in a Region, as far as targets were checked.
#[derive(Debug, Default)]
pub(super) struct Blocked {
    by_image: BTreeMap<(SourceImage, Region), BTreeMap<AccountId, bool>>,
}

impl Blocked {
    /// Notes whether the target of a check can launch the image.
    pub(super) fn note(&mut self, checked: &Verification) {
        let image = (checked.source.clone(), checked.region.clone());
        let targets = self.by_image.entry(image).or_default();
        let is_blocked = checked.conclusion == Conclusion::Blocked;
        targets.insert(checked.account.clone(), is_blocked);
    }

    /// Whether a target cannot launch an image.
    pub(super) fn contains(&self, image: &SharedImage, target: &AccountId) -> bool {
        let targets = self.targets_of(image);
        targets.is_some_and(|targets| targets.get(target) == Some(&true))
    }

    /// Whether no target that was checked can launch an image.
    pub(super) fn is_everywhere(&self, image: &SharedImage) -> bool {
        let targets = self.targets_of(image);
        targets.is_some_and(|targets| targets.values().all(|is_blocked| *is_blocked))
    }

    fn targets_of(&self, image: &SharedImage) -> Option<&BTreeMap<AccountId, bool>> {
        let image = (image.source.clone(), image.region.clone());
        self.by_image.get(&image)
    }
}
