//! Gives access. Copies and key access are made concurrently; an image is shared once both are
//! available for it. Key policies that were put are watched meanwhile, and after both every key is
//! checked once more.

mod old_plan;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{self, BoxFuture, Shared};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use super::blocked::Blocked;
use super::confirm::LostAccess;
use super::keys::{Granted, KeyState};
use super::served::Served;
use super::{Apply, LaunchableImage};
use crate::diagnostic::Error;
use crate::id::{AmiId, KeyArn, Principal, Region, SourceImage};
use crate::plan::{KeyAccess, LaunchPermission, SharedImage};
use crate::report::Event;

/// An image that exists, with its temporary access recorded. `None` if that failed; the error was
/// emitted.
type ImageFuture<'a> = Shared<BoxFuture<'a, Option<AmiId>>>;

/// Access to one key. `None` if that failed; the error was emitted.
type KeyFuture<'a> = Shared<BoxFuture<'a, Option<Granted>>>;

/// An image that is being shared. `None` if that failed; the error was emitted.
type SharingFuture<'a, 'b> = Shared<BoxFuture<'a, Option<LaunchableImage<'b>>>>;

/// A key that images wait for.
struct KeyToGive<'a> {
    access: &'a KeyAccess,
    granted: KeyFuture<'a>,
    state: KeyState,
}

/// What launch permissions wait for. Several images may wait for the same; each future runs once,
/// from when it is first polled.
struct Prerequisites<'a> {
    images: BTreeMap<(&'a SourceImage, &'a Region), ImageFuture<'a>>,
    keys: BTreeMap<&'a KeyArn, KeyToGive<'a>>,
    launch_roles: Shared<BoxFuture<'a, ()>>,
}

impl<'a> Apply<'a> {
    /// Carries out every step that gives access; returns what is shared.
    pub(super) async fn share(&self) -> Vec<LaunchableImage<'_>> {
        // 1. Share each image as soon as it exists and its keys can be used (P1). Watch the keys
        //    meanwhile, and look at all of them and at snapshots once more after both (P5).
        //    Targets copy each image as soon as it is shared, while others still queue in the
        //    source account.
        let prerequisites = self.prepare();
        let mut sharing = Vec::new();
        for launch in self.plan.launch_permissions() {
            let image = self.share_image(&prerequisites, launch);
            sharing.push(image.boxed().shared());
        }
        let ((images, lost), (served, blocked)) = future::join(
            self.await_and_confirm(&prerequisites, &sharing),
            self.serve_and_verify(&prerequisites, &sharing),
        )
        .await;

        // 2. Temporary access ends once the targets' copies are available. Where it becomes
        //    permanent, a later run must not reclaim it.
        self.reclaim_access(&images, &served.available).await;
        if !self.plan.request.options.in_targets.unshare_after_copy {
            let image_ids = images.iter().map(|image| &image.image_id).collect();
            self.forget_temporary_access(&image_ids).await;
        }

