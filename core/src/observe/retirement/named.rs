//! What names images in the source account: its launch templates, and parameters.

use std::collections::BTreeSet;

use crate::aws::clients::RegionClients;
use crate::aws::ec2::TemplateImage;
use crate::diagnostic::{Code, Error};
use crate::id::{AmiId, Region};
use crate::inventory::{Image, RegionInventory};
use crate::request::ShareRequest;
use crate::request::name::is_parameter_name;
use crate::run::Run;

/// How a launch template names the parameter that holds its image.
const BY_PARAMETER: &str = "resolve:ssm:";

/// The images that something names, each with what that is.
#[derive(Debug, Default)]
pub(super) struct NamedImages {
    pub(super) images: Vec<(AmiId, String)>,
    /// What could not be read: it may name any image.
    pub(super) errors: Vec<Error>,
}

/// The images that launch templates of a Region name, and those in the parameters that shares of
/// these images write.
pub(super) async fn read_named(
    run: &Run<'_>,
    request: &ShareRequest,
    region: &Region,
    images: &[Image],
) -> NamedImages {
    let clients = run.source_clients(region);
    let mut named = NamedImages::default();
    let templates = match clients.ec2.template_images().await {
        Ok(templates) => templates,
        Err(error) => {
            named.errors.push(error);
            Vec::new()
        }
    };
    let mut parameters = BTreeSet::new();
    for TemplateImage { template, image } in templates {
        let what = format!("the launch template {template} names it");
        match image.strip_prefix(BY_PARAMETER) {
            Some(parameter) => _ = parameters.insert(parameter.to_owned()),
            // AWS takes nothing else than an ID.
            None => named.images.extend(image.parse().ok().map(|id| (id, what))),
        }
    }
    match list_parameters(run, request, &clients, images).await {
        Ok(names) => parameters.extend(names),
        Err(error) => named.errors.push(error),
    }
    for name in parameters {
        match clients.ssm.parameter(&name).await {
            Ok(Some(parameter)) if parameter.is_secret() => {
                named.errors.push(secret_parameter(&clients, &name));
            }
            Ok(Some(parameter)) => {
                for image in parameter.named {
                    let what = format!("the parameter {name} names it");
                    named.images.push((image, what));
                }
            }
            Ok(None) => {}
            Err(error) => named.errors.push(error),
        }
    }
    named
}

/// The error of a parameter whose value is not decrypted: it may name any image.
fn secret_parameter(clients: &RegionClients, name: &str) -> Error {
    let message = format!(
        "the parameter {name} is a SecureString, which is not decrypted: it may name any image"
    );
    Error::new(Code::ParameterWithoutImage, message)
        .at(&clients.location.account, &clients.location.region)
        .on(name)
}

/// The names of the parameters that shares of the images write.
async fn list_parameters(
    run: &Run<'_>,
    request: &ShareRequest,
    clients: &RegionClients,
    images: &[Image],
) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    let Some(template) = &request.parameter else {
        return Ok(names);
    };
    let mut region = RegionInventory::new(clients.location.clone());
    if template.needs_alias() {
        let iam = &run.source_clients(request.home()).iam;
        region.alias = iam.account_alias().await?;
    }
    for image in images {
        let name = template.fill(&image.name_parts(&region));
        names.extend(Some(name).filter(|name| is_parameter_name(name)));
    }
    Ok(names)
}
