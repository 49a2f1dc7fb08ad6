//! Launch templates as requests name them (R4.19).

use super::authorize::{account_resource, set_owner, set_tags};
use crate::auth::Resource;
use crate::services::Request;
use crate::wire::{Fail, Query};
use crate::world::{LaunchTemplate, TemplateVersion, World};

/// The launch template that a request names, by its ID or by its name.
pub(in crate::services) fn named<'a>(
    world: &'a World,
    query: &Query,
    request: &Request<'_>,
) -> Result<&'a LaunchTemplate, Fail> {
    let (id, name) = (
        query.filled("LaunchTemplateId"),
        query.filled("LaunchTemplateName"),
    );
    match (id, name) {
        (Some(id), None) => by_id(world, id, request),
        (None, Some(name)) => by_name(world, name, request).ok_or_else(|| {
            let message = format!(
                "The specified launch template, with template name {name}, does not exist."
            );
            name_not_found(&message)
        }),
        // AWS's codes and words are not known (R4.19).
        (None, None) => {
            let message = "Either a launch template ID or a launch template name is required.";
            Err(Fail::bad("MissingParameter", message))
        }
        (Some(_), Some(_)) => {
            let message = "A launch template is specified by its ID or its name, not by both.";
            Err(Fail::bad("InvalidParameterCombination", message))
        }
    }
}

pub(super) fn by_name<'a>(
    world: &'a World,
    name: &str,
    request: &Request<'_>,
) -> Option<&'a LaunchTemplate> {
    let own = |template: &&LaunchTemplate| is_own(template, request);
    let mut templates = world.launch_templates.values().filter(own);
    templates.find(|template| template.name == name)
}

pub(super) fn name_not_found(message: &str) -> Fail {
    Fail::bad("InvalidLaunchTemplateName.NotFoundException", message)
}

pub(super) fn by_id<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a LaunchTemplate, Fail> {
    if !id.starts_with("lt-") {
        let message = format!("Invalid id: \"{id}\"");
        return Err(Fail::bad("InvalidLaunchTemplateId.Malformed", message));
    }
    match world.launch_templates.get(id) {
        Some(template) if is_own(template, request) => Ok(template),
        _ => {
            let message =
                format!("The specified launch template, with template ID {id}, does not exist.");
            Err(Fail::bad("InvalidLaunchTemplateId.NotFound", message))
        }
    }
}

fn is_own(template: &LaunchTemplate, request: &Request<'_>) -> bool {
    template.owner == request.account() && template.region == request.region
}

/// The version of a launch template that a request names.
pub(super) fn version<'a>(
    template: &'a LaunchTemplate,
    named: Option<&str>,
) -> Result<&'a TemplateVersion, Fail> {
    template.version(named).ok_or_else(|| {
        let message = format!(
            "Could not find the specified version {} for the launch template with ID {}.",
            named.unwrap_or("$Default"),
            template.id
        );
        Fail::bad("InvalidLaunchTemplateId.VersionNotFound", message)
    })
}

/// A launch template as IAM sees it. `*` is any, or one that is to be made.
pub(super) fn resource(world: &World, id: &str, request: &Request<'_>) -> Resource {
    let mut resource = account_resource(&format!("launch-template/{id}"), request);
    if let Some(template) = world.launch_templates.get(id)
        && is_own(template, request)
    {
        set_owner(&mut resource, &template.owner);
        set_tags(&mut resource, Some(&template.tags));
    }
    resource
}
