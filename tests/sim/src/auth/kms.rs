//! Who may use a key: key policies, IAM and grants, within an account and across (R3.1, R3.3).

use std::collections::BTreeMap;
use std::time::Duration;

use super::identity::Opinion;
use super::{Kind, Refusal, set};
use crate::policy::{Ask, Context, Document, Named, Verdict};
use crate::wire::Fail;
use crate::world::{Grant, Grantee, Key, KeyState, Principal};

/// What somebody wants with a key.
pub(crate) struct KeyUse<'a> {
    pub(crate) action: &'a str,
    pub(crate) context: &'a Context,
    /// The encryption context, which grants may be bound to.
    pub(crate) encryption: &'a BTreeMap<String, String>,
    /// Grant tokens: grants that they stand for are in force at once (R3.3.7).
    pub(crate) tokens: &'a [String],
    /// The grant that is to be made, for CreateGrant.
    pub(crate) child: Option<&'a Grant>,
    /// Key policies are in force as they were then, and grants if they were made before (R3.2.7,
    /// R3.3.7).
    pub(crate) policies_as_of: Duration,
    pub(crate) grants_as_of: Duration,
}

/// How closely a grant means somebody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    ByRole,
    BySession,
}

/// Whether KMS lets the principal do something with a key. Across accounts both sides must allow it
/// (R3.1.1); within one, the key policy is the root of all access and may leave it to IAM (R3.1.3).
///
/// # Errors
/// `AccessDeniedException` in AWS's words.
pub(crate) fn kms(who: &Principal, key: &Key, wanted: &KeyUse<'_>) -> Result<(), Fail> {
    allowed(who, key, wanted).map_err(|refusal| denied(who, key, wanted.action, refusal))
}

