//! Conditions of statements.

mod compare;

use std::cmp::Ordering;
use std::net::IpAddr;

use serde_json::{Map, Value};

use self::compare::{compare_dates, compare_numbers, is_in_network};
use super::{Context, fill, matches, texts};

/// One operator on one key.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    set: Option<Set>,
    test: Test,
    /// Whether a missing key lets the condition hold.
    if_exists: bool,
    key: String,
    values: Vec<String>,
    /// Whether policy variables are filled in, or are plain text (R7.23).
    variables: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    ForAllValues,
    ForAnyValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Null,
    Text {
        like: bool,
        ignore_case: bool,
        negated: bool,
    },
    Bool,
    /// Whether the ARN must fit one of the patterns, or must not.
    Arn(bool),
    /// Whether the value must have this order to the expected one, or must not.
    Number(Ordering, bool),
    Date(Ordering, bool),
    /// Whether the address must be in one of the networks.
    Address(bool),
}

impl Condition {
    pub(super) fn parse_all(
        operators: &Map<String, Value>,
        variables: bool,
    ) -> Result<Vec<Self>, String> {
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            let keys = keys
                .as_object()
                .ok_or_else(|| format!("Condition.{operator}: not an object"))?;
            for (key, values) in keys {
                let wrong =
                    || format!("Condition.{operator}.{key}: neither text nor a list of texts");
                let values = texts(values).ok_or_else(wrong)?;
                let condition = Self::parse(operator, key, values)?;
                conditions.push(Self {
                    variables,
                    ..condition
                });
            }
        }
        Ok(conditions)
    }

    fn parse(operator: &str, key: &str, values: Vec<String>) -> Result<Self, String> {
        let (set, name) = match operator.split_once(':') {
            Some(("ForAllValues", name)) => (Some(Set::ForAllValues), name),
            Some(("ForAnyValue", name)) => (Some(Set::ForAnyValue), name),
            _ => (None, operator),
        };
        let (name, if_exists) = name
            .strip_suffix("IfExists")
            .map_or((name, false), |name| (name, true));
        let text = |like, ignore_case, negated| Test::Text {
            like,
            ignore_case,
            negated,
        };
        let with = |test| Self {
            set,
            test,
            if_exists,
            key: key.to_lowercase(),
            values: values.clone(),
            variables: true,
        };
        let test = match name {
            "Null" => Test::Null,
            "Bool" => Test::Bool,
            // The values of binary keys are compared as they are written.
            "StringEquals" | "BinaryEquals" => text(false, false, false),
            "StringNotEquals" => text(false, false, true),
            "StringEqualsIgnoreCase" => text(false, true, false),
            "StringNotEqualsIgnoreCase" => text(false, true, true),
            "StringLike" => text(true, false, false),
            "StringNotLike" => text(true, false, true),
            // ARN operators take wildcards, in both spellings.
            "ArnEquals" | "ArnLike" => Test::Arn(true),
            "ArnNotEquals" | "ArnNotLike" => Test::Arn(false),
            "IpAddress" => Test::Address(true),
            "NotIpAddress" => Test::Address(false),
            _ => {
                if let Some(order) = name.strip_prefix("Numeric").and_then(order_named) {
                    return Ok(with(Test::Number(order.0, order.1)));
                }
                if let Some(order) = name.strip_prefix("Date").and_then(order_named) {
                    return Ok(with(Test::Date(order.0, order.1)));
                }
                return Err(format!(
                    "Condition.{operator}: this operator is not simulated"
                ));
            }
        };
        Ok(with(test))
    }

    pub(super) fn holds(&self, context: &Context) -> bool {
        let present = context.get(&self.key).filter(|values| !values.is_empty());
        if self.test == Test::Null {
            let wants_absent = self.values.iter().any(|value| value == "true");
            return present.is_none() == wants_absent;
        }
        // A negated operator holds for a request without the key.
        let negated = matches!(
            self.test,
            Test::Text { negated: true, .. }
                | Test::Arn(false)
                | Test::Address(false)
                | Test::Number(Ordering::Equal, false)
                | Test::Date(Ordering::Equal, false)
        );
        let Some(present) = present else {
            return match self.set {
                Some(Set::ForAllValues) => true,
                Some(Set::ForAnyValue) => false,
                // A missing key is unlike every value.
                None => self.if_exists || negated,
            };
        };
        let mut each = present.iter().map(|value| self.value_holds(value, context));
        match self.set {
            Some(Set::ForAllValues) => each.all(|holds| holds),
            Some(Set::ForAnyValue) => each.any(|holds| holds),
            // A key with several values fits no single-valued operator (R2.22).
            None => present.len() == 1 && each.all(|holds| holds),
        }
    }

    fn value_holds(&self, value: &str, context: &Context) -> bool {
        match self.test {
            Test::Null => false,
            // Whatever is not true is false (recorded).
            Test::Bool => {
                let is_true = |text: &str| text.eq_ignore_ascii_case("true");
                let mut values = self.values.iter();
                values.any(|expected| is_true(expected) == is_true(value))
            }
            Test::Text {
                like,
                ignore_case,
                negated,
            } => {
                let fits = |expected: &String| {
                    let expected = self.filled(expected, context);
                    if like {
                        matches(&expected, value)
                    } else if ignore_case {
                        expected.eq_ignore_ascii_case(value)
                    } else {
                        expected == value
                    }
                };
                self.values.iter().any(fits) != negated
            }
            // What is no ARN, or no address, fits neither an operator nor its opposite (recorded).
            Test::Arn(alike) => {
                let mut patterns = self.values.iter();
                let fits = |pattern: &String| matches(&self.filled(pattern, context), value);
                is_arn(value) && patterns.any(fits) == alike
            }
            Test::Number(order, equals) => {
                let orders = self.orders(value, compare_numbers);
                fits_order(orders, order, equals)
            }
            Test::Date(order, equals) => {
                let orders = self.orders(value, compare_dates);
                fits_order(orders, order, equals)
            }
            Test::Address(inside) => {
                let mut networks = self.values.iter();
                let is_inside = networks.any(|network| is_in_network(value, network));
                value.parse::<IpAddr>().is_ok() && is_inside == inside
            }
        }
    }

    /// An expected value with its variables filled in.
    fn filled(&self, expected: &str, context: &Context) -> String {
        if self.variables {
            fill(expected, context)
        } else {
            expected.to_owned()
        }
    }

    /// The order of a value to each expected one.
    fn orders(
        &self,
        value: &str,
        compare: fn(&str, &str) -> Option<Ordering>,
    ) -> Vec<Option<Ordering>> {
        let values = self.values.iter();
        values.map(|expected| compare(value, expected)).collect()
    }
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.split(':').count() >= 6
}

/// The order that the end of an operator's name asks for, and whether it must be so or not.
fn order_named(end: &str) -> Option<(Ordering, bool)> {
    match end {
        "Equals" => Some((Ordering::Equal, true)),
        "NotEquals" => Some((Ordering::Equal, false)),
        "LessThan" => Some((Ordering::Less, true)),
        "LessThanEquals" => Some((Ordering::Greater, false)),
        "GreaterThan" => Some((Ordering::Greater, true)),
        "GreaterThanEquals" => Some((Ordering::Less, false)),
        _ => None,
    }
}

/// Whether one of the expected values fits; for "not equal", whether all do. What is no number or
/// date fits nothing.
fn fits_order(orders: Vec<Option<Ordering>>, order: Ordering, equals: bool) -> bool {
    let fits = |found: Option<Ordering>| found.is_some_and(|found| (found == order) == equals);
    if order == Ordering::Equal && !equals {
        orders.into_iter().all(fits)
    } else {
        orders.into_iter().any(fits)
    }
}
