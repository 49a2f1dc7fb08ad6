//! Checks whether the instance itself can use the keys of its volumes. It decrypts them by a role
//! of EC2 in the target's account. EC2 gives that role a grant (R4.3), and a key policy may deny it
//! all the same (R4.6).

use crate::id::AccountId;
use crate::inventory::Key;
use crate::policy::evaluate::{CalledBy, Caller, KeyCall, find_denials};
use crate::policy::launch_call::instance_context;
use crate::report::{Check, Verdict};

const DECRYPT: &str = "kms:Decrypt";

/// Lowers what a check says of the keys of volumes to what their policies let the role of an
/// instance do.
pub(super) fn check_instance_role<'a>(
    check: Check,
    account: &AccountId,
    keys: impl IntoIterator<Item = &'a Key>,
) -> Check {
    let mut lowered = check;
    for key in keys {
        for (name, unknown) in denials_of_instance(account, key) {
            let statement = format!("statement {name} of the policy of {}", key.arn);
            let role = "the instance's own role `aws:ec2-infrastructure`";
            match (unknown, lowered.verdict) {
                (_, Verdict::No) => return lowered,
                (None, _) => {
                    let detail = format!("{statement} denies {DECRYPT} to {role}: exempt it");
                    return Check::no(lowered.name, detail);
                }
                (Some(why), Verdict::Yes) => {
                    let detail = format!("{statement} may deny {DECRYPT} to {role}: {why}");
                    lowered = Check::unknown(lowered.name, detail);
                }
                (Some(_), Verdict::Unknown) => {}
            }
        }
    }
    lowered
}

/// The statements that deny the role, or may do so; of the latter, why that cannot be told.
fn denials_of_instance(account: &AccountId, key: &Key) -> Vec<(String, Option<String>)> {
    // A policy that was not read is unknown for the launchers already.
    let Some(Ok(policy)) = &key.policy else {
        return Vec::new();
    };
    let partition = key.arn.region().partition();
    let caller = Caller {
        account: account.clone(),
        arn: format!("arn:{partition}:iam::{account}:role/aws:ec2-infrastructure"),
    };
    let by = CalledBy::Caller(&caller);
    let call = KeyCall {
        by,
        key: &key.arn,
        action: DECRYPT,
        context: &instance_context(by, &key.arn),
    };
    let mut denials = Vec::new();
    for denial in find_denials(policy.statements(), &call) {
        denials.push((denial.statement, denial.unknown));
    }
    denials
}
