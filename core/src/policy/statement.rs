//! Reads statements of a policy document, of whatever kind.

use serde_json::Value;

/// The statements of a policy, and the language that they are written in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements {
    pub(crate) list: Vec<Value>,
    /// Whether policy variables such as `${aws:PrincipalAccount}` work: only in version 2012-10-17
    /// of the language. In others they are plain text (R7.23).
    pub(crate) fills_variables: bool,
}

impl Statements {
    /// The statements with an effect, each with its Sid or number.
    pub(super) fn with_effect<'a>(
        &'a self,
        effect: &'a str,
    ) -> impl Iterator<Item = (String, &'a Value)> {
        let statements = self.list.iter().enumerate();
        statements
            .filter(move |(_, statement)| has_effect(statement, effect))
            .map(|(index, statement)| (sid_or_number(statement, index), statement))
    }
}

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

/// The account of a principal of a policy, which is an account ID or an ARN; `None` for a unique
/// ID.
pub(crate) fn account_of(principal: &str) -> Option<&str> {
    if principal.starts_with("arn:") {
        principal.split(':').nth(4)
    } else {
        let is_id = principal.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then_some(principal)
    }
}
