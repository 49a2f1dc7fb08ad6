//! SSM: the parameters that shared images are published in.

use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::Caller;
use super::on_demand::OnDemand;
use super::unreadable::present;
use crate::diagnostic::Error;
use crate::id::AmiId;
use crate::inventory::ParameterValue;

/// SSM in one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Ssm {
    pub(crate) client: OnDemand<aws_sdk_ssm::Client>,
    pub(crate) caller: Caller,
}

impl Ssm {
    /// What a parameter holds; `None` if it does not exist, or not in the version that its name
    /// says (`ssm:GetParameter`).
    pub(crate) async fn parameter(&self, name: &str) -> Result<Option<ParameterValue>, Error> {
        const ACTION: &str = "ssm:GetParameter";
        let call = || self.client.get().get_parameter().name(name).send();
        match self.caller.send(ACTION, Some(name), call).await {
            Ok(answer) => {
                let value = answer.parameter.and_then(|parameter| parameter.value);
                let value = present("Value", value).map_err(|unreadable| unreadable.of(name));
                value
                    .map(|value| Some(ParameterValue::read(&value)))
                    .map_err(|unreadable| self.caller.unreadable(ACTION, &unreadable))
            }
            Err(error) if error.is_aws(&["ParameterNotFound", "ParameterVersionNotFound"]) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes an image's ID into a parameter of the type for image IDs (`ssm:PutParameter`): a new
    /// one, or one that `exists`, which keeps its tier. SSM checks the ID only after it has
    /// answered, and may still refuse it (R5.9).
    pub(crate) async fn put_image(
        &self,
        name: &str,
        image: &AmiId,
        exists: bool,
    ) -> Result<(), Error> {
        match self.put(name, image, exists, None).await {
            // Without a tier SSM takes the default of the account, which would lower this one
            // (R5.16). No other call that the run may make says which tier a parameter has.
            Err(error) if exists && is_downgrade(&error) => {
                let tier = Some(ParameterTier::Advanced);
                self.put(name, image, exists, tier).await
            }
            put => put,
        }
    }

    async fn put(
        &self,
        name: &str,
        image: &AmiId,
        exists: bool,
        tier: Option<ParameterTier>,
    ) -> Result<(), Error> {
        let call = || {
            self.client
                .get()
                .put_parameter()
                .name(name)
                .value(image.as_ref())
                .r#type(ParameterType::String)
                .data_type("aws:ec2:image")
                .overwrite(exists)
                .set_tier(tier)
                .send()
        };
        self.caller
            .send("ssm:PutParameter", Some(name), call)
            .await
            .map(drop)
    }
}

/// Whether SSM refused to lower the tier of a parameter.
fn is_downgrade(error: &Error) -> bool {
    let aws = error.aws.as_ref();
    aws.is_some_and(|aws| {
        aws.code == "ValidationException" && aws.message.contains("downgrade a parameter")
    })
}
