//! The JSON Schema of configuration files, from the table of inputs: editors check a file with it.

use serde_json::{Map, Value, json};

use super::{GROUPS, MOST_GROUPS, is_of_file, is_of_group};
use crate::inputs::{Form, INPUTS, Input};

/// The schema, as this version of the tool reads files.
pub fn schema() -> Value {
    let mut group = properties(is_of_group);
    let name = json!({
        "description": "what the group is called",
        "type": "string",
        "pattern": "^[A-Za-z0-9._-]{1,64}$",
    });
    group.insert("name".to_owned(), name);
    let mut file = properties(is_of_file);
    let groups = json!({
        "description": "groups of targets; a setting of a group stands in for that of the file",
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_GROUPS,
        "items": {
            "type": "object",
            "properties": group,
            "required": ["name"],
            "additionalProperties": false,
        },
    });
    file.insert(GROUPS.to_owned(), groups);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration file of ami-share",
        "type": "object",
        "properties": file,
        "additionalProperties": false,
    })
}

fn properties(is_allowed: fn(&Input) -> bool) -> Map<String, Value> {
    let mut properties = Map::new();
    for input in INPUTS.iter().filter(|input| is_allowed(input)) {
        let mut property = form(input.form);
        property.insert("description".to_owned(), input.help.into());
        properties.insert(input.name.to_owned(), property.into());
    }
    properties
}

/// What a value of the form is like.
fn form(form: Form) -> Map<String, Value> {
    let scalar = json!(["string", "number", "boolean"]);
    let schema = match form {
        Form::Boolean => json!({ "enum": [true, false, "true", "false"] }),
        Form::Value => json!({ "type": scalar }),
        Form::List => json!({
            "anyOf": [
                { "type": ["string", "number"] },
                { "type": "array", "items": { "type": scalar }, "minItems": 1 },
                {
                    "type": "object",
                    "additionalProperties": { "type": scalar },
                    "minProperties": 1,
                },
            ],
        }),
    };
    match schema {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
