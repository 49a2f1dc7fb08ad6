//! What a key policy decides about a call: allowed, denied, or not to be told from here. Pure.
//!
//! Readers of a report rely on a yes, so whatever is not understood makes the answer unknown,
//! never yes. Plans, checks before a revoke and verification all ask here.

mod naming;

use serde_json::Value;

use self::naming::{Naming, naming_of_caller};
use super::key_policy::PolicyPrincipal;
use super::matcher::{Conditions, Context, Match, matches_action, matches_pattern};
use super::statement::{Statements, account_of, has_effect, texts};
use crate::id::{AccountId, KeyArn};

/// A principal that launches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    /// The ARN of the role, or of the account's root for any principal of the account.
    pub(crate) arn: String,
}

impl Caller {
    /// The principal that the policy of a key names; `None` if its account is not part of the name.
    pub(crate) fn named(principal: &str, key: &KeyArn) -> Option<Self> {
        let account: AccountId = account_of(principal)?.parse().ok()?;
        let arn = if principal.starts_with("arn:") {
            principal.to_owned()
        } else {
            key.region().partition().account_root(&account)
        };
        Some(Self { account, arn })
    }
}

/// Who makes a call, as far as that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CalledBy<'a> {
    /// A role, or any principal of an account.
    Caller(&'a Caller),
    /// Any principal of an organization or a unit. Its accounts are not known, and are other ones
    /// than the key's own.
    Member(&'a PolicyPrincipal),
}

/// A call on a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyCall<'a> {
    pub(crate) by: CalledBy<'a>,
    pub(crate) key: &'a KeyArn,
    pub(crate) action: &'a str,
    pub(crate) context: &'a Context,
}

impl KeyCall<'_> {
    /// Whether the caller is of the key's own account. Across accounts, an identity policy of the
    /// caller's account must allow the call in any case (R3.1.1).
    fn is_of_own_account(&self) -> bool {
        matches!(self.by, CalledBy::Caller(caller) if self.key.account() == &caller.account)
    }
}

/// What a policy decides about one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It allows the caller by name, or by `*` in its own account: no identity policy is needed
    /// (R3.1.3).
    Direct,
    /// It leaves the decision to identity policies of the caller's account (R3.1.1).
    Delegated,
    /// It does not allow the call: why.
    No(String),
    /// It denies the call: by which statement.
    Denied(String),
    /// It cannot be told from here: why.
    Unknown(String),
}

/// A statement that denies a call, or may do so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The Sid or the number of the statement.
    pub(crate) statement: String,
    /// Why it cannot be told whether it denies the call; `None` if it does.
    pub(crate) unknown: Option<String>,
}

/// What a key policy decides about a call, of which identity policies may decide the rest.
pub(crate) fn evaluate(policy: &Statements, call: &KeyCall<'_>) -> Decision {
    if let Some(denied) = decide_denials(policy, call) {
        return denied;
    }
    let allows = find_allows(policy, call);
    // A statement that may allow adds nothing to one that does.
    match (allows.direct, allows.delegated) {
        (Match::Yes, _) => Decision::Direct,
        (_, Match::Yes) => Decision::Delegated,
        (Match::Unknown(why), _) | (_, Match::Unknown(why)) => Decision::Unknown(why),
        (Match::No, Match::No) => Decision::No("no statement allows it".to_owned()),
    }
}

/// What a key policy decides about a call that no identity policy allows. A statement that may
/// allow the caller directly leaves unknown what another one delegates.
pub(crate) fn evaluate_alone(policy: &Statements, call: &KeyCall<'_>) -> Decision {
    match evaluate(policy, call) {
        Decision::Delegated => match find_allows(policy, call).direct {
            Match::Unknown(why) => Decision::Unknown(why),
            Match::Yes | Match::No => Decision::Delegated,
        },
        decision => decision,
    }
}

/// A deny beats every allow, and one that may be leaves nothing certain.
fn decide_denials(policy: &Statements, call: &KeyCall<'_>) -> Option<Decision> {
    let mut unknown = None;
    for Denial {
        statement,
        unknown: why,
    } in find_denials(policy, call)
    {
        match why {
            None => return Some(Decision::Denied(format!("statement {statement} denies it"))),
            Some(why) => unknown.get_or_insert(format!("statement {statement} may deny it: {why}")),
        };
    }
    unknown.map(Decision::Unknown)
}

