//! The names by which later runs find what this tool made.

use crate::id::{AccountId, AmiId, KeyArn, Region};

/// The name of the grant that lets an account use a key for one image. A repeat with the same name
/// is the same grant (R3.3.4); a change of what grants allow must raise the number.
pub(crate) fn grant_name(region: &Region, image: &AmiId, account: &AccountId) -> String {
    format!("ami-share-1-{region}-{image}-{account}")
}

/// The name of the grant for the role of a service in a target.
pub(crate) fn service_grant_name(account: &AccountId, service: &str) -> String {
    format!(
        "ami-share-1-{account}-{}",
        service.split('.').next().unwrap_or_default()
    )
}

/// The name of the grant from which a target makes those of its services' roles.
pub(crate) fn parent_grant_name(account: &AccountId) -> String {
    format!("ami-share-1-{account}-roles")
}

/// The inline policy of a key. A role has one for each key, so that keys come and go alone.
pub(crate) fn inline_policy_name(key: &KeyArn) -> String {
    format!(
        "ami-share-{}-{}",
        key.region(),
        key.as_ref().rsplit('/').next().unwrap_or_default()
    )
}
