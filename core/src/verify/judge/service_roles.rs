//! Checks whether service-linked roles, by which services such as Auto Scaling launch, can use the
//! keys.

use super::ImageInTarget;
use super::key_operations::KeyOperation;
use super::keys::VolumeKey;
use crate::policy::evaluate::{Caller, Decision};
use crate::report::{Check, CheckName, Verdict};
use crate::verify::evidence::TargetEvidence;

const NAME: CheckName = CheckName::ServiceRoles;

/// Whether every role of the services that the request names can use every key that its launch
/// meets. `None` if the request names none.
pub(super) fn check_service_roles(
    image: ImageInTarget<'_>,
    operations: &[KeyOperation<'_>],
    target: &TargetEvidence,
    volume_key: VolumeKey<'_>,
) -> Option<Check> {
    if target.service_roles.is_empty() {
        return None;
    }
    let mut unknown = volume_key.unread().map(|why| Check::unknown(NAME, why));
    for (service, roles) in &target.service_roles {
        let roles = match roles {
            Ok(roles) => roles,
            Err(error) => {
                unknown.get_or_insert(Check::unread(NAME, error));
                continue;
            }
        };
        // The service makes its role by itself, and a role needs a grant only of a customer's key.
        let needs_grant = operations
            .iter()
            .any(|operation| !operation.key.aws_managed);
        if roles.is_empty() && needs_grant {
            let account = image.account;
            let detail = format!("{account} has no role of {service} yet: run `mode: share`");
            return Some(Check::no(NAME, detail));
        }
        for role in roles {
            let check = check_role(image, operations, role);
            match check.verdict {
                Verdict::Yes => {}
                Verdict::No => return Some(check),
                Verdict::Unknown => {
                    unknown.get_or_insert(check);
                }
            }
        }
    }
    let yes = || Check::yes(NAME, "every role can use the keys that its launch meets");
    Some(unknown.unwrap_or_else(yes))
}

/// Whether one role can use the keys. Its own policies name no key of a customer, so a key must
/// allow it all by itself: by a grant of the role's account, or by a policy of that account's own
/// key (R4.11).
fn check_role(image: ImageInTarget<'_>, operations: &[KeyOperation<'_>], role: &str) -> Check {
    let caller = Caller {
        account: image.account.clone(),
        arn: role.to_owned(),
    };
    let mut unknown = None;
    for operation in operations {
        let (key, action) = (&operation.key.arn, operation.action);
        match operation.decide_alone(&caller) {
            Decision::Direct => {}
            Decision::Unknown(why) => {
                let why = format!("whether {key} allows {action} to {role}: {why}");
                unknown.get_or_insert(why);
            }
            Decision::Denied(why) => {
                let detail =
                    format!("{role} may not {action}: in the policy of {key} {why}; exempt it");
                return Check::no(NAME, detail);
            }
            Decision::Delegated | Decision::No(_) => {
                let detail = format!(
                    "{role} has no grant of {key} that allows {action}: run `mode: share` with \
                     `target-service-linked-roles`"
                );
                return Check::no(NAME, detail);
            }
        }
    }
    match unknown {
        Some(why) => Check::unknown(NAME, why),
        None => Check::yes(NAME, role),
    }
}
