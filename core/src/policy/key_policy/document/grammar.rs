//! The grammar of key policies. KMS stores nothing else, so a text that breaks it says something
//! that this version does not know.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Document, Members, Ordered, PolicyError};

const VERSIONS: [&str; 2] = [r#""2008-10-17""#, r#""2012-10-17""#];
const EFFECTS: [&str; 2] = [r#""Allow""#, r#""Deny""#];
/// How much of a member's name is shown.
const SHOWN_CHARACTERS: usize = 100;
/// The members of a statement that say what it is and does.
const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

impl Document {
    /// Checks the version, and the members that decide what each statement does. A statement
    /// without a resource is one that KMS stores: it has no effect (R3.2.9).
    pub(in crate::policy::key_policy) fn check_grammar(&self) -> Result<(), PolicyError> {
        let mut has_version = false;
        for (name, value) in self.before.iter().chain(&self.after) {
            if name != "Version" {
                continue;
            }
            if has_version {
                return Err(PolicyError::NotAPolicy("it has `Version` twice"));
            }
            has_version = true;
            if !VERSIONS.contains(&value.get()) {
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
    for element in ELEMENTS {
        check_element(&members, element)?;
    }
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

/// Checks that an element is there once at most, and that all of it can be read. Of a member that
/// is there twice, nobody knows which one counts.
fn check_element(members: &Members, element: &'static str) -> Result<(), PolicyError> {
    let mut values = members.iter().filter(|(name, _)| name == element);
    let Some((_, value)) = values.next() else {
        return Ok(());
    };
    let why = if values.next().is_some() {
        "it is there twice".to_owned()
    } else if let Err(error) = serde_json::from_str::<Value>(value.get()) {
        error.to_string()
    } else if let Some(member) = repeated_member(value) {
        let shown: String = member.chars().take(SHOWN_CHARACTERS).collect();
        format!("it has `{shown}` twice")
    } else {
        return Ok(());
    };
    Err(PolicyError::Unreadable(element, why))
}

/// A member that an object has twice, anywhere in a value.
fn repeated_member(value: &RawValue) -> Option<String> {
    let mut inner: Vec<Box<RawValue>> = Vec::new();
    if value.get().starts_with('{') {
        let Ordered(members) = serde_json::from_str(value.get()).ok()?;
        let mut names = BTreeSet::new();
        for (name, value) in members {
            if names.contains(&name) {
                return Some(name);
            }
            names.insert(name);
            inner.push(value);
        }
    } else if value.get().starts_with('[') {
        inner = serde_json::from_str(value.get()).ok()?;
    }
    inner.iter().find_map(|value| repeated_member(value))
}

fn has(members: &Members, names: &[&str]) -> bool {
    let mut members = members.iter();
    members.any(|(name, _)| names.contains(&name.as_str()))
}

fn all_of(members: &Members, member: &str, is_known: impl Fn(&RawValue) -> bool) -> bool {
    let mut members = members.iter();
    members.all(|(name, value)| name != member || is_known(value))
}
