//! Reads the principals of statements that this tool did not write.

use serde_json::Value;

use crate::id::AccountId;
use crate::policy::statement::{has_effect, texts};

/// Every principal that a statement allows something, of whatever kind.
pub(super) fn allowed_principals(statement: &Value) -> Vec<String> {
    if !has_effect(statement, "Allow") {
        return Vec::new();
    }
    let principals = match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds.values().filter_map(texts).flatten().collect(),
        Some(other) => texts(other).unwrap_or_default(),
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

/// `AIDA…` for users, `AROA…` for roles: 16 or more capital letters and digits. A session has its
/// name after that.
pub(super) fn is_unique_id(text: &str) -> bool {
    let id = text.split(':').next().unwrap_or(text);
    let is_user_or_role = id.starts_with("AIDA") || id.starts_with("AROA");
    let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    id.len() >= 16 && is_user_or_role && id.bytes().all(is_id)
}
