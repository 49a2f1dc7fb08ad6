//! Checks whether the policies and grants of keys allow what a launch asks of them (R4.1, R4.2).

use super::group::group;
use crate::id::KeyArn;
use crate::inventory::{Grant, Key, RamPolicy};
use crate::policy::evaluate::{self, CalledBy, Caller, Decision, KeyCall};
use crate::policy::key_policy::KeyPolicy;
use crate::policy::launch_call::launch_context;
use crate::policy::launch_operations::{image_key_actions, operation_of, volume_key_actions};
use crate::policy::matcher::{Context, Match};
use crate::report::{Check, CheckName};

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
) -> Check {
    let (mut unknown, mut refused) = (None, Vec::new());
    for launcher in launchers {
        for operation in operations {
            let (key, action) = (&operation.key.arn, operation.action);
            let decision = operation.decide(launcher);
            match &decision {
                Decision::Direct | Decision::Delegated => {}
                Decision::Unknown(why) => {
                    let arn = &launcher.arn;
                    let why = format!("whether {key} allows {action} to {arn}: {why}");
                    unknown.get_or_insert(why);
                }
                Decision::Denied(_) | Decision::No(_) => {
                    refused.push(((launcher, key, decision), action));
                }
            }
        }
    }
    if !refused.is_empty() {
        return Check::no(name, describe_refused(refused));
    }
    match unknown {
        Some(why) => Check::unknown(name, why),
        None if launchers.is_empty() => Check::unknown(name, "no principal is known that launches"),
        None => Check::yes(name, "the keys may be used through EC2"),
    }
}

/// Which operations keys refuse to launchers, and why.
fn describe_refused(refused: Vec<((&Caller, &KeyArn, Decision), &str)>) -> String {
    let mut sentences = Vec::new();
    for ((launcher, key, decision), actions) in group(refused) {
        let (account, arn) = (&launcher.account, &launcher.arn);
        let actions = actions.join(", ");
        sentences.push(match decision {
            Decision::Denied(why) => {
                format!("{arn} may not {actions}: in the policy of {key} {why}; exempt it")
            }
            Decision::No(why) => format!(
                "{arn}: {why}; the policy of {key} must allow {actions} to {account} through EC2, \
                 or a grant must"
            ),
            Decision::Direct | Decision::Delegated | Decision::Unknown(_) => continue,
        });
    }
    sentences.join("; ")
}

