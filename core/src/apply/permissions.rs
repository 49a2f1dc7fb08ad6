//! Launch permission of an image, and create-volume permission of its snapshots: read, then changed
//! where needed.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::future;

use super::keys::{KeyState, until_all_present};
use super::{Apply, LaunchableImage, as_principals};
use crate::aws::ec2::{Change, Ec2};
use crate::diagnostic::{Code, Error};
use crate::id::{AmiId, Principal, Region, SnapshotId, SourceImage};
use crate::plan::{self, RemovePermissions, SharedImage, SnapshotPermission};
use crate::report::Event;
use crate::run::effect::ChangeKind;

impl Apply<'_> {
    /// Lets principals launch the image, while its `keys` have their access; returns those that AWS
    /// refuses, and all of them if that access is lost.
    pub(super) async fn ensure_launch_permission(
        &self,
        shared: &SharedImage,
        image_id: &AmiId,
        principals: &BTreeSet<Principal>,
        keys: &[KeyState],
    ) -> Result<BTreeSet<Principal>, Error> {
        // A copy that has just become available may still be unknown or count as pending elsewhere
        // in EC2 (R1.1.7, R2.8); the SDK does not try that again (R6.6).
        const NOT_READY: &[&str] = &[
            "IncorrectState",
            "InvalidAMIID.NotFound",
            "InvalidAMIID.Unavailable",
        ];
        let clients = self.run.source_clients(&shared.region);
        let ec2 = &clients.ec2;
        let add = |principals: BTreeSet<Principal>| {
            async move {
                ec2.change_launch_permissions(image_id, Change::Add, &principals)
                    .await
            }
            .boxed()
        };
        let mut known = self.run.until_known(&clients, image_id);
        let mut sent = BTreeSet::new();
        let (added, refused) = loop {
            let current = match ec2.launch_permissions(image_id).await {
                Err(error) if error.is_aws(NOT_READY) => {
                    known.wait_out(&error).await?;
                    continue;
                }
                current => current?,
            };
            let missing = principals - &current;
            if missing.is_empty() {
                break (sent, BTreeSet::new());
            }
            if !until_all_present(keys).await {
                break (BTreeSet::new(), principals.clone());
            }
            match self.change_in_halves(&missing, add).await {
                Ok(refused) => break (&missing - &refused, refused),
                // It may have been done all the same: the next look tells, once.
                Err(error) if error.code == Code::AwsUnexpected && sent.is_empty() => {
                    sent = missing;
                }
                Err(error) if error.is_aws(NOT_READY) => known.wait_out(&error).await?,
                Err(error) => return Err(error),
            }
        };
        if !added.is_empty() {
            let changes = &self.progress().changes;
            changes.note(ChangeKind::Sharing, image_id, &added);
            self.progress().emit(&Event::LaunchPermissionAdded {
                source: shared.source.clone(),
                region: shared.region.clone(),
                image: image_id.clone(),
                added,
            });
        }
        Ok(refused)
    }

    /// Reports who can launch an image, once that was confirmed.
    pub(super) fn report_launchable(&self, image: &LaunchableImage<'_>) {
        let shared = image.shared();
        self.progress().emit(&Event::LaunchPermissionConfirmed {
            source: shared.source.clone(),
            region: shared.region.clone(),
            image: image.image_id.clone(),
            principals: image.principals.clone(),
        });
    }

    /// Lets those of the principals that are accounts make volumes of the image's snapshots;
    /// returns those that AWS refuses.
    pub(super) async fn ensure_snapshot_permissions(
        &self,
        step: &SnapshotPermission,
        image_id: &AmiId,
        principals: &BTreeSet<Principal>,
    ) -> Result<BTreeSet<Principal>, Error> {
        let region = &step.shared.region;
        let existed_when_planned = step.shared.image.as_ref() == Some(image_id);
        let snapshots: Vec<SnapshotId> = if existed_when_planned {
            step.missing.keys().cloned().collect()
        } else {
            let image = self.find_image(region, image_id).await?;
            image.snapshots().cloned().collect()
        };
        let accounts = &as_principals(&step.accounts) & principals;
        if accounts.is_empty() {
            return Ok(BTreeSet::new());
        }
        let (accounts, ec2) = (&accounts, &self.run.source_clients(region).ec2);
        let mut sharing = Vec::new();
        for snapshot in &snapshots {
            sharing.push(async move {
                let missing = accounts - &ec2.snapshot_permissions(snapshot).await?;
                self.add_snapshot_permission(ec2, snapshot, missing).await
            });
        }
        let refused = future::try_join_all(sharing).await?;
        Ok(refused.into_iter().flatten().collect())
    }

    /// Looks once more at snapshots, after the launch permission is written. Restores permissions
    /// that another run removed while the launch permission is still there; otherwise the revoke
    /// wins.
    pub(super) async fn confirm_snapshot_permissions(
        &self,
        step: &SnapshotPermission,
        image: &LaunchableImage<'_>,
    ) -> Result<(), Error> {
        let (region, image_id) = (&step.shared.region, &image.image_id);
        let ec2 = &self.run.source_clients(region).ec2;
        let accounts = &as_principals(&step.accounts) & &image.everybody();
        let current = self.find_image(region, image_id).await?;
        for snapshot in current.snapshots() {
            let missing = &accounts - &ec2.snapshot_permissions(snapshot).await?;
            if missing.is_empty() {
                continue;
            }
            if !self.are_still_shared(&[image], &missing).await? {
                return Err(self.contended_snapshots(region, image_id));
            }
            self.add_snapshot_permission(ec2, snapshot, missing).await?;
        }
        Ok(())
    }

    /// Whether the images are all still shared with those of these whom they are to be shared with.
    /// Fails for one that is gone or disabled: nobody has revoked anything then.
    pub(super) async fn are_still_shared(
        &self,
        images: &[&LaunchableImage<'_>],
        principals: &BTreeSet<Principal>,
    ) -> Result<bool, Error> {
        for image in images {
            let clients = self.run.source_clients(&image.shared().region);
            let current = clients.ec2.launch_permissions(&image.image_id).await?;
            let required = self.plan.request.launchers_of(principals);
            let required = &required & &image.principals;
            if !required.is_subset(&current) {
                self.run.usable_image(&clients, &image.image_id).await?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes both permissions; returns those who keep them: AWS refused to change theirs, or they
    /// gained them after the plan was made and use the image.
    pub(super) async fn remove_permissions(
        &self,
        step: &RemovePermissions,
    ) -> Result<BTreeSet<Principal>, Error> {
        let (region, image_id) = (&step.region, &step.image);
        let ec2 = &self.run.source_clients(region).ec2;

        // 1. Launch permission is removed first: a target must not see an image it cannot copy.
        let current = self.launchers_of(region, image_id).await?;
        let newcomers = self.find_newcomers(step, &current, &step.principals);
        let in_use = self.find_newcomers_in_use(step, &current).await;
        let in_use = &in_use | &newcomers;
        // One look may be out of date: what the plan has seen is removed in any case.
        let mut present = &(&current | &step.principals) - &in_use;
        present.retain(|principal| step.removal.includes(principal));
        self.warn_of_remaining(image_id, &(&current - &present), &step.remaining);
        let removed = self
            .remove_launch_permission(&step.source, region, image_id, present)
            .await;
        let kept = &self.unless_gone(region, image_id, removed).await? | &in_use;
        self.report_newcomers(region, image_id, &newcomers);

        // 2. The snapshots, each by itself.
        let mut removing = Vec::new();
        for (snapshot, planned) in &step.snapshots {
            let kept = &kept;
            removing.push(async move {
                let read = ec2.snapshot_permissions(snapshot).await;
                let current = self.unless_gone(region, image_id, read).await?;
                let newcomers = &self.find_newcomers(step, &current, planned) - kept;
                let mut present = planned | &current;
                present.retain(|principal| step.removal.includes(principal));
                present = &(&present - kept) - &newcomers;
                let removed = self
                    .remove_snapshot_permission(ec2, snapshot, &present)
                    .await;
                self.unless_gone(region, image_id, removed).await?;
                self.report_newcomers(region, snapshot, &newcomers);
                Ok::<_, Error>((snapshot, present, newcomers))
            });
        }
        let (mut removed, mut kept) = (Vec::new(), kept.clone());
        for each in future::join_all(removing).await {
            let (snapshot, principals, newcomers) = each?;
            kept.extend(newcomers);
            if !principals.is_empty() {
                removed.push((snapshot, principals));
            }
        }
        if removed.is_empty() {
            return Ok(kept);
        }

        // 3. Another run may have shared the image again meanwhile: then its snapshots are shared
        //    again too (P5).
        let mut launchers = &self.launchers_of(region, image_id).await? - &kept;
        launchers.retain(|principal| principal.account().is_some());
        let mut restoring = Vec::new();
        for (snapshot, principals) in &removed {
            let restored = principals & &launchers;
            restoring.push(self.add_snapshot_permission(ec2, snapshot, restored));
        }
        future::try_join_all(restoring).await?;
        Ok(kept)
    }

    /// Warns of organizations, units or everybody that an image stays shared with, unless the plan
    /// has named them.
    pub(super) fn warn_of_remaining(
        &self,
        image_id: &AmiId,
        remaining: &BTreeSet<Principal>,
        named: &BTreeSet<Principal>,
    ) {
        let mut wide = remaining - named;
        wide.retain(|principal| principal.account().is_none());
        if !wide.is_empty() {
            let finding = plan::image_still_shared(image_id, &wide);
            self.progress().emit(&Event::Found(finding));
        }
    }

    /// Removes launch permission; returns those that AWS refuses.
    pub(super) async fn remove_launch_permission(
        &self,
        source: &SourceImage,
        region: &Region,
        image_id: &AmiId,
        principals: BTreeSet<Principal>,
    ) -> Result<BTreeSet<Principal>, Error> {
        if principals.is_empty() {
            return Ok(principals);
        }
        let clients = self.run.source_clients(region);
        let ec2 = &clients.ec2;
        let remove = |principals: BTreeSet<Principal>| {
            async move {
                ec2.change_launch_permissions(image_id, Change::Remove, &principals)
                    .await
            }
            .boxed()
        };
        let refused = self.change_in_halves(&principals, remove).await?;
        let removed = &principals - &refused;
        if !removed.is_empty() {
            self.progress().emit(&Event::LaunchPermissionRemoved {
                source: source.clone(),
                region: region.clone(),
                image: image_id.clone(),
                removed,
            });
        }
        Ok(refused)
    }

    pub(super) async fn remove_snapshot_permission(
        &self,
        ec2: &Ec2,
        snapshot: &SnapshotId,
        principals: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        if principals.is_empty() {
            return Ok(());
        }
        let remove = |principals: BTreeSet<Principal>| {
            async move {
                ec2.change_snapshot_permissions(snapshot, Change::Remove, &principals)
                    .await
            }
            .boxed()
        };
        let refused = self.change_in_halves(principals, remove).await?;
        self.progress().emit(&Event::SnapshotPermissionRemoved {
            snapshot: snapshot.clone(),
            removed: principals - &refused,
        });
        Ok(())
    }

    /// Adds create-volume permission; returns those that AWS refuses.
    async fn add_snapshot_permission(
        &self,
        ec2: &Ec2,
        snapshot: &SnapshotId,
        principals: BTreeSet<Principal>,
    ) -> Result<BTreeSet<Principal>, Error> {
        if principals.is_empty() {
            return Ok(principals);
        }
        let add = |principals: BTreeSet<Principal>| {
            async move {
                ec2.change_snapshot_permissions(snapshot, Change::Add, &principals)
                    .await
            }
            .boxed()
        };
        let refused = self.change_in_halves(&principals, add).await?;
        let added = &principals - &refused;
        let accounts = added.iter().filter_map(Principal::account);
        self.progress().emit(&Event::SnapshotPermissionAdded {
            snapshot: snapshot.clone(),
            added: accounts.cloned().collect(),
        });
        Ok(refused)
    }

    fn contended_snapshots(&self, region: &Region, image_id: &AmiId) -> Error {
        let message = format!(
            "another run revokes the permission for snapshots of {image_id} that this one adds"
        );
        Error::new(Code::PermissionContended, message)
            .at(&self.run.source.identity.account, region)
            .on(image_id)
    }
}
