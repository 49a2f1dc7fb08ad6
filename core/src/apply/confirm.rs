//! Looks once more at what was shared, after the launch permissions are written: other runs may
//! have revoked some of it meanwhile (promise P5), and targets may be unable to launch it for
//! reasons of their own.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::keys::Granted;
use super::{Apply, LaunchableImage};
use crate::id::{AmiId, KeyArn, Region, SourceImage};
use crate::plan::{Grants, KeyAccess, SnapshotPermission};
use crate::report::{Conclusion, Event, Verification};
use crate::request::Verify;
use crate::verify;

/// What another run revoked: keys, and images whose snapshots are no longer shared.
pub(super) struct LostAccess<'a> {
    keys: BTreeSet<&'a KeyArn>,
    images: BTreeSet<AmiId>,
}

impl LostAccess<'_> {
    /// Whether an image is among that, or under such a key.
    pub(super) fn concerns(&self, image: &LaunchableImage<'_>) -> bool {
        let mut keys = image.launch.keys.iter();
        self.images.contains(&image.image_id) || keys.any(|key| self.keys.contains(key))
    }
}

impl<'a> Apply<'a> {
    /// Checks every key and the snapshots once more. Restores what another run removed while the
    /// launch permission is still there; otherwise the revoke wins, and the access is lost.
    pub(super) async fn confirm_access(
        &self,
        granted: &[(&'a KeyAccess, Granted)],
        images: &[LaunchableImage<'a>],
    ) -> LostAccess<'a> {
        let policies = self.confirm_policies(granted, images);
        let grants = self.confirm_all_grants(images);
        let snapshots = self.confirm_snapshots(images);
        let (policies, grants, images) = future::join3(policies, grants, snapshots).await;
        LostAccess {
            keys: &policies | &grants,
            images,
        }
    }

    /// Confirms access by key policies; returns the keys where it is lost.
    async fn confirm_policies(
        &self,
        granted: &[(&'a KeyAccess, Granted)],
        images: &[LaunchableImage<'a>],
    ) -> BTreeSet<&'a KeyArn> {
        let mut confirming = Vec::new();
        for (access, granted) in granted {
            let mut under: Vec<&LaunchableImage<'_>> = images.iter().collect();
            under.retain(|image| image.launch.keys.contains(&access.key));
            confirming.push(async move {
                let confirmed = self.confirm_key_access(access, granted, &under).await;
                let is_lost = self.progress().report_error(confirmed).is_none();
                is_lost.then_some(&access.key)
            });
        }
        let lost = future::join_all(confirming).await;
        lost.into_iter().flatten().collect()
    }

    /// Confirms access by grants; returns the keys where it is lost.
    async fn confirm_all_grants(&self, images: &[LaunchableImage<'a>]) -> BTreeSet<&'a KeyArn> {
        let mut by_key = BTreeMap::<&'a KeyArn, Vec<(&Grants, &LaunchableImage<'_>)>>::new();
        for grants in self.plan.grants() {
            for image in images {
                if image.shared() == &grants.shared {
                    by_key.entry(&grants.key).or_default().push((grants, image));
                }
            }
        }
        let mut confirming = Vec::new();
        for (key, images) in by_key {
            confirming.push(async move {
                let confirmed = self.confirm_grants(key, &images).await;
                let is_lost = self.progress().report_error(confirmed).is_none();
                is_lost.then_some(key)
            });
        }
        let lost = future::join_all(confirming).await;
        lost.into_iter().flatten().collect()
    }

    /// Confirms snapshot permissions; returns the images where they are lost.
    async fn confirm_snapshots(&self, images: &[LaunchableImage<'a>]) -> BTreeSet<AmiId> {
        let mut confirming = Vec::new();
        for image in images {
            for step in self.plan.snapshot_permissions() {
                if &step.shared == image.shared() {
                    confirming.push(self.confirm_snapshots_of(step, image));
                }
            }
        }
        let lost = future::join_all(confirming).await;
        lost.into_iter().flatten().collect()
    }

    async fn confirm_snapshots_of(
        &self,
        step: &SnapshotPermission,
        image: &LaunchableImage<'_>,
    ) -> Option<AmiId> {
        let confirmed = self.confirm_snapshot_permissions(step, image).await;
        let is_lost = self.progress().report_error(confirmed).is_none();
        is_lost.then(|| image.image_id.clone())
    }

    /// Checks whether targets can launch now, if a role there lets that be seen; returns the images
    /// that some cannot.
    pub(super) async fn verify_launches(&self) -> BTreeSet<(SourceImage, Region)> {
        let mut blocked = BTreeSet::new();
        let verify = self.plan.request.options.in_targets.verify;
        if verify == Verify::None || self.run.targets.is_empty() {
            return blocked;
        }
        for verification in verify::verify(self.run, self.plan, true).await {
            if verification.conclusion == Conclusion::Blocked {
                let image = (verification.source.clone(), verification.region.clone());
                blocked.insert(image);
                self.report_blocked(&verification);
            }
            self.progress().emit(&Event::Verified(verification));
        }
        blocked
    }

    fn report_blocked(&self, verification: &Verification) {
        // Why a role could not be assumed is emitted already.
        let target = self.run.targets.get(&verification.account);
        if target.is_some_and(|target| target.is_ok()) {
            self.progress().emit(&Event::Failed(verification.error()));
        }
    }
}
