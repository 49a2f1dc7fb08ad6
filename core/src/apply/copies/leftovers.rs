//! Removes what failed copies left. What cannot be removed is a finding and no error: the share
//! itself does not suffer.

use super::CopyJob;
use crate::aws::clients::RegionClients;
use crate::diagnostic::{Error, Finding, FindingCode};
use crate::id::{AmiId, SnapshotId};
use crate::plan::adopt::{self, Candidate};
use crate::report::Event;

impl CopyJob<'_> {
    pub(super) async fn remove_leftovers(&self) {
        for image in &self.copy.leftovers.images {
            self.remove_image(image).await;
        }
        for snapshot in &self.copy.leftovers.snapshots {
            self.remove_snapshot(snapshot).await;
        }
    }

    /// Removes the copies that failed while this job awaited them. That AWS answered with an ID
    /// does not make its image ours, so each is judged first.
    pub(super) async fn remove_failed(&self) {
        for image in &self.failed {
            let location = &self.clients.location;
            let is_ours = match self.snapshots_of([image]).await {
                Ok(snapshots) => {
                    adopt::judge(image, &snapshots, self.copy, location) == Candidate::Failed
                }
                Err(_unread) => false,
            };
            if is_ours {
                self.remove_image(&image.id).await;
            }
        }
    }

    async fn remove_image(&self, image: &AmiId) {
        match self.clients.ec2.deregister_image(image).await {
            Ok(kept) => {
                self.report_removed(image);
                for (snapshot, why) in kept {
                    let why = explain_kept_snapshot(self.clients, &why);
                    self.report(describe(&snapshot, &why));
                }
            }
            Err(error) => self.warn(image, &error),
        }
    }

    async fn remove_snapshot(&self, snapshot: &SnapshotId) {
        match self.clients.ec2.delete_snapshot(snapshot).await {
            Ok(()) => self.report_removed(snapshot),
            Err(error) => self.warn(snapshot, &error),
        }
    }

    fn report_removed(&self, resource: impl ToString) {
        self.run.progress.emit(&Event::LeftoverRemoved {
            resource: resource.to_string(),
        });
    }

    fn warn(&self, resource: impl ToString, error: &Error) {
        let mut finding = describe(resource, &error.without_remedy());
        finding.remedy = format!(
            "{}; or remove it by hand: it counts toward quotas",
            error.remedy
        );
        self.report(finding);
    }

    fn report(&self, finding: Finding) {
        self.run.progress.emit(&Event::Found(finding));
    }
}

fn describe(resource: impl ToString, why: &str) -> Finding {
    let message = format!("a failed copy left this, and it could not be removed: {why}");
    Finding::warn(FindingCode::CopyNotCleaned, resource, message)
}

/// Why a snapshot stays that AWS should have deleted with its image: AWS does so as the caller.
pub(in crate::apply) fn explain_kept_snapshot(clients: &RegionClients, why: &str) -> String {
    let mut message = format!("AWS did not delete it with its image ({why})");
    if why == "missing-permissions" {
        message.push_str(&format!(
            ": allow `ec2:DeleteSnapshot` in an identity policy of {}",
            clients.identity.principal()
        ));
    }
    message
}
