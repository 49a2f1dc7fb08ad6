//! SSM: the parameters that shared images are published in.

use aws_sdk_ssm::types::ParameterType;

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
    /// What a parameter holds; `None` if it does not exist (`ssm:GetParameter`).
    pub(crate) async fn parameter(&self, name: &str) -> Result<Option<ParameterValue>, Error> {
        const ACTION: &str = "ssm:GetParameter";
        let call = self.client.get().get_parameter().name(name).send();
        match self.caller.send(ACTION, Some(name), call).await {
            Ok(answer) => {
                let value = answer.parameter.and_then(|parameter| parameter.value);
                let value = present("Value", value).map_err(|unreadable| unreadable.of(name));
                value
                    .map(|value| Some(ParameterValue::read(&value)))
                    .map_err(|unreadable| self.caller.unreadable(ACTION, &unreadable))
            }
            Err(error) if error.is_aws(&["ParameterNotFound"]) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes an image's ID into a parameter of the type for image IDs (`ssm:PutParameter`): a new
    /// one, or one that `exists`. SSM checks the ID only after it has answered, and may still
    /// refuse it (R5.9).
    pub(crate) async fn put_image(
        &self,
        name: &str,
        image: &AmiId,
        exists: bool,
    ) -> Result<(), Error> {
        let call = self
            .client
            .get()
            .put_parameter()
            .name(name)
            .value(image.as_ref())
            .r#type(ParameterType::String)
            .data_type("aws:ec2:image")
            .overwrite(exists)
            .send();
        self.caller
            .send("ssm:PutParameter", Some(name), call)
            .await
            .map(drop)
    }
}
