//! Worlds as data: what there is when a simulation begins.

mod build;
mod check;
mod generate;
mod presets;
mod spec;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub use generate::Size;
pub use spec::{
    AccountSpec, AllowedImagesSpec, AllowedImagesState, ImageSpec, ImageStateSpec, KeySpec,
    KeyStateSpec, OrganizationSpec, PolicySpec, RegionSpec, RoleSpec, Scenario, UnitSpec,
};

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
                properties.insert(
                    "$comment".to_owned(),
                    serde_json::json!({ "type": "string" }),
                );
            }
            members.values_mut().for_each(allow_comments);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_comments),
        _ => {}
    }
}

/// What the simulation tells of itself when it is ready.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// The Region.
    pub region: String,
    /// Administrators' access keys by account.
    pub accounts: BTreeMap<String, AccountFacts>,
    /// Image IDs by name.
    pub images: BTreeMap<String, String>,
    /// Key ARNs by name.
    pub keys: BTreeMap<String, String>,
    /// Role ARNs by account and name.
    pub roles: BTreeMap<String, BTreeMap<String, String>>,
}

/// An administrator's access key.
#[derive(Clone, Debug, Serialize)]
pub struct AccountFacts {
    /// The ID.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}
