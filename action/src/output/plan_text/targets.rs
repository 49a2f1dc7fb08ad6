//! The steps in target accounts. `who` stands for the account.

use ami_share::plan::{
    LaunchRole, RolePolicy, ServiceRole, TagShared, TargetCopy, UpdateLaunchTemplate,
};

use super::image_name;
use super::shares::unless_there;
use crate::output::principal_name::{list, policy_name, role_name};

const OWN_KEY: &str = "a key of its own";

/// `alias` is what the inputs call the key.
pub(super) fn copy(copy: &TargetCopy, alias: Option<&str>, who: &str) -> String {
    let image = image_name(&copy.shared);
    if let Some(id) = &copy.adopt {
        return format!("= {id} is already the copy of {image} in {who}");
    }
    // Of its ARN, the line has the account and the Region already.
    let (name, arn) = (&copy.name, copy.key.as_ref());
    let key = alias.unwrap_or_else(|| arn.rsplit('/').next().unwrap_or(arn));
    format!("+ copy {image} as `{name}` in {who}, under key {key} there")
}

pub(super) fn tags(tag: &TagShared, who: &str, sign: char) -> String {
    let image = image_name(&tag.shared);
    if tag.missing.is_empty() {
        return unless_there(sign, &format!("tags of {image} in {who}"));
    }
    let keys = list(tag.missing.keys());
    let hidden = match &tag.hidden {
        Some(_) => "; none of them while Allowed AMIs there hide it",
        None => "",
    };
    format!("{sign} tags of {image} in {who}: {keys}{hidden}")
}

pub(super) fn launch_template(update: &UpdateLaunchTemplate, who: &str, sign: char) -> String {
    let name = &update.name;
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
    let what = format!("launch template {name} of {who}: {image} in {version}{default}");
    unless_there(sign, &what)
}

pub(super) fn launch_role(launch: &LaunchRole, who: &str, sign: char) -> Option<String> {
    let own_key = format!(":{}:key/", launch.account);
    let (policy, key) = match &launch.by {
        RolePolicy::Attached(arn) => (format!("policy {}", policy_name(arn)), "the key"),
        // Its name has the ID of the key, which is another one in each account.
        RolePolicy::Inline { document, .. } if document.contains(&own_key) => {
            ("inline policy".to_owned(), OWN_KEY)
        }
        RolePolicy::Inline { name, .. } => (format!("policy {name}"), "the key"),
        _ => return None,
    };
    let role = &launch.role;
    let what = format!("{policy} for role {role} of {who}, to launch with {key}");
    Some(unless_there(sign, &what))
}

pub(super) fn service_role(service_role: &ServiceRole, who: &str, sign: char) -> String {
    let ServiceRole { service, key, .. } = service_role;
    let key = if key.account() == &service_role.account {
        OWN_KEY.to_owned()
    } else {
        key.to_string()
    };
    let role = service_role.role.as_deref().map(role_name);
    let role = role.unwrap_or("a new role");
    let what = format!("grant of {key} for {role} of {service} in {who}");
    unless_there(sign, &what)
}
