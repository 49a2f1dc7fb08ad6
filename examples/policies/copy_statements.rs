//! Statements for copies, in the source account and in targets.

use super::Values::{Images, Snapshots};
use super::conditions::*;
use super::{Statement, allow, called};

pub(super) const TAG_COPIES: Statement = allow(
    "TagCopies",
    &[called("ec2:CreateTags", "tags a copy as part of CopyImage")],
    &[Images, Snapshots],
    &[DURING_COPY],
);

pub(super) const REMOVE_FAILED_COPIES: Statement = allow(
    "RemoveFailedCopies",
    &[
        called(
            "ec2:DeregisterImage",
            "removes a failed copy of ami-share, once its replacement is available",
        ),
        called(
            "ec2:DeleteSnapshot",
            "AWS deletes the snapshots with the image, as the caller",
        ),
    ],
    &[Images, Snapshots],
    &[OWN_COPIES],
);
