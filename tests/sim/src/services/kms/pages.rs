//! Pages of KMS: `Limit` and `Marker`, `Truncated` and `NextMarker` (R3.3.11).

use serde_json::{Value, json};

use super::Params;
use super::params::text;
use crate::services::Request;
use crate::services::pages::Page;
use crate::wire::{Body, Fail};

/// Reads which page a request asks for: at most 100 items, 50 if it does not say.
pub(super) fn read(params: &Params, request: &Request<'_>) -> Result<Page, Fail> {
    let limit = params.get("Limit").and_then(Value::as_u64).unwrap_or(50);
    let bound = match limit {
        0 => "greater than or equal to 1",
        1..=100 => {
            let size = usize::try_from(limit).unwrap_or(100);
            let page = Page::of(text(params, "Marker"), size, request);
            return page.ok_or_else(|| {
                Fail::bad("InvalidMarkerException", "Could not deserialize marker")
            });
        }
        _ => "less than or equal to 100",
    };
    let message = format!(
        "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: \
         Member must have value {bound}"
    );
    Err(Fail::bad("ValidationException", message))
}

/// The answer with a page of a list.
pub(super) fn answer(name: &str, items: Vec<Value>, next: Option<String>) -> Body {
    let mut answer = json!({ "Truncated": next.is_some() });
    answer[name] = Value::Array(items);
    if let Some(next) = next {
        answer["NextMarker"] = json!(next);
    }
    Body::Json(answer)
}
