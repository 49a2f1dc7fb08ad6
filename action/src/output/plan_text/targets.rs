//! The steps in target accounts.

use ami_share::plan::{
    LaunchRole, RolePolicy, ServiceRole, TagShared, TargetCopy, UpdateLaunchTemplate,
};

use super::image_name;
use super::shares::unless_there;
use crate::output::principal_name::list;

/// `alias` is what the inputs call the key.
pub(super) fn copy(copy: &TargetCopy, alias: Option<&str>) -> String {
    let (image, account) = (image_name(&copy.shared), &copy.account);
    if let Some(id) = &copy.adopt {
        return format!("= {id} is already the copy of {image} in {account}");
    }
    // Of its ARN, the line has the account and the Region already.
    let (name, arn) = (&copy.name, copy.key.as_ref());
    let key = alias.unwrap_or_else(|| arn.rsplit('/').next().unwrap_or(arn));
    format!("+ copy {image} as `{name}` in {account}, under its key {key}")
}

pub(super) fn tags(tag: &TagShared, sign: char) -> String {
    let (image, account) = (image_name(&tag.shared), &tag.account);
    if tag.missing.is_empty() {
        return unless_there(sign, &format!("tags of {image} in {account}"));
    }
    let keys = list(tag.missing.keys());
    format!("{sign} tags of {image} in {account}: {keys}")
}

pub(super) fn launch_template(update: &UpdateLaunchTemplate, sign: char) -> String {
    let (name, account) = (&update.name, &update.account);
    let image = match &update.image {
        Some(image) => image.to_string(),
        None => image_name(&update.shared),
    };
    let version = match update.version {
        Some(version) => format!("version {version}"),
        None => format!("a new version, made from version {}", update.made_from),
    };
    let default = if update.set_default {
        ", as its default one"
    } else {
        ""
    };
    let what = format!("launch template {name} of {account}: {image} in {version}{default}");
    unless_there(sign, &what)
}

pub(super) fn launch_role(launch: &LaunchRole, sign: char) -> Option<String> {
    let policy = match &launch.by {
        RolePolicy::Attached(arn) => arn,
        RolePolicy::Inline { name, .. } => name,
        _ => return None,
    };
    let LaunchRole { role, account, .. } = launch;
    let what = format!("policy {policy} for role {role} of {account}, to launch with the key");
    Some(unless_there(sign, &what))
}

pub(super) fn service_role(service_role: &ServiceRole, sign: char) -> String {
    let ServiceRole {
        service,
        account,
        key,
        ..
    } = service_role;
    let role = service_role.role.as_deref().unwrap_or("a new role");
    let what = format!("grant of {key} for {role} of {service} in {account}");
    unless_there(sign, &what)
}
