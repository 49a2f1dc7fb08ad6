//! Checks the keys: their state, and the default key of the target.

use super::ImageInTarget;
use super::instance_role::check_instance_role;
use super::key_operations::{KeyOperation, check_key_access, operations_on_volume_key};
use crate::diagnostic::Error;
use crate::inventory::{Image, Key, KeyState};
use crate::policy::evaluate::Caller;
use crate::report::{Check, CheckName};
use crate::verify::evidence::{SharedImageEvidence, TargetEvidence};

/// The states of AWS's table, besides those by name, in which a key serves no cryptography (R3.4).
const UNUSABLE: [&str; 3] = ["Creating", "PendingImport", "Unavailable"];

/// Whether every key of the image is enabled.
pub(super) fn check_key_state(keys: &[Key]) -> Check {
    let name = CheckName::KeyState;
    let mut unknown = None;
    for key in keys {
        let problem = match &key.state {
            KeyState::Enabled | KeyState::Unseen => continue,
            KeyState::Disabled => "disabled: enable it",
            KeyState::PendingDeletion => "pending deletion: cancel that, and enable it",
            KeyState::Other(state) if UNUSABLE.contains(&state.as_str()) => {
                "in a state in which it cannot be used"
            }
            KeyState::Other(state) => {
                let why = format!(
                    "{} is in state `{state}`, which this version does not know",
                    key.arn
                );
                unknown.get_or_insert(why);
                continue;
            }
        };
        return Check::no(name, format!("{} is {problem}", key.arn));
    }
    if keys.iter().any(|key| key.state == KeyState::Unseen) {
        return Check::unknown(name, "a key of another account could not be read");
    }
    if let Some(why) = unknown {
        return Check::unknown(name, why);
    }
    Check::yes(
        name,
        match keys.len() {
            1 => "the key is enabled".to_owned(),
            count => format!("{count} keys are enabled"),
        },
    )
}

/// The key that the volumes of a launch are encrypted under, if it is another than the image's: the
/// target's own, for every volume of a shared image (R4.2), and for those of no snapshot.
#[derive(Clone, Copy)]
pub(super) enum VolumeKey<'a> {
    /// Nothing is encrypted, or the volumes stay under the keys of the image.
    None,
    /// `aws/ebs`, which everybody in the account can use.
    Aws(&'a Key),
    /// A customer managed key.
    Own(&'a Key),
    /// Which it is could not be read.
    Unread(&'a Error),
}

impl<'a> VolumeKey<'a> {
    /// The key of the volumes of a shared image.
    pub(super) fn of_shared(shared: &SharedImageEvidence, target: &'a TargetEvidence) -> Self {
        let image = &shared.image;
        let encrypts = !shared.keys.is_empty() || image.makes_encrypted_volumes();
        Self::of_target(target, encrypts, image.makes_unencrypted_volumes())
    }

    /// The key of those volumes of an own image that do not stay under the keys of its snapshots.
    pub(super) fn of_own(image: &Image, target: &'a TargetEvidence) -> Self {
        let encrypts = image.makes_encrypted_volumes();
        Self::of_target(target, encrypts, image.makes_unencrypted_volumes())
    }

    /// The default key, if the target encrypts volumes anew: in any case, or if it encrypts by
    /// default.
    fn of_target(target: &'a TargetEvidence, encrypts: bool, may_encrypt: bool) -> Self {
        if !encrypts {
            match &target.encrypts_by_default {
                _ if !may_encrypt => return Self::None,
                Ok(true) => {}
                Ok(false) => return Self::None,
                Err(error) => return Self::Unread(error),
            }
        }
        match &target.default_key {
            Ok(key) if key.aws_managed => Self::Aws(key),
            Ok(key) => Self::Own(key),
            Err(error) => Self::Unread(error),
        }
    }

    /// What a launch asks of it.
    pub(super) fn operations(self) -> Vec<KeyOperation<'a>> {
        match self {
            Self::Own(key) => operations_on_volume_key(key),
            Self::None | Self::Aws(_) | Self::Unread(_) => Vec::new(),
        }
    }

    /// Why what a launch asks of it is not known, if it is not.
    pub(super) fn unread(self) -> Option<String> {
        match self {
            Self::Unread(error) => Some(format!(
                "which key new volumes are encrypted under could not be read: {error}"
            )),
            Self::None | Self::Aws(_) | Self::Own(_) => None,
        }
    }
}

/// Whether the launchers can use the key of the volumes.
pub(super) fn check_default_key(
    image: ImageInTarget<'_>,
    volume_key: VolumeKey<'_>,
    launchers: &[Caller],
) -> Check {
    let name = CheckName::DefaultKey;
    match volume_key {
        VolumeKey::None => Check::yes(name, "nothing is encrypted, so none is needed"),
        VolumeKey::Aws(_) => Check::yes(name, "new volumes are encrypted under aws/ebs"),
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
