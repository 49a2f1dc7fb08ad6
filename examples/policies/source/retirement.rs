//! Policies that retire images.

use super::super::Account::Source;
use super::super::Values::{Images, Parameters, Snapshots, Texts};
use super::super::conditions::*;
use super::super::{Kind, Policy, allow, called};
use super::statements::READ_WHAT_NAMES_IMAGES;

pub(super) const POLICIES: &[Policy] = &[RETIRE, RETIRE_DEREGISTER];

const RETIRE: Policy = Policy {
    name: "retire",
    kind: Kind::Identity,
    account: Source,
    purpose: "`mode: retire`: deprecates images, and later takes them from everybody and disables \
              them.",
    danger: "It can disable every image of the account, which takes it from everybody: enabling it \
             again does not bring its launch permissions back.",
    used_with: &["revoker"],
    statements: &[
        READ_WHAT_NAMES_IMAGES,
        allow(
            "ReadParameters",
            &[called(
                "ssm:GetParameter",
                "`publish-ssm-parameter`, `resolve:ssm:` and launch templates that name a \
                 parameter: reads which image it holds",
            )],
            &[Parameters(Source)],
            &[],
        ),
        allow(
            "DeprecateAndDisable",
            &[
                called("ec2:EnableImageDeprecation", "the first step"),
                called("ec2:DisableImage", "the second step"),
            ],
            &[Images],
            &[],
        ),
        allow(
            "NoteDisabled",
            &[
                called(
                    "ec2:CreateTags",
                    "notes since when an image is disabled, in the tag `ami-share:disabled`",
                ),
                called(
                    "ec2:DeleteTags",
                    "removes that tag from an image that somebody has enabled again",
                ),
            ],
            &[Images],
            &[
                when(
                    "ForAllValues:StringEquals",
                    "aws:TagKeys",
                    Texts(&["ami-share:disabled"]),
                ),
                when("Null", "aws:TagKeys", NO),
            ],
        ),
    ],
};

const RETIRE_DEREGISTER: Policy = Policy {
    name: "retire-deregister",
    kind: Kind::Identity,
    account: Source,
    purpose: "`mode: retire` with `retire-deregister: true`.",
    danger: "It can deregister every image that has the tag `ami-share:disabled`, which `retire` \
             can write, and delete every snapshot that no image uses.",
    used_with: &["revoker", "retire"],
    statements: &[
        allow(
            "DeregisterDisabled",
            &[called("ec2:DeregisterImage", "the third step")],
            &[Images],
            &[when("Null", "aws:ResourceTag/ami-share:disabled", NO)],
        ),
        allow(
            "DeleteSnapshots",
            &[called(
                "ec2:DeleteSnapshot",
                "AWS deletes the snapshots with their image, as the caller",
            )],
            &[Snapshots],
            &[],
        ),
    ],
};