        // 3. Nothing may name an image that cannot be launched: only those whose access was
        //    confirmed are deprecated, protected and published, in each target that can launch
        //    them, and in the source account if any can.
        let blocked = match blocked {
            Some(blocked) => blocked,
            None => self.verify_launches(&served).await,
        };
        self.report_untagged(&served, &blocked);
        let (available, blocked) = (&served.available, &blocked);
        let mut completing = Vec::new();
        for image in &images {
            if lost.concerns(image) {
                continue;
            }
            completing.push(async move {
                let shared = image.shared();
                if !blocked.is_everywhere(shared) {
                    self.complete_lifecycle(shared, &image.image_id).await;
                }
                self.publish_in_targets(image, available, blocked).await;
            });
        }
        future::join_all(completing).await;
        images
            .into_iter()
            .filter(|image| !lost.concerns(image))
            .collect()
    }

    /// What the launch permissions wait for; nothing has begun yet.
    fn prepare(&self) -> Prerequisites<'_> {
        let mut images = BTreeMap::new();
        for launch in self.plan.launch_permissions() {
            let key = (&launch.shared.source, &launch.shared.region);
            images.insert(key, self.ensure_image(launch).boxed().shared());
        }
        let mut keys = BTreeMap::new();
        for access in self.plan.key_accesses() {
            let recorded = self.images_to_record(&access.key, &images);
            let key = KeyToGive {
                access,
                granted: self.ensure_key(access, recorded).boxed().shared(),
                state: KeyState::default(),
            };
            keys.insert(&access.key, key);
        }
        Prerequisites {
            images,
            keys,
            launch_roles: self.allow_launch_roles().boxed().shared(),
        }
    }

    /// The images whose tags must record temporary access before the use of the key is given.
    fn images_to_record<'b>(
        &self,
        key: &KeyArn,
        images: &BTreeMap<(&SourceImage, &Region), ImageFuture<'b>>,
    ) -> Vec<ImageFuture<'b>> {
        let mut recorded = Vec::new();
        for launch in self.plan.launch_permissions() {
            let shared = &launch.shared;
            let reclaim = self.plan.reclaim_of(shared);
            let is_temporary = reclaim.is_some_and(|reclaim| !reclaim.given.is_empty());
            if launch.keys.contains(key) && is_temporary {
                recorded.extend(images.get(&(&shared.source, &shared.region)).cloned());
            }
        }
        recorded
    }

    /// The image itself or its copy, with its temporary access recorded.
    async fn ensure_image(&self, launch: &LaunchPermission) -> Option<AmiId> {
        let shared = &launch.shared;
        let image_id = match self.plan.copy_of(&shared.source, &shared.region) {
            Some(copy) => {
                let copied = self.ensure_copy(copy, &BTreeSet::new()).await;
                self.progress().report_error(copied)?
            }
            None => shared.image.clone()?,
        };
        if let Some(reclaim) = self.plan.reclaim_of(shared) {
            let recorded = self
                .record_temporary_access(&shared.region, &image_id, &reclaim.given)
                .await;
            self.progress().report_error(recorded)?;
        }
        Some(image_id)
    }

    /// Access to a key, once every image that gives it for a time has recorded that.
    async fn ensure_key(
        &self,
        access: &KeyAccess,
        recorded: Vec<ImageFuture<'_>>,
    ) -> Option<Granted> {
        future::join_all(recorded).await;
        let granted = self.give_key_access(access).await;
        let granted = self.progress().report_error(granted)?;
        if !granted.refused.principals.is_empty() {
            let error = self.invalid_principals(access, &granted.refused).await;
            self.progress().emit(&Event::Failed(error));
        }
        self.grant_service_roles(&BTreeSet::from([&access.key]))
            .await;
        Some(granted)
    }

    /// Shares one image in one Region, from its copy to its launch permission.
    async fn share_image<'b>(
        &self,
        prerequisites: &Prerequisites<'_>,
        launch: &'b LaunchPermission,
    ) -> Option<LaunchableImage<'b>> {
        let shared = &launch.shared;
        // 1. Wait for the image and its keys.
        let image = prerequisites.images.get(&(&shared.source, &shared.region));
        let (mut granting, mut keys) = (Vec::new(), Vec::new());
        for key in &launch.keys {
            if let Some(key) = prerequisites.keys.get(key) {
                granting.push(key.granted.clone());
                keys.push(key.state.clone());
            }
        }
        let (image_id, granted, ()) = future::join3(
            image?.clone(),
            future::join_all(granting),
            prerequisites.launch_roles.clone(),
        )
        .await;
        let (image_id, granted) = (image_id?, granted.into_iter().collect::<Option<Vec<_>>>()?);

        // 2. Whether it is still the image that the plan was made for, and its keys can be used.
        if self.is_plan_old() {
            let checked = self.check_again(launch, &image_id).await;
            self.progress().report_error(checked)?;
        }

        // 3. The tags and the watermark that recipients see: policies and Allowed AMIs of theirs
        //    may ask for them. Without them the image is shared all the same, and the run fails in
        //    the end.
        let tagged = self.share_tags(shared, &image_id).await;
        self.progress().report_error(tagged);
        let watermarked = self.attach_watermark(shared, &image_id).await;
        self.progress().report_error(watermarked);

        // 4. Give what a launch or a copy needs besides. An account that KMS refused gets no launch
        //    permission: nobody is shown an image whose key they cannot use (P1).
        let mut principals = launch.principals.clone();
        for granted in &granted {
            principals = &principals & &granted.principals;
        }
        let covered = self.plan.request.covered_accounts();
        let given = self
            .give_permissions(shared, &image_id, principals, covered, &keys)
            .await;
        let (principals, covered) = self.progress().report_error(given)?;
        if principals.is_empty() && !launch.principals.is_empty() {
            return None;
        }
        Some(LaunchableImage {
            launch,
            image_id,
            principals,
            covered,
            since: Instant::now(),
        })
    }

    /// Gives access to one image: grants and snapshots first, the launch permission last, which the
    /// `covered` accounts have by their organization. Whom AWS refuses one of them gets none of
    /// those that follow; returns who of both has got all.
    async fn give_permissions(
        &self,
        shared: &SharedImage,
        image_id: &AmiId,
        mut principals: BTreeSet<Principal>,
        mut covered: BTreeSet<Principal>,
        keys: &[KeyState],
    ) -> Result<(BTreeSet<Principal>, BTreeSet<Principal>), Error> {
        for grants in self.plan.grants() {
            if &grants.shared == shared {
                let refused = self.ensure_grants(grants, image_id).await?;
                principals = &principals - &refused;
                covered = &covered - &refused;
                self.grant_service_roles(&BTreeSet::from([&grants.key]))
                    .await;
            }
        }
        for step in self.plan.snapshot_permissions() {
            if &step.shared == shared {
                let refused = self
                    .ensure_snapshot_permissions(step, image_id, &(&principals | &covered))
                    .await?;
                principals = &principals - &refused;
                covered = &covered - &refused;
            }
        }
        let refused = self
            .ensure_launch_permission(shared, image_id, &principals, keys)
            .await?;
        Ok((&principals - &refused, covered))
    }

    /// The images that were shared, and what another run revoked of that meanwhile.
    async fn await_and_confirm<'b>(
        &self,
        prerequisites: &Prerequisites<'b>,
        sharing: &[SharingFuture<'_, 'b>],
    ) -> (Vec<LaunchableImage<'b>>, LostAccess<'b>)
    where
        'a: 'b,
    {
        let mut watching = Vec::new();
        for key in prerequisites.keys.values() {
            watching.push(self.watch_key(key, sharing));
        }
        let images = future::join_all(sharing.iter().cloned());
        let (images, keys) = future::join(images, future::join_all(watching)).await;
        let images: Vec<LaunchableImage<'_>> = images.into_iter().flatten().collect();
        let lost_keys = keys.into_iter().flatten().collect();
        let lost = self.confirm_access(lost_keys, &images).await;
        for image in &images {
            if !lost.concerns(image) {
                self.report_launchable(image);
            }
        }
        (images, lost)
    }

    /// Makes sure that access to a key lasts, while the images under it are shared; returns the key
    /// if it does not.
    async fn watch_key<'b>(
        &self,
        key: &KeyToGive<'b>,
        sharing: &[SharingFuture<'_, 'b>],
    ) -> Option<&'b KeyArn> {
        let access = key.access;
        let granted = key.granted.clone().await?;
        let of_key = |image: Option<LaunchableImage<'b>>| {
            image.filter(|image| image.launch.keys.contains(&access.key))
        };
        let sharing: FuturesUnordered<_> = sharing.iter().cloned().collect();
        let kept = self
            .keep_key_access(access, &granted, &key.state, sharing.map(of_key))
            .await;
        if self.progress().report_error(kept).is_none() {
            return Some(&access.key);
        }
        self.report_key_access(access, granted.principals);
        None
    }

    /// Whatever follows once images are shared, while their keys are watched: copies and tags in
    /// targets, roles of services, and whether targets can launch. That is `None` if targets are to
    /// lose access first, which is done only after everything was confirmed.
    async fn serve_and_verify<'b>(
        &self,
        prerequisites: &Prerequisites<'_>,
        sharing: &[SharingFuture<'_, 'b>],
    ) -> (Served<'b>, Option<Blocked>) {
        let served = self.serve_targets(sharing).await;

        // Roles of services are granted keys to which this run gives no other access: nothing
        // before has done that.
        let mut other_keys = BTreeSet::new();
        for role in self.plan.service_roles() {
            let mut grants = self.plan.grants();
            let by_grants = grants.any(|grants| grants.key == role.key);
            if !by_grants && !prerequisites.keys.contains_key(&role.key) {
                other_keys.insert(&role.key);
            }
        }
        self.grant_service_roles(&other_keys).await;

        if self.plan.reclaims().any(|step| step.needed) {
            return (served, None);
        }
        let blocked = self.verify_launches(&served).await;
        (served, Some(blocked))
    }

    /// Copies and tags each image in targets, once it is shared.
    async fn serve_targets<'b>(&self, sharing: &[SharingFuture<'_, 'b>]) -> Served<'b> {
        let mut serving = Vec::new();
        for image in sharing {
            serving.push(async {
                let image = image.clone().await?;
                Some(self.copy_and_tag_in_targets(image).await)
            });
        }
        let mut served = Served::default();
        for of_image in future::join_all(serving).await.into_iter().flatten() {
            served.add(of_image);
        }
        served
    }
}
