//! The steps that give access, in the source account.

use std::collections::BTreeSet;
use std::fmt::Display;

use ami_share::AccountId;
use ami_share::plan::{
    CopyImage, Deprecate, Grants, KeyAccess, LaunchPermission, Protect, Publish, SharedImage,
    SnapshotPermission,
};

use super::{image_name, policy_diff};
use crate::output::principal_name::list;

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
        None => format!("+ copy {source} to {region} as `{name}` under {key}"),
    };
    match copy.leftovers.images.len() + copy.leftovers.snapshots.len() {
        0 => what,
        count => format!("{what}; then - remove {count} leftovers of failed copies"),
    }
}

pub(super) fn key_access(access: &KeyAccess, sign: char) -> Vec<String> {
    let (who, can) = gain(&access.principals, &access.missing);
    let mut lines = vec![format!("{sign} {who} {can} use {}", access.key)];
    if !access.unlisted.is_empty() {
        let unlisted = list(&access.unlisted);
        lines.push(format!(
            "    not listed: {unlisted} can use it by statements of this tool too"
        ));
    }
    lines.extend(access.policy.iter().flat_map(policy_diff::lines));
    lines
}

pub(super) fn grants(grants: &Grants, sign: char) -> String {
    let (who, have) = if grants.missing.is_empty() {
        (list(&grants.accounts), "have already")
    } else {
        (list(&grants.missing), "will get")
    };
    let (key, image) = (&grants.key, image_name(&grants.shared));
    format!("{sign} {who} {have} grants of {key} for {image}, which let them call KMS directly too")
}

pub(super) fn snapshots(permission: &SnapshotPermission, sign: char) -> String {
    let can = if sign == '=' { CAN_ALREADY } else { WILL };
    let (who, image) = (list(&permission.accounts), image_name(&permission.shared));
    format!("{sign} {who} {can} create volumes from the snapshots of {image}")
}

pub(super) fn launch_permission(permission: &LaunchPermission, sign: char) -> Vec<String> {
    let (who, can) = gain(&permission.principals, &permission.missing);
    let image = image_name(&permission.shared);
    let mut lines = vec![format!("{sign} {who} {can} launch {image}")];
    if !permission.unlisted.is_empty() {
        let unlisted = list(&permission.unlisted);
        lines.push(format!("    not listed: {unlisted} can launch it too"));
    }
    lines
}

/// A shared image of an account: a target's is its own copy, which may not exist yet.
fn owned_image(account: &AccountId, shared: &SharedImage) -> String {
    let image = image_name(shared);
    match &shared.image {
        Some(id) if id == &shared.source.ami => format!("{image} of {account}"),
        _ => format!("{image}, of {account},"),
    }
}

pub(super) fn deprecate(deprecate: &Deprecate, sign: char) -> String {
    let (image, at) = (
        owned_image(&deprecate.account, &deprecate.shared),
        &deprecate.at,
    );
    format!("{sign} {image} is deprecated at {at}")
}

pub(super) fn protect(protect: &Protect, sign: char) -> String {
    let image = owned_image(&protect.account, &protect.shared);
    format!("{sign} {image} is protected from deregistration")
}

pub(super) fn publish(publish: &Publish, sign: char) -> String {
    let (parameter, account) = (&publish.name, &publish.account);
    let image = match &publish.image {
        Some(image) => image.to_string(),
        None => image_name(&publish.shared),
    };
    let current = match &publish.current {
        Some(current) if sign != '=' => format!(", which holds {current} now"),
        _ => String::new(),
    };
    format!("{sign} the parameter {parameter} of {account}{current} names {image}")
}

const CAN_ALREADY: &str = "can already";
const WILL: &str = "will be able to";

/// Who gains an ability, or, if nobody does, who has it.
fn gain<T: Display>(all: &BTreeSet<T>, missing: &BTreeSet<T>) -> (String, &'static str) {
    if missing.is_empty() {
        (list(all), CAN_ALREADY)
    } else {
        (list(missing), WILL)
    }
}
