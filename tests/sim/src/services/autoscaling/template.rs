//! The launch template of a group. It is tried as soon as a group is to use it: whoever makes the
//! group must be allowed to launch by it.

use std::collections::BTreeMap;

use super::invalid;
use crate::services::{Request, ec2};
use crate::wire::{Fail, Query};
use crate::world::{TemplateReference, World};

/// The launch template that a request names, if the caller may launch by it in a subnet.
pub(super) fn read(
    world: &mut World,
    query: &Query,
    subnet: &str,
    request: &Request<'_>,
) -> Result<TemplateReference, Fail> {
    let named = query.part("LaunchTemplate");
    let (id, name) = (
        named.filled("LaunchTemplateId"),
        named.filled("LaunchTemplateName"),
    );
    let (parameter, text) = match (id, name) {
        (Some(id), None) => ("LaunchTemplate.LaunchTemplateId", id),
        (None, Some(name)) => ("LaunchTemplate.LaunchTemplateName", name),
        (Some(_), Some(_)) => {
            let message = "Valid requests must contain either launchTemplateId or \
                           LaunchTemplateName";
            return Err(invalid(message));
        }
        (None, None) => {
            let message = "Valid requests must contain either LaunchTemplate, \
                           LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.";
            return Err(invalid(message));
        }
    };
    let version = named.filled("Version");
    let mut launch = Query::from(launch(subnet)).with(parameter, text);
    if let Some(version) = version {
        launch = launch.with("LaunchTemplate.Version", version);
    }
    check_usable(world, &launch.with("DryRun", "true"), text, request)?;
    let template = ec2::named_template(world, &named, request).map_err(|fail| not_usable(&fail))?;
    Ok(TemplateReference {
        id: template.id.clone(),
        name: template.name.clone(),
        version: version.map(str::to_owned),
    })
}

/// Tries the launch as the caller. What the caller may not do, and an image that is not shared,
/// are told in the same words (documented).
fn check_usable(
    world: &mut World,
    launch: &Query,
    named: &str,
    request: &Request<'_>,
) -> Result<(), Fail> {
    match ec2::call(world, "RunInstances", launch, request) {
        Err(fail) if fail.code == "DryRunOperation" => Ok(()),
        Err(fail) if matches!(&*fail.code, "UnauthorizedOperation" | "AuthFailure") => {
            let message = format!("You are not authorized to use launch template: {named}");
            Err(Fail::new(403, "AccessDenied", message))
        }
        Err(fail) => Err(not_usable(&fail)),
        Ok(_) => Ok(()),
    }
}

/// What is wrong with a launch template, in the words of EC2 and of Auto Scaling.
pub(super) fn not_usable(fail: &Fail) -> Fail {
    let why = &fail.message;
    invalid(format!(
        "You must use a valid fully-formed launch template. {why}"
    ))
}

/// The parameters of a launch of one instance in a subnet.
fn launch(subnet: &str) -> BTreeMap<String, String> {
    let parameters = [("MinCount", "1"), ("MaxCount", "1"), ("SubnetId", subnet)];
    let owned = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.into()
}

/// The parameters of a launch by the template of a group.
pub(super) fn launch_by(
    template: &TemplateReference,
    subnet: &str,
    token: &str,
) -> BTreeMap<String, String> {
    let mut parameters = launch(subnet);
    let mut set = |name: &str, value: &str| parameters.insert(name.to_owned(), value.to_owned());
    set("ClientToken", token);
    set("LaunchTemplate.LaunchTemplateId", &template.id);
    if let Some(version) = &template.version {
        set("LaunchTemplate.Version", version);
    }
    parameters
}
