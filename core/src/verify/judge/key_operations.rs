//! Checks whether the policies and grants of keys allow what a launch asks of them (R4.1, R4.2).

use serde_json::Value;

use crate::id::Region;
use crate::inventory::{Grant, Key};
use crate::policy::evaluate::{self, Caller, Decision, KeyCall};
use crate::policy::launch_operations::{
    CREATE_GRANT, image_key_actions, operation_of, volume_key_actions,
};
use crate::policy::matcher::Context;
use crate::report::{Check, CheckName};
use crate::verify::evidence::ec2_service;

/// One operation that EC2 calls on a key for a principal that launches.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyOperation<'a> {
    pub(super) action: &'static str,
    pub(super) key: &'a Key,
}

/// The operations on the keys of an image that another account shares.
pub(super) fn operations_on_image_keys(keys: &[Key]) -> Vec<KeyOperation<'_>> {
    let mut operations = Vec::new();
    for key in keys {
        for action in image_key_actions() {
            operations.push(KeyOperation { action, key });
        }
    }
    operations
}

/// The operations on the key that new volumes are encrypted under.
pub(super) fn operations_on_volume_key(key: &Key) -> Vec<KeyOperation<'_>> {
    let mut operations = Vec::new();
    for action in volume_key_actions() {
        operations.push(KeyOperation { action, key });
    }
    operations
}

/// The operations on the keys of an own image: its volumes stay under them.
pub(super) fn operations_on_own_keys(keys: &[Key]) -> Vec<KeyOperation<'_>> {
    let mut operations = operations_on_image_keys(keys);
    for key in keys {
        operations.extend(operations_on_volume_key(key));
    }
    operations
}

/// Whether the policies and grants of the keys allow the operations to every launcher, by
/// themselves or together with identity policies, which another check is about.
pub(super) fn check_key_access(
    name: CheckName,
    operations: &[KeyOperation<'_>],
    launchers: &[Caller],
    region: &Region,
) -> Check {
    let mut unknown = None;
    for launcher in launchers {
        for operation in operations {
            let (key, action) = (&operation.key.arn, operation.action);
            let (account, arn) = (&launcher.account, &launcher.arn);
            match operation.decide(launcher, region) {
                Decision::Direct | Decision::Delegated => {}
                Decision::Unknown(why) => {
                    let why = format!("whether {key} allows {action} to {arn}: {why}");
                    unknown.get_or_insert(why);
                }
                Decision::Denied(why) => {
                    let detail =
                        format!("{arn} may not {action}: in the policy of {key} {why}; exempt it");
                    return Check::no(name, detail);
                }
                Decision::No(why) => {
                    let detail = format!(
                        "{arn}: {why}; the policy of {key} must allow {action} to {account} \
                         through EC2, or a grant must"
                    );
                    return Check::no(name, detail);
                }
            }
        }
    }
    match unknown {
        Some(why) => Check::unknown(name, why),
        None if launchers.is_empty() => Check::unknown(name, "no principal is known that launches"),
        None => Check::yes(name, "the keys may be used through EC2"),
    }
}

impl KeyOperation<'_> {
    /// Whether the key allows the operation whatever identity policies say (R3.1.3, R3.3.8).
    pub(super) fn is_allowed_by_key_alone(&self, caller: &Caller, region: &Region) -> bool {
        self.decide(caller, region) == Decision::Direct
    }

    /// What the policy and the grants of the key decide together.
    fn decide(&self, caller: &Caller, region: &Region) -> Decision {
        let key = self.key;
        if key.aws_managed {
            return if key.arn.account() == &caller.account {
                Decision::Direct
            } else {
                let why = "an AWS managed key can be used by its own account only";
                Decision::No(why.to_owned())
            };
        }
        let by_policy = self.decide_by_policy(caller, region);
        // A deny beats every grant, and a direct allow needs none.
        if matches!(by_policy, Decision::Direct | Decision::Denied(_)) {
            return by_policy;
        }
        match self.decide_by_grants(caller) {
            Some(Decision::Direct) => Decision::Direct,
            Some(by_grant) if by_policy != Decision::Delegated => by_grant,
            // A grant that was not read may allow what the policy does not.
            None if key.grants.is_none() && matches!(by_policy, Decision::No(_)) => {
                let owner = key.arn.account();
                Decision::Unknown(format!(
                    "its grants could not be read: allow kms:ListGrants to the caller in {owner}"
                ))
            }
            _ => by_policy,
        }
    }

    fn decide_by_policy(&self, caller: &Caller, region: &Region) -> Decision {
        let policy = match &self.key.policy {
            Some(Ok(policy)) => policy.text(),
            Some(Err(problem)) => return Decision::Unknown(problem.clone()),
            None => return Decision::Unknown("its policy was not read".to_owned()),
        };
        let policy: Value = match serde_json::from_str(&policy) {
            Ok(policy) => policy,
            Err(error) => return Decision::Unknown(error.to_string()),
        };
        let call = KeyCall {
            caller,
            key: &self.key.arn,
            action: self.action,
            context: &self.call_context(caller, region),
        };
        evaluate::evaluate(&policy, &call)
    }

    /// What grants decide that the caller or its account has and that are bound to no constraint
    /// (R3.3.8); `None` without any.
    fn decide_by_grants(&self, caller: &Caller) -> Option<Decision> {
        let (operation, owner) = (operation_of(self.action), self.key.arn.account());
        let root = format!(":iam::{}:root", caller.account);
        let allows = |grant: &Grant| {
            let is_for_caller = grant.grantee == caller.arn || grant.grantee.ends_with(&root);
            is_for_caller && grant.operations.contains(operation) && !grant.constrained
        };
        // The caller's account has agreed to a grant that it issued itself.
        let is_direct = |grant: &Grant| {
            let is_agreed = owner == &caller.account || grant.is_issued_by(&caller.account);
            grant.grantee == caller.arn && is_agreed
        };
        let mut decision = None;
        for grant in self.key.grants.iter().flatten() {
            if allows(grant) && is_direct(grant) {
                return Some(Decision::Direct);
            } else if allows(grant) {
                decision = Some(Decision::Delegated);
            }
        }
        decision
    }

    /// The condition keys of the call that EC2 makes; a key that is not among them is unknown.
    fn call_context(&self, caller: &Caller, region: &Region) -> Context {
        let one = |text: &str| vec![text.to_owned()];
        let account = caller.account.as_ref();
        let mut context = Context::from([
            ("kms:viaservice".to_owned(), one(&ec2_service(region))),
            ("kms:calleraccount".to_owned(), one(account)),
            ("aws:principalaccount".to_owned(), one(account)),
        ]);
        if !caller.arn.ends_with(":root") {
            context.insert("aws:principalarn".to_owned(), one(&caller.arn));
        }
        // Only CreateGrant has the keys of a grant. Its grantee is not known in advance.
        let (for_service, operations) = if self.action == CREATE_GRANT {
            (one("true"), one("Decrypt"))
        } else {
            context.insert("kms:granteeprincipal".to_owned(), Vec::new());
            (Vec::new(), Vec::new())
        };
        context.insert("kms:grantisforawsresource".to_owned(), for_service);
        context.insert("kms:grantoperations".to_owned(), operations);
        context
    }
}
