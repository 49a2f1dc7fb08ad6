//! Pages of KMS: `Limit` and `Marker`, `Truncated` and `NextMarker` (R3.3.11).

use serde_json::{Value, json};

use super::Params;
use super::params::text;
use crate::services::Request;
use crate::services::pages::Page;
use crate::wire::{Body, Fail};

/// Reads which page a request asks for: at most 100 items, 50 if it does not say.
pub(super) fn read(params: &Params, request: &Request<'_>) -> Result<Page, Fail> {
    read_within(params, request, 50, 100)
}

/// The same of lists that have this many items in a page if the request does not say, and at most
/// `most`.
pub(super) fn read_within(
    params: &Params,
    request: &Request<'_>,
    usual: u64,
    most: u64,
) -> Result<Page, Fail> {
    let limit = params.get("Limit").and_then(Value::as_u64);
    let limit = limit.unwrap_or(usual);
    let bound = match limit {
        0 => "greater than or equal to 1".to_owned(),
        _ if limit <= most => {
            let size = usize::try_from(limit).unwrap_or(100);
            let page = Page::of(text(params, "Marker"), size, request);
            return page.ok_or_else(|| {
                Fail::bad("InvalidMarkerException", "Could not deserialize marker")
            });
        }
        _ => format!("less than or equal to {most}"),
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
