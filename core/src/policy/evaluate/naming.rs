//! Whether a statement names the principal that makes a call.

use serde_json::Value;

use super::{CalledBy, Caller, KeyCall};
use crate::policy::matcher::Match;
use crate::policy::statement::{account_of, texts};

/// How a statement names the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    Directly,
    ByAccount,
    NotAtAll,
    Unclear(&'static str),
}

impl Naming {
    pub(super) fn to_match(&self) -> Match {
        match self {
            Self::Directly | Self::ByAccount => Match::Yes,
            Self::NotAtAll => Match::No,
            Self::Unclear(why) => Match::Unknown((*why).to_owned()),
        }
    }
}

const UNREADABLE: Naming = Naming::Unclear("its principal cannot be read");

pub(super) fn naming_of_caller(statement: &Value, call: &KeyCall<'_>) -> Naming {
    let direct = if call.is_of_own_account() {
        Naming::Directly
    } else {
        Naming::ByAccount
    };
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principals), None) => match names_under_aws(principals) {
            Some(names) => strongest_naming(&names, call, &direct),
            None => UNREADABLE,
        },
        (None, Some(spared)) => match names_under_aws(spared) {
            Some(names) => naming_of_others(&names, call, direct),
            None => UNREADABLE,
        },
        _ => UNREADABLE,
    }
}

/// The names of principals of accounts, or `*`. Services and identity providers are none: EC2
/// calls as the principal that launches.
fn names_under_aws(principals: &Value) -> Option<Vec<&str>> {
    let Value::Object(kinds) = principals else {
        let names = texts(principals)?;
        return (names == ["*"]).then_some(names);
    };
    let mut names = Vec::new();
    for (kind, value) in kinds {
        match kind.as_str() {
            "AWS" => names.extend(texts(value)?),
            "Service" | "Federated" => {}
            _ => return None,
        }
    }
    Some(names)
}

fn strongest_naming(names: &[&str], call: &KeyCall<'_>, direct: &Naming) -> Naming {
    let mut strongest = Naming::NotAtAll;
    for name in names {
        let naming = if *name == "*" {
            direct.clone()
        } else {
            naming_by(name, call, direct)
        };
        match (&naming, &strongest) {
            (Naming::Directly, _) => return naming,
            (Naming::ByAccount, _) | (Naming::Unclear(_), Naming::NotAtAll) => strongest = naming,
            _ => {}
        }
    }
    strongest
}

/// How one name that is not `*` names the caller.
fn naming_by(name: &str, call: &KeyCall<'_>, direct: &Naming) -> Naming {
    let Some(account) = account_of(name) else {
        // The unique ID of a deleted principal names nobody (R3.2.6).
        return Naming::NotAtAll;
    };
    let caller = match call.by {
        CalledBy::Caller(caller) => caller,
        // An organization is meant as a whole, but one of its accounts may be named.
        CalledBy::Member(_) if account == call.key.account().as_ref() => return Naming::NotAtAll,
        CalledBy::Member(_) => return Naming::Unclear("it names an account that may belong to it"),
    };
    if account != caller.account.as_ref() {
        Naming::NotAtAll
    } else if is_whole_account(name) {
        Naming::ByAccount
    } else if is_any_of_account(caller) {
        Naming::Unclear("it names single principals of the account")
    } else if name == caller.arn {
        direct.clone()
    } else if name.contains(":assumed-role/") {
        Naming::Unclear("it names sessions of a role")
    } else {
        Naming::NotAtAll
    }
}

/// How a statement that spares these names the caller.
fn naming_of_others(spared: &[&str], call: &KeyCall<'_>, direct: Naming) -> Naming {
    if spared.contains(&"*") {
        return Naming::NotAtAll;
    }
    let CalledBy::Caller(caller) = call.by else {
        // It means every account of the organization that it does not spare, and any account but
        // that of the key may belong to it.
        let owner = call.key.account().as_ref();
        let mut accounts = spared.iter().filter_map(|name| account_of(name));
        return if accounts.any(|account| account != owner) {
            Naming::Unclear("it spares an account that may belong to it")
        } else {
            direct
        };
    };
    let mut of_account = spared
        .iter()
        .filter(|name| account_of(name) == Some(caller.account.as_ref()));
    let spares_root = of_account.clone().any(|name| is_whole_account(name));
    let spares_caller = of_account.clone().any(|name| *name == caller.arn);
    if spares_root && spares_caller && !is_any_of_account(caller) {
        Naming::NotAtAll
    } else if of_account.next().is_some() {
        // AWS asks for both, the principal and its account, and does not say what one of them does.
        Naming::Unclear("it spares the account, or some of its principals")
    } else {
        direct
    }
}

/// Whether a name, which is an account ID or an ARN, is an account's root.
fn is_whole_account(name: &str) -> bool {
    !name.contains(':') || name.ends_with(":root")
}

fn is_any_of_account(caller: &Caller) -> bool {
    caller.arn.ends_with(":root")
}
