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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_allows_use_of_its_key_through_ec2_only() {
        let key = "arn:aws-cn:kms:cn-north-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let policy = for_key(&key.parse().unwrap());
        let statements = policy["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 2);
        for statement in statements {
            assert_eq!(statement["Effect"], "Allow");
            assert_eq!(statement["Resource"], json!([key]));
            assert_eq!(
                statement["Condition"]["StringLike"]["kms:ViaService"],
                json!(["ec2.*.amazonaws.com", "ec2.*.amazonaws.com.cn"])
            );
        }
        let grants = &statements[1];
        assert_eq!(grants["Action"], CREATE_GRANT);
        assert_eq!(
            grants["Condition"]["Bool"],
            json!({ "kms:GrantIsForAWSResource": "true" })
        );
    }
}
