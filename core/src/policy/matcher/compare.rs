//! How the operators of conditions compare values.

use super::network::{Networks, are_in};
use super::{ContextValue, matches_pattern};

/// An operator of a condition, without its quantifier and `IfExists`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison {
    kind: Kind,
    /// Whether it holds for values that are unlike all required ones, and for absent ones.
    pub(super) is_negated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    TextOfAnyCase,
    Pattern,
    Arn,
    Address,
    /// It is known what it says of an absent value, and no more.
    Other,
}

impl Comparison {
    /// The operator of this name; `None` if there is none that is known here.
    pub(super) fn named(operator: &str) -> Option<Self> {
        let kind = match operator {
            "StringEquals" | "StringNotEquals" => Kind::Text,
            "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" | "Bool" => Kind::TextOfAnyCase,
            "StringLike" | "StringNotLike" => Kind::Pattern,
            "ArnEquals" | "ArnLike" | "ArnNotEquals" | "ArnNotLike" => Kind::Arn,
            "IpAddress" | "NotIpAddress" => Kind::Address,
            "BinaryEquals" => Kind::Other,
            _ => {
                let order = operator
                    .strip_prefix("Numeric")
                    .or_else(|| operator.strip_prefix("Date"));
                match order? {
                    "Equals" | "NotEquals" | "LessThan" | "LessThanEquals" | "GreaterThan"
                    | "GreaterThanEquals" => Kind::Other,
                    _ => return None,
                }
            }
        };
        let is_negated = operator.contains("Not");
        Some(Self { kind, is_negated })
    }

    /// Whether a value is like a required one, before negation; `None` if that cannot be told.
    pub(super) fn compare(self, required: &str, value: &ContextValue) -> Option<bool> {
        match (self.kind, value) {
            (Kind::Address, ContextValue::AddressOfAws) => match are_in(required)? {
                Networks::NeverOfAws => Some(false),
                Networks::MaybeOfAws => None,
            },
            (Kind::Address | Kind::Other, _)
            | (_, ContextValue::Absent | ContextValue::AddressOfAws | ContextValue::OneOf(_)) => {
                None
            }
            (_, ContextValue::Texts(texts)) => self.compare_text(required, texts.first()?),
            (_, ContextValue::StartingWith(beginning)) => {
                self.compare_beginning(required, beginning)
            }
            (Kind::Pattern, ContextValue::OtherThan(_)) if required == "*" => Some(true),
            (_, ContextValue::OtherThan(text)) => (required == text).then_some(false),
        }
    }

    fn compare_text(self, required: &str, text: &str) -> Option<bool> {
        match self.kind {
            Kind::Text => Some(required == text),
            Kind::TextOfAnyCase => Some(required.eq_ignore_ascii_case(text)),
            Kind::Pattern => Some(matches_pattern(required, text)),
            // IAM compares the six parts of an ARN one by one. Where the ARN as a whole matches in
            // another way, the answer is not certain.
            Kind::Arn => {
                let whole = matches_pattern(required, text);
                let (required, text) = (parts(required), parts(text));
                let pairs = required.iter().zip(&text);
                let in_parts = required.len() == text.len()
                    && pairs
                        .into_iter()
                        .all(|(one, other)| matches_pattern(one, other));
                (whole == in_parts).then_some(whole)
            }
            Kind::Address | Kind::Other => None,
        }
    }

    /// Compares with every text that begins so.
    fn compare_beginning(self, required: &str, beginning: &str) -> Option<bool> {
        let is_pattern = matches!(self.kind, Kind::Pattern | Kind::Arn);
        if is_pattern && required.ends_with('*') && matches_pattern(required, beginning) {
            return Some(true);
        }
        let literal = match required.find(['*', '?']) {
            Some(end) if is_pattern => &required[..end],
            _ => required,
        };
        let may_match = if is_pattern && literal.len() < required.len() {
            literal.starts_with(beginning) || beginning.starts_with(literal)
        } else {
            literal.starts_with(beginning)
        };
        (!may_match).then_some(false)
    }
}

fn parts(arn: &str) -> Vec<&str> {
    arn.splitn(6, ':').collect()
}
