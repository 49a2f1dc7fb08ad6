//! Pitfalls that show before anything is changed, each with a stable code and a remedy.

use schemars::JsonSchema;
use serde::Serialize;

use crate::error::codes;

codes! {
    /// The kind of a [`Finding`].
    FindingCode {
        /// The run is under an account that the request does not allow.
        AccountNotAllowed => "account.not-allowed",
        /// The run may outlast its session credentials.
        CredentialsMayExpire => "credentials.may-expire",
        /// A copy of ours is disabled and cannot be shared.
        CopyDisabled => "copy.disabled",
        /// Several copies answer the same request.
        CopyDuplicate => "copy.duplicate",
        /// The name of a copy would be one that AWS does not take.
        CopyNameInvalid => "copy.name-invalid",
        /// AWS calls the name of a copy a duplicate; a digest was appended.
        CopyNameTaken => "copy.name-taken",
        /// What a failed copy left could not be removed.
        CopyNotCleaned => "copy.not-cleaned",
        /// A copy is still shared with others, so it was kept.
        CopyStillShared => "copy.still-shared",
        /// A copy would have more tags than a resource can have.
        CopyTooManyTags => "copy.too-many-tags",
        /// The image would be deprecated already.
        DeprecationPast => "deprecation.past",
        /// Grants let their holders make grants.
        GrantsRedelegable => "grants.redelegable",
        /// The image is deprecated.
        ImageDeprecated => "image.deprecated",
        /// The image is disabled: it can be neither shared nor copied.
        ImageDisabled => "image.disabled",
        /// The image failed and will never be available.
        ImageFailed => "image.failed",
        /// The image is backed by instance store: it has no snapshot, so there is nothing to encrypt.
        ImageInstanceStore => "image.instance-store",
        /// The image belongs to another account.
        ImageNotOwned => "image.not-owned",
        /// The image is still being made.
        ImagePending => "image.pending",
        /// The image carries a product code: targets must subscribe to it.
        ImageProductCode => "image.product-code",
        /// The image lacks a tag that the request asks for.
        ImageTagMissing => "image.tag-missing",
        /// A snapshot of the image is gone, or not shown to this account.
        ImageSnapshotMissing => "image.snapshot-missing",
        /// Who may use the key is not looked at, as was asked for.
        KeyAccessUnmanaged => "key.access-unmanaged",
        /// An AWS managed key can never be shared.
        KeyAwsManaged => "key.aws-managed",
        /// The key is disabled.
        KeyDisabled => "key.disabled",
        /// The key belongs to another account, so its policy cannot be changed from this one.
        KeyForeign => "key.foreign",
        /// The key is pending deletion.
        KeyPendingDeletion => "key.pending-deletion",
        /// The key policy seems to be kept by another tool.
        KeyPolicyManaged => "key.policy-managed",
        /// The key policy could not be read as one.
        KeyPolicyUnreadable => "key.policy-unreadable",
        /// The key policy would exceed KMS's limit.
        KeyPolicyTooLarge => "key.policy-too-large",
        /// A statement that is not ours uses a Sid of ours.
        KeySidTaken => "key.sid-taken",
        /// The key policy names a principal that no longer exists.
        KeyStalePrincipal => "key.stale-principal",
        /// The key cannot be used: its kind, Region or state is wrong.
        KeyUnusable => "key.unusable",
        /// Another image under the key is shared with a target, so its access was kept.
        KeyStillUsed => "key.still-used",
        /// Others use the key for other things, which targets could then do too.
        KeyUsedByMany => "key.used-by-many",
        /// A role that is to launch does not exist in a target.
        LaunchRoleMissing => "launch-role.missing",
        /// The inline policies of a role in a target would be larger than IAM takes.
        LaunchRoleTooLarge => "launch-role.too-large",
        /// Who is lent an image cannot be noted in its tags, of which a resource has only so many.
        LentTooManyTags => "lent.too-many-tags",
        /// Two images would be written into one SSM parameter.
        ParameterAmbiguous => "parameter.ambiguous",
        /// AWS does not take the name of the SSM parameter.
        ParameterNameInvalid => "parameter.name-invalid",
        /// The account has not turned the Region on.
        RegionOff => "region.off",
        /// A target whose access was taken has another way in.
        RevokeOtherWay => "revoke.other-way",
        /// Snapshots cannot be shared with an organization.
        SnapshotOrganization => "snapshot.organization",
        /// A target is the source account itself.
        TargetIsSource => "target.is-source",
        /// A key of a target cannot encrypt a copy.
        TargetKeyUnusable => "target.key-unusable",
        /// A key policy is watched for less time than is safe beside other runs.
        TimingSettleShort => "timing.settle-short",
    }
}

/// What a finding means for the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The plan is not carried out: it would be useless or do harm.
    Refuse,
    /// The plan is carried out, and the user should know.
    Warn,
}

/// One pitfall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of pitfall.
    pub code: FindingCode,
    /// Whether it refuses the plan.
    pub severity: Severity,
    /// The ID or ARN it is about.
    pub resource: String,
    /// Why this is a problem.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    pub(crate) fn refuse(
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let resource = resource.to_string();
        Self { code, severity: Severity::Refuse, resource, message: message.into(), remedy: remedy.into() }
    }

    pub(crate) fn warn(
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warn, ..Self::refuse(code, resource, message, remedy) }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}. What to do: {}", self.code, self.resource, self.message, self.remedy)
    }
}
