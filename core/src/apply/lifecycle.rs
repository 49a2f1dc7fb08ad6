//! What follows once an image is shared and its access is confirmed: deprecation, protection, the
//! SSM parameters that name it.

mod parameters;

use super::Apply;
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId};
use crate::plan::{Deprecate, Protect, SharedImage, deprecation_moment, rfc3339};
use crate::report::Event;

impl Apply<'_> {
    /// Deprecates and protects an image, and publishes it in the source account, if the plan has
    /// these steps.
    pub(super) async fn complete_lifecycle(&self, shared: &SharedImage, image_id: &AmiId) {
        self.release(&self.plan.account, shared, image_id).await;
        self.publish_in(&self.plan.account, shared, image_id).await;
    }

    /// Deprecates and protects a shared image, or the copy of it that an account owns.
    pub(super) async fn release(
        &self,
        account: &AccountId,
        shared: &SharedImage,
        image_id: &AmiId,
    ) {
        for step in self.plan.deprecations() {
            if &step.account == account && &step.shared == shared && !step.in_effect {
                let deprecated = self.deprecate(step, image_id).await;
                self.progress().report_error(deprecated);
            }
        }
        for step in self.plan.protections() {
            if &step.account == account && &step.shared == shared && !step.in_effect {
                let protected = self.protect(step, image_id).await;
                self.progress().report_error(protected);
            }
        }
    }

    /// Writes the parameters of an account that name this image.
    pub(super) async fn publish_in(
        &self,
        account: &AccountId,
        shared: &SharedImage,
        image_id: &AmiId,
    ) {
        for step in self.plan.publications() {
            if &step.account == account && &step.shared == shared {
                let published = self.publish(step, image_id).await;
                self.progress().report_error(published);
            }
        }
    }

    async fn deprecate(&self, step: &Deprecate, image_id: &AmiId) -> Result<(), Error> {
        let Some(clients) = self.run.clients_of(&step.account, &step.shared.region) else {
            return Ok(());
        };
        let mut moment = deprecation_moment(step.when, "");
        if moment.is_none() {
            // A period begins when the image was made; a copy was made by this run perhaps.
            let image = self.run.present_image(&clients, image_id).await?;
            moment = deprecation_moment(step.when, &image.creation_date);
        }
        let Some(moment) = moment else {
            return Ok(());
        };
        clients.ec2.deprecate_image(image_id, moment).await?;
        self.progress().emit(&Event::Deprecated {
            image: image_id.clone(),
            at: rfc3339(moment),
        });
        Ok(())
    }

    async fn protect(&self, step: &Protect, image_id: &AmiId) -> Result<(), Error> {
        let Some(clients) = self.run.clients_of(&step.account, &step.shared.region) else {
            return Ok(());
        };
        clients.ec2.protect_image(image_id).await?;
        self.progress().emit(&Event::Protected {
            image: image_id.clone(),
        });
        Ok(())
    }
}
