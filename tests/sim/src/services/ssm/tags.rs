//! Tags of parameters.

use serde_json::{Value, json};

use super::{Params, authorize, text, texts};
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Tags, World};

/// Reads `Tags`.
pub(super) fn read(params: &Params) -> Result<Tags, Fail> {
    let mut tags = Tags::new();
    for tag in params
        .get("Tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let member = |name: &str| tag[name].as_str().map(str::to_owned);
        let (Some(key), Some(value)) = (member("Key"), member("Value")) else {
            return Err(Fail::bad("SerializationException", ""));
        };
        tags.insert(key, value);
    }
    Ok(tags)
}

/// The tags of the parameter that a request names.
fn tags_of<'a>(
    world: &'a mut World,
    operation: &str,
    params: &Params,
    request: &Request<'_>,
) -> Result<&'a mut Tags, Fail> {
    if text(params, "ResourceType") != Some("Parameter") {
        return Err(Fail::bad("InvalidResourceType", ""));
    }
    let name = text(params, "ResourceId").unwrap_or_default();
    authorize(request, operation, name)?;
    let account = world
        .accounts
        .entry(request.account().to_owned())
        .or_default();
    let place = (request.region.to_owned(), name.to_owned());
    if !account.parameters.contains_key(&place) {
        return Err(Fail::bad("InvalidResourceId", ""));
    }
    Ok(account.parameter_tags.entry(place).or_default())
}

pub(super) fn add(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let new = read(params)?;
    tags_of(world, "AddTagsToResource", params, request)?.extend(new);
    Ok(Body::Json(json!({})))
}

/// Keys that are not there are no error (recorded).
pub(super) fn remove(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let tags = tags_of(world, "RemoveTagsFromResource", params, request)?;
    for key in texts(params, "TagKeys") {
        tags.remove(key);
    }
    Ok(Body::Json(json!({})))
}

pub(super) fn list(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let tags = tags_of(world, "ListTagsForResource", params, request)?;
    let item = |(key, value)| json!({ "Key": key, "Value": value });
    let tags: Vec<Value> = tags.iter().map(item).collect();
    Ok(Body::Json(json!({ "TagList": tags })))
}
