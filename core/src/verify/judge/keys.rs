//! Checks the keys: their state, and the default key of the target.

use super::ImageInTarget;
use super::instance_role::check_instance_role;
use super::key_operations::{KeyOperation, check_key_access, operations_on_volume_key};
use crate::diagnostic::Error;
use crate::inventory::{Key, KeyState};
use crate::policy::evaluate::Caller;
use crate::report::{Check, CheckName};
use crate::verify::evidence::{SharedImageEvidence, TargetEvidence};

/// Whether every key of the image is enabled.
pub(super) fn check_key_state(keys: &[Key]) -> Check {
    let name = CheckName::KeyState;
    for key in keys {
        let problem = match &key.state {
            KeyState::Enabled | KeyState::Unseen => continue,
            KeyState::Disabled => "disabled: enable it",
            KeyState::PendingDeletion => "pending deletion: cancel that, and enable it",
            KeyState::Other(_) => "in a state in which it cannot be used",
        };
        return Check::no(name, format!("{} is {problem}", key.arn));
    }
    if keys.iter().any(|key| key.state == KeyState::Unseen) {
        return Check::unknown(name, "a key of another account could not be read");
    }
    Check::yes(name, format!("{} keys are enabled", keys.len()))
}

/// The key that the volumes of a launch are encrypted under, if it is another than the image's: for
/// a shared image the target's own (R4.2).
#[derive(Clone, Copy)]
pub(super) enum VolumeKey<'a> {
    /// Nothing is encrypted, or the volumes stay under the keys of the image.
    None,
    /// `aws/ebs`, which everybody in the account can use.
    Aws,
    /// A customer managed key.
    Own(&'a Key),
    /// Which it is could not be read.
    Unread(&'a Error),
}

impl<'a> VolumeKey<'a> {
    /// The key of the volumes of a shared image.
    pub(super) fn of_shared(shared: &SharedImageEvidence, target: &'a TargetEvidence) -> Self {
        // Volumes of unencrypted snapshots need a key only if the target encrypts by default.
        if shared.keys.is_empty() {
            match &target.encrypts_by_default {
                Ok(true) => {}
                Ok(false) => return Self::None,
                Err(error) => return Self::Unread(error),
            }
        }
        match &target.default_key {
            Ok(None) => Self::Aws,
            Ok(Some(key)) => Self::Own(key),
            Err(error) => Self::Unread(error),
        }
    }

    /// What a launch asks of it.
    pub(super) fn operations(self) -> Vec<KeyOperation<'a>> {
        match self {
            Self::Own(key) => operations_on_volume_key(key),
            Self::None | Self::Aws | Self::Unread(_) => Vec::new(),
        }
    }

    /// Why what a launch asks of it is not known, if it is not.
    pub(super) fn unread(self) -> Option<String> {
        match self {
            Self::Unread(error) => Some(format!(
                "which key new volumes are encrypted under could not be read: {error}"
            )),
            Self::None | Self::Aws | Self::Own(_) => None,
        }
    }
}

/// Whether the launchers can use the key of the volumes of a shared image.
pub(super) fn check_default_key(
    image: ImageInTarget<'_>,
    volume_key: VolumeKey<'_>,
    launchers: &[Caller],
) -> Check {
    let name = CheckName::DefaultKey;
    match volume_key {
        VolumeKey::None => Check::yes(name, "nothing is encrypted, so none is needed"),
        VolumeKey::Aws => Check::yes(name, "new volumes are encrypted under aws/ebs"),
        VolumeKey::Unread(error) => Check::unread(name, error),
        VolumeKey::Own(key) if key.state != KeyState::Enabled => {
            let (key, account) = (&key.arn, image.account);
            let detail = format!(
                "{key}, the default EBS key of {account}, is not enabled: enable it, or set another"
            );
            Check::no(name, detail)
        }
        VolumeKey::Own(key) => {
            let check = check_key_access(name, &operations_on_volume_key(key), launchers);
            check_instance_role(check, image.account, [key])
        }
    }
}
