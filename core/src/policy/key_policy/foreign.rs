//! Reads the principals of statements that this tool did not write.

use serde_json::Value;

use crate::id::AccountId;
use crate::policy::statement::{has_effect, texts};

/// Every principal that a statement allows something, of whatever kind; `*` where it names only
/// whom it leaves out.
pub(super) fn allowed_principals(statement: &Value) -> Vec<String> {
    if !has_effect(statement, "Allow") {
        return Vec::new();
    }
    let principals = match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds.values().filter_map(texts).flatten().collect(),
        Some(other) => texts(other).unwrap_or_default(),
        None if statement.get("NotPrincipal").is_some() => vec!["*"],
        None => Vec::new(),
    };
    principals.into_iter().map(str::to_owned).collect()
}

/// Whether a principal of a policy is the account as a whole, by its root or its bare ID.
pub(crate) fn is_account(name: &str, account: &AccountId) -> bool {
    name == account.as_ref() || name.ends_with(&format!(":{account}:root"))
}

/// The principals of accounts that a statement names or spares.
pub(super) fn named_principals(statement: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for member in ["Principal", "NotPrincipal"] {
        let of_member = statement.get(member).and_then(|kinds| kinds.get("AWS"));
        for name in of_member.and_then(texts).unwrap_or_default() {
            names.push(name.to_owned());
        }
    }
    names
}

/// The unique IDs of deleted users and roles in a statement: KMS shows them in place of the ARNs.
pub(super) fn deleted_principals(statement: &Value) -> Vec<String> {
    let mut names = named_principals(statement);
    names.retain(|name| is_unique_id(name));
    names
}

/// `AIDA…` for users, `AROA…` for roles: 16 or more capital letters and digits. A session has
/// its name after that.
pub(super) fn is_unique_id(text: &str) -> bool {
    let id = text.split(':').next().unwrap_or(text);
    let is_user_or_role = id.starts_with("AIDA") || id.starts_with("AROA");
    let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    id.len() >= 16 && is_user_or_role && id.bytes().all(is_id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn account_is_named_by_its_root_or_its_id() {
        let account = "222222222222".parse().unwrap();
        for (name, is_named) in [
            ("222222222222", true),
            ("arn:aws-cn:iam::222222222222:root", true),
            ("arn:aws:iam::333333333333:root", false),
            ("arn:aws:iam::222222222222:role/root", false),
            ("333333333333", false),
            ("*", false),
        ] {
            assert_eq!(is_account(name, &account), is_named, "{name}");
        }
    }

    #[test]
    fn principals_of_every_kind_are_allowed_and_none_by_a_deny() {
        let kinds = json!({ "AWS": ["a", "b"], "Service": "s", "Odd": 1 });
        for (effect, principal, allowed) in [
            ("Allow", kinds.clone(), vec!["a", "b", "s"]),
            ("Allow", json!("*"), vec!["*"]),
            ("Allow", json!(1), vec![]),
            ("Deny", kinds, vec![]),
        ] {
            let statement = json!({ "Effect": effect, "Principal": principal });
            assert_eq!(allowed_principals(&statement), allowed, "{statement}");
        }
        assert!(allowed_principals(&json!({ "Effect": "Allow" })).is_empty());
        let spared = json!({ "Effect": "Allow", "NotPrincipal": { "AWS": "a" } });
        assert_eq!(allowed_principals(&spared), ["*"]);
    }
    #[test]
    fn unique_id_is_that_of_a_user_or_a_role() {
        for (name, is_id) in [
            ("AROAEXAMPLEEXAMPLE1", true),
            ("AIDAEXAMPLEEXAMPLE1", true),
            ("AROAEXAMPLEEXAMPLE1:name", true),
            ("AROAEXAMPLE1", false),
            ("AROAexampleexample1", false),
            ("AKIAEXAMPLEEXAMPLE1", false),
        ] {
            assert_eq!(is_unique_id(name), is_id, "{name}");
        }
    }
}
