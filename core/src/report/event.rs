//! What a run reports while it runs.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Verification, Waiting};
use crate::diagnostic::{Error, Finding};
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region, SnapshotId, SourceImage};
use crate::plan::ImageOfVersion;

/// Something that happened in a run. The [`Report`](crate::Report) is made of all events, so a
/// caller that keeps them knows what was done even if the run was cut off.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// Something is not ready yet; sent after every check.
    Waiting(Waiting),
    /// A copy was started (`ec2:CopyImage`).
    CopyStarted {
        /// The account of the copy.
        account: AccountId,
        /// The image that is copied.
        source: SourceImage,
        /// The Region of the copy.
        region: Region,
        /// The copy.
        copy: AmiId,
    },
    /// A copy that another run made is used.
    CopyAdopted {
        /// The account of the copy.
        account: AccountId,
        /// The image that was copied.
        source: SourceImage,
        /// The Region of the copy.
        region: Region,
        /// The copy.
        copy: AmiId,
    },
    /// A copy is available, and every volume is encrypted under the key that was asked for.
    CopyAvailable {
        /// The account of the copy.
        account: AccountId,
        /// The image that was copied.
        source: SourceImage,
        /// The Region of the copy.
        region: Region,
        /// The copy.
        copy: AmiId,
    },
    /// A key policy was replaced (`kms:PutKeyPolicy`).
    KeyPolicyPut {
        /// The key.
        key: KeyArn,
        /// The principals whose access was added.
        added: BTreeSet<String>,
        /// The principals whose access was removed.
        removed: BTreeSet<String>,
        /// The policy as it was read before: a change that another tool made at the same moment is
        /// not in the new one.
        replaced: String,
    },
    /// The key policy holds this tool's statements for these principals.
    KeyAccessConfirmed {
        /// The key.
        key: KeyArn,
        /// The principals.
        principals: BTreeSet<Principal>,
    },
    /// Grants were created (`kms:CreateGrant`). They can take five minutes to be effective.
    GrantsCreated {
        /// The key.
        key: KeyArn,
        /// The image that they are for.
        image: AmiId,
        /// The accounts that had none.
        added: BTreeSet<AccountId>,
    },
    /// Grants were revoked (`kms:RevokeGrant`).
    GrantsRevoked {
        /// The key.
        key: KeyArn,
        /// The grantees.
        grantees: BTreeSet<String>,
    },
    /// Create-volume permission was added (`ec2:ModifySnapshotAttribute`).
    SnapshotPermissionAdded {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The accounts that did not have it.
        added: BTreeSet<AccountId>,
    },
    /// Create-volume permission was removed (`ec2:ModifySnapshotAttribute`).
    SnapshotPermissionRemoved {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The principals that had it.
        removed: BTreeSet<Principal>,
    },
    /// Launch permission was added (`ec2:ModifyImageAttribute`).
    LaunchPermissionAdded {
        /// The image that the request named.
        source: SourceImage,
        /// The Region of the image that was shared.
        region: Region,
        /// The image that was shared.
        image: AmiId,
        /// The principals that did not have it.
        added: BTreeSet<Principal>,
    },
    /// These principals can launch the image.
    LaunchPermissionConfirmed {
        /// The image that the request named.
        source: SourceImage,
        /// The Region of the image that is shared.
        region: Region,
        /// The image that is shared.
        image: AmiId,
        /// The principals.
        principals: BTreeSet<Principal>,
    },
    /// Launch permission was removed (`ec2:ModifyImageAttribute`).
    LaunchPermissionRemoved {
        /// The image that the request named.
        source: SourceImage,
        /// The Region of the image that was shared.
        region: Region,
        /// The image that was shared.
        image: AmiId,
        /// The principals that had it.
        removed: BTreeSet<Principal>,
    },
    /// An image is deprecated from a moment on (`ec2:EnableImageDeprecation`).
    Deprecated {
        /// The image.
        image: AmiId,
        /// The moment, in RFC 3339.
        at: String,
    },
    /// An image is protected from being deregistered (`ec2:EnableImageDeregistrationProtection`).
    Protected {
        /// The image.
        image: AmiId,
    },
    /// An SSM parameter names an image, and SSM has checked it (`ssm:PutParameter`).
    Published {
        /// The account of the parameter.
        account: AccountId,
        /// The Region of the parameter.
        region: Region,
        /// The parameter.
        name: String,
        /// The image.
        image: AmiId,
        /// The image that it held before, if it held any.
        previous: Option<AmiId>,
    },
    /// A launch template of a target has a new version with an image
    /// (`ec2:CreateLaunchTemplateVersion`).
    LaunchTemplateVersionMade {
        /// The target.
        account: AccountId,
        /// The Region of the launch template.
        region: Region,
        /// Its ID.
        template: String,
        /// Its name.
        name: String,
        /// The new version.
        version: u64,
        /// The image.
        image: AmiId,
        /// The version that launches got before.
        previous: ImageOfVersion,
    },
    /// A version with an image is the default one of a launch template of a target
    /// (`ec2:ModifyLaunchTemplate`).
    DefaultVersionSet {
        /// The target.
        account: AccountId,
        /// The Region of the launch template.
        region: Region,
        /// Its ID.
        template: String,
        /// Its name.
        name: String,
        /// The version.
        version: u64,
        /// The image.
        image: AmiId,
        /// The default version before.
        previous: ImageOfVersion,
    },
    /// A copy was removed (`ec2:DeregisterImage`).
    CopyRemoved {
        /// The copy.
        image: AmiId,
    },
    /// An image that is retired is disabled (`ec2:DisableImage`).
    ImageDisabled {
        /// The Region of the image.
        region: Region,
        /// The image.
        image: AmiId,
    },
    /// A tag of a disabled image says since when it is (`ec2:CreateTags`).
    DisabledNoted {
        /// The Region of the image.
        region: Region,
        /// The image.
        image: AmiId,
        /// The moment, in RFC 3339.
        since: String,
    },
    /// An image that is available no longer has that tag (`ec2:DeleteTags`).
    DisabledForgotten {
        /// The Region of the image.
        region: Region,
        /// The image.
        image: AmiId,
    },
    /// An image that is retired was deregistered (`ec2:DeregisterImage`).
    ImageDeregistered {
        /// The Region of the image.
        region: Region,
        /// The image.
        image: AmiId,
    },
    /// Every recipient of a shared image sees more tags of it now (`ec2:CreateTags`).
    TagsShared {
        /// The image that the request named.
        source: SourceImage,
        /// The Region of the image that is shared.
        region: Region,
        /// The image that is shared.
        image: AmiId,
        /// The keys of the tags, as recipients see them.
        keys: BTreeSet<String>,
    },
    /// A shared image has a watermark now (`ec2:AttachImageWatermark`).
    Watermarked {
        /// The image that the request named.
        source: SourceImage,
        /// The Region of the image that is shared.
        region: Region,
        /// The image that is shared.
        image: AmiId,
        /// The watermark, as `account:name`.
        watermark: String,
    },
    /// A shared image carries tags in a target now (`ec2:CreateTags`).
    Tagged {
        /// The target.
        account: AccountId,
        /// The image.
        image: AmiId,
    },
    /// A role may launch with the keys now (`iam:AttachRolePolicy`, `iam:PutRolePolicy`).
    RoleAllowed {
        /// The target.
        account: AccountId,
        /// The role.
        role: String,
        /// The ARN of the managed policy, or the name of the inline one.
        policy: String,
    },
    /// A role lost what it was given to launch (`iam:DetachRolePolicy`, `iam:DeleteRolePolicy`).
    RoleDisallowed {
        /// The target.
        account: AccountId,
        /// The role.
        role: String,
        /// The ARN of the managed policy, or the name of the inline one.
        policy: String,
    },
    /// A service's role has a grant of a key now (`kms:CreateGrant` in the target).
    ServiceRoleGranted {
        /// The target.
        account: AccountId,
        /// The role's ARN.
        role: String,
        /// The key.
        key: KeyArn,
    },
    /// The tags of an image name the accounts with temporary access to it (`ec2:CreateTags`).
    TemporaryAccessRecorded {
        /// The image.
        image: AmiId,
    },
    /// The tags of an image no longer name accounts with temporary access to it
    /// (`ec2:CreateTags`, `ec2:DeleteTags`).
    TemporaryAccessForgotten {
        /// The image.
        image: AmiId,
        /// Whether the tags still name other accounts.
        remains: bool,
    },
    /// Something that a failed copy left was removed (`ec2:DeregisterImage`, `ec2:DeleteSnapshot`).
    LeftoverRemoved {
        /// The ID of the image or snapshot.
        resource: String,
    },
    /// A test launch started an instance in a target (`ec2:RunInstances`).
    TestInstanceStarted {
        /// The target.
        account: AccountId,
        /// The Region.
        region: Region,
        /// The image.
        image: AmiId,
        /// The instance.
        instance: String,
    },
    /// The instance of a test launch was terminated (`ec2:TerminateInstances`).
    TestInstanceTerminated {
        /// The target.
        account: AccountId,
        /// The Region.
        region: Region,
        /// The instance.
        instance: String,
        /// Whether an earlier run had left it.
        is_abandoned: bool,
    },
    /// It was checked whether a target can launch an image.
    Verified(Verification),
    /// A finding that the plan could not have.
    Found(Finding),
    /// Something failed; what does not depend on it continues.
    Failed(Error),
}

impl Event {
    /// Whether something in AWS was changed.
    pub fn changed_something(&self) -> bool {
        !matches!(
            self,
            Self::Waiting(_)
                | Self::CopyAdopted { .. }
                | Self::CopyAvailable { .. }
                | Self::KeyAccessConfirmed { .. }
                | Self::LaunchPermissionConfirmed { .. }
                | Self::TestInstanceStarted { .. }
                | Self::TestInstanceTerminated { .. }
                | Self::Verified(_)
                | Self::Found(_)
                | Self::Failed(_)
        )
    }
}

/// Takes the events of a run, as they happen. It is called on the run's own task, so it must not
/// block.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> EventSink for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}
