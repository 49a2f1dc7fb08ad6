//! EC2: reads snapshots.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::describe_snapshots::builders::DescribeSnapshotsFluentBuilder;
use aws_sdk_ec2::operation::describe_snapshots::{DescribeSnapshotsError, DescribeSnapshotsOutput};

use super::convert::{KMS_KEY_ID, convert_snapshot};
use super::{Ec2, filter, owners};
use crate::aws::pages::Pages;
use crate::aws::unreadable::Unreadable;
use crate::diagnostic::Error;
use crate::id::SnapshotId;
use crate::inventory::{Image, ImageState, Snapshot};
use crate::limits::{FILTER_VALUES, PAGE_SIZE};

const ACTION: &str = "ec2:DescribeSnapshots";

/// Snapshots that AWS lists page by page, so that who has seen enough reads no more of them.
pub(crate) struct SnapshotPages<'a> {
    ec2: &'a Ec2,
    pages: Pages<'a, DescribeSnapshotsOutput, DescribeSnapshotsError>,
}

impl SnapshotPages<'_> {
    /// The snapshots of the next page; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Snapshot>>, Error> {
        let Some(page) = self.pages.next().await? else {
            return Ok(None);
        };
        let mut snapshots = Vec::new();
        for snapshot in page.snapshots() {
            let snapshot = convert_snapshot(snapshot);
            snapshots.push(snapshot.map_err(|error| self.ec2.unreadable(ACTION, &error))?);
        }
        Ok(Some(snapshots))
    }
}

impl Ec2 {
    /// The snapshots with these IDs. One that AWS does not show to the account is absent
    /// (`ec2:DescribeSnapshots`).
    pub(crate) async fn snapshots<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a SnapshotId>,
    ) -> Result<Vec<Snapshot>, Error> {
        let ids = ids.into_iter().map(ToString::to_string).collect();
        self.snapshots_by("snapshot-id", ids, false).await
    }

    /// The account's snapshots with one of these values of a tag (`ec2:DescribeSnapshots`).
    pub(crate) async fn own_snapshots_tagged(
        &self,
        key: &str,
        values: Vec<String>,
    ) -> Result<Vec<Snapshot>, Error> {
        self.snapshots_by(&format!("tag:{key}"), values, true).await
    }

    /// All encrypted snapshots of the account (`ec2:DescribeSnapshots`).
    pub(crate) async fn own_encrypted_snapshots(&self) -> Result<Vec<Snapshot>, Error> {
        let values = vec!["true".to_owned()];
        self.snapshots_by("encrypted", values, true).await
    }

    /// The account's encrypted snapshots that name one of these users as recipients: account IDs,
    /// or `all` (`ec2:DescribeSnapshots`, R2.25).
    pub(crate) fn own_snapshots_shared_with(&self, users: Vec<String>) -> SnapshotPages<'_> {
        let call = || {
            self.client
                .get()
                .describe_snapshots()
                .set_owner_ids(owners(true))
                .set_restorable_by_user_ids(Some(users))
                .filters(filter("encrypted", ["true"]))
                .max_results(PAGE_SIZE)
        };
        self.pages_of_snapshots(call)
    }

    /// The snapshots behind an image, which tell its keys. None is hidden from the account, and of
    /// none it is unclear whether it is encrypted (`ec2:DescribeSnapshots`).
    pub(crate) async fn snapshots_of(&self, image: &Image) -> Result<Vec<Snapshot>, Error> {
        let mut snapshots = BTreeMap::new();
        for snapshot in self.snapshots(image.snapshots()).await? {
            snapshots.insert(snapshot.id.clone(), snapshot);
        }
        self.check_encryption(image, &snapshots)?;
        for id in image.snapshots() {
            if !snapshots.contains_key(id) {
                let unreadable = Unreadable::missing("SnapshotId").of(id.as_ref());
                return Err(self.unreadable(ACTION, &unreadable));
            }
        }
        Ok(snapshots.into_values().collect())
    }

    /// Checks that what AWS says of an available image and of its snapshots agrees, and names the
    /// key of each that is encrypted.
    pub(crate) fn check_encryption(
        &self,
        image: &Image,
        snapshots: &BTreeMap<SnapshotId, Snapshot>,
    ) -> Result<(), Error> {
        if image.state != ImageState::Available {
            return Ok(());
        }
        for mapping in &image.mappings {
            let id = mapping.snapshot.as_ref();
            let Some(snapshot) = id.and_then(|id| snapshots.get(id)) else {
                continue;
            };
            let unreadable = if snapshot.is_encrypted && snapshot.key.is_none() {
                Unreadable::missing(KMS_KEY_ID)
            } else if mapping.is_encrypted && !snapshot.is_encrypted {
                Unreadable::unknown("Encrypted", false)
            } else {
                continue;
            };
            let unreadable = unreadable.of(snapshot.id.as_ref());
            return Err(self.unreadable(ACTION, &unreadable));
        }
        Ok(())
    }

    fn pages_of_snapshots<'a>(
        &'a self,
        call: impl FnOnce() -> DescribeSnapshotsFluentBuilder + Send + 'a,
    ) -> SnapshotPages<'a> {
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let pages = Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.snapshots().len(), page.next_token())
        });
        SnapshotPages { ec2: self, pages }
    }

    async fn snapshots_by(
        &self,
        name: &str,
        values: Vec<String>,
        own: bool,
    ) -> Result<Vec<Snapshot>, Error> {
        let mut snapshots = Vec::new();
        for values in values.chunks(FILTER_VALUES) {
            let call = || {
                self.client
                    .get()
                    .describe_snapshots()
                    .filters(filter(name, values))
                    .set_owner_ids(owners(own))
                    .max_results(PAGE_SIZE)
            };
            let mut pages = self.pages_of_snapshots(call);
            while let Some(page) = pages.next().await? {
                snapshots.extend(page);
            }
        }
        Ok(snapshots)
    }
}
