//! Matches the patterns and conditions of policies, as IAM does. What it does not understand is
//! unknown, never a match. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::statement::texts;

/// The condition keys of a call, in lower case, with their values. A key that is not in the map is
/// unknown; one without values is known to be absent from the call.
pub(crate) type Context = BTreeMap<String, Vec<String>>;

/// Whether part of a statement matches a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be told: why.
    Unknown(String),
}

impl Match {
    /// Whether both match. One that does not decides, even if the other is unknown.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

impl From<bool> for Match {
    fn from(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }
}

/// Whether a text matches a pattern with `*` and `?`.
pub(crate) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // The last `*` in the pattern so far, and where in the text the part that it matches ends.
    let mut last_star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                // What follows the star does not match here: the star takes one character more.
                let Some((star, taken)) = last_star else {
                    return false;
                };
                (p, t) = (star + 1, taken + 1);
                last_star = Some((star, taken + 1));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Whether an action matches a pattern. IAM ignores the case of actions.
pub(crate) fn matches_action(pattern: &str, action: &str) -> bool {
    matches_pattern(&pattern.to_lowercase(), &action.to_lowercase())
}

/// Whether every condition of a statement is met.
pub(crate) fn match_conditions(condition: &Value, context: &Context) -> Match {
    let unreadable = || Match::Unknown("its condition cannot be read".to_owned());
    let Value::Object(operators) = condition else {
        return unreadable();
    };
    let mut outcome = Match::Yes;
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else {
            return unreadable();
        };
        for (key, required) in keys {
            let is_met = is_condition_met(operator, key, required, context);
            outcome = outcome.and(match is_met {
                Some(is_met) => Match::from(is_met),
                None => Match::Unknown(format!("its condition on `{key}` cannot be evaluated")),
            });
        }
    }
    outcome
}

/// Whether one condition is met; `None` if that cannot be told.
fn is_condition_met(
    operator: &str,
    key: &str,
    required: &Value,
    context: &Context,
) -> Option<bool> {
    let required = required_values(required)?;
    let present = context.get(&key.to_lowercase())?;
    // The value of a policy variable is not known here.
    if required.iter().any(|value| value.contains("${")) {
        return None;
    }

    let (quantifier, operator) = match operator.split_once(':') {
        Some((quantifier, operator)) => (Some(quantifier), operator),
        None => (None, operator),
    };
    if operator == "Null" {
        let must_be_absent = required.iter().all(|value| value == "true");
        return Some(must_be_absent == present.is_empty());
    }

    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let compare = comparison_of(operator)?;
    let is_negated = operator.contains("Not");
    let matches = |value: &String| {
        let any_equal = required.iter().any(|required| compare(required, value));
        any_equal != is_negated
    };
    match quantifier {
        Some("ForAllValues") => Some(present.iter().all(matches)),
        Some("ForAnyValue") => Some(present.iter().any(matches)),
        Some(_) => None,
        None if present.is_empty() => Some(if_exists || is_negated),
        None => Some(present.len() == 1 && matches(&present[0])),
    }
}

fn required_values(required: &Value) -> Option<Vec<String>> {
    match required {
        Value::Bool(flag) => Some(vec![flag.to_string()]),
        other => Some(texts(other)?.into_iter().map(str::to_owned).collect()),
    }
}

/// How an operator compares a required value with one of the call; `None` for an operator that is
/// not supported here.
fn comparison_of(operator: &str) -> Option<fn(&str, &str) -> bool> {
    match operator {
        "StringEquals" | "StringNotEquals" => Some(|required, value| required == value),
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" | "Bool" => {
            Some(|required, value| required.eq_ignore_ascii_case(value))
        }
        "StringLike" | "StringNotLike" | "ArnLike" | "ArnNotLike" | "ArnEquals"
        | "ArnNotEquals" => Some(matches_pattern),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
