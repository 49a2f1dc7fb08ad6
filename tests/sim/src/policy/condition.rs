//! Conditions of statements.

use serde_json::{Map, Value};

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
    Number(std::cmp::Ordering, bool),
}

impl Condition {
    pub(super) fn parse_all(operators: &Map<String, Value>) -> Result<Vec<Self>, String> {
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            let keys = keys
                .as_object()
                .ok_or_else(|| format!("Condition.{operator}: not an object"))?;
            for (key, values) in keys {
                let wrong =
                    || format!("Condition.{operator}.{key}: neither text nor a list of texts");
                conditions.push(Self::parse(
                    operator,
                    key,
                    texts(values).ok_or_else(wrong)?,
                )?);
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
        let test = match name {
            "Null" => Test::Null,
            "Bool" => Test::Bool,
            "StringEquals" => text(false, false, false),
            "StringNotEquals" => text(false, false, true),
            "StringEqualsIgnoreCase" => text(false, true, false),
            "StringNotEqualsIgnoreCase" => text(false, true, true),
            // ARN operators take wildcards, in both spellings.
            "StringLike" | "ArnEquals" | "ArnLike" => text(true, false, false),
            "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => text(true, false, true),
            "NumericEquals" => Test::Number(std::cmp::Ordering::Equal, true),
            "NumericNotEquals" => Test::Number(std::cmp::Ordering::Equal, false),
            "NumericLessThan" => Test::Number(std::cmp::Ordering::Less, true),
            "NumericLessThanEquals" => Test::Number(std::cmp::Ordering::Greater, false),
            "NumericGreaterThan" => Test::Number(std::cmp::Ordering::Greater, true),
            "NumericGreaterThanEquals" => Test::Number(std::cmp::Ordering::Less, false),
            _ => {
                return Err(format!(
                    "Condition.{operator}: this operator is not simulated"
                ));
            }
        };
        Ok(Self {
            set,
            test,
            if_exists,
            key: key.to_lowercase(),
            values,
        })
    }

    pub(super) fn holds(&self, context: &Context) -> bool {
        let present = context.get(&self.key).filter(|values| !values.is_empty());
        if self.test == Test::Null {
            let wants_absent = self.values.iter().any(|value| value == "true");
            return present.is_none() == wants_absent;
        }
        let negated = matches!(self.test, Test::Text { negated: true, .. });
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
            Test::Bool => self
                .values
                .iter()
                .any(|expected| expected.eq_ignore_ascii_case(value)),
            Test::Text {
                like,
                ignore_case,
                negated,
            } => {
                let fits = |expected: &String| {
                    let expected = fill(expected, context);
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
            Test::Number(order, equals) => {
                let Ok(value) = value.parse::<f64>() else {
                    return false;
                };
                let fits = |expected: f64| (value.partial_cmp(&expected) == Some(order)) == equals;
                self.values
                    .iter()
                    .any(|expected| expected.parse().is_ok_and(fits))
            }
        }
    }
}
