//! What follows once an image is shared and its access is confirmed: deprecation, protection, the
//! SSM parameters that name it.

use std::time::Duration;

use tokio::time::Instant;

use super::Apply;
use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, AmiId};
use crate::inventory::ParameterValue;
use crate::limits::PARAMETER_CHECK;
use crate::plan::{Deprecate, Protect, Publish, SharedImage, deprecation_moment, rfc3339};
use crate::report::Event;

/// The shortest and longest pause between looks at a parameter that SSM checks.
const PARAMETER_POLL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How often a parameter is read and put while others create it.
const PUTS: usize = 3;

/// The image that a parameter held before it was written, if it held any.
struct Replaced(Option<AmiId>);

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

    /// Writes an image into a parameter, unless that came to hold something else since the plan was
    /// made; returns what it held before, or `None` if it holds the image already.
    async fn put_parameter(
        &self,
        clients: &RegionClients,
        name: &str,
        image_id: &AmiId,
    ) -> Result<Option<Replaced>, Error> {
        for _ in 0..PUTS {
            let current = clients.ssm.parameter(name).await?;
            let exists = current.is_some();
            let previous = current.as_ref().and_then(ParameterValue::image).cloned();
            match current {
                Some(ParameterValue::Image(current)) if current == *image_id => return Ok(None),
                Some(ParameterValue::Other) if !self.plan.request.options.overwrite_parameter => {
                    return Err(taken_parameter(clients, name));
                }
                _ => {}
            }
            match clients.ssm.put_image(name, image_id, exists).await {
                // Somebody was faster: what is there now is looked at first.
                Err(error) if !exists && error.is_aws(&["ParameterAlreadyExists"]) => {}
                put => return put.map(|()| Some(Replaced(previous))),
            }
        }
        Err(taken_parameter(clients, name))
    }

    /// Writes a parameter. SSM answers before it has checked that the value is an image, so the
    /// parameter is read until it names the image (R5.9).
    async fn publish(&self, step: &Publish, image_id: &AmiId) -> Result<(), Error> {
        let Some(clients) = self.run.clients_of(&step.account, &step.shared.region) else {
            return Ok(());
        };
        if step.current.as_ref() == Some(image_id) {
            return Ok(());
        }
        let put = self.put_parameter(&clients, &step.name, image_id).await?;
        let Some(Replaced(previous)) = put else {
            return Ok(());
        };
        let mut backoff = self.progress().poll_backoff(PARAMETER_POLL);
        let since = Instant::now();
        loop {
            let value = clients.ssm.parameter(&step.name).await?;
            if value.as_ref().and_then(ParameterValue::image) == Some(image_id) {
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
            region: step.shared.region.clone(),
            name: step.name.clone(),
            image: image_id.clone(),
            previous,
        });
        Ok(())
    }
}

/// The error of a parameter that somebody else wrote since the plan was made.
fn taken_parameter(clients: &RegionClients, name: &str) -> Error {
    let message = format!(
        "the parameter {name} holds something that is no AMI ID, since this run began; it was left \
         as it is"
    );
    Error::new(Code::ParameterRefused, message)
        .remedy(
            "find out who wrote it (CloudTrail, `PutParameter`); give another name as \
             `publish-ssm-parameter`, or set `overwrite-ssm-parameter`",
        )
        .at(&clients.location.account, &clients.location.region)
        .on(name)
}

fn refused_parameter(clients: &RegionClients, name: &str, image_id: &AmiId) -> Error {
    let message = format!("SSM did not take {image_id} into the parameter {name}");
    let remedy = format!(
        "allow ssm:PutParameter and ec2:DescribeImages in an identity policy of {}: SSM checks \
         the image with that identity",
        clients.identity.principal()
    );
    Error::new(Code::ParameterRefused, message)
        .remedy(remedy)
        .at(&clients.location.account, &clients.location.region)
        .on(name)
}
