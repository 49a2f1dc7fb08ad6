//! What is done with an image once it is shared and that has been confirmed.

use std::time::Duration;

use tokio::time::Instant;

use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, AmiId};
use crate::limits::PARAMETER_CHECK;
use crate::plan::{Deprecate, Plan, Publish, SharedImage, Step, deprecation_moment, rfc3339};
use crate::report::Event;
use crate::run::Run;

/// Every such step of the plan for this image.
pub(super) async fn all(run: &Run<'_>, plan: &Plan, shared: &SharedImage, image: &AmiId) {
    for step in &plan.steps {
        match step {
            Step::Deprecate(deprecate) if &deprecate.shared == shared && !deprecate.in_effect => {
                run.progress
                    .report_error(self::deprecate(run, deprecate, image).await);
            }
            Step::Protect(protect) if &protect.shared == shared && !protect.in_effect => {
                let protected = run
                    .source_clients(&shared.region)
                    .ec2
                    .protect_image(image)
                    .await;
                if run.progress.report_error(protected).is_some() {
                    run.progress.emit(&Event::Protected {
                        image: image.clone(),
                    });
                }
            }
            _ => {}
        }
    }
    publish_in(run, plan, &plan.account, shared, image).await;
}

/// Writes the parameters of an account for this image.
pub(super) async fn publish_in(
    run: &Run<'_>,
    plan: &Plan,
    account: &AccountId,
    shared: &SharedImage,
    image: &AmiId,
) {
    for step in &plan.steps {
        if let Step::Publish(publish) = step
            && (&publish.account, &publish.shared) == (account, shared)
        {
            run.progress
                .report_error(Box::pin(self::publish(run, publish, image)).await);
        }
    }
}

async fn deprecate(run: &Run<'_>, deprecate: &Deprecate, image: &AmiId) -> Result<(), Error> {
    let ec2 = &run.source_clients(&deprecate.shared.region).ec2;
    let mut moment = deprecation_moment(deprecate.when, "");
    if moment.is_none() {
        let found = ec2.images([image]).await?;
        moment = found
            .first()
            .and_then(|image| deprecation_moment(deprecate.when, &image.creation_date));
    }
    if let Some(moment) = moment {
        ec2.deprecate_image(image, moment).await?;
        run.progress.emit(&Event::Deprecated {
            image: image.clone(),
            at: rfc3339(moment),
        });
    }
    Ok(())
}

/// SSM answers before it has checked that the value is an image, so the parameter is read until it
/// holds it.
async fn publish(run: &Run<'_>, publish: &Publish, image: &AmiId) -> Result<(), Error> {
    let Some(clients) = run.clients_of(&publish.account, &publish.shared.region) else {
        return Ok(());
    };
    let holds = |value: Option<String>| value.as_deref() == Some(image.as_ref());
    if holds(publish.current.clone()) {
        return Ok(());
    }
    clients.ssm.put_image(&publish.name, image).await?;
    let mut backoff = run
        .progress
        .poll_backoff((Duration::from_secs(1), Duration::from_secs(10)));
    let since = Instant::now();
    while !holds(clients.ssm.parameter(&publish.name).await?) {
        if since.elapsed() > PARAMETER_CHECK {
            let location = &clients.location;
            return Err(Error::new(
                Code::ParameterRefused,
                format!(
                    "SSM did not take {image} into the parameter {}",
                    publish.name
                ),
            )
            .remedy(format!(
                "allow ssm:PutParameter and ec2:DescribeImages in an identity policy of {}: SSM \
                 checks the image with that identity (R5.9)",
                clients.identity.arn
            ))
            .at(&location.account, &location.region)
            .on(&publish.name));
        }
        run.progress
            .wait(&publish.name, "to hold the image", since, backoff.next())
            .await;
    }
    let (account, name) = (publish.account.clone(), publish.name.clone());
    run.progress.emit(&Event::Published {
        account,
        name,
        image: image.clone(),
    });
    Ok(())
}
