//! Looks once more, in the end, who can launch images that were revoked: somebody may have shared
//! one again meanwhile, and then the run has not taken the access away.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;
use tokio::time::Instant;

use super::Apply;
use super::keys::oldest_read;
use crate::diagnostic::Error;
use crate::id::{AmiId, Principal};
use crate::plan::{self, RemovePermissions};
use crate::report::Event;

const AWAITED: &str = "to show that it is revoked: one look may be out of date";

impl Apply<'_> {
    /// Warns of those who can launch one of these images again. `kept` are those of whom the run
    /// has said that they can. Returns the images that may be shared again.
    pub(super) async fn warn_of_shared_again<'a>(
        &self,
        images: &[&'a RemovePermissions],
        kept: &BTreeMap<&AmiId, BTreeSet<Principal>>,
    ) -> BTreeSet<&'a AmiId> {
        let looking = images.iter().map(|step| async move {
            let kept = kept.get(&step.image).into_iter().flatten().collect();
            let looked = self.find_shared_again(step, &kept).await;
            match self.progress().report_error(looked) {
                Some(again) if again.is_empty() => None,
                Some(again) => {
                    let finding = plan::image_shared_again(&step.image, &again);
                    self.progress().emit(&Event::Found(finding));
                    Some(&step.image)
                }
                None => Some(&step.image),
            }
        });
        let looked = future::join_all(looking).await;
        looked.into_iter().flatten().collect()
    }

    async fn find_shared_again(
        &self,
        step: &RemovePermissions,
        kept: &BTreeSet<&Principal>,
    ) -> Result<BTreeSet<Principal>, Error> {
        let mut again = self.find_losers_in(step, kept).await?;
        if !again.is_empty() {
            let pause = oldest_read(self.run.timing.settle);
            self.progress()
                .wait(&step.image, AWAITED, Instant::now(), pause)
                .await;
            again = self.find_losers_in(step, kept).await?;
        }
        Ok(again)
    }

    /// Those who can launch the image now, and were to lose it.
    async fn find_losers_in(
        &self,
        step: &RemovePermissions,
        kept: &BTreeSet<&Principal>,
    ) -> Result<BTreeSet<Principal>, Error> {
        let mut found = self.launchers_of(&step.region, &step.image).await?;
        found.retain(|principal| step.removal.includes(principal) && !kept.contains(principal));
        if self.plan.is_approved() {
            // Newcomers keep it, and the run has said so.
            found.retain(|principal| step.principals.contains(principal));
        }
        Ok(found)
    }
}
