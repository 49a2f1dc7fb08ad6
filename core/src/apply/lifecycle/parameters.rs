//! The SSM parameters that name an image.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::apply::Apply;
use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error, Finding, FindingCode};
use crate::id::AmiId;
use crate::inventory::Parameter;
use crate::limits::PARAMETER_CHECK;
use crate::plan::Publish;
use crate::report::Event;

/// The shortest and longest pause between looks at a parameter that SSM checks.
const POLL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How often a parameter is read and put while others create it.
const PUTS: usize = 3;

/// How long SSM has for its check before the parameter is written again.
const PUT_AGAIN: Duration = Duration::from_secs(10);

const HELD: &str = "to hold the image, which SSM may not know yet";

impl Apply<'_> {
    /// Writes a parameter, unless it holds the image.
    pub(super) async fn publish(&self, step: &Publish, image_id: &AmiId) -> Result<(), Error> {
        let Some(clients) = self.run.clients_of(&step.account, &step.shared.region) else {
            return Ok(());
        };
        if step.current.as_ref() == Some(image_id) {
            return Ok(());
        }
        let before = self.put_parameter(&clients, step, image_id).await?;
        if is_image(before.as_ref(), image_id) {
            return Ok(());
        }
        self.await_value(step, &clients, image_id, before.as_ref())
            .await?;
        self.progress().emit(&Event::Published {
            account: step.account.clone(),
            region: step.shared.region.clone(),
            name: step.name.clone(),
            image: image_id.clone(),
            previous: before.and_then(|before| before.image),
        });
        Ok(())
    }

    /// Waits until a parameter that was written holds the image. SSM answers before it has checked
    /// that the value is an image (R5.9). As long as the parameter holds what it held before, SSM
    /// may have refused the image because it did not know yet that it is there or shared, and it is
    /// written again.
    async fn await_value(
        &self,
        step: &Publish,
        clients: &Arc<RegionClients>,
        image_id: &AmiId,
        before: Option<&Parameter>,
    ) -> Result<(), Error> {
        let name = &step.name;
        let owner = match self.plan.target_copy_of(&step.account, &step.shared) {
            Some(_) => Arc::clone(clients),
            None => self.run.source_clients(&step.shared.region),
        };
        let mut backoff = self.progress().poll_backoff(POLL);
        let since = Instant::now();
        let mut put_at = since;
        loop {
            let value = clients.ssm.parameter(name).await?;
            if is_image(value.as_ref(), image_id) {
                return Ok(());
            }
            if value.as_ref() != before {
                return Err(overwritten_parameter(
                    clients,
                    name,
                    image_id,
                    value.as_ref(),
                ));
            }
            self.run.check_usable(&owner, image_id).await?;
            if since.elapsed() > PARAMETER_CHECK {
                return Err(refused_parameter(clients, name, image_id));
            }
            if put_at.elapsed() >= PUT_AGAIN {
                put_at = Instant::now();
                let put = clients.ssm.put_image(name, image_id, before);
                match put.await {
                    // The next look tells what it is.
                    Err(error) if error.is_aws(&["ParameterAlreadyExists"]) => {}
                    put => put?,
                }
            }
            let pause = backoff.next();
            self.progress().wait(name, HELD, since, pause).await;
        }
    }

    /// Writes an image into a parameter, unless that came to hold something else since the plan was
    /// made; returns what it held before. Another image that it came to hold is overwritten, but
    /// not by a plan that somebody approved.
    async fn put_parameter(
        &self,
        clients: &RegionClients,
        step: &Publish,
        image_id: &AmiId,
    ) -> Result<Option<Parameter>, Error> {
        let name = &step.name;
        for _ in 0..PUTS {
            let current = clients.ssm.parameter(name).await?;
            let exists = current.is_some();
            if is_image(current.as_ref(), image_id) {
                return Ok(current);
            }
            let is_planned = is_planned(step, current.as_ref());
            if !is_planned && self.plan.is_approved() {
                return Err(outdated_step(clients, step, current.as_ref()));
            }
            let overwrites = self.plan.request.options.overwrite_parameter;
            if let Some(current) = &current
                && (current.other_type().is_some() || current.image.is_none() && !overwrites)
            {
                return Err(taken_parameter(clients, name));
            }
            match clients
                .ssm
                .put_image(name, image_id, current.as_ref())
                .await
            {
                // Somebody was faster: what is there now is looked at first.
                Err(error) if !exists && error.is_aws(&["ParameterAlreadyExists"]) => {}
                Ok(()) if !is_planned => {
                    let finding = changed_parameter(clients, step, current.as_ref());
                    self.progress().emit(&Event::Found(finding));
                    return Ok(current);
                }
                put => return put.map(|()| current),
            }
        }
        Err(taken_parameter(clients, name))
    }
}

/// Whether a parameter is as it was when the plan was made.
fn is_planned(step: &Publish, current: Option<&Parameter>) -> bool {
    let image = current.and_then(|current| current.image.as_ref());
    let holds_other = current.is_some() && image.is_none();
    image == step.current.as_ref() && holds_other == step.replaces_other
}

fn is_image(value: Option<&Parameter>, image_id: &AmiId) -> bool {
    value.and_then(|value| value.image.as_ref()) == Some(image_id)
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

/// The error of a parameter that was changed after somebody had approved the plan.
fn outdated_step(clients: &RegionClients, step: &Publish, current: Option<&Parameter>) -> Error {
    let message = format!(
        "the parameter {} {} when the plan was made, and {} when this run was to write it: it was \
         left as it is",
        step.name,
        describe(step.current.as_ref(), step.replaces_other),
        describe(current.and_then(|it| it.image.as_ref()), current.is_some()),
    );
    Error::new(Code::PlanOutdated, message)
        .at(&clients.location.account, &clients.location.region)
        .on(&step.name)
}

/// The finding of a parameter that was changed after the plan was made, and was overwritten.
fn changed_parameter(
    clients: &RegionClients,
    step: &Publish,
    current: Option<&Parameter>,
) -> Finding {
    let message = format!(
        "this parameter of {} in {} {} when the plan was made, and {} when this run wrote it",
        clients.location.account,
        clients.location.region,
        describe(step.current.as_ref(), step.replaces_other),
        describe(current.and_then(|it| it.image.as_ref()), current.is_some()),
    );
    Finding::warn(FindingCode::PlanChangedMeanwhile, &step.name, message)
}

/// What a parameter held; what is no image may be a secret.
fn describe(image: Option<&AmiId>, exists: bool) -> String {
    match image {
        Some(image) => format!("held {image}"),
        None if exists => "held no AMI ID".to_owned(),
        None => "did not exist".to_owned(),
    }
}

/// The error of a parameter that another run wrote at the same moment.
fn overwritten_parameter(
    clients: &RegionClients,
    name: &str,
    image_id: &AmiId,
    value: Option<&Parameter>,
) -> Error {
    let value = match value.and_then(|value| value.image.as_ref()) {
        Some(other) => format!("holds {other}"),
        None => "holds no image".to_owned(),
    };
    let message = format!(
        "another run wrote the parameter {name} while this one wrote {image_id} into it: it \
         {value}, and was left as it is"
    );
    Error::new(Code::ParameterRefused, message)
        .remedy(
            "find out who wrote it (CloudTrail, `PutParameter`), let only one of the two publish \
             under this name, and run again if it is to hold this image",
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
