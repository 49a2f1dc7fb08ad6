//! Who may use a key: key policies, IAM and grants, within an account and across (R3.1, R3.3).

use std::collections::BTreeMap;
use std::time::Duration;

use super::identity::IdentityDecision;
use super::refusal::{PolicyKind, Refusal};
use super::{denying_control, kept_policies, set};
use crate::partition;
use crate::policy::{AccessRequest, Context, Decision, Document, PrincipalMatch};
use crate::wire::Fail;
use crate::world::{Grant, Grantee, Key, KeyState, Principal, ResourceControl};

/// One use of a key.
pub(crate) struct KeyUse<'a> {
    pub(crate) action: &'a str,
    pub(crate) context: &'a Context,
    /// The encryption context, which the constraint of a grant may ask for.
    pub(crate) encryption: &'a BTreeMap<String, String>,
    /// Grant tokens: the grants of these are in force at once (R3.3.7).
    pub(crate) tokens: &'a [String],
    /// The grant that CreateGrant is to make.
    pub(crate) new_grant: Option<&'a Grant>,
    /// The moment whose key policy is in force now (R3.2.7).
    pub(crate) policies_as_of: Duration,
    /// The moment up to which a grant must have been made to be in force (R3.3.7).
    pub(crate) grants_as_of: Duration,
    /// The resource control policies over the key.
    pub(crate) controls: &'a [ResourceControl],
}

/// How a grant names a principal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum GranteeMatch {
    ByRole,
    BySession,
}

/// Checks that the principal may use a key. Across accounts, the key's account and the caller's
/// must both allow it (R3.1.1). Within an account the key policy decides, and may leave the
/// decision to IAM (R3.1.3).
///
/// # Errors
/// `AccessDeniedException` in AWS's words.
pub(crate) fn authorize_key_use(
    caller: &Principal,
    key: &Key,
    key_use: &KeyUse<'_>,
) -> Result<(), Fail> {
    let context = context_of(caller, key, key_use);
    let access = AccessRequest {
        principal: &caller.facts,
        action: key_use.action,
        resource: &key.arn,
        context: &context,
    };
    // Keys of AWS are no resources of the account.
    if let (false, Some(arn)) = (key.aws_managed, denying_control(key_use.controls, &access)) {
        let message = format!(
            "User: {} is not authorized to perform: {} on resource: {} with an explicit deny in a \
             resource control policy: {arn}",
            caller.facts.arn, key_use.action, key.arn
        );
        return Err(Fail::bad("AccessDeniedException", message));
    }
    check(caller, key, key_use).map_err(|refusal| denied(caller, key, key_use.action, refusal))
}

fn denied(caller: &Principal, key: &Key, action: &str, refusal: Refusal) -> Fail {
    let user = &caller.facts.arn;
    let message = if caller.facts.account == key.account {
        let words = refusal.words(action);
        format!(
            "User: {user} is not authorized to perform: {action} on resource: {} {words}",
            key.arn
        )
    } else {
        // The message names the key only to principals of the key's account (recorded).
        let words = match refusal {
            Refusal::ExplicitDeny(PolicyKind::Resource)
            | Refusal::ImplicitDeny(PolicyKind::Resource) => {
                "because the resource does not exist in this Region, no resource-based policies \
                 allow access, or a resource-based policy explicitly denies access"
                    .to_owned()
            }
            other => other.words(action),
        };
        format!("User: {user} is not authorized to perform: {action} on this resource {words}")
    };
    Fail::bad("AccessDeniedException", message)
}

fn check(caller: &Principal, key: &Key, key_use: &KeyUse<'_>) -> Result<(), Refusal> {
    let context = context_of(caller, key, key_use);
    let access = AccessRequest {
        principal: &caller.facts,
        action: key_use.action,
        resource: &key.arn,
        context: &context,
    };

    // 1. An explicit deny of either account wins.
    let policy = key.policy_at(key_use.policies_as_of);
    let by_policy = kept_policies::parse(policy);
    let mut by_policy = by_policy.evaluate(&access);
    if by_policy == Decision::ExplicitDeny {
        return Err(Refusal::ExplicitDeny(PolicyKind::Resource));
    }
    // AWS RAM has a policy of its own, which only allows (R3.2.8).
    let by_ram = key.ram_policy.as_deref().map(Document::from_text);
    if let Some(Ok(by_ram)) = by_ram
        && !by_policy.is_allow()
    {
        by_policy = by_ram.evaluate(&access);
    }
    let own = IdentityDecision::evaluate(caller, &access);
    own.check_denials()?;

    // 2. A grant that the caller's own account issued is enough alone (R3.3.8).
    match granted(caller, key, key_use, &caller.facts.account) {
        Some(GranteeMatch::BySession) => return Ok(()),
        Some(GranteeMatch::ByRole) => return own.check_limits(),
        None => {}
    }

    // 3. Another account's key: its account must allow it by key policy or grant, and the
    //    caller's policies too (R3.1.1).
    if caller.facts.account != key.account {
        let by_owner =
            by_policy.is_allow() || granted(caller, key, key_use, &key.account).is_some();
        return if by_owner {
            own.check_allowed()
        } else {
            Err(Refusal::ImplicitDeny(PolicyKind::Resource))
        };
    }

    // 4. A key of the caller's account: the closer the key policy names the caller, the less is
    //    asked of the caller's own policies (R3.1.3, R5.4).
    match by_policy {
        Decision::Allow(PrincipalMatch::Exact) => Ok(()),
        Decision::Allow(PrincipalMatch::Role) => own.check_limits(),
        Decision::Allow(PrincipalMatch::Account) => own.check_allowed(),
        Decision::ExplicitDeny | Decision::ImplicitDeny => {
            Err(Refusal::ImplicitDeny(PolicyKind::Resource))
        }
    }
}

