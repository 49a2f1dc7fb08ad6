//! Tags of an image that record which targets have access only until their own copies are
//! available. They are written before the access, and removed after it, so that a run that is cut
//! off leaves nothing that the next one cannot reclaim (P4).

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::Apply;
use crate::diagnostic::Error;
use crate::id::{AmiId, Region};
use crate::plan::ForgetTemporaryAccess;
use crate::report::Event;
use crate::tags::temporary::{self, TemporaryAccounts};

impl Apply<'_> {
    /// Records temporary access in the image's tags, before it is given.
    pub(super) async fn record_temporary_access(
        &self,
        region: &Region,
        image_id: &AmiId,
        accounts: &TemporaryAccounts,
    ) -> Result<(), Error> {
        if accounts.is_empty() {
            return Ok(());
        }
        let clients = self.run.source_clients(region);
        let tags = temporary::to_tags(accounts);
        clients.ec2.tag_image(image_id, &tags).await?;
        self.progress().emit(&Event::TemporaryAccessRecorded {
            image: image_id.clone(),
        });
        Ok(())
    }

    /// Removes from the tags of these images the accounts whose access the plan makes permanent, or
    /// revokes.
    pub(super) async fn forget_temporary_access(&self, images: &BTreeSet<&AmiId>) {
        let mut forgetting = Vec::new();
        for step in self.plan.forgets() {
            if images.contains(&step.image) {
                forgetting.push(async move {
                    let forgotten = self.forget_accounts(step).await;
                    self.progress().report_error(forgotten)
                });
            }
        }
        future::join_all(forgetting).await;
    }

    async fn forget_accounts(&self, step: &ForgetTemporaryAccess) -> Result<(), Error> {
        // This run may have removed it, as a copy.
        let clients = self.run.source_clients(&step.region);
        let images = clients.ec2.images([&step.image]).await?;
        let image = images.into_iter().next();
        let tags = image.map(|image| image.tags).unwrap_or_default();
        let mut forgotten = temporary::from_tags(&tags);
        for accounts in forgotten.values_mut() {
            accounts.retain(|account| step.accounts.contains(account));
        }
        self.untag_temporary_access(&step.region, &step.image, &tags, &forgotten)
            .await
    }

    /// Removes these accounts from the record in an image's `tags`.
    pub(super) async fn untag_temporary_access(
        &self,
        region: &Region,
        image_id: &AmiId,
        tags: &BTreeMap<String, String>,
        accounts: &TemporaryAccounts,
    ) -> Result<(), Error> {
        let (remaining, outdated) = temporary::without(tags, accounts);
        if outdated.is_empty() {
            return Ok(());
        }
        let ec2 = &self.run.source_clients(region).ec2;
        let remaining = temporary::to_tags(&remaining);
        if !remaining.is_empty() {
            ec2.tag_image(image_id, &remaining).await?;
        }
        ec2.untag_image(image_id, &outdated).await?;
        self.progress().emit(&Event::TemporaryAccessForgotten {
            image: image_id.clone(),
            remains: !remaining.is_empty(),
        });
        Ok(())
    }
}
