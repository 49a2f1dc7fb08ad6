//! The identity policy that those who launch in a target need for the shared keys.

use serde_json::{Value, json};

use crate::id::{KeyArn, Partition};
use crate::plan::Plan;

impl Plan {
    /// What a target's launchers need in IAM beside `ec2:RunInstances`: the use of the shared keys,
    /// only through EC2 (R4.1). Their own default EBS key, under which volumes end up (R4.2), needs
    /// the same where it is a customer managed one. Nothing where no image is encrypted.
    pub fn launch_policy(&self) -> Option<Value> {
        let keys: Vec<&str> = self.keys().into_iter().map(AsRef::as_ref).collect();
        (!keys.is_empty()).then(|| document(self.partition(), &keys))
    }
}

/// The same for one key.
pub(crate) fn for_key(key: &KeyArn) -> Value {
    document(key.region().partition(), &[key.as_ref()])
}

fn document(partition: Partition, keys: &[&str]) -> Value {
    let services = via_ec2(partition);
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

/// EC2 of any Region, as `kms:ViaService` names it.
pub(crate) fn via_ec2(partition: Partition) -> Vec<&'static str> {
    match partition {
        Partition::AwsCn => vec!["ec2.*.amazonaws.com", "ec2.*.amazonaws.com.cn"],
        Partition::Aws | Partition::AwsUsGov => vec!["ec2.*.amazonaws.com"],
    }
}