/// Whether any statement allows a call, directly and by leaving it to identity policies.
struct Allows {
    direct: Match,
    delegated: Match,
}

fn find_allows(policy: &Statements, call: &KeyCall<'_>) -> Allows {
    let mut allows = Allows {
        direct: Match::No,
        delegated: Match::No,
    };
    let is_own = call.is_of_own_account();
    for (name, statement) in policy.with_effect("Allow") {
        let naming = naming_of_caller(statement, call);
        let found = match naming {
            Naming::Directly | Naming::Unclear(_) if is_own => &mut allows.direct,
            _ => &mut allows.delegated,
        };
        match naming.to_match().and(match_call(policy, statement, call)) {
            Match::Yes => *found = Match::Yes,
            Match::Unknown(why) if *found == Match::No => {
                *found = Match::Unknown(format!("statement {name}: {why}"));
            }
            Match::Unknown(_) | Match::No => {}
        }
    }
    allows
}

/// The statements that deny a call, or may do so.
pub(crate) fn find_denials(policy: &Statements, call: &KeyCall<'_>) -> Vec<Denial> {
    let mut denials = Vec::new();
    for (name, statement) in policy.with_effect("Deny") {
        let naming = naming_of_caller(statement, call).to_match();
        let unknown = match naming.and(match_call(policy, statement, call)) {
            Match::No => continue,
            Match::Yes => None,
            Match::Unknown(why) => Some(why),
        };
        denials.push(Denial {
            statement: name,
            unknown,
        });
    }
    denials
}

/// Whether a statement is about one of these actions on the key, whoever calls and under whatever
/// condition; also if that cannot be told.
pub(crate) fn concerns(statement: &Value, key: &KeyArn, actions: &[&str]) -> bool {
    let mut actions = actions.iter();
    let concerns_action = |action: &str| match_action(statement, action) != Match::No;
    actions.any(|action| concerns_action(action)) && match_resource(statement, key) != Match::No
}

/// Whether a statement allows a caller one of these actions, or may do so.
pub(crate) fn may_allow(policy: &Statements, statement: &Value, call: &KeyCall<'_>) -> bool {
    let naming = naming_of_caller(statement, call).to_match();
    has_effect(statement, "Allow") && naming.and(match_call(policy, statement, call)) != Match::No
}

/// Whether the action, the resource and the conditions of a statement match the call.
fn match_call(policy: &Statements, statement: &Value, call: &KeyCall<'_>) -> Match {
    let conditions = match statement.get("Condition") {
        Some(condition) => {
            let conditions = Conditions {
                context: call.context,
                fills_variables: policy.fills_variables,
            };
            conditions.match_all(condition)
        }
        None => Match::Yes,
    };
    match_action(statement, call.action)
        .and(match_resource(statement, call.key))
        .and(conditions)
}

fn match_action(statement: &Value, action: &str) -> Match {
    match_member(statement, ["Action", "NotAction"], |pattern| {
        matches_action(pattern, action)
    })
}

/// A statement that names no resource has no effect (R3.2.9).
fn match_resource(statement: &Value, key: &KeyArn) -> Match {
    if statement.get("Resource").is_none() && statement.get("NotResource").is_none() {
        return Match::No;
    }
    match_member(statement, ["Resource", "NotResource"], |pattern| {
        matches_pattern(pattern, key.as_ref())
    })
}

/// Whether a member of a statement, or else the one that negates it, matches.
fn match_member(
    statement: &Value,
    [member, negated]: [&str; 2],
    matches: impl Fn(&str) -> bool,
) -> Match {
    let (name, patterns) = match (statement.get(member), statement.get(negated)) {
        (Some(patterns), None) => (member, patterns),
        (None, Some(patterns)) => (negated, patterns),
        _ => return Match::Unknown(format!("it has no `{member}`")),
    };
    let Some(patterns) = texts(patterns) else {
        return Match::Unknown(format!("its `{name}` cannot be read"));
    };
    if patterns.iter().any(|pattern| pattern.contains("${")) {
        return Match::Unknown(format!("its `{name}` has a policy variable"));
    }
    let any_matches = patterns.into_iter().any(matches);
    Match::from(any_matches == (name == member))
}

#[cfg(test)]
mod tests;
