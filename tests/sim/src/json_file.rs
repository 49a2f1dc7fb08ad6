//! Scenario and fault files: JSON with comments, mistakes by their place, and JSON Schemas.

use serde::Deserialize;
use serde_json::{Value, json};

/// Reads JSON into a type, with the place of whatever is wrong. `$comment` may stand in every
/// object and is skipped.
///
/// # Errors
/// One message with the JSON path.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    skip_comments(&mut value);
    if !value.is_object() && !value.is_array() {
        return Err("neither an object nor a list".to_owned());
    }
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string() {
        path if path == "." => error.inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    })
}

fn skip_comments(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("$comment");
            members.values_mut().for_each(skip_comments);
        }
        Value::Array(items) => items.iter_mut().for_each(skip_comments),
        _ => {}
    }
}

/// The JSON Schema of a type that is read with [`read`].
pub(crate) fn schema<T: schemars::JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    allow_comments(&mut schema);
    schema
}

fn allow_comments(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get_mut("properties") {
                properties.insert("$comment".to_owned(), json!({ "type": "string" }));
            }
            members.values_mut().for_each(allow_comments);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_comments),
        _ => {}
    }
}
