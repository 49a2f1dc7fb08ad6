//! The grammar of key policies. KMS stores nothing else, so a text that breaks it says something
//! that this version does not know.

use serde_json::value::RawValue;

use super::{Document, Members, Ordered, PolicyError};

const VERSIONS: [&str; 2] = [r#""2008-10-17""#, r#""2012-10-17""#];
const EFFECTS: [&str; 2] = [r#""Allow""#, r#""Deny""#];

impl Document {
    /// Checks the version, and the members that decide what each statement does. A statement
    /// without a resource is one that KMS stores: it has no effect (R3.2.9).
    pub(in crate::policy::key_policy) fn check_grammar(&self) -> Result<(), PolicyError> {
        for (name, value) in self.before.iter().chain(&self.after) {
            if name == "Version" && !VERSIONS.contains(&value.get()) {
                return Err(PolicyError::NotAPolicy(
                    "its `Version` is none that is known",
                ));
            }
        }
        let mut statements = self.statements.iter();
        statements.try_for_each(|statement| check_statement(statement))
    }
}

fn check_statement(statement: &RawValue) -> Result<(), PolicyError> {
    let Ordered(members) = serde_json::from_str(statement.get())
        .map_err(|error| PolicyError::NotJson(error.to_string()))?;
    let has_effect = |value: &RawValue| EFFECTS.contains(&value.get());
    let problem = if !all_of(&members, "Effect", has_effect) || !has(&members, &["Effect"]) {
        "the `Effect` of a statement is neither `Allow` nor `Deny`"
    } else if !has(&members, &["Principal", "NotPrincipal"]) {
        "a statement has no `Principal`"
    } else if !has(&members, &["Action", "NotAction"]) {
        "a statement has no `Action`"
    } else if !all_of(&members, "Condition", |value| value.get().starts_with('{')) {
        "the `Condition` of a statement is not an object"
    } else {
        return Ok(());
    };
    Err(PolicyError::NotAPolicy(problem))
}

fn has(members: &Members, names: &[&str]) -> bool {
    let mut members = members.iter();
    members.any(|(name, _)| names.contains(&name.as_str()))
}

fn all_of(members: &Members, member: &str, is_known: impl Fn(&RawValue) -> bool) -> bool {
    let mut members = members.iter();
    members.all(|(name, value)| name != member || is_known(value))
}
