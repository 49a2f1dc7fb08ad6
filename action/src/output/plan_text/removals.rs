//! The steps that take access away, and those that end temporary access.

use ami_share::plan::{
    ForgetTemporaryAccess, ReclaimAccess, RemoveCopy, RemoveKeyAccess, RemovePermissions,
    RemoveRolePolicy,
};

use super::{image_name, policy_words};
use crate::output::ending::count;
use crate::output::principal_name::{list_principals, policy_name, short_name};

pub(super) fn permissions(remove: &RemovePermissions) -> Vec<String> {
    let mut lines = Vec::new();
    if !remove.principals.is_empty() {
        let (image, region) = (&remove.image, &remove.region);
        let who = list_principals(&remove.principals);
        lines.push(format!(
            "- launch permission of {image} in {region} from {who}"
        ));
    }
    for (snapshot, principals) in &remove.snapshots {
        if !principals.is_empty() {
            let who = list_principals(principals);
            lines.push(format!(
                "- create-volume permission of {snapshot} from {who}"
            ));
        }
    }
    lines
}

pub(super) fn key_access(remove: &RemoveKeyAccess) -> Vec<String> {
    let key = &remove.key;
    let mut lines = Vec::new();
    if !remove.principals.is_empty() {
        let words = policy_words::describe(remove.policy.as_ref()).unwrap_or_else(|| {
            let who = list_principals(&remove.principals);
            format!("statements from {who}")
        });
        lines.push(format!("- policy of {key}: {words}"));
    }
    if !remove.grants.is_empty() {
        let grants = count(remove.grants.len(), "grant");
        lines.push(format!("- {grants} of {key}"));
    }
    if !remove.kept.is_empty() {
        let who = list_principals(&remove.kept);
        lines.push(format!(
            "= access of {who} to {key}, which stays: something else that is shared needs it"
        ));
    }
    for (principal, usage) in &remove.in_use {
        let who = short_name(&principal.to_string());
        lines.push(format!("! access of {who} to {key}, which stays: {usage}"));
    }
    lines
}

pub(super) fn copy(remove: &RemoveCopy) -> String {
    let RemoveCopy {
        image,
        source,
        region,
        ..
    } = remove;
    format!("- copy {image} in {region}, made of {source}")
}

/// A line only if something was shared temporarily.
pub(super) fn reclaim(reclaim: &ReclaimAccess) -> Option<String> {
    let (who, image) = (
        list_principals(&reclaim.accounts),
        image_name(&reclaim.shared),
    );
    let line = format!("- access of {who} to {image}, once their own copies are available");
    reclaim.needed.then_some(line)
}

pub(super) fn forget(forget: &ForgetTemporaryAccess, sign: char) -> String {
    let ForgetTemporaryAccess { image, region, .. } = forget;
    let who = list_principals(&forget.accounts);
    format!("{sign} tags of {image} in {region}: without the temporary access of {who}")
}

pub(super) fn role_policy(remove: &RemoveRolePolicy, who: &str) -> String {
    let (role, policy) = (&remove.role, policy_name(&remove.policy));
    format!("- policy {policy} of role {role} of {who}")
}
