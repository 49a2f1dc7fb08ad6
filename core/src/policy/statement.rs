//! Reads one statement of a policy document, of whatever kind.

use serde_json::Value;

/// Whether the statement's `Effect` is this one.
pub(super) fn has_effect(statement: &Value, effect: &str) -> bool {
    statement.get("Effect").and_then(Value::as_str) == Some(effect)
}

/// The statement's `Sid`, or its number in the document.
pub(super) fn sid_or_number(statement: &Value, index: usize) -> String {
    match statement.get("Sid").and_then(Value::as_str) {
        Some(sid) => sid.to_owned(),
        None => format!("number {}", index + 1),
    }
}

/// One text or a list of texts; `None` for anything else.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Whether a principal of a policy, an account ID or an ARN, is of this account.
pub(super) fn is_of_account(principal: &str, account: &str) -> bool {
    principal == account || principal.split(':').nth(4) == Some(account)
}
