//! The identity policy that those who launch in a target need for the shared keys.

use serde_json::{Value, json};

use crate::id::{KeyArn, Partition};

/// The launch policy for one key.
pub(crate) fn for_key(key: &KeyArn) -> Value {
    document(key.region().partition(), &[key.as_ref()])
}

pub(crate) fn document(partition: Partition, keys: &[&str]) -> Value {
    let services = partition.via_ec2();
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AmiShareLaunch",
                "Effect": "Allow",
                "Action": ["kms:DescribeKey", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKeyWithoutPlaintext"],
                "Resource": keys,
                "Condition": { "StringLike": { "kms:ViaService": services } },
            },
            {
                "Sid": "AmiShareLaunchGrants",
                "Effect": "Allow",
                "Action": "kms:CreateGrant",
                "Resource": keys,
                "Condition": {
                    "StringLike": { "kms:ViaService": services },
                    "Bool": { "kms:GrantIsForAWSResource": "true" },
                },
            },
        ],
    })
}
