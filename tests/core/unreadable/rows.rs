//! Every place of every answer that a plan or a verification rests on.

use super::{Row, Run};

const fn row(
    operation: &'static str,
    path: &'static str,
    value: Option<&'static str>,
    runs: &'static [Run],
) -> Row {
    Row {
        operation,
        path,
        value,
        runs,
    }
}

/// What reads the images of the source account, and their snapshots.
const OWN: &[Run] = &[
    Run::Share,
    Run::Grants,
    Run::Copy,
    Run::Revoke,
    Run::Unlisted,
    Run::Verify,
];
/// What reads who has access to them.
const LISTED: &[Run] = &[Run::Share, Run::Revoke, Run::Unlisted, Run::Verify];
/// What reads their keys.
const KEYS: &[Run] = OWN;
/// What reads the policies of the keys.
const POLICIES: &[Run] = &[Run::Share, Run::Revoke, Run::Unlisted, Run::Verify];
/// What reads the grants of the keys.
const GRANTS: &[Run] = &[Run::Grants, Run::Revoke, Run::Unlisted, Run::Verify];
/// A key of a partition that nobody knows yet.
const NEW_KEY: &str =
    "arn:aws-new:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";

pub(super) const ROWS: &[Row] = &[
    row(
        "ec2:DescribeImages",
        "imagesSet/item/imageId",
        Some("image-7"),
        OWN,
    ),
    row("ec2:DescribeImages", "imageState", Some("frozen"), OWN),
    row("ec2:DescribeImages", "imageState", None, OWN),
    row("ec2:DescribeImages", "imageOwnerId", None, OWN),
    row(
        "ec2:DescribeImages",
        "ebs/snapshotId",
        Some("snapshot-7"),
        OWN,
    ),
    row("ec2:DescribeImages", "ebs/encrypted", Some("perhaps"), OWN),
    row(
        "ec2:DescribeSnapshots",
        "snapshotId",
        Some("snapshot-7"),
        OWN,
    ),
    row(
        "ec2:DescribeSnapshots",
        "snapshotSet/item/status",
        None,
        OWN,
    ),
    row("ec2:DescribeSnapshots", "encrypted", None, OWN),
    row("ec2:DescribeSnapshots", "encrypted", Some("false"), OWN),
    row("ec2:DescribeSnapshots", "encrypted", Some("perhaps"), OWN),
    row("ec2:DescribeSnapshots", "kmsKeyId", Some(NEW_KEY), OWN),
    row(
        "ec2:DescribeSnapshots",
        "kmsKeyId",
        Some("alias/golden"),
        OWN,
    ),
    row("ec2:DescribeSnapshots", "kmsKeyId", None, OWN),
    row(
        "ec2:DescribeImageAttribute",
        "launchPermission/item/userId",
        Some("team-7"),
        LISTED,
    ),
    row(
        "ec2:DescribeImageAttribute",
        "launchPermission/item/userId",
        None,
        LISTED,
    ),
    row(
        "ec2:DescribeImageAttribute",
        "launchPermission/item/group",
        Some("friends"),
        LISTED,
    ),
    row(
        "ec2:DescribeSnapshotAttribute",
        "createVolumePermission/item/userId",
        Some("team-7"),
        LISTED,
    ),
    row(
        "ec2:DescribeSnapshotAttribute",
        "createVolumePermission/item/userId",
        None,
        LISTED,
    ),
    row("kms:DescribeKey", "Arn", Some(NEW_KEY), KEYS),
    row("kms:DescribeKey", "Arn", None, KEYS),
    row("kms:DescribeKey", "KeyManager", Some("SOMEBODY"), KEYS),
    row("kms:DescribeKey", "KeyManager", None, KEYS),
    row("kms:DescribeKey", "KeyState", None, KEYS),
    row("kms:DescribeKey", "KeyUsage", None, KEYS),
    row("kms:DescribeKey", "KeySpec", None, KEYS),
    row("kms:DescribeKey", "KeyMetadata", None, KEYS),
    row("kms:GetKeyPolicy", "Policy", None, POLICIES),
    row(
        "kms:GetKeyPolicy",
        "Policy",
        Some("Everybody may."),
        POLICIES,
    ),
    row(
        "kms:GetKeyPolicy",
        "Policy",
        Some("{\"Statement\":7}"),
        POLICIES,
    ),
    row("kms:ListGrants", "GrantId", None, GRANTS),
    row("kms:ListGrants", "GranteePrincipal", Some("team 7"), GRANTS),
    row("kms:ListGrants", "GranteePrincipal", None, GRANTS),
    row("kms:ListGrants", "IssuingAccount", Some("team 7"), GRANTS),
    row("kms:ListGrants", "IssuingAccount", None, GRANTS),
    row(
        "ec2:DescribeVolumes",
        "kmsKeyId",
        Some(NEW_KEY),
        &[Run::Revoke],
    ),
    row("ec2:DescribeVolumes", "kmsKeyId", None, &[Run::Revoke]),
    row(
        "ec2:DescribeVolumes",
        "volumeSet/item/volumeId",
        None,
        &[Run::Revoke],
    ),
    row(
        "ec2:DescribeRegions",
        "optInStatus",
        Some("soon"),
        &[Run::Copy],
    ),
    row("ec2:DescribeRegions", "optInStatus", None, &[Run::Copy]),
    row("ssm:GetParameter", "Value", None, &[Run::Copy]),
    row("ssm:GetParameter", "Type", None, &[Run::Copy]),
    row(
        "iam:ListAttachedRolePolicies",
        "PolicyArn",
        None,
        &[Run::Roles],
    ),
    row(
        "ec2:DescribeLaunchTemplateVersions",
        "launchTemplateId",
        None,
        &[Run::Roles],
    ),
    row(
        "ec2:DescribeLaunchTemplateVersions",
        "versionNumber",
        None,
        &[Run::Roles],
    ),
    row(
        "ec2:DescribeLaunchTemplateVersions",
        "versionNumber",
        Some("-1"),
        &[Run::Roles],
    ),
    row(
        "ec2:DescribeLaunchTemplateVersions",
        "defaultVersion",
        None,
        &[Run::Roles],
    ),
    row(
        "ec2:DescribeLaunchTemplateVersions",
        "launchTemplateData",
        None,
        &[Run::Roles],
    ),
    row("ec2:GetAllowedImagesSettings", "state", None, &[Run::Roles]),
    row(
        "ec2:GetEbsDefaultKmsKeyId",
        "kmsKeyId",
        None,
        &[Run::Verify],
    ),
    row(
        "sts:GetCallerIdentity",
        "Account",
        Some("team 7"),
        &[Run::Share, Run::Revoke],
    ),
    row("ec2:DescribeImages", "imagesSet", None, OWN),
    row("ec2:DescribeImages", "rootDeviceType", None, OWN),
    row("ec2:DescribeImages", "rootDeviceType", Some("floppy"), OWN),
    row("ec2:DescribeImages", "blockDeviceMapping", None, OWN),
    row(
        "ec2:DescribeImages",
        "blockDeviceMapping/item/ebs",
        None,
        OWN,
    ),
    row("ec2:DescribeImages", "ebs/snapshotId", None, OWN),
    row("ec2:DescribeSnapshots", "snapshotSet", None, OWN),
    row("ec2:DescribeSnapshots", "storageTier", Some("glacier"), OWN),
    row(
        "ec2:DescribeImageAttribute",
        "launchPermission",
        None,
        LISTED,
    ),
    row(
        "ec2:DescribeSnapshotAttribute",
        "createVolumePermission",
        None,
        LISTED,
    ),
    row("kms:GetKeyPolicy", "Policy", Some("{}"), POLICIES),
    row(
        "kms:GetKeyPolicy",
        "Policy",
        Some(r#"{"Statement":{}}"#),
        POLICIES,
    ),
    row(
        "kms:GetKeyPolicy",
        "Policy",
        Some(r#"{"Version":"2025-01-01","Statement":[]}"#),
        POLICIES,
    ),
    row(
        "kms:GetKeyPolicy",
        "Policy",
        Some(r#"{"Statement":{"Effect":"Maybe","Principal":"*","Action":"kms:*","Resource":"*"}}"#),
        POLICIES,
    ),
    row(
        "kms:GetKeyPolicy",
        "Policy",
        Some(r#"{"Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}"#),
        POLICIES,
    ),
    row(
        "kms:GetKeyPolicy",
        "Policy",
        Some(r#"{"Statement":{"Effect":"Allow","Principal":"*","Resource":"*"}}"#),
        POLICIES,
    ),
    row(
        "kms:GetKeyPolicy",
        "Policy",
        Some(
            r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":7}}"#,
        ),
        POLICIES,
    ),
    row("kms:ListGrants", "Grants", None, GRANTS),
    row("kms:ListGrants", "Truncated", Some("true"), GRANTS),
    row("kms:ListGrants", "Operations", None, GRANTS),
    row("kms:ListGrants", "Operations", Some("[]"), GRANTS),
    row("kms:ListGrants", "Operations", Some("[\"Dance\"]"), GRANTS),
    row("ec2:DescribeVolumes", "volumeSet", None, &[Run::Revoke]),
    row("ec2:DescribeRegions", "regionInfo", None, &[Run::Copy]),
    row("ec2:DescribeRegions", "regionName", None, &[Run::Copy]),
    row(
        "iam:ListAttachedRolePolicies",
        "AttachedPolicies",
        None,
        &[Run::Roles],
    ),
    row(
        "iam:SimulatePrincipalPolicy",
        "EvaluationResults",
        None,
        &[Run::Verify],
    ),
    row(
        "ec2:GetAllowedImagesSettings",
        "state",
        Some("odd"),
        &[Run::Roles, Run::Verify],
    ),
];
