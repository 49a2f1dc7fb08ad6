//! The names of what this tool makes, by which later runs find it.

use crate::id::{AccountId, AmiId, KeyArn, Region};

/// The name of the grant that lets an account use a key for one image. KMS makes one grant of two
/// calls with the same name (R3.3.4), so the number is raised whenever grants allow something else.
pub(crate) fn grant_name(region: &Region, image: &AmiId, account: &AccountId) -> String {
    format!("ami-share-1-{region}-{image}-{account}")
}

/// The name of the grant for a service-linked role in a target.
pub(crate) fn service_grant_name(account: &AccountId, service: &str) -> String {
    format!(
        "ami-share-1-{account}-{}",
        service.split('.').next().unwrap_or_default()
    )
}

/// The name of the grant by which a target can make grants for its service-linked roles.
pub(crate) fn parent_grant_name(account: &AccountId) -> String {
    format!("ami-share-1-{account}-roles")
}

/// The name of the inline policy for a key. A role has one for each key, so that each key can be
/// revoked alone.
pub(crate) fn inline_policy_name(key: &KeyArn) -> String {
    format!(
        "ami-share-{}-{}",
        key.region(),
        key.as_ref().rsplit('/').next().unwrap_or_default()
    )
}
