//! What follows once an image is shared and its access is confirmed: deprecation, protection, the
//! SSM parameters that name it.

use std::time::Duration;

use tokio::time::Instant;

use super::Apply;
use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, AmiId};
use crate::limits::PARAMETER_CHECK;
use crate::plan::{Deprecate, Protect, Publish, SharedImage, deprecation_moment, rfc3339};
use crate::report::Event;

/// The shortest and longest pause between looks at a parameter that SSM checks.
const PARAMETER_POLL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

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
            let image = clients.ec2.images([image_id]).await?.into_iter().next();
            moment = image.and_then(|image| deprecation_moment(step.when, &image.creation_date));
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

    /// Writes a parameter. SSM answers before it has checked that the value is an image, so the
    /// parameter is read until it names the image (R5.9).
    async fn publish(&self, step: &Publish, image_id: &AmiId) -> Result<(), Error> {
        let Some(clients) = self.run.clients_of(&step.account, &step.shared.region) else {
            return Ok(());
        };
        if step.current.as_deref() == Some(image_id.as_ref()) {
            return Ok(());
        }
        clients.ssm.put_image(&step.name, image_id).await?;
        let mut backoff = self.progress().poll_backoff(PARAMETER_POLL);
        let since = Instant::now();
        loop {
            let value = clients.ssm.parameter(&step.name).await?;
            if value.as_deref() == Some(image_id.as_ref()) {
                break;
            }
            if since.elapsed() > PARAMETER_CHECK {
                return Err(refused_parameter(&clients, &step.name, image_id));
            }
            let pause = backoff.next();
            self.progress()
                .wait(&step.name, "to hold the image", since, pause)
                .await;
        }
        self.progress().emit(&Event::Published {
            account: step.account.clone(),
            name: step.name.clone(),
            image: image_id.clone(),
        });
        Ok(())
    }
}

fn refused_parameter(clients: &RegionClients, name: &str, image_id: &AmiId) -> Error {
    let message = format!("SSM did not take {image_id} into the parameter {name}");
    let remedy = format!(
        "allow ssm:PutParameter and ec2:DescribeImages in an identity policy of {}: SSM checks \
         the image with that identity",
        clients.identity.arn
    );
    Error::new(Code::ParameterRefused, message)
        .remedy(remedy)
        .at(&clients.location.account, &clients.location.region)
        .on(name)
}
