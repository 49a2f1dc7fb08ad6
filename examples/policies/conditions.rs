//! Conditions of several policies.

use super::Values::{TargetAccounts, Texts};
use super::{Condition, Values};

pub(super) const fn when(operator: &'static str, key: &'static str, values: Values) -> Condition {
    Condition {
        operator,
        key,
        values,
    }
}

pub(super) const YES: Values = Texts(&["true"]);
pub(super) const NO: Values = Texts(&["false"]);
pub(super) const EVERYTHING: Values = Texts(&["*"]);

/// In other partitions the name of the service may end in their DNS suffix.
pub(super) const VIA_EC2: Condition = when(
    "StringLike",
    "kms:ViaService",
    Texts(&["ec2.*.amazonaws.com"]),
);
/// AWS makes the call for the caller of `ec2:DescribeImageReferences`.
pub(super) const THROUGH_IMAGES: Condition = when(
    "ForAnyValue:StringEquals",
    "aws:CalledVia",
    Texts(&["ec2-images.amazonaws.com"]),
);
pub(super) const FOR_EC2: Condition = when("Bool", "kms:GrantIsForAWSResource", YES);
pub(super) const NO_BYPASS: Condition =
    when("BoolIfExists", "kms:BypassPolicyLockoutSafetyCheck", NO);

/// Only copies that the library made have this tag.
pub(super) const OWN_COPIES: Condition = when("Null", "aws:ResourceTag/ami-share:request", NO);
pub(super) const DURING_COPY: Condition =
    when("StringEquals", "ec2:CreateAction", Texts(&["CopyImage"]));

// AWS has these for snapshots, and none like them for images: a condition on the recipients of an
// image would hold back nothing.
pub(super) const NOT_PUBLIC: Condition = when("Null", "ec2:Add/group", YES);
pub(super) const NO_ACCOUNT: Condition = when("Null", "ec2:Add/userId", YES);
pub(super) const SOME_ACCOUNT: Condition = when("Null", "ec2:Add/userId", NO);
pub(super) const ONLY_TARGETS: Condition = when(
    "ForAllValues:StringEquals",
    "ec2:Add/userId",
    TargetAccounts,
);
/// What launches and copies do with a key.
pub(super) const ONLY_OPERATIONS: Condition = when(
    "ForAllValues:StringEquals",
    "kms:GrantOperations",
    Texts(&[
        "DescribeKey",
        "Decrypt",
        "ReEncryptFrom",
        "ReEncryptTo",
        "GenerateDataKeyWithoutPlaintext",
        "CreateGrant",
    ]),
);
/// What service-linked roles need (R4.11).
pub(super) const ONLY_SERVICE_OPERATIONS: Condition = when(
    "ForAllValues:StringEquals",
    "kms:GrantOperations",
    Texts(&[
        "Encrypt",
        "Decrypt",
        "ReEncryptFrom",
        "ReEncryptTo",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "DescribeKey",
        "CreateGrant",
    ]),
);
/// `ForAllValues` alone is true if the key is absent.
pub(super) const SOME_OPERATIONS: Condition = when("Null", "kms:GrantOperations", NO);
