//! Matches the patterns and conditions of policies, as IAM does. What it does not understand is
//! unknown, never a match. Pure.

mod compare;
mod network;

use std::collections::BTreeMap;

use serde_json::Value;

use self::compare::Comparison;
use super::statement::texts;

/// The condition keys of a call, in lower case, with what is known of their values. A key that is
/// not in the map is unknown.
pub(crate) type Context = BTreeMap<String, ContextValue>;

/// What is known of the value of a condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContextValue {
    /// The call does not carry the key.
    Absent,
    /// The call carries these values.
    Texts(Vec<String>),
    /// The call carries one of these values. Which one is not known.
    OneOf(Vec<String>),
    /// It carries one value that begins so.
    StartingWith(String),
    /// It carries one value, and not this.
    OtherThan(String),
    /// It carries an address of AWS's own, or none.
    AddressOfAws,
}

impl ContextValue {
    /// One value.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Texts(vec![text.into()])
    }

    /// One of these values.
    pub(crate) fn one_of(texts: Vec<String>) -> Self {
        if texts.len() == 1 {
            Self::Texts(texts)
        } else {
            Self::OneOf(texts)
        }
    }
}

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

/// What conditions are evaluated with.
pub(super) struct Conditions<'a> {
    pub(super) context: &'a Context,
    pub(super) fills_variables: bool,
}

impl Conditions<'_> {
    /// Whether every condition of a statement is met.
    pub(super) fn match_all(&self, condition: &Value) -> Match {
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
                let is_met = self.is_met(operator, key, required);
                outcome = outcome.and(match is_met {
                    Some(is_met) => Match::from(is_met),
                    None => Match::Unknown(format!("its condition on `{key}` cannot be evaluated")),
                });
            }
        }
        outcome
    }

    /// Whether one condition is met; `None` if that cannot be told.
    fn is_met(&self, operator: &str, key: &str, required: &Value) -> Option<bool> {
        let required = self.required_values(required)?;
        let present = self.context.get(&key.to_lowercase())?;
        let (quantifier, operator) = match operator.split_once(':') {
            Some((quantifier, operator)) => (Some(quantifier), operator),
            None => (None, operator),
        };
        let (operator, if_exists) = match operator.strip_suffix("IfExists") {
            Some(operator) => (operator, true),
            None => (operator, false),
        };
        if operator == "Null" {
            let must_be_absent = required.iter().all(|value| value == "true");
            return Some(must_be_absent == present.is_absent()?);
        }

        let comparison = Comparison::named(operator)?;
        let if_absent = || match quantifier {
            Some("ForAllValues") => Some(true),
            Some("ForAnyValue") => (!if_exists).then_some(false),
            Some(_) => None,
            None => Some(if_exists || comparison.is_negated),
        };
        let matches_one = |value: &ContextValue| {
            let any = any_is(required.iter().map(|text| comparison.compare(text, value)));
            any.map(|any| any != comparison.is_negated)
        };
        // Of several possible values, all must give the same answer.
        let matches = |value: &ContextValue| {
            let ContextValue::OneOf(texts) = value else {
                return matches_one(value);
            };
            let mut answers = texts
                .iter()
                .map(|text| matches_one(&ContextValue::text(text)));
            let first = answers.next()??;
            answers.all(|answer| answer == Some(first)).then_some(first)
        };
        match present {
            ContextValue::Absent => if_absent(),
            ContextValue::Texts(texts) => {
                let each = texts.iter().map(|text| matches(&ContextValue::text(text)));
                match quantifier {
                    Some("ForAllValues") => Some(!any_is(each.map(|one| Some(!one?)))?),
                    Some("ForAnyValue") => any_is(each),
                    Some(_) => None,
                    None if texts.len() > 1 => Some(false),
                    None => any_is(each),
                }
            }
            // It holds if it does with an address and without one.
            ContextValue::AddressOfAws => {
                let outcome = matches(present)?;
                (if_absent()? == outcome).then_some(outcome)
            }
            ContextValue::OneOf(_) | ContextValue::StartingWith(_) | ContextValue::OtherThan(_) => {
                match quantifier {
                    None | Some("ForAllValues" | "ForAnyValue") => matches(present),
                    Some(_) => None,
                }
            }
        }
    }

    /// The values that a condition asks for, with policy variables filled in. `None` if one of them
    /// is not known here.
    fn required_values(&self, required: &Value) -> Option<Vec<String>> {
        let texts = match required {
            Value::Bool(flag) => return Some(vec![flag.to_string()]),
            Value::Number(number) => return Some(vec![number.to_string()]),
            other => texts(other)?,
        };
        if !self.fills_variables {
            return Some(texts.into_iter().map(str::to_owned).collect());
        }
        texts.into_iter().map(|text| self.fill(text)).collect()
    }

    fn fill(&self, text: &str) -> Option<String> {
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let (variable, after) = after.split_once('}')?;
            let ContextValue::Texts(values) = self.context.get(&variable.to_lowercase())? else {
                return None;
            };
            let [value] = values.as_slice() else {
                return None;
            };
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        Some(filled + rest)
    }
}

impl ContextValue {
    fn is_absent(&self) -> Option<bool> {
        match self {
            Self::Absent => Some(true),
            Self::Texts(_) | Self::OneOf(_) | Self::StartingWith(_) | Self::OtherThan(_) => {
                Some(false)
            }
            Self::AddressOfAws => None,
        }
    }
}

/// Whether any of these is; `None` if that cannot be told.
fn any_is(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut any = Some(false);
    for one in all {
        match one {
            Some(true) => return Some(true),
            Some(false) => {}
            None => any = None,
        }
    }
    any
}

#[cfg(test)]
mod tests;
