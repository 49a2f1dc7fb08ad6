//! The operations that a launch asks of keys. Policies, grants and checks all go by this table.
//!
//! A copy asks for the same (R1.4.2, R4.1), with the key of the copy in place of the key of the
//! new volumes (R4.2).

/// An operation of KMS that EC2 calls for a principal that launches or copies an image.
struct LaunchOperation {
    /// The operation, as IAM names it.
    action: &'static str,
    /// EC2 calls it on the keys of the image.
    on_image_key: bool,
    /// EC2 calls it on the key of the new volumes.
    on_volume_key: bool,
}

const LAUNCH_OPERATIONS: [LaunchOperation; 6] = [
    on_both_keys("kms:DescribeKey"),
    on_both_keys(CREATE_GRANT),
    on_image_key("kms:Decrypt"),
    on_image_key("kms:ReEncryptFrom"),
    on_volume_key("kms:ReEncryptTo"),
    on_volume_key("kms:GenerateDataKeyWithoutPlaintext"),
];

/// The operation by which EC2 passes the use of a key on. Policies allow it under a condition of
/// its own: only for a service of AWS.
pub(crate) const CREATE_GRANT: &str = "kms:CreateGrant";

/// The operations of which each alone lets somebody read what is under a key: itself, by a grant
/// that it makes, or under a key of its own.
pub(crate) const DISCLOSING_ACTIONS: [&str; 3] = ["kms:Decrypt", "kms:ReEncryptFrom", CREATE_GRANT];

/// What a service-linked role needs to launch with a key, as AWS publishes it (R4.11).
pub(crate) const SERVICE_ROLE_OPERATIONS: [&str; 8] = [
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
    "CreateGrant",
];

const fn on_both_keys(action: &'static str) -> LaunchOperation {
    LaunchOperation {
        action,
        on_image_key: true,
        on_volume_key: true,
    }
}

const fn on_image_key(action: &'static str) -> LaunchOperation {
    LaunchOperation {
        action,
        on_image_key: true,
        on_volume_key: false,
    }
}

const fn on_volume_key(action: &'static str) -> LaunchOperation {
    LaunchOperation {
        action,
        on_image_key: false,
        on_volume_key: true,
    }
}

/// The actions on the keys of an image that another account shares.
pub(crate) fn image_key_actions() -> Vec<&'static str> {
    let operations = LAUNCH_OPERATIONS.iter();
    operations
        .filter(|operation| operation.on_image_key)
        .map(|operation| operation.action)
        .collect()
}

/// The actions on the key that new volumes are encrypted under.
pub(crate) fn volume_key_actions() -> Vec<&'static str> {
    let operations = LAUNCH_OPERATIONS.iter();
    operations
        .filter(|operation| operation.on_volume_key)
        .map(|operation| operation.action)
        .collect()
}

/// The actions that use a key: all but [`CREATE_GRANT`].
pub(crate) fn use_actions() -> Vec<&'static str> {
    let actions = LAUNCH_OPERATIONS.iter().map(|operation| operation.action);
    actions.filter(|action| *action != CREATE_GRANT).collect()
}

/// The actions that use a key, and [`CREATE_GRANT`].
pub(crate) fn use_and_grant_actions() -> Vec<&'static str> {
    with_create_grant(use_actions())
}

/// The actions that use a key, as a policy lists them: both kinds of `ReEncrypt` as one pattern.
pub(crate) fn use_patterns() -> Vec<&'static str> {
    let mut patterns = Vec::new();
    for action in use_actions() {
        let pattern = match action {
            "kms:ReEncryptFrom" | "kms:ReEncryptTo" => "kms:ReEncrypt*",
            _ => action,
        };
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    patterns
}

/// The actions that use a key, as a policy lists them, and [`CREATE_GRANT`].
pub(crate) fn use_and_grant_patterns() -> Vec<&'static str> {
    with_create_grant(use_patterns())
}

/// The operations of a grant to an account that launches or copies.
pub(crate) fn launch_grant_operations() -> Vec<&'static str> {
    let actions = use_and_grant_actions().into_iter();
    actions.map(operation_of).collect()
}

/// The operation of an action: `Decrypt` of `kms:Decrypt`.
pub(crate) fn operation_of(action: &str) -> &str {
    action.strip_prefix("kms:").unwrap_or(action)
}

fn with_create_grant(mut actions: Vec<&'static str>) -> Vec<&'static str> {
    actions.push(CREATE_GRANT);
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launch_lists_are_those_that_aws_publishes() {
        let use_and_grant = [
            "kms:DescribeKey",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:CreateGrant",
        ];
        assert_eq!(use_and_grant_patterns(), use_and_grant);
        assert_eq!(use_patterns(), use_and_grant[..4]);
        let of_image = [
            "kms:DescribeKey",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:ReEncryptFrom",
        ];
        assert_eq!(image_key_actions(), of_image);
        let of_volume = [
            "kms:DescribeKey",
            "kms:CreateGrant",
            "kms:ReEncryptTo",
            "kms:GenerateDataKeyWithoutPlaintext",
        ];
        assert_eq!(volume_key_actions(), of_volume);
        let of_grant = [
            "DescribeKey",
            "Decrypt",
            "ReEncryptFrom",
            "ReEncryptTo",
            "GenerateDataKeyWithoutPlaintext",
            "CreateGrant",
        ];
        assert_eq!(launch_grant_operations(), of_grant);
    }

    #[test]
    fn service_roles_need_all_that_a_launch_needs() {
        for operation in launch_grant_operations() {
            assert!(SERVICE_ROLE_OPERATIONS.contains(&operation), "{operation}");
        }
    }
}
