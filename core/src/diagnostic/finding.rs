//! Pitfalls that show before anything is changed, each with a stable code and a remedy.

use schemars::JsonSchema;
use serde::Serialize;

use super::code::remedied;

/// Defines the codes of findings: after each its severities, where there are two the clients decides.
macro_rules! findings {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $meaning:literal])+ $variant:ident => $text:literal, $($severity:ident)|+: $remedy:literal;)+
    }) => {
        remedied! { $(#[doc = $doc])* $name { $($(#[doc = $meaning])+ $variant => $text: $remedy;)+ } }

        impl $name {
            /// What it can mean for a plan.
            pub fn severities(self) -> &'static [Severity] {
                match self { $(Self::$variant => &[$(Severity::$severity),+],)+ }
            }
        }
    };
}

findings! {
    /// The kind of a [`Finding`].
    FindingCode {
        /// The run is under an account that the request does not allow.
        AccountNotAllowed => "account.not-allowed", Refuse:
            "give this step the credentials of an account of `allowed-account-ids`";
        /// The run may outlast its session credentials.
        CredentialsMayExpire => "credentials.may-expire", Warn:
            "assume the role with a longer session, or lower `timeout` to what it lasts; a run \
             that is cut off goes on where it was";
        /// A copy of ours is disabled and cannot be shared, so another is made.
        CopyDisabled => "copy.disabled", Warn:
            "enable it (EnableImage) to have it shared, or deregister it";
        /// Several copies answer the same request; the oldest is used.
        CopyDuplicate => "copy.duplicate", Warn:
            "deregister it and delete its snapshots when nothing uses it";
        /// The name of a copy would be one that AWS does not take.
        CopyNameInvalid => "copy.name-invalid", Refuse:
            "change `copy-name` so that the name of every copy fits";
        /// AWS calls the name of a copy a duplicate; a digest was appended.
        CopyNameTaken => "copy.name-taken", Warn:
            "give a `copy-name` that tells copies apart, such as `{name}-{ami-id}`";
        /// What a copy left could not be removed.
        CopyNotCleaned => "copy.not-cleaned", Warn:
            "look for what still uses or locks it, and remove it by hand: it counts toward quotas \
             (R1.5.17)";
        /// More volumes are to be copied into a Region than AWS copies at once, so some copies wait
        /// for others.
        CopyQueued => "copy.queued", Warn:
            "allow a long `timeout`, or have AWS raise the quota of concurrent snapshot copies \
             there";
        /// A copy is still shared with others, so it was kept.
        CopyStillShared => "copy.still-shared", Warn:
            "take access from them too, or set `revoke-all`";
        /// A copy would have more tags than a resource can have.
        CopyTooManyTags => "copy.too-many-tags", Refuse:
            "give fewer `tags`, or set `copy-image-tags` to `false`";
        /// The image would be deprecated already, so that is left out.
        DeprecationPast => "deprecation.past", Warn:
            "give a later `deprecate-at`: a duration counts from when the image was made";
        /// Grants let their holders make grants.
        GrantsRedelegable => "grants.redelegable", Warn:
            "use `key-access: policy` where targets are not trusted with that; `mode: revoke` also \
             ends what was handed on";
        /// A key would have more grants than KMS allows.
        GrantsTooMany => "grants.too-many", Refuse:
            "use `key-access: policy`, with `target-organizations` where accounts are many; or \
             give images keys of their own as `kms-key-id`";
        /// The image is deprecated.
        ImageDeprecated => "image.deprecated", Warn:
            "share a newer image, or give it a later `deprecate-at`";
        /// The image is disabled: it can be neither shared nor copied.
        ImageDisabled => "image.disabled", Refuse:
            "enable it (EnableImage), or share another image";
        /// The image failed, or is gone, and will never be available.
        ImageFailed => "image.failed", Refuse:
            "build it again, or share an image that exists; deregister a failed one and delete its \
             snapshots, which count toward quotas (R1.5.17)";
        /// The image is backed by instance store: it has no snapshot, so there is nothing to
        /// encrypt. This refuses where it was to be copied under a key.
        ImageInstanceStore => "image.instance-store", Refuse | Warn:
            "build an EBS-backed image where it must be encrypted";
        /// The image would be shared with more entities than AWS allows without a raised quota.
        ImageManyTargets => "image.many-targets", Warn:
            "share with an organization or organizational units, each of which counts as one, or \
             have AWS raise the quota";
        /// The image belongs to another account.
        ImageNotOwned => "image.not-owned", Refuse:
            "run this in the account that owns it, or share a copy that is your own";
        /// The image is still being made, so its volumes and keys are not known.
        ImagePending => "image.pending", Warn:
            "`mode: share` waits for it; run the dry run again once it is available";
        /// The image carries a product code of AWS Marketplace.
        ImageProductCode => "image.product-code", Warn:
            "have each target subscribe to the product before it launches; it cannot copy the \
             image (R1.5.15)";
        /// The image lacks a tag that the request asks for.
        ImageTagMissing => "image.tag-missing", Refuse:
            "make sure that this is the image you mean, and tag it where it is built";
        /// A snapshot of the image is gone, or not shown to this account.
        ImageSnapshotMissing => "image.snapshot-missing", Refuse:
            "build the image again, or look for the snapshot in the Recycle Bin";
        /// Who may use the key is not looked at, as was asked for.
        KeyAccessUnmanaged => "key.access-unmanaged", Warn:
            "make sure that its policy holds the statements of the output `key-policy-statements`";
        /// An AWS managed key can never be shared.
        KeyAwsManaged => "key.aws-managed", Refuse:
            "give `kms-key-id`, a customer managed key of this account and Region: the image is \
             then copied under it and the copy shared";
        /// The key is disabled.
        KeyDisabled => "key.disabled", Refuse:
            "enable it (EnableKey), for the time of the copy where the image is only copied from \
             it; or give another `kms-key-id`";
        /// The key belongs to another account, so its policy cannot be changed from this one.
        KeyForeign => "key.foreign", Refuse:
            "give `key-role`, a role in the key's account that may change its policy or make grants; or set `key-access` to `none`; or give `kms-key-id`, a key of this account that the image is copied under";
        /// The key is pending deletion.
        KeyPendingDeletion => "key.pending-deletion", Refuse:
            "cancel the deletion and enable it (CancelKeyDeletion, EnableKey), for the time of the \
             copy where the image is only copied from it; or give another `kms-key-id`";
        /// A statement of the key policy denies the use of the key, and a deny beats every
        /// permission. This refuses where the deny has no condition.
        KeyPolicyDenies => "key.policy-denies", Refuse | Warn:
            "exempt the targets from that statement, or give another key as `kms-key-id`; what a \
             denied launch says is only `Client.InternalError`";
        /// The key policy seems to be kept by another tool, which would take away what is added to
        /// it.
        KeyPolicyManaged => "key.policy-managed", Warn:
            "set `key-access` to `grants`; or to `none`, and keep the output \
             `key-policy-statements` in the code of that tool";
        /// The key policy could not be read as one.
        KeyPolicyUnreadable => "key.policy-unreadable", Refuse:
            "look at the policy of the key, and put a valid document";
        /// The key policy would exceed KMS's limit.
        KeyPolicyTooLarge => "key.policy-too-large", Refuse:
            "share with their organization (`target-organizations`), which takes one line of the \
             policy; or set `key-access` to `grants`, of which a key can have 50,000 (R3.3.5)";
        /// A statement that is not ours uses a Sid of ours.
        KeySidTaken => "key.sid-taken", Refuse:
            "give that statement another Sid, or restore it to what this tool writes";
        /// The key policy names a principal that no longer exists, and KMS does not take it back
        /// with that. This refuses where the policy must be written.
        KeyStalePrincipal => "key.stale-principal", Refuse | Warn:
            "remove them from the key policy; they give access to nobody";
        /// The key cannot be used: its kind or its state is wrong.
        KeyUnusable => "key.unusable", Refuse:
            "bring it into state `Enabled`, or give another key as `kms-key-id`, with key spec \
             SYMMETRIC_DEFAULT and key usage ENCRYPT_DECRYPT";
        /// Another image under the key is shared with a target, so its access was kept.
        KeyStillUsed => "key.still-used", Warn:
            "revoke that share too, and access to the key is removed with the last one; or set \
             `revoke-keys-in-use`";
        /// Whether volumes or snapshots of somebody who loses the key are under it was not looked
        /// at: EC2's grants show instances, and nothing else.
        KeyUseUnknown => "key.use-unknown", Warn:
            "in `mode: revoke`, list the accounts and give `target-role`, a role there that may \
             look (policy `target-revoker`), or ask them first: a volume whose key is out of reach \
             cannot be attached again, nor a snapshot of it used";
        /// Others use the key for other things, which targets could then do too.
        KeyUsedByMany => "key.used-by-many", Warn:
            "leave `key-scope` at `via-ec2`, or give a key of its own as `kms-key-id`";
        /// A role that is to launch does not exist in a target.
        LaunchRoleMissing => "launch-role.missing", Refuse:
            "create the role there, or take it off `target-launch-roles`";
        /// The inline policies of a role in a target would be larger than IAM takes.
        LaunchRoleTooLarge => "launch-role.too-large", Refuse:
            "give `target-launch-policy`, a managed policy of the target that is attached instead";
        /// Who is lent an image cannot be noted in its tags, of which a resource has only so many.
        TemporaryAccessTooManyTags => "lent.too-many-tags", Refuse:
            "remove tags from the image, or share with fewer accounts at a time";
        /// Two images would be written into one SSM parameter.
        ParameterAmbiguous => "parameter.ambiguous", Refuse:
            "tell them apart by a placeholder of `publish-ssm-parameter`, such as `{name}`";
        /// AWS does not take the name of the SSM parameter.
        ParameterNameInvalid => "parameter.name-invalid", Refuse:
            "give `publish-ssm-parameter` letters, digits, `_.-/` only; the name of the image may \
             hold other characters";
        /// The account has not turned the Region on.
        RegionOff => "region.off", Refuse:
            "enable the Region in the account's settings, or leave it out; each target must have \
             it enabled too (R3.1.9)";
        /// A target whose access was taken has another way in.
        RevokeOtherWay => "revoke.other-way", Warn:
            "take that away too, where it shall have no access at all; what this tool did not add, \
             it leaves alone";
        /// Snapshots cannot be shared with an organization.
        SnapshotOrganization => "snapshot.organization", Warn:
            "list the accounts that shall copy it as `target-accounts` too";
        /// A target is the source account itself, which needs no sharing.
        TargetIsSource => "target.is-source", Warn:
            "remove it from `target-accounts`; the other targets are served";
        /// A key of a target cannot encrypt a copy.
        TargetKeyUnusable => "target.key-unusable", Refuse:
            "put the key right in that account, or give another as `target-kms-key-id`";
        /// A key policy is watched for less time than is safe beside other runs.
        TimingSettleShort => "timing.settle-short", Warn:
            "leave `settle` at its default, or run again where several runs change one key";
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
    ) -> Self {
        Self::new(code, Severity::Refuse, resource.to_string(), message.into())
    }

    pub(crate) fn warn(
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
    ) -> Self {
        Self::new(code, Severity::Warn, resource.to_string(), message.into())
    }

    fn new(code: FindingCode, severity: Severity, resource: String, message: String) -> Self {
        Self {
            code,
            severity,
            resource,
            message,
            remedy: code.remedy().to_owned(),
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {}: {}. What to do: {}",
            self.code, self.resource, self.message, self.remedy
        )
    }
}
