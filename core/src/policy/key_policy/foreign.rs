//! Reads the principals of statements that this tool did not write.

use serde_json::Value;

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

/// The unique IDs of deleted users and roles in a statement: KMS shows them in place of the ARNs.
pub(super) fn deleted_principals(statement: &Value) -> Vec<String> {
    let mut deleted = Vec::new();
    for member in ["Principal", "NotPrincipal"] {
        let names = statement.get(member).and_then(|kinds| kinds.get("AWS"));
        for name in names.and_then(texts).unwrap_or_default() {
            if is_unique_id(name) {
                deleted.push(name.to_owned());
            }
        }
    }
    deleted
}

/// `AIDA…` for users, `AROA…` for roles: 16 or more capital letters and digits.
fn is_unique_id(text: &str) -> bool {
    let is_user_or_role = text.starts_with("AIDA") || text.starts_with("AROA");
    let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    text.len() >= 16 && is_user_or_role && text.bytes().all(is_id)
}
