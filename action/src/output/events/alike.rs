//! Which events say the same of several accounts or images, and in which words.

use ami_share::plan::ImageOfVersion;
use ami_share::{AccountId, AmiId, Event, Region};

use super::same::Same;
use crate::output::principal_name::{policy_name, role_name};

const POLICIES: &str = "policies to launch with keys";

/// The event as one that others may say too; `None` if each has a line of its own.
pub(super) fn of(event: &Event) -> Option<Same> {
    of_images(event)
        .or_else(|| of_roles(event))
        .or_else(|| of_names(event))
}

/// What is done with images and copies.
fn of_images(event: &Event) -> Option<Same> {
    Some(match event.clone() {
        Event::CopyStarted {
            source,
            region,
            copy,
            account,
        } => of_copy(account, region, copy, format!("copying {source}, as")),
        Event::CopyAdopted {
            source,
            region,
            copy,
            account,
        } => of_copy(
            account,
            region,
            copy,
            format!("already copied {source}, as"),
        ),
        Event::CopyAvailable {
            source,
            region,
            copy,
            account,
        } => of_copy(
            account,
            region,
            copy,
            format!("copied {source}: available as"),
        ),
        Event::Deprecated { image, at } => Same::of_image(image, move |who, _| {
            format!("{who} will be deprecated at {at}")
        }),
        Event::Protected { image } => Same::of_image(image, |who, _| {
            format!("deregistration protection is on for {who}")
        }),
        _ => return None,
    })
}

fn of_copy(account: AccountId, region: Region, copy: AmiId, done: String) -> Same {
    Same::of_account(account, move |who, copy| {
        format!("{done} {copy} in {region} of {who}")
    })
    .with(copy, "copies of their own")
}

/// What is done with tags and roles of targets.
fn of_roles(event: &Event) -> Option<Same> {
    Some(match event.clone() {
        Event::Tagged { account, image } => Same::of_account(account, move |who, _| {
            format!("{image} carries its tags in {who} now")
        }),
        Event::RoleAllowed {
            account,
            role,
            policy,
        } => Same::of_account(account, move |who, policy| {
            format!("the role {role} of {who} has {policy} now")
        })
        .with(the_policy(&policy), POLICIES),
        Event::RoleDisallowed {
            account,
            role,
            policy,
        } => Same::of_account(account, move |who, policy| {
            format!("the role {role} of {who} no longer has {policy}")
        })
        .with(the_policy(&policy), POLICIES),
        Event::ServiceRoleGranted { account, role, key } => {
            let key = if key.account() == &account {
                "a key of its own".to_owned()
            } else {
                key.to_string()
            };
            Same::of_account(account, move |who, _| {
                let role = role_name(&role);
                format!(
                    "{role} of {who} has a grant of {key} now; it can take five minutes to be \
                     effective"
                )
            })
        }
        _ => return None,
    })
}

/// What is done with the names that lead to an image: parameters and launch templates.
fn of_names(event: &Event) -> Option<Same> {
    Some(match event.clone() {
        Event::Published {
            account,
            region,
            name,
            image,
            previous,
        } => {
            let instead = previous.map(|before| format!(" instead of {before}"));
            let image = format!("{image} now{}", instead.unwrap_or_default());
            Same::of_account(account, move |who, image| {
                format!("the parameter {name} in {region} of {who} names {image}")
            })
            .with(image, "the AMI for that account now")
        }
        Event::LaunchTemplateVersionMade {
            account,
            name,
            version,
            image,
            previous,
            ..
        } => {
            let instead = instead_of(&previous);
            let version = format!("the version {version} with {image} now{instead}");
            Same::of_account(account, move |who, version| {
                format!("the launch template {name} of {who} has {version}")
            })
            .with(version, "a new version now")
        }
        Event::DefaultVersionSet {
            account,
            name,
            version,
            previous,
            ..
        } => {
            let version = format!("version {version} now{}", instead_of(&previous));
            Same::of_account(account, move |who, version| {
                format!("the default of the launch template {name} of {who} is {version}")
            })
            .with(version, "the new version now")
        }
        _ => return None,
    })
}

fn the_policy(name: &str) -> String {
    format!("the policy {}", policy_name(name))
}

/// The version of a launch template that launches got before.
fn instead_of(previous: &ImageOfVersion) -> String {
    let image = previous.image.as_ref();
    let image = image.map(|image| format!(" with {image}"));
    let image = image.unwrap_or_default();
    format!(", instead of version {}{image}", previous.version)
}
