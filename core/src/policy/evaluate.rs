//! What a key policy decides about a call: allowed, denied, or not to be told from here. Pure.
//!
//! Readers of a report rely on a yes, so whatever is not understood makes the answer unknown,
//! never yes.

use serde_json::Value;

use super::matcher::{Context, Match, match_conditions, matches_action, matches_pattern};
use super::statement::{has_effect, sid_or_number, texts};
use crate::id::{AccountId, KeyArn};

/// The principal that makes a call.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    /// The ARN of the role, or of the account's root for any principal of the account.
    pub(crate) arn: String,
}

/// A call on a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyCall<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) key: &'a KeyArn,
    pub(crate) action: &'a str,
    pub(crate) context: &'a Context,
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

/// What a key policy decides about a call.
pub(crate) fn evaluate(policy: &Value, call: &KeyCall<'_>) -> Decision {
    let statements = match policy.get("Statement") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let mut allowed = None;
    let (mut may_allow, mut may_deny) = (None, None);
    for (index, statement) in statements.iter().enumerate() {
        let naming = naming_of_caller(statement, call);
        let allows = has_effect(statement, "Allow");
        let name = sid_or_number(statement, index);
        match naming.to_match().and(match_call(statement, call)) {
            Match::No => {}
            Match::Yes if !allows => {
                return Decision::Denied(format!("statement {name} denies it"));
            }
            Match::Yes if naming == Naming::Directly => allowed = Some(Decision::Direct),
            Match::Yes => allowed = allowed.or(Some(Decision::Delegated)),
            Match::Unknown(why) if allows => {
                may_allow.get_or_insert(format!("statement {name}: {why}"));
            }
            Match::Unknown(why) => may_deny = Some(format!("statement {name}: {why}")),
        }
    }
    // A statement that may deny leaves nothing certain; one that may allow adds nothing to an
    // allow.
    match (may_deny, allowed, may_allow) {
        (Some(why), _, _) | (None, None, Some(why)) => Decision::Unknown(why),
        (None, Some(decision), _) => decision,
        (None, None, None) => Decision::No("no statement allows it".to_owned()),
    }
}

/// How a statement names the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Naming {
    Directly,
    ByAccount,
    NotAtAll,
    Unclear(&'static str),
}

impl Naming {
    fn to_match(&self) -> Match {
        match self {
            Self::Directly | Self::ByAccount => Match::Yes,
            Self::NotAtAll => Match::No,
            Self::Unclear(why) => Match::Unknown((*why).to_owned()),
        }
    }
}

fn naming_of_caller(statement: &Value, call: &KeyCall<'_>) -> Naming {
    const UNREADABLE: Naming = Naming::Unclear("its principal cannot be read");
    if statement.get("NotPrincipal").is_some() {
        return Naming::Unclear("it names the principals that it does not apply to");
    }
    // Across accounts, an identity policy of the caller's account must allow the call in any case.
    let direct = if call.key.account() == &call.caller.account {
        Naming::Directly
    } else {
        Naming::ByAccount
    };
    let principals = match statement.get("Principal") {
        Some(Value::String(principal)) if principal == "*" => return direct,
        Some(Value::Object(kinds)) => match kinds.get("AWS") {
            Some(principals) => texts(principals),
            None => return Naming::NotAtAll,
        },
        _ => None,
    };
    let Some(principals) = principals else {
        return UNREADABLE;
    };

    let (account, caller) = (&call.caller.account, &call.caller.arn);
    let of_account = format!(":iam::{account}:");
    let root = format!("{of_account}root");
    let mut naming = Naming::NotAtAll;
    for principal in principals {
        if principal == "*" {
            return direct;
        } else if principal == caller {
            naming = direct.clone();
        } else if principal == account.as_ref() || principal.ends_with(&root) {
            if naming != Naming::Directly {
                naming = Naming::ByAccount;
            }
        } else if naming == Naming::NotAtAll
            && caller.ends_with(&root)
            && principal.contains(&of_account)
        {
            // The caller is any principal of the account, and this may be the one.
            naming = Naming::Unclear("it names single principals of the account");
        }
    }
    naming
}

/// Whether the action, the resource and the conditions of a statement match the call.
fn match_call(statement: &Value, call: &KeyCall<'_>) -> Match {
    let action = match_member(statement, ["Action", "NotAction"], |pattern| {
        matches_action(pattern, call.action)
    });
    let resource = match_member(statement, ["Resource", "NotResource"], |pattern| {
        matches_pattern(pattern, call.key.as_ref())
    });
    let conditions = match statement.get("Condition") {
        Some(condition) => match_conditions(condition, call.context),
        None => Match::Yes,
    };
    action.and(resource).and(conditions)
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
    let any_matches = patterns.into_iter().any(matches);
    Match::from(any_matches == (name == member))
}
