//! A policy document whose members and statements keep the bytes they came with.

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
    /// Whether [`Self::text`] must be written anew.
    pub(super) changed: bool,
}

type Members = Vec<(String, Box<RawValue>)>;

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, PolicyError> {
        let not_json = |error: serde_json::Error| PolicyError::NotJson(error.to_string());
        // A document that is JSON but no object is another mistake than one that is no JSON.
        let raw: &RawValue = serde_json::from_str(text).map_err(not_json)?;
        if !raw.get().starts_with('{') {
            return Err(PolicyError::NotAPolicy("it is not an object"));
        }
        let Ordered(members) = serde_json::from_str(text).map_err(not_json)?;
        let (mut before, mut after, mut found) = (Members::new(), Members::new(), None);
        for (name, value) in members {
            if name == "Statement" {
                if found.replace(value).is_some() {
                    return Err(PolicyError::NotAPolicy("`Statement` stands there twice"));
                }
            } else if found.is_none() {
                before.push((name, value));
            } else {
                after.push((name, value));
            }
        }
        let statements = match &found {
            None => Vec::new(),
            Some(one) if one.get().starts_with('{') => vec![one.clone()],
            Some(list) if list.get().starts_with('[') => {
                serde_json::from_str(list.get()).map_err(not_json)?
            }
            Some(_) => {
                return Err(PolicyError::NotAPolicy(
                    "`Statement` is neither an object nor a list",
                ));
            }
        };
        let statements: Vec<Box<RawValue>> = statements;
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

    pub(super) fn insert(&mut self, place: usize, statement: &Value) -> Result<(), PolicyError> {
        let raw = serde_json::value::to_raw_value(statement)
            .map_err(|error| PolicyError::NotJson(error.to_string()))?;
        self.statements
            .insert(place.min(self.statements.len()), raw);
        Ok(())
    }

    pub(super) fn text(&self) -> String {
        if !self.changed {
            return self.original.clone();
        }
        let member = |(name, value): &(String, Box<RawValue>)| {
            format!("{}:{}", Value::from(name.as_str()), value.get())
        };
        let statements: Vec<&str> = self.statements.iter().map(|raw| raw.get()).collect();
        let statements = format!("\"Statement\":[{}]", statements.join(","));
        let members: Vec<String> = self
            .before
            .iter()
            .map(member)
            .chain([statements])
            .chain(self.after.iter().map(member))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

/// The members of an object in their order, repeated ones too.
struct Ordered(Members);

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
