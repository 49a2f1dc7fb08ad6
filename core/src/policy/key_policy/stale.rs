//! Removes principals that no longer exist from a statement. The rest of it keeps its bytes.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::document::{Ordered, texts_of};
use super::foreign::is_unique_id;
use crate::policy::statement::texts;

/// A statement without the unique IDs of deleted principals.
pub(super) enum Cleaned {
    Statement(Box<RawValue>),
    /// It names nobody else, and so gives or denies nothing.
    Nothing,
    /// It spares only such principals, and so is about everybody: what to make of it is for its
    /// owner to say.
    SparesNobody,
}

pub(super) fn without_deleted(raw: &RawValue) -> Cleaned {
    clean(raw).unwrap_or(Cleaned::SparesNobody)
}

fn clean(raw: &RawValue) -> Option<Cleaned> {
    let Ordered(mut members) = serde_json::from_str(raw.get()).ok()?;
    for (name, value) in &mut members {
        if name != "Principal" && name != "NotPrincipal" {
            continue;
        }
        let kinds: Map<String, Value> = serde_json::from_str(value.get()).ok()?;
        let kinds = kinds_without_deleted(kinds)?;
        if kinds.is_empty() {
            return (name == "Principal").then_some(Cleaned::Nothing);
        }
        *value = serde_json::value::to_raw_value(&kinds).ok()?;
    }
    let text = format!("{{{}}}", texts_of(&members).join(","));
    RawValue::from_string(text).ok().map(Cleaned::Statement)
}

/// The kinds of principals that are left; a kind without any principal is left out.
fn kinds_without_deleted(mut kinds: Map<String, Value>) -> Option<Map<String, Value>> {
    let mut remaining = Vec::new();
    for name in texts(kinds.get("AWS")?)? {
        if !is_unique_id(name) {
            remaining.push(name.to_owned());
        }
    }
    if remaining.is_empty() {
        kinds.shift_remove("AWS");
    } else {
        kinds["AWS"] = remaining.into();
    }
    Some(kinds)
}
