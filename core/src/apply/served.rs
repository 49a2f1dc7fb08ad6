//! What a run has given to targets by the time that it checks whether they can launch: what they
//! lack because something failed is told by the error of that, and not once more.

use super::blocked::Blocked;
use super::{Apply, AvailableCopies, LaunchableImage};
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, Principal, Region, SourceImage};
use crate::plan::{Plan, SharedImage};
use crate::report::Event;

/// Images that are shared, and what was done with them in targets.
#[derive(Default)]
pub(super) struct Served<'a> {
    images: Vec<LaunchableImage<'a>>,
    /// Targets whose own copies are available.
    pub(super) available: AvailableCopies,
    /// Targets that could not tag an image, because their Allowed AMIs hide it.
    untagged: Vec<Untagged<'a>>,
}

/// A target that could not tag an image that is hidden from it.
pub(super) struct Untagged<'a> {
    pub(super) shared: &'a SharedImage,
    pub(super) account: AccountId,
    pub(super) error: Error,
}

impl<'a> Served<'a> {
    pub(super) fn new(
        image: LaunchableImage<'a>,
        copied: impl IntoIterator<Item = AccountId>,
        untagged: Vec<Untagged<'a>>,
    ) -> Self {
        let image_id: AmiId = image.image_id.clone();
        let copied = copied.into_iter();
        Self {
            available: copied.map(|account| (account, image_id.clone())).collect(),
            images: vec![image],
            untagged,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.images.extend(other.images);
        self.available.extend(other.available);
        self.untagged.extend(other.untagged);
    }

    /// Whether a target has what it is to launch: its own copy, if the plan makes one, or else the
    /// shared image.
    pub(super) fn has(
        &self,
        plan: &Plan,
        target: &AccountId,
        source: &SourceImage,
        region: &Region,
    ) -> bool {
        let mut images = self.images.iter();
        let is_it = |it: &&LaunchableImage<'_>| {
            let shared = it.shared();
            (&shared.source, &shared.region) == (source, region)
        };
        let Some(image) = images.find(is_it) else {
            return false;
        };
        if plan.target_copy_of(target, image.shared()).is_some() {
            let copy = (target.clone(), image.image_id.clone());
            self.available.contains(&copy)
        } else {
            image
                .everybody()
                .contains(&Principal::Account(target.clone()))
        }
    }
}

impl Apply<'_> {
    /// Reports tags that could not be written, unless the check of the launch has said why.
    pub(super) fn report_untagged(&self, served: &Served<'_>, blocked: &Blocked) {
        for Untagged {
            shared,
            account,
            error,
        } in &served.untagged
        {
            if !blocked.contains(shared, account) {
                self.progress().emit(&Event::Failed(error.clone()));
            }
        }
    }
}
