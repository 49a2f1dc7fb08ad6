//! Reads the SSM parameters that hold images of the request.

use std::borrow::Cow;

use futures::future;

use crate::diagnostic::{Code, Error, Errors};
use crate::id::{AmiId, ImageParameter, SourceImage};
use crate::inventory::Parameter;
use crate::request::ShareRequest;
use crate::run::Run;

/// The request with the images that its parameters hold now. One that holds none ends the run: it
/// is not known what was asked for.
pub(crate) async fn resolve_images<'a>(
    run: &Run<'_>,
    request: &'a ShareRequest,
) -> Result<Cow<'a, ShareRequest>, Errors> {
    if request.image_parameters.is_empty() {
        return Ok(Cow::Borrowed(request));
    }
    let mut reading = Vec::new();
    for parameter in &request.image_parameters {
        reading.push(read_image(run, parameter));
    }
    let (mut images, mut errors) = (Vec::new(), Vec::new());
    let read = future::join_all(reading).await;
    for (parameter, image) in request.image_parameters.iter().zip(read) {
        match image {
            Ok(ami) => images.push(SourceImage {
                region: parameter.region.clone(),
                ami,
            }),
            Err(error) => errors.push(error),
        }
    }
    Errors::fail_if_any(errors)?;
    Ok(Cow::Owned(request.with_images(images)))
}

pub(super) async fn read_image(run: &Run<'_>, parameter: &ImageParameter) -> Result<AmiId, Error> {
    let clients = run.source_clients(&parameter.region);
    let problem = match clients.ssm.parameter(&parameter.name).await? {
        Some(Parameter {
            image: Some(image), ..
        }) => return Ok(image),
        Some(parameter) => match parameter.other_type() {
            Some(other) => format!("is a {other}, and no String"),
            // It may be a secret.
            None => "holds something that is no AMI ID".to_owned(),
        },
        None => "does not exist, or not in this version".to_owned(),
    };
    let message = format!("{parameter} was to name an image, and {problem}");
    Err(Error::new(Code::ParameterWithoutImage, message)
        .at(&clients.location.account, &parameter.region)
        .on(&parameter.name))
}
