//! Checks the keys: their state, and the default key of the target.

use super::ImageInTarget;
use super::key_operations::{KeyOperation, check_key_access, operations_on_volume_key};
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

/// The key that the target encrypts the volumes of a shared image under, its own (R4.2), and what
/// a launch asks of that key.
pub(super) fn check_default_key<'a>(
    image: ImageInTarget<'_>,
    shared: &SharedImageEvidence,
    target: &'a TargetEvidence,
    launchers: &[Caller],
) -> (Check, Vec<KeyOperation<'a>>) {
    let name = CheckName::DefaultKey;
    // Volumes of unencrypted snapshots need a key only if the target encrypts by default.
    let is_encrypted = !shared.keys.is_empty();
    let check = match (&target.default_key, &target.encrypts_by_default) {
        (_, Ok(false)) if !is_encrypted => {
            Check::yes(name, "nothing is encrypted, so none is needed")
        }
        (Ok(None), _) => Check::yes(name, "new volumes are encrypted under aws/ebs"),
        (Err(error), _) => Check::unread(name, error),
        (_, Err(error)) if !is_encrypted => Check::unread(name, error),
        (Ok(Some(key)), _) if key.state != KeyState::Enabled => {
            let (key, account) = (&key.arn, image.account);
            let detail = format!(
                "{key}, the default EBS key of {account}, is not enabled: enable it, or set another"
            );
            Check::no(name, detail)
        }
        (Ok(Some(key)), _) => {
            let operations = operations_on_volume_key(key);
            let check = check_key_access(name, &operations, launchers);
            return (check, operations);
        }
    };
    (check, Vec::new())
}

/// Whether new volumes of a shared image are encrypted under `aws/ebs`.
pub(super) fn uses_aws_key(shared: &SharedImageEvidence, target: &TargetEvidence) -> bool {
    let encrypts = !shared.keys.is_empty() || matches!(target.encrypts_by_default, Ok(true));
    encrypts && matches!(target.default_key, Ok(None))
}
