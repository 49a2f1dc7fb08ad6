//! The condition keys that a policy asks for, as it spells them.

use serde_json::Value;

use super::grammar::statements;
use super::texts;

/// The keys of conditions, and the variables in resources and in values of conditions, each
/// spelling once, in IAM's order. Variables have a meaning only in the newer version of the
/// language.
pub fn condition_keys(document: &Value) -> Vec<String> {
    let has_variables = document.get("Version") == Some(&"2012-10-17".into());
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for statement in statements(document) {
        for name in ["Resource", "NotResource"] {
            values.extend(statement.get(name).and_then(texts).unwrap_or_default());
        }
        let operators = statement.get("Condition").and_then(Value::as_object);
        for of_keys in operators
            .into_iter()
            .flat_map(|operators| operators.values())
        {
            for (key, expected) in of_keys.as_object().into_iter().flatten() {
                keys.push(key.clone());
                values.extend(texts(expected).unwrap_or_default());
            }
        }
    }
    let mut variables = Vec::new();
    for value in values.iter().filter(|_| has_variables) {
        variables.extend(variables_of(value));
    }
    // The last variable is looked at first (recorded where two share a bucket).
    variables.reverse();
    keys.extend(variables);
    in_hash_order(keys)
}

/// The names of the variables in a text, without their defaults. `${*}`, `${?}` and `${$}` only
/// escape a character, but IAM calls them keys too (recorded).
fn variables_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.split("${").skip(1) {
        if let Some((inner, _)) = part.split_once('}') {
            let name = inner.split(',').next().unwrap_or_default();
            names.push(name.trim().to_owned());
        }
    }
    names
}

/// Texts without repetition in the order in which a hash set of Java gives them, which is the order
/// of all recorded answers.
pub fn in_hash_order(texts: Vec<String>) -> Vec<String> {
    let mut set: Vec<String> = Vec::new();
    for text in texts {
        if !set.contains(&text) {
            set.push(text);
        }
    }
    // The set doubles when it is three quarters full.
    let mut buckets = 16;
    while set.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    set.sort_by_key(|text| {
        let hash = java_hash(text);
        (hash ^ (hash >> 16)) as usize % buckets
    });
    set
}

fn java_hash(text: &str) -> u32 {
    let mut hash = 0_u32;
    for unit in text.encode_utf16() {
        hash = hash.wrapping_mul(31).wrapping_add(unit.into());
    }
    hash
}
