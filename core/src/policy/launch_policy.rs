//! The identity policy with which principals of a target launch from the shared keys.

use serde_json::{Value, json};

use super::launch_operations::{CREATE_GRANT, use_patterns};
use crate::id::{KeyArn, Partition};

/// The launch policy for one key.
pub(crate) fn for_key(key: &KeyArn) -> Value {
    document(key.region().partition(), &[key.as_ref()])
}

/// The launch policy for several keys of a partition: their use, only through EC2.
pub(crate) fn document(partition: Partition, keys: &[&str]) -> Value {
    let services = partition.via_ec2();
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AmiShareLaunch",
                "Effect": "Allow",
                "Action": use_patterns(),
                "Resource": keys,
                "Condition": { "StringLike": { "kms:ViaService": services } },
            },
            {
                "Sid": "AmiShareLaunchGrants",
                "Effect": "Allow",
                "Action": CREATE_GRANT,
                "Resource": keys,
                "Condition": {
                    "StringLike": { "kms:ViaService": services },
                    "Bool": { "kms:GrantIsForAWSResource": "true" },
                },
            },
        ],
    })
}
