//! What a key policy says of somebody: yes, no, or that it cannot be told from here. Pure.
//!
//! A yes here is taken as one by whoever reads the report, so whatever is not understood makes the
//! answer unknown, never yes.

use serde_json::Value;

use super::matcher::{self, Context, Match};
use crate::id::AccountId;

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    /// The ARN of the role.
    pub(crate) arn: String,
}

/// What a policy says of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It allows the caller by name or by `*` in its own account: no identity policy is needed
    /// (R3.1.3).
    Direct,
    /// It leaves it to the identity policies of the caller's account (R3.1.1).
    Delegated,
    /// It does not allow it: why.
    No(String),
    /// It denies it: by which statement.
    Denied(String),
    /// It cannot be told from here: why.
    Unknown(String),
}

/// What the policy of a key says of a call.
pub(crate) fn evaluate(
    policy: &Value,
    key: &str,
    owner: &AccountId,
    who: &Caller,
    action: &str,
    context: &Context,
) -> Decision {
    let statements = match policy.get("Statement") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let mut best: Option<Decision> = None;
    let mut unsure = None;
    for (number, statement) in statements.iter().enumerate() {
        let name = || {
            let sid = statement.get("Sid").and_then(Value::as_str);
            sid.map_or_else(
                || format!("statement {}", number + 1),
                |sid| format!("statement `{sid}`"),
            )
        };
        let allows = statement.get("Effect").and_then(Value::as_str) == Some("Allow");
        let by = principal(statement, owner, who);
        let fit = by.fit().and(applies(statement, key, action, context));
        match (allows, fit) {
            (_, Match::No) => {}
            (false, Match::Yes) => return Decision::Denied(format!("{} denies it", name())),
            // What may deny leaves nothing certain.
            (_, Match::Unknown(why)) => {
                unsure.get_or_insert((allows, format!("{}: {why}", name())));
                if !allows {
                    unsure = Some((false, format!("{}: {why}", name())));
                }
            }
            (true, Match::Yes) => {
                let opinion = if by == Named::Itself {
                    Decision::Direct
                } else {
                    Decision::Delegated
                };
                if best != Some(Decision::Direct) {
                    best = Some(opinion);
                }
            }
        }
    }
    match (best, unsure) {
        (Some(_), Some((false, why))) | (None, Some((_, why))) => Decision::Unknown(why),
        (Some(best), _) => best,
        (None, None) => Decision::No("no statement allows it".to_owned()),
    }
}

/// How a statement names the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    Itself,
    ByAccount,
    Not,
    Unclear(&'static str),
}

impl Named {
    fn fit(&self) -> Match {
        match self {
            Self::Itself | Self::ByAccount => Match::Yes,
            Self::Not => Match::No,
            Self::Unclear(why) => Match::Unknown((*why).to_owned()),
        }
    }
}

fn principal(statement: &Value, owner: &AccountId, who: &Caller) -> Named {
    if statement.get("NotPrincipal").is_some() {
        return Named::Unclear("it names who is not meant");
    }
    let same_account = owner == &who.account;
    let everybody = if same_account {
        Named::Itself
    } else {
        Named::ByAccount
    };
    let names = match statement.get("Principal") {
        Some(Value::String(all)) if all == "*" => return everybody,
        Some(Value::Object(kinds)) => match kinds.get("AWS").map(matcher::texts) {
            Some(Some(names)) => names,
            Some(None) => return Named::Unclear("its principal cannot be read"),
            None => return Named::Not,
        },
        _ => return Named::Unclear("its principal cannot be read"),
    };
    let root = format!(":iam::{}:root", who.account);
    let mut found = Named::Not;
    for name in names {
        if name == "*" {
            return everybody;
        } else if name == who.arn {
            // Across accounts the caller's own side must allow it in any case.
            found = everybody.clone();
        } else if found != Named::Itself && (name == who.account.as_ref() || name.ends_with(&root))
        {
            found = Named::ByAccount;
        } else if found == Named::Not
            && who.arn.ends_with(&root)
            && name.contains(&format!(":iam::{}:", who.account))
        {
            // The account as a whole stands for whoever launches, and this may be who does.
            found = Named::Unclear("it names single principals of the account");
        }
    }
    found
}

fn applies(statement: &Value, key: &str, action: &str, context: &Context) -> Match {
    let listed = |member: &str, other: &str, fits: &dyn Fn(&str) -> bool| match (
        statement.get(member),
        statement.get(other),
    ) {
        (Some(given), None) => match matcher::texts(given) {
            Some(texts) => Match::from(texts.into_iter().any(fits)),
            None => Match::Unknown(format!("its `{member}` cannot be read")),
        },
        (None, Some(given)) => match matcher::texts(given) {
            Some(texts) => Match::from(!texts.into_iter().any(fits)),
            None => Match::Unknown(format!("its `{other}` cannot be read")),
        },
        _ => Match::Unknown(format!("it has no `{member}`")),
    };
    let action = listed("Action", "NotAction", &|pattern| {
        matcher::like(&pattern.to_lowercase(), &action.to_lowercase())
    });
    let resource = listed("Resource", "NotResource", &|pattern| {
        matcher::like(pattern, key)
    });
    let condition = statement.get("Condition").map_or(Match::Yes, |condition| {
        matcher::conditions(condition, context)
    });
    action.and(resource).and(condition)
}