/// The condition keys of a use, with those of the caller and of the key.
fn context_of(caller: &Principal, key: &Key, key_use: &KeyUse<'_>) -> Context {
    let mut context = key_use.context.clone();
    set(&mut context, "kms:CallerAccount", &caller.facts.account);
    set(&mut context, "aws:ResourceAccount", &key.account);
    for (name, value) in key_use.encryption {
        let name = format!("kms:EncryptionContext:{name}");
        set(&mut context, &name, value);
    }
    context
}

/// The closest match among the grants of an issuer that allow the principal this use.
fn granted(
    caller: &Principal,
    key: &Key,
    key_use: &KeyUse<'_>,
    issuer: &str,
) -> Option<GranteeMatch> {
    let mut closest = None;
    for grant in &key.grants {
        let by_token = || {
            grant
                .tokens
                .iter()
                .any(|token| key_use.tokens.contains(token))
        };
        let in_force = grant.created <= key_use.grants_as_of || by_token();
        if grant.issuing_account == issuer && in_force && covers(grant, key_use) {
            closest = closest.max(match_grantee(&grant.grantee, caller));
        }
    }
    closest
}

fn match_grantee(grantee: &Grantee, caller: &Principal) -> Option<GranteeMatch> {
    let facts = &caller.facts;
    let Some(id) = &grantee.unique_id else {
        let root = partition::account_root(partition::of_arn(&facts.arn), &facts.account);
        return (grantee.arn == root).then_some(GranteeMatch::ByRole);
    };
    if *id == facts.unique_id {
        return Some(GranteeMatch::BySession);
    }
    let by_role = facts.unique_id.split(':').next() == Some(id) && facts.role_arn.is_some();
    by_role.then_some(GranteeMatch::ByRole)
}

/// Whether a grant allows a use.
fn covers(grant: &Grant, key_use: &KeyUse<'_>) -> bool {
    let Some(operation) = key_use.action.strip_prefix("kms:") else {
        return false;
    };
    if !grant.allows(operation) {
        return false;
    }
    // No caller here acts for a resource, so only retiring is left (R3.3.3).
    if grant.source_arn.is_some() && operation != "RetireGrant" {
        return false;
    }
    match (operation, key_use.new_grant) {
        ("CreateGrant", Some(child)) => may_hand_on(grant, child),
        // Constraints do not apply to these (R3.3.3).
        ("DescribeKey" | "RetireGrant", _) => true,
        _ => match &grant.constraint {
            Some(constraint) => constraint.holds(key_use.encryption),
            None => true,
        },
    }
}

/// Whether a new grant asks for no more operations and no weaker constraint than this one
/// (R3.3.9).
fn may_hand_on(grant: &Grant, child: &Grant) -> bool {
    let within = match (&grant.constraint, &child.constraint) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(own), Some(constraint)) => constraint.within(own),
    };
    within
        && child
            .operations
            .iter()
            .all(|operation| grant.allows(operation))
}

/// Checks that the principal may retire a grant (R3.3.10): as its retiring principal, as its
/// grantee if the grant allows that, or by IAM in the account that issued it. Key policies do not
/// count.
///
/// # Errors
/// `AccessDeniedException` in AWS's words.
pub(crate) fn authorize_retirement(
    caller: &Principal,
    key: &Key,
    grant: &Grant,
    context: &Context,
) -> Result<(), Fail> {
    let action = "kms:RetireGrant";
    let access = AccessRequest {
        principal: &caller.facts,
        action,
        resource: &key.arn,
        context,
    };
    let own = IdentityDecision::evaluate(caller, &access);
    let retiring = grant.retiring.as_ref();
    let grantee = Some(&grant.grantee).filter(|_| grant.allows("RetireGrant"));
    let named = [retiring, grantee].into_iter().flatten();
    let named = named.filter_map(|named| match_grantee(named, caller)).max();
    let issued = grant.issuing_account == caller.facts.account;
    let decision = match (named, issued) {
        // A session that is named itself is not limited by its session policy (recorded).
        (Some(GranteeMatch::BySession), true) => own.check_denials(),
        (Some(GranteeMatch::ByRole), true) => own.check_denials().and(own.check_limits()),
        // A principal that the grant names needs permission in its own account, if another account
        // issued the grant. Of a role the session policy is named first (recorded).
        (Some(GranteeMatch::ByRole), false) => own
            .check_denials()
            .and(own.check_limits())
            .and(own.check_allowed()),
        (Some(GranteeMatch::BySession), false) | (None, true) => own.check_allowed(),
        (None, false) => Err(Refusal::ImplicitDeny(PolicyKind::Resource)),
    };
    decision.map_err(|refusal| denied(caller, key, action, refusal))
}

/// Checks that a key can be used for cryptography in its state (R3.4).
///
/// # Errors
/// `DisabledException` or `KMSInvalidStateException`.
pub(crate) fn check_key_state(key: &Key) -> Result<(), Fail> {
    let code = match key.state {
        KeyState::Enabled | KeyState::Updating => return Ok(()),
        KeyState::Disabled => "DisabledException",
        _ => "KMSInvalidStateException",
    };
    Err(Fail::bad(
        code,
        format!("{} is {}.", key.arn, key.state.words()),
    ))
}
