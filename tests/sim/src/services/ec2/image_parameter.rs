//! Images that are named by an SSM parameter, `resolve:ssm:NAME` (R4.21).

use crate::auth::Resource;
use crate::policy::Context;
use crate::services::{Request, ssm};
use crate::wire::Fail;
use crate::world::World;

const PREFIX: &str = "resolve:ssm:";

/// Asks IAM whether the caller may read the parameter that names an image. An ID needs nothing.
pub(super) fn authorize(image: &str, request: &Request<'_>) -> Result<(), Fail> {
    let Some(parameter) = image.strip_prefix(PREFIX) else {
        return Ok(());
    };
    let resource = Resource::new(ssm::parameter_arn(parameter, request));
    super::authorize::authorize(request, "ssm:GetParameters", &[resource], &Context::new())
}

/// The ID of an image that is given as an ID, or by the parameter that has it as its value now.
pub(super) fn resolve(world: &World, image: &str, request: &Request<'_>) -> Result<String, Fail> {
    authorize(image, request)?;
    let Some(parameter) = image.strip_prefix(PREFIX) else {
        return Ok(image.to_owned());
    };
    let Ok(id) = ssm::value(world, parameter, request) else {
        // AWS's code and words are not known (R4.21).
        let message = format!("Invalid value '{image}' for ImageId. There is no such parameter.");
        return Err(Fail::invalid_value(message));
    };
    Ok(id)
}
