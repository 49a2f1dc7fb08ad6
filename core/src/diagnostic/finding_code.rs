//! The codes of findings, each with its meaning and its remedy.

use super::code::findings;
use super::finding::Severity;

findings! {
    /// The kind of a [`Finding`](super::Finding).
    FindingCode {
        /// The run is under an account that the request does not allow.
        AccountNotAllowed => "account.not-allowed", Refuse:
            "give this step the credentials of an account of `allowed-account-ids`";
        /// The run may outlast its session credentials.
        CredentialsMayExpire => "credentials.may-expire", Warn:
            "on GitHub set `role-to-assume`, whose sessions renew themselves. Or assume the role \
             with a longer session, or lower `timeout` to its length; after a run \
             that was cut off, the next one continues where it stopped";
        /// A copy of this tool is disabled and cannot be shared, so another is made.
        CopyDisabled => "copy.disabled", Warn:
            "enable it (EnableImage) to share it, after its snapshots are restored if they are \
             archived; or deregister it";
        /// A copy that shall be removed is protected from being deregistered, so it is kept.
        CopyProtected => "copy.protected", Warn:
            "end the protection (DisableImageDeregistrationProtection), and revoke again; one with \
             a cooldown lasts 24 hours longer";
        /// Several copies match the same request; the oldest is used.
        CopyDuplicate => "copy.duplicate", Warn:
            "deregister it and delete its snapshots when nothing uses it";
        /// AWS does not accept the name that a copy would have.
        CopyNameInvalid => "copy.name-invalid", Refuse:
            "change `copy-name` so that the name of every copy fits";
        /// A copy is not deprecated or protected as its image is: AWS does not copy that.
        CopyLifecycleLost => "copy.lifecycle-lost", Warn:
            "set `deprecate-at` or `deregistration-protection` for the copies";
        /// AWS calls the name of a copy a duplicate; a digest was appended.
        CopyNameTaken => "copy.name-taken", Warn:
            "give a `copy-name` that tells copies apart, such as `{name}-{ami-id}`";
        /// A leftover of a copy could not be removed.
        CopyNotCleaned => "copy.not-cleaned", Warn:
            "find what still uses or locks it, and remove it by hand: it counts toward quotas";
        /// More volumes are to be copied into a Region than AWS copies at once, so some wait.
        CopyQueued => "copy.queued", Warn:
            "allow a long `timeout`, or share fewer images in a run";
        /// An image has the tag of a copy of this tool, and nothing proves that it is one: it is
        /// neither used, nor changed, nor removed.
        CopyNotOurs => "copy.not-ours", Warn:
            "if this tool made it, give the `copy-name` and `kms-key-id` that it was made with, or \
             revoke access to it and deregister it by hand; if not, remove the tags that begin \
             with `ami-share:`";
        /// A copy, or a snapshot of it, is still shared with others, so it was kept.
        CopyStillShared => "copy.still-shared", Warn:
            "revoke access from them too, or set `revoke-all`";
        /// A copy would have more tags than a resource can have.
        CopyTooManyTags => "copy.too-many-tags", Refuse:
            "give fewer `tags`, or set `copy-image-tags` to `false`";
        /// The image would be deprecated already, so it is not deprecated.
        DeprecationPast => "deprecation.past", Warn:
            "give a later `deprecate-at`: a duration counts from the creation of the image";
        /// Grants let targets use the key without EC2, which the default of `key-scope` prevents.
        GrantsDirect => "grants.direct", Warn:
            "use `key-access: policy` once the grants are revoked (`mode: revoke`), or a key for \
             these images alone; set `key-scope: direct` if targets may call KMS";
        /// Somebody else made a grant that has the name of a grant of this tool.
        GrantsNameTaken => "grants.name-taken", Warn:
            "find out who made it (CloudTrail, `CreateGrant`), and revoke it unless somebody needs \
             it; this tool makes its own beside it and leaves that one alone";
        /// Grants let their grantees make grants.
        GrantsRedelegable => "grants.redelegable", Warn:
            "use `key-access: policy` if you do not trust targets with that; `mode: revoke` also \
             revokes the grants that targets made";
        /// A key would have more grants than KMS allows by default: for images, and for
        /// service-linked roles.
        GrantsTooMany => "grants.too-many", Warn:
            "if AWS has not raised the quota of the key's account, use `key-access: policy`, with \
             `target-organizations` for many accounts; or give \
             images keys of their own as `kms-key-id`";
        /// Groups of one run share an image, a copy, a key or a target, and want it in two ways.
        GroupsContradict => "groups.contradict", Refuse:
            "give that setting once for all groups, at the top of the file; or give the groups \
             copies of their own, by another `kms-key-id` or `copy-name`";
        /// The image is deprecated.
        ImageDeprecated => "image.deprecated", Warn:
            "share a newer image, or give it a later `deprecate-at`";
        /// The image is disabled: it can be neither shared nor copied.
        ImageDisabled => "image.disabled", Refuse:
            "restore its snapshots first if they are archived (RestoreSnapshotTier), then enable \
             it (EnableImage): the launch permissions that it had are gone, and `mode: share` \
             gives them again; or share another image";
        /// The image failed, or is gone, and will never be available.
        ImageFailed => "image.failed", Refuse:
            "build it again, or share an image that exists; deregister a failed one and delete \
             its snapshots, which count toward quotas";
        /// An image that access is revoked from does not exist any more; keys that it may have been
        /// under are looked at for access that is left.
        ImageGone => "image.gone", Warn:
            "check the ID and the Region if you did not expect that; name the key that it was \
             under as `kms-key-id` if the message does not";
        /// The image is backed by instance store: it has no snapshot, so there is nothing to
        /// encrypt. This refuses if it was to be copied under a key.
        ImageInstanceStore => "image.instance-store", Refuse | Warn:
            "build an EBS-backed image if it must be encrypted";
        /// The image would be shared with more entities than AWS allows without a raised quota.
        ImageManyTargets => "image.many-targets", Warn:
            "share with an organization or organizational units, each of which counts as one, or \
             have AWS raise the quota";
        /// Accounts use the image that would lose it, as AWS reports to the owner. Those that
        /// gained access after the plan was made keep it, and the rest is revoked.
        ImageInUse => "image.in-use", Refuse | Warn:
            "let these accounts replace the image first (`mode: usage` shows who uses it), or set \
             `revoke-in-use`: running instances keep running, but no more can be launched";
        /// Whether those who lose the image use it is not known. Access is revoked all the same,
        /// but a copy that `revoke-copies` would remove is kept.
        ImageUsageUnknown => "image.use-unknown", Warn:
            "allow the role to ask AWS who uses its images (policy `revoker` in docs/IAM.md), \
             enable a copy that is disabled, as AWS reports on available images only; or set \
             `revoke-in-use` if that does not matter";
        /// The image cannot get the watermark that is asked for.
        ImageNoWatermark => "image.no-watermark", Refuse:
            "detach a watermark that nobody needs (DetachImageWatermark), or end the launch \
             permission of everybody; or leave out `watermark`";
        /// Only copies are to be shared, and the image is copied nowhere.
        ImageNotCopied => "image.not-copied", Refuse:
            "give `copy-to-regions`, or another `kms-key-id`; or set `share-source` to `true`";
        /// The image belongs to another account.
        ImageNotOwned => "image.not-owned", Refuse:
            "use its credentials; or have it share the snapshots too, and give a copy as `ami-id`: \
             `aws ec2 copy-image --source-region REGION --source-image-id AMI --name NAME \
             --encrypted --kms-key-id KEY`";
        /// The image is still being made, so its volumes and keys are not known.
        ImagePending => "image.pending", Warn:
            "`mode: share` waits for it; repeat the dry run once it is available";
        /// The image carries a product code of AWS Marketplace. This refuses if targets are to copy
        /// it, which AWS never allows.
        ImageProductCode => "image.product-code", Refuse | Warn:
            "have each target subscribe to the product before it launches, and leave out \
             `target-kms-key-id`: no account can copy such an image of another";
        /// Everybody can launch the image.
        ImagePublic => "image.public", Warn:
            "remove the launch permission of everybody (ModifyImageAttribute) if that was not \
             meant; this tool neither gives nor needs it";
        /// The image lacks a tag that the request asks for.
        ImageTagMissing => "image.tag-missing", Refuse:
            "make sure that this is the image you mean, and tag it where it is built";
        /// The image would have more tags than a resource can have, with those that recipients are
        /// to see.
        ImageTooManyTags => "image.too-many-tags", Refuse:
            "remove tags of the image, or name fewer keys in `share-tags`";
        /// A tag that recipients are to see is not among those of the image, or its key is too
        /// long to be shared.
        ImageTagNotShared => "image.tag-not-shared", Warn:
            "tag the image where it is built, and check the spelling of the keys in `share-tags`; \
             a key can have 114 characters";
        /// Recipients see a tag of the image that `share-tags` does not name.
        ImageTagStillShared => "image.tag-still-shared", Warn:
            "if recipients must not see it, remove it (`ec2:DeleteTags`); else name it in \
             `share-tags`";
        /// A snapshot of the image is in the archive tier. This only warns of a target's own copy.
        ImageSnapshotArchived => "image.snapshot-archived", Refuse | Warn:
            "restore it (RestoreSnapshotTier), which can take up to 72 hours; if the image is \
             disabled, enable it only then";
        /// A snapshot of the image is gone, or not shown to this account.
        ImageSnapshotMissing => "image.snapshot-missing", Refuse:
            "build the image again, or look for the snapshot in the Recycle Bin";
        /// As requested, this run only checks whether the key policy denies targets.
        KeyAccessUnmanaged => "key.access-unmanaged", Warn:
            "make sure that its policy holds the statements of the output `key-policy-statements`";
        /// An AWS managed key can never be shared.
        KeyAwsManaged => "key.aws-managed", Refuse:
            "give `kms-key-id`, a key of yours in that Region (`aws kms create-key` makes one): a \
             copy under it is shared";
        /// The key is disabled.
        KeyDisabled => "key.disabled", Refuse:
            "enable it (EnableKey); if the image is only copied from it, enabling it for the time \
             of the copy is enough; or give another `kms-key-id`";
        /// The key belongs to another account, so its policy cannot be changed from this one.
        KeyForeign => "key.foreign", Refuse:
            "give `key-role`, a role in the key's account that may change its policy or make \
             grants; or set `key-access` to `none`; or give `kms-key-id`, a key of this account \
             that the image is copied under";
        /// The key is pending deletion.
        KeyPendingDeletion => "key.pending-deletion", Refuse:
            "cancel the deletion and enable it (CancelKeyDeletion, EnableKey); if the image is \
             only copied from it, that is needed only for the time of the copy; or give another \
             `kms-key-id`";
        /// A statement of the key policy denies targets the use of the key, or may do so, and a
        /// deny overrides every permission. This refuses if it surely denies what every launch
        /// asks for.
        KeyPolicyDenies => "key.policy-denies", Refuse | Warn:
            "exempt the targets from that statement, or give another key as `kms-key-id`; a \
             denied launch only reports `Client.InternalError`";
        /// Another tool seems to manage the key policy, and would remove what is added to it.
        KeyPolicyManaged => "key.policy-managed", Warn:
            "set `key-access` to `grants`; or to `none`, and keep the output \
             `key-policy-statements` in the code of that tool";
        /// A key policy could not be read, or is none that this version understands: whether it
        /// denies targets, or makes grants of service-linked roles needless, is not known.
        KeyPolicyUnread => "key.policy-unread", Warn:
            "allow kms:GetKeyPolicy on the key to this caller, in the key's account; or have its \
             owner check that no statement denies the targets: a deny beats every grant";
        /// The key policy could not be parsed.
        KeyPolicyUnreadable => "key.policy-unreadable", Refuse:
            "check the policy of the key, and put a valid document";
        /// The key policy would be larger than AWS documents.
        KeyPolicyTooLarge => "key.policy-too-large", Warn:
            "if AWS has not raised the limit, share with their organization \
             (`target-organizations`), which takes one line of the \
             policy; or set `key-access` to `grants`, of which a key can have 50,000";
        /// The request expects another plan: what was approved would not be what is done.
        PlanNotExpected => "plan.not-expected", Refuse:
            "look at this plan; if it is what you want, have its digest approved and give that as \
             `expect-plan`. Nothing was changed";
        /// Another statement uses a Sid of this tool.
        KeySidTaken => "key.sid-taken", Refuse:
            "give that statement another Sid, or restore it to what this tool writes";
        /// The key policy names a principal that no longer exists, and KMS does not accept the
        /// policy with it. This refuses if the policy must be written.
        KeyStalePrincipal => "key.stale-principal", Refuse | Warn:
            "set `drop-stale-principals`, which removes exactly these, or remove them from the key \
             policy; they give access to nobody";
        /// The key cannot be used: its kind or its state is wrong.
        KeyUnusable => "key.unusable", Refuse:
            "bring it into state `Enabled`, or give another key as `kms-key-id`, with key spec \
             SYMMETRIC_DEFAULT and key usage ENCRYPT_DECRYPT";
        /// Another image under the key is shared with a target, so the target keeps its access.
        KeyStillUsed => "key.still-used", Warn:
            "revoke that share too, and access to the key is removed with the last one; or run \
             `mode: revoke` with `revoke-keys-in-use`";
        /// It was not checked whether volumes or snapshots of a principal that loses the key are
        /// under it: EC2's grants show instances, and nothing else. Or there are many images under
        /// the key, and AWS does not list those that an organization of the principal may launch.
        KeyUseUnknown => "key.use-unknown", Warn:
            "give `target-role`, a role in the accounts that may list them (policy \
             `target-revoker`), with `mode: revoke` and the accounts as `target-accounts`; or ask \
             the accounts first: a volume cannot be attached again, and a snapshot or an image \
             cannot be used, without its key";
        /// An earlier run let targets call KMS directly with the key, and this one, which does not,
        /// leaves that. Grants are seen by runs that read them, as with `unlisted: revoke`.
        KeyAccessWider => "key.access-wider", Warn:
            "if no image needs it, revoke each image under the key from these targets, and share \
             again; or take them out of the statements `AmiShareUseDirect` and `AmiShareGrants`";
        /// Others use the key for other things, and targets could then decrypt those too.
        KeyUsedByMany => "key.used-by-many", Warn:
            "use `key-access: policy` with `key-scope` at `via-ec2`, or give a key of its own as \
             `kms-key-id`";
        /// A role that is to launch does not exist in a target.
        LaunchRoleMissing => "launch-role.missing", Refuse:
            "create the role there, or remove it from `target-launch-roles`";
        /// A revoke leaves the managed policy of a role: something else needs it, or may do so.
        LaunchRolePolicyNeeded => "launch-role.policy-needed", Warn:
            "revoke that too, and the last revoke detaches it; or detach it by hand \
             (DetachRolePolicy) once the role launches nothing with it";
        /// The inline policies of a role in a target would be larger than IAM takes.
        LaunchRoleTooLarge => "launch-role.too-large", Refuse:
            "give `target-launch-policy`, a managed policy of the target that is attached instead";
        /// The accounts with temporary access to an image cannot be noted in its tags: a resource
        /// has a limited number of them.
        TemporaryAccessTooManyTags => "temporary-access.too-many-tags", Refuse:
            "remove tags from the image, or share with fewer accounts at a time";
        /// A tag of the image has the name of a record of temporary access, and is none that this
        /// tool wrote.
        TemporaryAccessUnread => "temporary-access.unread", Warn:
            "find out who wrote or changed the tag (CloudTrail, `CreateTags`), revoke what it \
             names if that should have ended, and remove the tag";
        /// An account that is to be left out is in none of the organizations and units of the
        /// request, so that nothing would be left out for it.
        OrganizationNotMember => "organization.not-a-member", Refuse:
            "correct its ID in `exclude-accounts`, or remove it there if it has left the \
             organization or unit";
        /// An organization that is now shared with account by account still has the image as a
        /// whole, from an earlier share: so have the accounts that are left out.
        OrganizationSharedBefore => "organization.shared-before", Warn:
            "set `unlisted: revoke`, which ends what the organization has as a whole; or remove \
             its launch permission by hand (ModifyImageAttribute)";
        /// No account of the organizations is left to share with, or to revoke access from.
        OrganizationEmpty => "organization.empty", Refuse:
            "check `target-organizations`, `target-organizational-units` and `exclude-accounts`";
        /// One of several groups takes organizations for accounts that the others cannot know.
        OrganizationInGroups => "organization.in-groups", Refuse:
            "give the group with `expand-organizations` a run of its own";
        /// A target is of another organization than the one whose accounts can be listed.
        OrganizationOther => "organization.other", Refuse:
            "set `organizations-role` to a role in the organization of the targets, and share with \
             each organization in a run of its own";
        /// Two images would be written into one SSM parameter.
        ParameterAmbiguous => "parameter.ambiguous", Refuse:
            "tell them apart by a placeholder of `publish-ssm-parameter`, such as `{name}`";
        /// Two images would be written into one launch template.
        LaunchTemplateAmbiguous => "launch-template.ambiguous", Refuse:
            "tell them apart by a placeholder of `target-launch-templates`, such as \
             `{architecture}`, or share one image in each run";
        /// A target has no launch template of this name, or none has one of this ID.
        LaunchTemplateNotFound => "launch-template.not-found", Refuse:
            "check `target-launch-templates`, and the Region; create the launch template in each \
             target, or name it for the targets that have it in a group of a `config-file`";
        /// The launch template names no image but a parameter, whose image every launch takes.
        LaunchTemplateResolvesParameter => "launch-template.resolves-parameter", Warn:
            "have the parameter written, with `publish-ssm-parameter`, and take the launch \
             template out of `target-launch-templates`";
        /// AWS does not accept the name of the SSM parameter, or the name or a tag of the image
        /// would choose its path.
        ParameterNameInvalid => "parameter.name-invalid", Refuse:
            "give `publish-ssm-parameter` letters, digits, `_.-/` only; the name of the image may \
             hold other characters, and the value of a placeholder holds no `/`";
        /// The SSM parameter exists and holds something other than an AMI ID. Its value is shown
        /// nowhere, for it may be a secret.
        ParameterNotImage => "parameter.not-image", Refuse:
            "give another name as `publish-ssm-parameter`; or, if nobody needs what it holds, set \
             `overwrite-ssm-parameter: true`";
        /// The SSM parameter exists and is a list, a secret or of an integration: it is never
        /// overwritten, as that would change its type.
        ParameterOtherType => "parameter.other-type", Refuse:
            "give another name as `publish-ssm-parameter`, or delete it if nobody needs it";
        /// A parameter or launch template that was changed after the plan got the image anyway.
        PlanChangedMeanwhile => "plan.changed-meanwhile", Warn:
            "find out who changed it (CloudTrail); `previous` in the report is what it had last";
        /// The Region is not enabled for the account.
        RegionOff => "region.off", Refuse:
            "enable the Region in the account's settings, or leave it out; each target must have \
             it enabled too";
        /// An image is no longer as the plan of the retirement saw it, so it stays.
        RetireChangedMeanwhile => "retire.changed-meanwhile", Warn:
            "run again: the next plan sees what has changed";
        /// Somebody uses an image, or something names it, so the retirement goes no further with
        /// it: it stays deprecated or disabled.
        RetireInUse => "retire.in-use", Warn:
            "let these replace the image first (`mode: usage` shows who uses it); the next run \
             goes on once nothing needs it";
        /// A snapshot of the image is locked, so the retirement goes no further with the image.
        RetireLocked => "retire.locked", Warn:
            "wait for the end of the lock, or end one in governance mode (UnlockSnapshot); or \
             take the tags of `retire-tags` from the image";
        /// Since when an image is disabled is not known: its time until the next step begins anew.
        RetireMomentUnknown => "retire.moment-unknown", Warn:
            "nothing, if somebody disabled it by hand, or another run just now; else find out who \
             changed the tag (CloudTrail, `CreateTags`)";
        /// No image has the tags that the retirement is for.
        RetireNothingFound => "retire.nothing-found", Warn:
            "check `retire-tags`, `aws-region` and the credentials: the source account must own \
             the images";
        /// The image is protected from being deregistered, so it stays disabled.
        RetireProtected => "retire.protected", Warn:
            "end the protection (DisableImageDeregistrationProtection) if the image is not needed; \
             one with a cooldown lasts 24 hours longer";
        /// A snapshot of an image that was deregistered is left.
        RetireSnapshotLeft => "retire.snapshot-left", Warn:
            "nothing, if another image uses it; else find what holds it, and delete it by hand";
        /// The image has as many tags as a resource can have, so that the time at which it is
        /// disabled cannot be noted: it stays deprecated.
        RetireTooManyTags => "retire.too-many-tags", Warn:
            "remove a tag of the image";
        /// Whether anybody uses an image is not known, so the retirement goes no further with it.
        RetireUseUnknown => "retire.use-unknown", Warn:
            "allow the role what the message names (policy `retire` in docs/IAM.md). If the image \
             is disabled and its report is gone, enable it (EnableImage), so that it is disabled \
             anew, and lower `grace` or run more often: AWS keeps reports for 30 days";
        /// An account keeps access that this tool may have given it as one of an organization whose
        /// access is revoked: no list has it any more.
        RevokeNotListed => "revoke.not-listed", Warn:
            "if it has left the organization, revoke its access too: list it as \
             `target-accounts`, or set `revoke-all`";
        /// A target whose access is revoked still has access in another way, or may have it.
        RevokeOtherWay => "revoke.other-way", Warn:
            "remove that too if the target shall have no access at all; a run removes only what \
             this tool added, in the way that `key-access` says";
        /// AWS shows access that the run has revoked: a run beside it or somebody else has shared
        /// the image again, or the answer is out of date.
        RevokeSharedAgain => "revoke.shared-again", Warn:
            "find out who shared it (CloudTrail, `ModifyImageAttribute`), and revoke again: if \
             nobody did, that changes nothing";
        /// A service is not known to launch instances by a service-linked role.
        ServiceUnknown => "service.unknown", Warn:
            "check its name in `target-service-linked-roles` against AWS's documentation of the \
             service; the roles that it has in the targets get their grants all the same";
        /// Snapshots cannot be shared with an organization.
        SnapshotOrganization => "snapshot.organization", Warn:
            "set `expand-organizations`, or also list the accounts that shall copy it";
        /// Allowed AMIs of a target hide the image, now or some days after it is deprecated: there
        /// it cannot be found, copied or launched.
        TargetHidesImage => "target.hides-image", Warn:
            "change the image as the message says, or have the target add a criterion that it \
             meets (ReplaceImageCriteriaInAllowedImagesSettings)";
        /// A target is the source account itself, which needs no sharing.
        TargetIsSource => "target.is-source", Warn:
            "remove it from `target-accounts`, or name the account that is meant";
        /// The key of a target's new volumes, or its grants, could not be read: service-linked
        /// roles get no grant on it.
        TargetKeyUnread => "target.key-unread", Warn:
            "allow what the message names to the role in the target, and run again";
        /// A key of a target cannot encrypt a copy.
        TargetKeyUnusable => "target.key-unusable", Refuse:
            "repair the key in that account, or give another as `target-kms-key-id`";
        /// A key policy is watched for less time than concurrent runs need.
        TimingSettleShort => "timing.settle-short", Warn:
            "leave `settle` at its default, or run again if several runs change one key";
        /// No account is among the targets, and nobody but an account can be verified.
        VerifyNoAccount => "verify.no-account", Warn:
            "set `expand-organizations`, or list its accounts in its place: each is verified";
    }
}
