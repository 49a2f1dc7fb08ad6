//! Reads the JSON parameters of a call.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Params;
use crate::wire::Fail;

/// A text, if there is one.
pub(super) fn text<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).and_then(Value::as_str)
}

/// A text that must be there.
pub(super) fn need<'a>(params: &'a Params, name: &str) -> Result<&'a str, Fail> {
    match params.get(name) {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => {
            let message = format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: \
                 Member must not be null",
                name[..1].to_lowercase() + &name[1..]
            );
            Err(Fail::bad("ValidationException", message))
        }
        Some(_) => Err(Fail::bad("SerializationException", "")),
    }
}

/// The texts of a list.
pub(super) fn texts(params: &Params, name: &str) -> Vec<String> {
    let mut texts = Vec::new();
    if let Some(list) = params.get(name).and_then(Value::as_array) {
        for text in list.iter().filter_map(Value::as_str) {
            texts.push(text.to_owned());
        }
    }
    texts
}

/// Whether a truth value is set.
pub(super) fn is_true(params: &Params, name: &str) -> bool {
    params.get(name) == Some(&Value::Bool(true))
}

pub(super) fn encryption_context(
    params: &Params,
    name: &str,
) -> Result<BTreeMap<String, String>, Fail> {
    let Some(value) = params.get(name) else {
        return Ok(BTreeMap::new());
    };
    let context = serde_json::from_value(value.clone()).ok();
    context.ok_or_else(|| Fail::bad("SerializationException", ""))
}

/// Ends a dry run that would have succeeded (R3.5).
pub(super) fn dry_run(params: &Params) -> Result<(), Fail> {
    if is_true(params, "DryRun") {
        let message = "The request would have succeeded, but the DryRun option is set.";
        return Err(Fail::bad("DryRunOperationException", message));
    }
    Ok(())
}
