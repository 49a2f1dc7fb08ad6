//! EC2: locks of snapshots.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::LockState;

use super::Ec2;
use crate::aws::unreadable::{present, read};
use crate::diagnostic::Error;
use crate::id::SnapshotId;
use crate::limits::FILTER_VALUES;

impl Ec2 {
    /// Those of an account's snapshots that nobody can delete now
    /// (`ec2:DescribeLockedSnapshots`, R7.16).
    pub(crate) async fn locked_snapshots(
        &self,
        ids: &[&SnapshotId],
    ) -> Result<BTreeSet<SnapshotId>, Error> {
        const ACTION: &str = "ec2:DescribeLockedSnapshots";
        let mut locked = BTreeSet::new();
        for ids in ids.chunks(FILTER_VALUES) {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let call = || {
                self.client
                    .get()
                    .describe_locked_snapshots()
                    .set_snapshot_ids(Some(ids))
                    .send()
            };
            let answer = self.caller.send(ACTION, None, call).await?;
            if answer.next_token().is_some_and(|token| !token.is_empty()) {
                return Err(self.unexpected("snapshots", "a part of the locks"));
            }
            for snapshot in answer.snapshots() {
                let unreadable = |error| self.unreadable(ACTION, &error);
                let id: SnapshotId =
                    read("SnapshotId", snapshot.snapshot_id()).map_err(unreadable)?;
                let state = present("LockState", snapshot.lock_state());
                let state = state.map_err(|error| unreadable(error.of(id.as_ref())))?;
                // A state that this version does not know may hold the snapshot.
                if *state != LockState::Expired {
                    locked.insert(id);
                }
            }
        }
        Ok(locked)
    }
}
