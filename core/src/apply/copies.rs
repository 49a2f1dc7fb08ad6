//! Makes sure that a copy exists: starts it or adopts one already under way, waits for it, checks
//! it, and removes what failed copies left.

mod leftovers;
mod start;

use std::collections::{BTreeMap, BTreeSet};

use super::Apply;
use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::{AmiId, KeyArn, SnapshotId};
use crate::inventory::{Image, ImageState, Snapshot};
use crate::limits::CONCURRENT_SNAPSHOT_COPIES;
use crate::plan::CopyImage;
use crate::plan::adopt::{self, Candidate};
use crate::report::Event;
use crate::run::Run;
use crate::run::effect::UntilInEffect;

pub(super) use leftovers::explain_kept_snapshot;

impl Apply<'_> {
    /// The copy, available and checked. This run may have given access to some `keys` of the source
    /// a moment ago.
    pub(super) async fn ensure_copy(
        &self,
        copy: &CopyImage,
        keys: &BTreeSet<KeyArn>,
    ) -> Result<AmiId, Error> {
        let clients = self
            .run
            .clients_of(&copy.account, &copy.region)
            .ok_or_else(|| unreached_account(copy))?;
        let job = CopyJob {
            run: self.run,
            clients: &clients,
            copy,
            attempt: 0,
            failed: Vec::new(),
        };
        let effect = self.run.until_in_effect(&clients, keys);
        job.complete(effect).await
    }
}

/// One copy that is being made, by the account that will own it. Thousands are awaited at the same
/// time, so what is done before and after is boxed.
struct CopyJob<'a> {
    run: &'a Run<'a>,
    clients: &'a RegionClients,
    copy: &'a CopyImage,
    /// How many images that AWS made for this copy are known to be dead.
    attempt: u32,
    /// What AWS made of this job's requests, and what did not become the copy.
    failed: Vec<Image>,
}

impl CopyJob<'_> {
    /// Copies, again while access that this run gave is not in effect.
    async fn complete(mut self, mut effect: UntilInEffect<'_, '_>) -> Result<AmiId, Error> {
        let copied = loop {
            match self.copy_once().await {
                Err(error) if effect.outlasts(&error).await => {}
                copied => break copied,
            }
        };
        // Now that the replacement is available, nobody can miss what failed copies left.
        if copied.is_ok() {
            Box::pin(self.remove_leftovers()).await;
        } else {
            // The last one shows why the copy failed.
            self.failed.pop();
        }
        Box::pin(self.remove_failed()).await;
        copied
    }

    async fn copy_once(&mut self) -> Result<AmiId, Error> {
        let (clients, copy) = (self.clients, self.copy);

        // 1. AWS copies a limited number of snapshots at once; the rest queues here and does not
        //    fail (R1.5.10).
        let volumes = copy.volumes.clamp(1, CONCURRENT_SNAPSHOT_COPIES);
        let volumes = u32::try_from(volumes).unwrap_or(1);
        let _permits = clients.snapshot_copies.acquire_many(volumes).await;

        // 2. A copy under way is adopted, so that a run that was cut off is continued (P4).
        let id = match &copy.adopt {
            Some(id) if !self.has_failed(id) => self.adopt(id.clone()),
            _ => Box::pin(self.start()).await?,
        };

        // 3. Only an available image with the right volumes and key may be shared.
        let what = format!("to be available, as the copy of {}", copy.source);
        let image = self.run.settled_image(clients, &id, what).await?;
        let image = image.ok_or_else(|| self.failure(&id, "AWS never showed it"))?;
        if let Err(error) = Box::pin(self.check(&image)).await {
            self.failed.push(image);
            return Err(error);
        }
        self.run.progress.emit(&Event::CopyAvailable {
            account: copy.account.clone(),
            source: copy.source.clone(),
            region: copy.region.clone(),
            copy: id.clone(),
        });
        Ok(id)
    }

    fn has_failed(&self, id: &AmiId) -> bool {
        self.failed.iter().any(|image| image.id == *id)
    }

    fn adopt(&self, id: AmiId) -> AmiId {
        self.run.progress.emit(&Event::CopyAdopted {
            account: self.copy.account.clone(),
            source: self.copy.source.clone(),
            region: self.copy.region.clone(),
            copy: id.clone(),
        });
        id
    }

    /// Whether the settled copy is available and what was asked for.
    async fn check(&self, image: &Image) -> Result<(), Error> {
        let copy = self.copy;
        match &image.state {
            ImageState::Available => {}
            ImageState::Deregistered => {
                return Err(self.failure(&image.id, "somebody deregistered it"));
            }
            _ => return Err(self.failure(&image.id, &self.failure_reason(image).await)),
        }
        let snapshots = self.snapshots_of([image]).await?;
        let candidate = adopt::judge(image, &snapshots, copy, &self.clients.location);
        if candidate != Candidate::Adoptable {
            let why = format!(
                "it is not an image of {} volumes under {} made from its source",
                copy.volumes, copy.key
            );
            return Err(self.failure(&image.id, &why));
        }
        Ok(())
    }

    async fn snapshots_of(
        &self,
        images: impl IntoIterator<Item = &Image>,
    ) -> Result<BTreeMap<SnapshotId, Snapshot>, Error> {
        let ids: BTreeSet<SnapshotId> = images
            .into_iter()
            .flat_map(|image| image.snapshots().cloned())
            .collect();
        let mut snapshots = BTreeMap::new();
        for snapshot in self.clients.ec2.snapshots(&ids).await? {
            snapshots.insert(snapshot.id.clone(), snapshot);
        }
        Ok(snapshots)
    }

    /// Why AWS says that a copy failed: of the image, and of the snapshots that made it fail
    /// (R1.5.2).
    async fn failure_reason(&self, image: &Image) -> String {
        let of_image = match &image.state_reason {
            Some(reason) => reason.clone(),
            None => "AWS gives no reason".to_owned(),
        };
        // The snapshots only add to it; failing to read them must not hide it.
        let snapshots = self.snapshots_of([image]).await.unwrap_or_default();
        let mut of_snapshots = BTreeSet::new();
        for snapshot in snapshots.into_values() {
            let message = snapshot.state_message;
            of_snapshots.extend(message.filter(|message| !of_image.contains(message)));
        }
        let mut reasons = vec![of_image];
        reasons.extend(of_snapshots);
        reasons.join("; ")
    }

    fn failure(&self, id: &AmiId, why: &str) -> Error {
        let (clients, copy) = (self.clients, self.copy);
        let message = format!("the copy {id} of {} failed: {why}", copy.source);
        let mut error = Error::new(Code::CopyFailed, message);
        if why.contains("not accessible") || why.contains("is invalid") {
            error = error.remedy(format!(
                "allow kms:DescribeKey, kms:CreateGrant, kms:Decrypt, \
                 kms:GenerateDataKeyWithoutPlaintext and kms:ReEncrypt* on {} and on the source's \
                 keys, in an identity policy of {} and in the key policies; then run again",
                copy.key,
                clients.identity.principal()
            ));
        }
        let location = &clients.location;
        error.at(&location.account, &location.region).on(id)
    }
}

fn unreached_account(copy: &CopyImage) -> Error {
    let message = format!(
        "no role is assumed in {}, so no copy can be made there",
        copy.account
    );
    Error::new(Code::RoleNotAssumable, message)
        .remedy("see the error about its role")
        .at(&copy.account, &copy.region)
}