fn denied(who: &Principal, key: &Key, action: &str, refusal: Refusal) -> Fail {
    let user = &who.facts.arn;
    let message = if who.facts.account == key.account {
        let words = refusal.words(action);
        format!(
            "User: {user} is not authorized to perform: {action} on resource: {} {words}",
            key.arn
        )
    } else {
        // To another account's principals the key is not named (recorded).
        let words = match refusal {
            Refusal::Denied(Kind::Resource) | Refusal::Silent(Kind::Resource) => {
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

fn allowed(who: &Principal, key: &Key, wanted: &KeyUse<'_>) -> Result<(), Refusal> {
    let mut context = wanted.context.clone();
    set(&mut context, "kms:CallerAccount", &who.facts.account);
    set(&mut context, "aws:ResourceAccount", &key.account);
    for (name, value) in wanted.encryption {
        set(
            &mut context,
            &format!("kms:EncryptionContext:{name}"),
            value,
        );
    }
    let ask = Ask {
        principal: &who.facts,
        action: wanted.action,
        resource: &key.arn,
        context: &context,
    };
    let of_key = Document::from_text(key.policy_at(wanted.policies_as_of))
        .unwrap_or_default()
        .ask(&ask);
    if of_key == Verdict::Denied {
        return Err(Refusal::Denied(Kind::Resource));
    }
    let opinion = Opinion::of(who, &ask);
    opinion.forbidden()?;
    let same_account = who.facts.account == key.account;
    // A grant that the caller's own account issued needs no more than itself; of another account's
    // key, one that the key's account issued needs the caller's IAM beside it (R3.3.8).
    match granted(who, key, wanted, &who.facts.account) {
        Some(Held::BySession) => return Ok(()),
        Some(Held::ByRole) => return opinion.limits(),
        None => {}
    }
    if !same_account {
        let by_owner = matches!(of_key, Verdict::Allowed(_))
            || granted(who, key, wanted, &key.account).is_some();
        return if by_owner {
            opinion.allows()
        } else {
            Err(Refusal::Silent(Kind::Resource))
        };
    }
    match of_key {
        Verdict::Allowed(Named::Exactly) => Ok(()),
        Verdict::Allowed(Named::Closely) => opinion.limits(),
        Verdict::Allowed(Named::ByAccount) => opinion.allows(),
        Verdict::Denied | Verdict::Silent => Err(Refusal::Silent(Kind::Resource)),
    }
}

/// The closest grant by which an account lets the principal do it.
fn granted(who: &Principal, key: &Key, wanted: &KeyUse<'_>, issuer: &str) -> Option<Held> {
    let in_force = |grant: &&Grant| {
        grant.created <= wanted.grants_as_of
            || grant
                .tokens
                .iter()
                .any(|token| wanted.tokens.contains(token))
    };
    let of_issuer = key
        .grants
        .iter()
        .filter(|grant| grant.issuing_account == issuer);
    of_issuer
        .filter(in_force)
        .filter(|grant| covers(grant, wanted))
        .filter_map(|grant| means(&grant.grantee, who))
        .max()
}

fn means(grantee: &Grantee, who: &Principal) -> Option<Held> {
    let facts = &who.facts;
    if let Some(id) = &grantee.unique_id {
        let by_role = facts.unique_id.split(':').next() == Some(id) && facts.role_arn.is_some();
        return if *id == facts.unique_id {
            Some(Held::BySession)
        } else {
            by_role.then_some(Held::ByRole)
        };
    }
    (grantee.arn == format!("arn:aws:iam::{}:root", facts.account)).then_some(Held::ByRole)
}

fn covers(grant: &Grant, wanted: &KeyUse<'_>) -> bool {
    let has = |operation: &str| grant.operations.iter().any(|allowed| allowed == operation);
    let Some(operation) = wanted.action.strip_prefix("kms:") else {
        return false;
    };
    match (operation, wanted.child) {
        // Handing on: no more operations, no weaker constraints, and all from one grant (R3.3.9).
        ("CreateGrant", Some(child)) => {
            has("CreateGrant")
                && child.operations.iter().all(|operation| has(operation))
                && grant
                    .constraint
                    .as_ref()
                    .is_none_or(|own| child.constraint.as_ref().is_some_and(|of| of.within(own)))
        }
        // Constraints do not bear on these (R3.3.3).
        ("DescribeKey" | "RetireGrant", _) => has(operation),
        _ => {
            has(operation)
                && grant
                    .constraint
                    .as_ref()
                    .is_none_or(|own| own.holds(wanted.encryption))
        }
    }
}

/// Whether the principal may retire a grant (R3.3.10): as its retiring principal or, where the
/// grant says so, its grantee; or by IAM, in the account that issued it. Key policies have no say
/// in it.
///
/// # Errors
/// `AccessDeniedException` in AWS's words.
pub(crate) fn retire(
    who: &Principal,
    key: &Key,
    grant: &Grant,
    context: &Context,
) -> Result<(), Fail> {
    let action = "kms:RetireGrant";
    let ask = Ask {
        principal: &who.facts,
        action,
        resource: &key.arn,
        context,
    };
    let opinion = Opinion::of(who, &ask);
    let named = grant
        .retiring
        .as_ref()
        .is_some_and(|retiring| means(retiring, who).is_some())
        || (grant
            .operations
            .iter()
            .any(|operation| operation == "RetireGrant")
            && means(&grant.grantee, who).is_some());
    let issued = grant.issuing_account == who.facts.account;
    let verdict = match (named, issued) {
        (true, true) => opinion.forbidden().and(opinion.limits()),
        // Also whom the grant names needs his own account's permission, where another account
        // issued it (recorded).
        (true, false) | (false, true) => opinion.allows(),
        (false, false) => Err(Refusal::Silent(Kind::Resource)),
    };
    verdict.map_err(|refusal| denied(who, key, action, refusal))
}

/// Whether a key can be used for cryptography in its state (R3.4).
///
/// # Errors
/// `DisabledException` or `KMSInvalidStateException`.
pub(crate) fn usable(key: &Key) -> Result<(), Fail> {
    let invalid = |why: &str| {
        Err(Fail::bad(
            "KMSInvalidStateException",
            format!("{} is {why}.", key.arn),
        ))
    };
    match key.state {
        KeyState::Enabled => Ok(()),
        KeyState::Disabled => Err(Fail::bad(
            "DisabledException",
            format!("{} is disabled.", key.arn),
        )),
        KeyState::PendingDeletion => invalid("pending deletion"),
        KeyState::PendingImport => invalid("pending import"),
    }
}
