//! A policy document whose members and statements keep the bytes they came with.

mod grammar;

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::PolicyError;

#[derive(Clone, Debug)]
pub(super) struct Document {
    /// The text as it was read.
    original: String,
    /// The members before and after `Statement`, in order.
    before: Members,
    after: Members,
    pub(super) statements: Vec<Box<RawValue>>,
    /// Whether [`Self::text`] differs from the original.
    changed: bool,
}

pub(super) type Members = Vec<(String, Box<RawValue>)>;

/// Each member as it stands in an object.
pub(super) fn texts_of(members: &Members) -> Vec<String> {
    members
        .iter()
        .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), value.get()))
        .collect()
}

/// A statement as it is evaluated. A member that is no element of policies and cannot be read is
/// there without its value.
pub(super) fn read_statement(raw: &RawValue) -> Value {
    let Ok(Ordered(members)) = serde_json::from_str(raw.get()) else {
        return Value::Null;
    };
    let mut statement = serde_json::Map::new();
    for (name, value) in members {
        let value = serde_json::from_str(value.get()).unwrap_or_default();
        statement.insert(name, value);
    }
    statement.into()
}

impl Document {
    /// Reads a document, and splits it where its statements are.
    pub(super) fn parse(text: &str) -> Result<Self, PolicyError> {
        let not_json = |error: serde_json::Error| PolicyError::NotJson(error.to_string());
        // JSON that is no object is another mistake than a text that is no JSON.
        let raw: &RawValue = serde_json::from_str(text).map_err(not_json)?;
        if !raw.get().starts_with('{') {
            return Err(PolicyError::NotAPolicy("it is not an object"));
        }
        let Ordered(members) = serde_json::from_str(text).map_err(not_json)?;
        let (mut before, mut after, mut statements) = (Members::new(), Members::new(), None);
        for (name, value) in members {
            if name == "Statement" {
                if statements.replace(value).is_some() {
                    return Err(PolicyError::NotAPolicy("it has `Statement` twice"));
                }
            } else if statements.is_none() {
                before.push((name, value));
            } else {
                after.push((name, value));
            }
        }
        let statements: Vec<Box<RawValue>> = match statements {
            None => return Err(PolicyError::NotAPolicy("it has no `Statement`")),
            Some(one) if one.get().starts_with('{') => vec![one],
            Some(list) if list.get().starts_with('[') => {
                serde_json::from_str(list.get()).map_err(not_json)?
            }
            Some(_) => {
                return Err(PolicyError::NotAPolicy(
                    "`Statement` is neither an object nor a list",
                ));
            }
        };
        if !statements
            .iter()
            .all(|statement| statement.get().starts_with('{'))
        {
            return Err(PolicyError::NotAPolicy("a statement is not an object"));
        }
        Ok(Self {
            original: text.to_owned(),
            before,
            after,
            statements,
            changed: false,
        })
    }

    /// Puts a statement in place of the first that `is_replaced` picks, or at the end, and removes
    /// the others that it picks. Without a statement it only removes.
    pub(super) fn replace_statements(
        &mut self,
        is_replaced: impl Fn(&RawValue) -> bool,
        statement: Option<&Value>,
    ) -> Result<(), PolicyError> {
        let first = self.statements.iter().position(|raw| is_replaced(raw));
        self.statements.retain(|raw| !is_replaced(raw));
        if let Some(statement) = statement {
            let raw = serde_json::value::to_raw_value(statement)
                .map_err(|error| PolicyError::NotJson(error.to_string()))?;
            let place = first.unwrap_or(self.statements.len());
            self.statements.insert(place, raw);
        }
        self.changed = true;
        Ok(())
    }

    /// Puts another statement in place of one, or removes that.
    pub(super) fn set_statement(&mut self, index: usize, statement: Option<Box<RawValue>>) {
        self.statements.splice(index..=index, statement);
        self.changed = true;
    }

    /// Whether policy variables work: only in this version of the language (R7.23).
    pub(super) fn has_policy_variables(&self) -> bool {
        let mut members = self.before.iter().chain(&self.after);
        members.any(|(name, value)| name == "Version" && value.get() == r#""2012-10-17""#)
    }

    /// The document: as it was read, or with its statements written anew between the members
    /// before and after them.
    pub(super) fn text(&self) -> String {
        if !self.changed {
            return self.original.clone();
        }
        let statements: Vec<&str> = self.statements.iter().map(|raw| raw.get()).collect();
        let mut members = texts_of(&self.before);
        members.push(format!("\"Statement\":[{}]", statements.join(",")));
        members.extend(texts_of(&self.after));
        format!("{{{}}}", members.join(","))
    }
}

/// The members of an object in their order, with repeated ones.
pub(super) struct Ordered(pub(super) Members);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Ordered;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut members = Members::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Ordered(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
