//! SSM: the parameters that shared images are published in.

use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::Caller;
use super::on_demand::OnDemand;
use super::unreadable::{Unreadable, present};
use crate::diagnostic::Error;
use crate::id::AmiId;
use crate::inventory::{Parameter, ParameterForm};

/// The data types of a text and of an AMI ID. A parameter has the first if nothing says another.
const TEXT: &str = "text";
const IMAGE: &str = "aws:ec2:image";

/// SSM in one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Ssm {
    pub(crate) client: OnDemand<aws_sdk_ssm::Client>,
    pub(crate) caller: Caller,
}

impl Ssm {
    /// A parameter; `None` if it does not exist, or not in the version that its name
    /// says (`ssm:GetParameter`).
    pub(crate) async fn parameter(&self, name: &str) -> Result<Option<Parameter>, Error> {
        const ACTION: &str = "ssm:GetParameter";
        let call = || self.client.get().get_parameter().name(name).send();
        match self.caller.send(ACTION, Some(name), call).await {
            Ok(answer) => {
                let parameter = convert(answer.parameter).map_err(|unreadable| unreadable.of(name));
                parameter
                    .map(Some)
                    .map_err(|unreadable| self.caller.unreadable(ACTION, &unreadable))
            }
            Err(error) if error.is_aws(&["ParameterNotFound", "ParameterVersionNotFound"]) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes an image's ID into a parameter (`ssm:PutParameter`): a new one for image IDs, or the
    /// one that was there `before`, which keeps its tier and its data type (R5.20). SSM checks the
    /// ID only after it has answered, and may still refuse it (R5.9).
    pub(crate) async fn put_image(
        &self,
        name: &str,
        image: &AmiId,
        before: Option<&Parameter>,
    ) -> Result<(), Error> {
        match self.put(name, image, before, None).await {
            // Without a tier SSM takes the default of the account, which would lower this one
            // (R5.16). No other call that the run may make says which tier a parameter has.
            Err(error) if before.is_some() && is_downgrade(&error) => {
                let tier = Some(ParameterTier::Advanced);
                self.put(name, image, before, tier).await
            }
            put => put,
        }
    }

    async fn put(
        &self,
        name: &str,
        image: &AmiId,
        before: Option<&Parameter>,
        tier: Option<ParameterTier>,
    ) -> Result<(), Error> {
        let is_text = before.is_some_and(|before| before.form == ParameterForm::Text);
        let data_type = if is_text { TEXT } else { IMAGE };
        let call = || {
            self.client
                .get()
                .put_parameter()
                .name(name)
                .value(image.as_ref())
                .r#type(ParameterType::String)
                .data_type(data_type)
                .overwrite(before.is_some())
                .set_tier(tier)
                .send()
        };
        self.caller
            .send("ssm:PutParameter", Some(name), call)
            .await
            .map(drop)
    }
}

fn convert(parameter: Option<aws_sdk_ssm::types::Parameter>) -> Result<Parameter, Unreadable> {
    let parameter = present("Parameter", parameter)?;
    let value = present("Value", parameter.value())?;
    let kind = present("Type", parameter.r#type())?;
    let form = match (kind, parameter.data_type().unwrap_or(TEXT)) {
        (ParameterType::String, TEXT) => ParameterForm::Text,
        (ParameterType::String, IMAGE) => ParameterForm::Image,
        (ParameterType::String, other) => ParameterForm::Other(other.to_owned()),
        (other, _) => ParameterForm::Other(other.as_str().to_owned()),
    };
    Ok(Parameter::read(form, value))
}

/// Whether SSM refused to lower the tier of a parameter.
fn is_downgrade(error: &Error) -> bool {
    let aws = error.aws.as_ref();
    aws.is_some_and(|aws| {
        aws.code == "ValidationException" && aws.message.contains("downgrade a parameter")
    })
}
