//! Which statements deny targets the use of a key. A deny beats every permission, so that access
//! under a deny is none.

use std::collections::BTreeSet;

use serde_json::Value;

use super::PolicyPrincipal;
use crate::policy::launch_operations::use_and_grant_actions;
use crate::policy::matcher::matches_action;
use crate::policy::statement::{has_effect, is_of_account, texts};

/// How surely a statement denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Denial {
    /// Every call.
    Always,
    /// Calls under conditions, or calls of some principals of a target.
    Sometimes,
}

/// Whether a statement denies one of the principals something that a launch needs. Of conditions,
/// only the one that every call with TLS escapes is evaluated: EC2 makes no other calls.
pub(super) fn find_denial(
    statement: &Value,
    principals: &BTreeSet<PolicyPrincipal>,
) -> Option<Denial> {
    if !has_effect(statement, "Deny") || !covers_launch(statement) {
        return None;
    }
    let denials = principals
        .iter()
        .filter_map(|principal| denial_of_principal(statement, principal));
    let surest = denials.min()?;

    let Some(Value::Object(operators)) = statement.get("Condition") else {
        return Some(surest);
    };
    if operators.is_empty() {
        return Some(surest);
    }
    let mut only_without_tls = true;
    for keys in operators.values().filter_map(Value::as_object) {
        only_without_tls &= keys
            .keys()
            .all(|key| key.eq_ignore_ascii_case("aws:SecureTransport"));
    }
    (!only_without_tls).then_some(Denial::Sometimes)
}

/// Whether the statement is about any action that a launch needs.
fn covers_launch(statement: &Value) -> bool {
    let matches_any = |patterns: &Value, action: &str| {
        let patterns = texts(patterns).unwrap_or_default();
        patterns
            .iter()
            .any(|pattern| matches_action(pattern, action))
    };
    let mut needed = use_and_grant_actions().into_iter();
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(patterns), _) => needed.any(|action| matches_any(patterns, action)),
        (None, Some(patterns)) => needed.any(|action| !matches_any(patterns, action)),
        (None, None) => false,
    }
}

/// How surely a statement's `Principal` or `NotPrincipal` makes it deny a principal.
fn denial_of_principal(statement: &Value, principal: &PolicyPrincipal) -> Option<Denial> {
    // An organization is denied only with everybody: its accounts are not known.
    let is_part = |name: &str| match principal {
        PolicyPrincipal::Account(account) => is_of_account(name, account.as_ref()),
        PolicyPrincipal::Organization(_) | PolicyPrincipal::Unit(_) => false,
    };
    let is_whole = |name: &str| {
        let is_account = !name.contains(':') || name.ends_with(":root");
        name == "*" || (is_part(name) && is_account)
    };
    if let Some(denied) = statement.get("Principal") {
        let denied = aws_principals(denied);
        return if denied.iter().any(|name| is_whole(name)) {
            Some(Denial::Always)
        } else if denied.iter().any(|name| is_part(name)) {
            Some(Denial::Sometimes)
        } else {
            None
        };
    }
    let spared = aws_principals(statement.get("NotPrincipal")?);
    if spared.iter().any(|name| is_whole(name)) {
        None
    } else if spared.iter().any(|name| is_part(name)) {
        Some(Denial::Sometimes)
    } else {
        Some(Denial::Always)
    }
}

/// The names under `AWS` of a `Principal` or `NotPrincipal`, or `*`.
fn aws_principals(value: &Value) -> Vec<&str> {
    let names = if value.is_object() {
        value.get("AWS").and_then(texts)
    } else {
        texts(value)
    };
    names.unwrap_or_default()
}

#[cfg(test)]
mod tests;
