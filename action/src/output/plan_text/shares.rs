//! The steps that give access, in the source account.

use std::collections::BTreeSet;
use std::fmt::Display;

use ami_share::Plan;
use ami_share::plan::{
    CopyImage, Deprecate, Grants, KeyAccess, LaunchPermission, Protect, Publish, ShareTags,
    SharedImage, SnapshotPermission, Step, Watermark,
};

use super::{image_name, policy_words};
use crate::output::principal_name::{list, list_principals};

pub(super) fn copy(copy: &CopyImage) -> String {
    let CopyImage {
        source,
        region,
        name,
        key,
        ..
    } = copy;
    let what = match &copy.adopt {
        Some(id) => format!("= {id} in {region} is already the copy of {source}"),
        None if source.region == *region => format!("+ copy {source} as `{name}` under {key}"),
        None => format!("+ copy {source} to {region} as `{name}` under {key}"),
    };
    match copy.leftovers.images.len() + copy.leftovers.snapshots.len() {
        0 => what,
        count => format!("{what}, then remove {count} leftovers of failed copies"),
    }
}

pub(super) fn key_access(access: &KeyAccess, sign: char) -> Vec<String> {
    let key = &access.key;
    if let Some(words) = policy_words::describe(access.policy.as_ref()) {
        return vec![format!("{sign} policy of {key}: {words}")];
    }
    let what = format!("statements in the policy of {key}");
    gain(sign, &what, &access.principals, &access.missing)
}

/// Who has what a step gives without being listed.
pub(super) fn unlisted(step: &Step) -> Option<String> {
    let (what, principals) = match step {
        Step::KeyAccess(access) if !access.unlisted.is_empty() => {
            ("statements of this tool", list_principals(&access.unlisted))
        }
        Step::LaunchPermission(permission) if !permission.unlisted.is_empty() => {
            ("this permission", list_principals(&permission.unlisted))
        }
        _ => return None,
    };
    Some(format!("    not listed, but with {what}: {principals}"))
}

pub(super) fn grants(grants: &Grants, sign: char) -> Vec<String> {
    let (key, image) = (&grants.key, image_name(&grants.shared));
    let what = format!("grants of {key} for {image}, which let them call KMS directly too,");
    gain(sign, &what, &grants.accounts, &grants.missing)
}

pub(super) fn snapshots(permission: &SnapshotPermission, sign: char) -> Vec<String> {
    let image = image_name(&permission.shared);
    let what = format!("create-volume permission of the snapshots of {image}");
    let missing = if sign == '=' {
        BTreeSet::new()
    } else {
        permission.accounts.clone()
    };
    gain(sign, &what, &permission.accounts, &missing)
}

pub(super) fn launch_permission(permission: &LaunchPermission, sign: char) -> Vec<String> {
    let image = image_name(&permission.shared);
    let what = format!("launch permission of {image}");
    gain(sign, &what, &permission.principals, &permission.missing)
}

/// A shared image of an account: a target's is its own copy, which may not exist yet.
fn owned_image(who: &str, is_copy: bool, shared: &SharedImage) -> String {
    let image = image_name(shared);
    match &shared.image {
        Some(id) if id == &shared.source.ami && is_copy => {
            format!("the copy of {image}, of {who},")
        }
        Some(id) if id == &shared.source.ami => format!("{image} of {who}"),
        _ => format!("{image}, of {who},"),
    }
}

pub(super) fn deprecate(deprecate: &Deprecate, plan: &Plan, who: &str, sign: char) -> String {
    let is_copy = deprecate.account != plan.account;
    let image = owned_image(who, is_copy, &deprecate.shared);
    let at = &deprecate.at;
    unless_there(sign, &format!("deprecation of {image} at {at}"))
}

pub(super) fn tags(share: &ShareTags, sign: char) -> String {
    let image = image_name(&share.shared);
    let keys = match &share.missing {
        missing if missing.is_empty() => list(share.tags.keys()),
        missing => list(missing.keys()),
    };
    let what = format!("tags of {image} that every recipient sees: {keys}");
    unless_there(sign, &what)
}

pub(super) fn watermark(watermark: &Watermark, sign: char) -> String {
    let image = image_name(&watermark.shared);
    let what = format!("watermark {} of {image}", watermark.watermark);
    unless_there(sign, &what)
}

pub(super) fn protect(protect: &Protect, plan: &Plan, who: &str, sign: char) -> String {
    let is_copy = protect.account != plan.account;
    let image = owned_image(who, is_copy, &protect.shared);
    unless_there(sign, &format!("protection of {image} from deregistration"))
}

pub(super) fn publish(publish: &Publish, who: &str, sign: char) -> String {
    let parameter = &publish.name;
    let image = match &publish.image {
        Some(image) => image.to_string(),
        None => image_name(&publish.shared),
    };
    let current = match &publish.current {
        Some(current) if sign != '=' => format!(" instead of {current}"),
        None if publish.replaces_other => " instead of what is no AMI ID".to_owned(),
        _ => String::new(),
    };
    let region = &publish.shared.region;
    let what = format!("parameter {parameter} in {region} of {who}: {image}{current}");
    unless_there(sign, &what)
}

/// What a step brings about, or that it is so already.
pub(super) fn unless_there(sign: char, what: &str) -> String {
    let there = if sign == '=' { ", already there" } else { "" };
    format!("{sign} {what}{there}")
}

/// The line of what principals get, or, if none of them lacks it, have already. There is none if
/// it is asked for nobody.
fn gain<T: Display>(
    sign: char,
    what: &str,
    all: &BTreeSet<T>,
    missing: &BTreeSet<T>,
) -> Vec<String> {
    if !missing.is_empty() {
        vec![format!("{sign} {what} for {}", list_principals(missing))]
    } else if !all.is_empty() {
        vec![format!(
            "{sign} {what} for {}, already there",
            list_principals(all)
        )]
    } else {
        Vec::new()
    }
}
