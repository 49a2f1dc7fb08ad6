//! Looks once more at what was shared, after the launch permissions are written: other runs may
//! have revoked some of it meanwhile (promise P5), and targets may be unable to launch it for
//! reasons of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future;
use tokio::time::Instant;

use super::blocked::Blocked;
use super::served::Served;
use super::{Apply, LaunchableImage, as_principals};
use crate::diagnostic::{Code, Error};
use crate::id::{AmiId, KeyArn};
use crate::plan::{Grants, SnapshotPermission};
use crate::report::{Conclusion, Event, Verification};
use crate::request::Verify;
use crate::verify;

/// How old a look at launch permissions may be at the end of a run.
const YOUNG: Duration = Duration::from_secs(2);

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
    /// Checks grants, snapshots and the states of keys once more, after access by key policies was
    /// watched, which `lost` some keys. Restores what another run removed while the launch
    /// permission is still there; otherwise the revoke wins, and the access is lost.
    pub(super) async fn confirm_access(
        &self,
        lost: BTreeSet<&'a KeyArn>,
        images: &[LaunchableImage<'a>],
    ) -> LostAccess<'a> {
        let grants = self.confirm_all_grants(images);
        let snapshots = self.confirm_snapshots(images);
        let states = self.confirm_key_states(images);
        let (grants, images, unusable) = future::join3(grants, snapshots, states).await;
        let mut keys = &lost | &grants;
        keys.extend(unusable);
        LostAccess { keys, images }
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

    /// Looks at launch permissions once more that were seen a while ago, when the run has nothing
    /// else to do: what another run removed meanwhile is not shared.
    pub(super) async fn confirm_launch_permissions(&self, images: &[LaunchableImage<'_>]) {
        let old = |image: &&LaunchableImage<'_>| image.since.elapsed() > YOUNG;
        let images: Vec<&LaunchableImage<'_>> = images.iter().filter(old).collect();
        self.confirm_presence(&images).await;
        let mut confirming = Vec::new();
        for image in images {
            if !image.principals.is_empty() {
                confirming.push(async move {
                    let confirmed = self.confirm_launch_permission(image).await;
                    self.progress().report_error(confirmed)
                });
            }
        }
        future::join_all(confirming).await;
    }

    async fn confirm_launch_permission(&self, image: &LaunchableImage<'_>) -> Result<(), Error> {
        let (shared, image_id) = (image.shared(), &image.image_id);
        let clients = self.run.source_clients(&shared.region);
        let mut gone = image.principals.clone();
        if let Some(reclaim) = self.plan.reclaim_of(shared) {
            // This run took it from those whose own copies are available.
            gone = &gone - &as_principals(&reclaim.accounts);
        }
        let since = Instant::now();
        for is_last in [false, true] {
            gone = &gone - &clients.ec2.launch_permissions(image_id).await?;
            if gone.is_empty() || is_last {
                break;
            }
            // One look may be out of date.
            let what = "to show its launch permission";
            self.progress().wait(image_id, what, since, YOUNG).await;
        }
        if gone.is_empty() {
            return Ok(());
        }
        self.progress().emit(&Event::LaunchPermissionConfirmed {
            source: shared.source.clone(),
            region: shared.region.clone(),
            image: image_id.clone(),
            principals: &image.principals - &gone,
        });
        // A disabled image has lost it with that, and nobody took it.
        self.run.usable_image(&clients, image_id).await?;
        let names: Vec<String> = gone.iter().map(ToString::to_string).collect();
        let message = format!(
            "another run took the launch permission of {image_id} from {} meanwhile",
            names.join(", ")
        );
        Err(Error::new(Code::PermissionContended, message)
            .at(&clients.location.account, &shared.region)
            .on(image_id))
    }

    /// Checks whether targets can launch now, if a role there lets that be seen; returns who cannot
    /// launch what. Targets that were not served are blocked by what failed before.
    pub(super) async fn verify_launches(&self, served: &Served<'_>) -> Blocked {
        let mut blocked = Blocked::default();
        let verify = self.plan.request.options.in_targets.verify;
        if verify == Verify::None || self.run.targets.is_empty() {
            return blocked;
        }
        for verification in verify::verify(self.run, self.plan, true).await {
            if verification.conclusion == Conclusion::Blocked {
                self.report_blocked(&verification, served);
            }
            blocked.note(&verification);
            self.progress().emit(&Event::Verified(verification));
        }
        blocked
    }

    fn report_blocked(&self, verification: &Verification, served: &Served<'_>) {
        // Why a role could not be assumed, and why something was not shared or copied, is emitted
        // already.
        let Verification {
            account,
            source,
            region,
            ..
        } = verification;
        let target = self.run.targets.get(account);
        let is_reached = target.is_some_and(|target| target.is_ok());
        let is_served = served.has(self.plan, account, source, region);
        if is_reached && (is_served || !self.progress().has_any_error()) {
            self.progress().emit(&Event::Failed(verification.error()));
        }
    }
}