impl KeyOperation<'_> {
    /// What the key decides whatever identity policies say (R3.1.3, R3.3.8). Only
    /// [`Decision::Direct`] needs none; it is unknown if something that was not read or understood
    /// may be what allows it.
    pub(super) fn decide_alone(&self, caller: &Caller) -> Decision {
        let decision = self.decide(caller);
        if matches!(decision, Decision::Direct | Decision::Denied(_)) {
            return decision;
        }
        let by_grants = self.decide_by_grants(caller);
        // Across accounts no policy of the key is enough by itself.
        let is_own = self.key.arn.account() == &caller.account;
        let may_be_enough = is_own || by_grants == Some(Decision::Direct);
        let is_unknown = matches!(decision, Decision::Unknown(_));
        if is_unknown && may_be_enough {
            return decision;
        }
        if decision == Decision::Delegated
            && let Some(Ok(policy)) = &self.key.policy
            && let Decision::Unknown(why) = self.evaluate_alone(policy, caller)
        {
            return Decision::Unknown(why);
        }
        if self.key.grants.is_none() {
            return self.unread_grants();
        }
        match by_grants {
            Some(Decision::Unknown(why)) => Decision::Unknown(why),
            _ if is_unknown => Decision::No("no grant allows it".to_owned()),
            _ => decision,
        }
    }

    fn unread_grants(&self) -> Decision {
        let (key, owner) = (&self.key.arn, self.key.arn.account());
        Decision::Unknown(format!(
            "the grants of {key} could not be read: allow kms:ListGrants to the caller in {owner}"
        ))
    }

    /// What the policy and the grants of the key decide together.
    pub(super) fn decide(&self, caller: &Caller) -> Decision {
        let key = self.key;
        if key.aws_managed {
            return if key.arn.account() == &caller.account {
                Decision::Direct
            } else {
                let why = "an AWS managed key can be used by its own account only";
                Decision::No(why.to_owned())
            };
        }
        let mut by_policy = self.decide_by_policy(caller);
        if matches!(by_policy, Decision::No(_)) {
            by_policy = self.decide_by_ram(caller).unwrap_or(by_policy);
        }
        // A deny beats every grant, and a direct allow needs none.
        if matches!(by_policy, Decision::Direct | Decision::Denied(_)) {
            return by_policy;
        }
        match self.decide_by_grants(caller) {
            // A policy that may deny leaves nothing certain. One that may allow takes nothing away.
            Some(_) if matches!(by_policy, Decision::Unknown(_)) && self.may_deny(caller) => {
                by_policy
            }
            Some(Decision::Direct) => Decision::Direct,
            Some(by_grant) if by_policy != Decision::Delegated => by_grant,
            // A grant that was not read may allow what the policy does not.
            None if key.grants.is_none() && matches!(by_policy, Decision::No(_)) => {
                self.unread_grants()
            }
            _ => by_policy,
        }
    }

    fn decide_by_policy(&self, caller: &Caller) -> Decision {
        let policy = match &self.key.policy {
            Some(Ok(policy)) => policy,
            Some(Err(problem)) => return Decision::Unknown(problem.clone()),
            None => return Decision::Unknown("its policy was not read".to_owned()),
        };
        self.evaluate(policy, caller)
    }

    /// What the policy of AWS RAM decides, which can only allow; `None` if it does not (R3.2.8).
    fn decide_by_ram(&self, caller: &Caller) -> Option<Decision> {
        match &self.key.ram_policy {
            RamPolicy::NotRead | RamPolicy::None => None,
            RamPolicy::Unknown(problem) => Some(Decision::Unknown(format!(
                "its policy `AWS_RAM` could not be read: {problem}"
            ))),
            RamPolicy::Some(policy) => match self.evaluate(policy, caller) {
                Decision::No(_) | Decision::Denied(_) => None,
                by_ram => Some(by_ram),
            },
        }
    }

    /// Whether the policy may deny the operation, as far as it could be read.
    fn may_deny(&self, caller: &Caller) -> bool {
        let Some(policy) = self.key.readable_policy() else {
            return true;
        };
        let context = self.context(caller);
        let denials = evaluate::find_denials(policy.statements(), &self.call(caller, &context));
        !denials.is_empty()
    }

    fn evaluate(&self, policy: &KeyPolicy, caller: &Caller) -> Decision {
        let context = self.context(caller);
        evaluate::evaluate(policy.statements(), &self.call(caller, &context))
    }

    fn evaluate_alone(&self, policy: &KeyPolicy, caller: &Caller) -> Decision {
        let context = self.context(caller);
        evaluate::evaluate_alone(policy.statements(), &self.call(caller, &context))
    }

    fn context(&self, caller: &Caller) -> Context {
        launch_context(CalledBy::Caller(caller), &self.key.arn, self.action)
    }

    fn call<'c>(&'c self, caller: &'c Caller, context: &'c Context) -> KeyCall<'c> {
        KeyCall {
            by: CalledBy::Caller(caller),
            key: &self.key.arn,
            action: self.action,
            context,
        }
    }

    /// What grants decide (R3.3.8); `None` without any that the caller has, or may have.
    fn decide_by_grants(&self, caller: &Caller) -> Option<Decision> {
        let (operation, owner) = (operation_of(self.action), self.key.arn.account());
        let mut decision = None;
        for grant in self.key.grants.iter().flatten() {
            if !grant.operations.contains(operation) {
                continue;
            }
            match match_grantee(grant, caller) {
                Match::No => continue,
                Match::Unknown(why) => {
                    decision.get_or_insert(Decision::Unknown(why));
                    continue;
                }
                Match::Yes => {}
            }
            // The caller's account has agreed to a grant that it issued itself.
            if grant.is_issued_by(&caller.account) && grant.grantee == caller.arn {
                return Some(Decision::Direct);
            } else if grant.is_issued_by(owner) || grant.is_issued_by(&caller.account) {
                decision = Some(Decision::Delegated);
            } else {
                decision.get_or_insert(Decision::Unknown(
                    "AWS does not document what a grant means that a third account issued"
                        .to_owned(),
                ));
            }
        }
        decision
    }
}

/// Whether a caller has a grant, by itself or by its account.
fn match_grantee(grant: &Grant, caller: &Caller) -> Match {
    let id = &grant.id;
    let root = format!(":iam::{}:root", caller.account);
    if grant.grantee == caller.arn || grant.grantee.ends_with(&root) {
        return if grant.constrained {
            let why = format!("grant {id} is limited to an encryption context or a source");
            Match::Unknown(why)
        } else {
            Match::Yes
        };
    }
    let is_of_account = grant.account_of_grantee().as_ref() == Some(&caller.account);
    if !is_of_account || grant.is_held_by_service() {
        return Match::No;
    }
    // The root stands for each principal of the account.
    if caller.arn.ends_with(&root) || is_session_of(&grant.grantee, &caller.arn) {
        return Match::Unknown(format!("grant {id} is only for {}", grant.grantee));
    }
    Match::No
}

/// Whether a grantee is one session of a role. Its ARN says nothing of the role's path.
fn is_session_of(grantee: &str, role: &str) -> bool {
    let Some((_, session)) = grantee.split_once(":assumed-role/") else {
        return false;
    };
    let (of_session, _) = session.split_once('/').unwrap_or_default();
    role.contains(":role/") && role.rsplit('/').next() == Some(of_session)
}
