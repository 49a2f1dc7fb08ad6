//! What is done in target accounts, by the role there, for an image that is shared with them.

mod launch_templates;
mod roles;

use futures::future;
use tokio::time::Instant;

use super::blocked::Blocked;
use super::served::{Served, Untagged};
use super::{Apply, AvailableCopies, LaunchableImage};
use crate::diagnostic::{Code, Error, FindingCode};
use crate::id::{AccountId, AmiId, Principal, Region};
use crate::limits::SHARE_PROPAGATION;
use crate::plan::{SharedImage, TagShared, TargetCopy};
use crate::report::Event;

/// AWS does not show the image.
const NOT_FOUND: &[&str] = &["InvalidAMIID.NotFound"];

impl Apply<'_> {
    /// Makes the targets' copies of an image, and tags the image there.
    pub(super) async fn copy_and_tag_in_targets<'b>(
        &self,
        image: LaunchableImage<'b>,
    ) -> Served<'b> {
        let covered = self.plan.request.covered_accounts();
        let mut copying = Vec::new();
        for step in self.plan.target_copies() {
            // A target that the image was not shared with cannot copy it; one with temporary access
            // may have its copy already.
            let principal = Principal::Account(step.account.clone());
            let is_meant =
                image.launch.principals.contains(&principal) || covered.contains(&principal);
            let is_refused = is_meant && !image.everybody().contains(&principal);
            if &step.shared == image.shared() && !is_refused {
                let copied = self.copy_in_target(step, &image);
                copying.push(async move {
                    self.progress().report_error(copied.await)?;
                    Some(step.account.clone())
                });
            }
        }
        let mut tagging = Vec::new();
        for step in self.plan.shared_image_tags() {
            if &step.shared == image.shared() {
                tagging.push(self.tag_or_tell(step, &image));
            }
        }
        let (copying, tagging) = (future::join_all(copying), future::join_all(tagging));
        let (copied, tagged) = future::join(copying, tagging).await;
        let untagged = tagged.into_iter().flatten().collect();
        Served::new(image, copied.into_iter().flatten(), untagged)
    }

    /// Tags an image in a target. Where the image is hidden, the check of the launch may say why.
    async fn tag_or_tell<'b>(
        &self,
        step: &TagShared,
        image: &LaunchableImage<'b>,
    ) -> Option<Untagged<'b>> {
        let tagged = self.tag_in_target(step, &image.image_id).await;
        match tagged {
            Err(error) if step.hidden.is_some() && error.code == Code::ImageNotFound => {
                Some(Untagged {
                    shared: image.shared(),
                    account: step.account.clone(),
                    error,
                })
            }
            tagged => {
                self.progress().report_error(tagged);
                None
            }
        }
    }

    async fn copy_in_target(
        &self,
        step: &TargetCopy,
        image: &LaunchableImage<'_>,
    ) -> Result<AmiId, Error> {
        let copy = step.to_copy_image(&image.image_id);
        let copied = self.ensure_copy(&copy, &image.launch.keys).await;
        let Err(error) = copied else { return copied };
        if !error.is_aws(NOT_FOUND) {
            return Err(error);
        }
        let (account, region) = (&step.account, &image.shared().region);
        let hides = self.hides(step.hidden.as_deref(), account, region, &image.image_id);
        Err(match Box::pin(hides).await {
            Some(why) => hidden(error, account, "it cannot be copied there", &why),
            None => error,
        })
    }

    /// Why Allowed AMIs of a target hide an image from it, if they did so in the plan and still do:
    /// a finding of the plan asks to change them.
    async fn hides(
        &self,
        planned: Option<&str>,
        account: &AccountId,
        region: &Region,
        image_id: &AmiId,
    ) -> Option<String> {
        let planned = planned?.to_owned();
        let Some(target) = self.run.target_clients(account, region) else {
            return Some(planned);
        };
        let source = self.run.source_clients(region);
        let image = self.run.present_image(&source, image_id).await;
        match (target.ec2.allowed_images().await, image) {
            (Ok(allowed), Ok(image)) => allowed.hides(&image, self.run.source.now()),
            // What cannot be read now is as it was.
            _ => Some(planned),
        }
    }

    /// Writes the parameters and launch templates in targets that name an image, or the target's
    /// own copy of it, which is deprecated and protected first. A target that cannot launch it, or
    /// whose copy failed, is left out.
    pub(super) async fn publish_in_targets(
        &self,
        image: &LaunchableImage<'_>,
        available: &AvailableCopies,
        blocked: &Blocked,
    ) {
        for account in self.run.targets.keys() {
            let copy = self.plan.target_copy_of(account, image.shared());
            let has_copy = available.contains(&(account.clone(), image.image_id.clone()));
            if blocked.contains(image.shared(), account) || copy.is_some() && !has_copy {
                continue;
            }
            let image_id = match copy {
                Some(copy) => self.run.target_copy(copy),
                None => Some(image.image_id.clone()),
            };
            if let Some(image_id) = image_id {
                if copy.is_some() {
                    self.release(account, image.shared(), &image_id).await;
                }
                self.publish_in(account, image.shared(), &image_id).await;
                self.update_launch_templates(account, image.shared(), &image_id)
                    .await;
            }
        }
    }

    /// Gives a shared image the tags that every recipient sees.
    pub(super) async fn share_tags(
        &self,
        shared: &SharedImage,
        image_id: &AmiId,
    ) -> Result<(), Error> {
        let Some(step) = self.plan.tags_to_share(shared) else {
            return Ok(());
        };
        if step.missing.is_empty() {
            return Ok(());
        }
        let clients = self.run.source_clients(&shared.region);
        clients.ec2.tag_image(image_id, &step.missing).await?;
        self.progress().emit(&Event::TagsShared {
            source: shared.source.clone(),
            region: shared.region.clone(),
            image: image_id.clone(),
            keys: step.missing.keys().cloned().collect(),
        });
        Ok(())
    }

    /// Attaches the watermark of a shared image, unless it has it as a copy of one that had it.
    pub(super) async fn attach_watermark(
        &self,
        shared: &SharedImage,
        image_id: &AmiId,
    ) -> Result<(), Error> {
        let Some(step) = self.plan.watermark(shared) else {
            return Ok(());
        };
        let Some(name) = &self.plan.request.options.watermark else {
            return Ok(());
        };
        if step.in_effect && step.shared.image.is_some() {
            return Ok(());
        }
        let clients = self.run.source_clients(&shared.region);
        let image = self.run.present_image(&clients, image_id).await?;
        let has_it = image.watermarks.iter().any(|it| it.key == step.watermark);
        if !has_it {
            let key = &step.watermark;
            clients.ec2.attach_watermark(image_id, name, key).await?;
        }
        self.progress().emit(&Event::Watermarked {
            source: shared.source.clone(),
            region: shared.region.clone(),
            image: image_id.clone(),
            watermark: step.watermark.clone(),
        });
        Ok(())
    }

    /// Tags a shared image in a target: AWS shows targets none of the owner's tags (R1.6).
    async fn tag_in_target(&self, step: &TagShared, image_id: &AmiId) -> Result<(), Error> {
        const WHAT: &str = "to be seen by the target";
        const UNSEEN: &str = "see whether Allowed AMIs of the target hide the image \
                              (`aws ec2 get-allowed-images-settings`), have it added there, and \
                              run again";
        let region = &step.shared.region;
        let Some(clients) = self.run.target_clients(&step.account, region) else {
            return Ok(());
        };
        if step.missing.is_empty() {
            return Ok(());
        }
        let mut backoff = self.progress().poll_backoff(self.run.timing.poll);
        let since = Instant::now();
        while let Err(error) = clients.ec2.tag_image(image_id, &step.missing).await {
            // The target may not see yet what was shared with it a moment ago (R2.21); it never
            // sees what its Allowed AMIs hide (R7.3).
            if !error.is_aws(NOT_FOUND) {
                return Err(error);
            }
            let hides = self.hides(step.hidden.as_deref(), &step.account, region, image_id);
            if let Some(why) = hides.await {
                return Err(hidden(error, &step.account, "it has no tags there", &why));
            }
            if since.elapsed() >= SHARE_PROPAGATION {
                return Err(error.remedy(UNSEEN));
            }
            let source = self.run.source_clients(region);
            self.run.check_usable(&source, image_id).await?;
            let pause = backoff.next();
            self.progress()
                .wait_out(&error, image_id, WHAT, since, pause)
                .await;
        }
        self.progress().emit(&Event::Tagged {
            account: step.account.clone(),
            image: image_id.clone(),
        });
        Ok(())
    }
}

/// The error of a target that an image is hidden from.
fn hidden(error: Error, account: &AccountId, so: &str, why: &str) -> Error {
    Error {
        message: format!("Allowed AMIs of target {account} hide the image, so {so}: {why}"),
        ..error.remedy(FindingCode::TargetHidesImage.remedy())
    }
}
