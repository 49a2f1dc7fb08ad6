//! EC2: reads snapshots.

use super::convert::convert_snapshot;
use super::{Ec2, filter, owners};
use crate::diagnostic::Error;
use crate::id::SnapshotId;
use crate::inventory::Snapshot;
use crate::limits::{FILTER_VALUES, PAGE_SIZE};

const ACTION: &str = "ec2:DescribeSnapshots";

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

    async fn snapshots_by(
        &self,
        name: &str,
        values: Vec<String>,
        own: bool,
    ) -> Result<Vec<Snapshot>, Error> {
        let mut snapshots = Vec::new();
        for values in values.chunks(FILTER_VALUES) {
            let call = self
                .client
                .describe_snapshots()
                .filters(filter(name, values))
                .set_owner_ids(owners(own))
                .max_results(PAGE_SIZE);
            let mut pages = call.into_paginator().send();
            while let Some(page) = self.caller.send(ACTION, None, pages.try_next()).await? {
                for snapshot in page.snapshots() {
                    let snapshot = convert_snapshot(snapshot);
                    let unreadable = || self.unexpected(values.join(", "), "a snapshot");
                    snapshots.push(snapshot.ok_or_else(unreadable)?);
                }
            }
        }
        Ok(snapshots)
    }
}
