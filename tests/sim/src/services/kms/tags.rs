//! Tags of keys.

use serde_json::{Value, json};

use super::authorize::{Operation, authorized_key};
use super::params::{need, texts};
use super::{Params, pages};
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Key, Tags, World};

/// The tags of a request.
pub(super) fn read(params: &Params) -> Result<Tags, Fail> {
    let mut tags = Tags::new();
    for tag in params
        .get("Tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let tag = tag
            .as_object()
            .ok_or_else(|| Fail::bad("SerializationException", ""))?;
        let key = need(tag, "TagKey")?.to_owned();
        if key.to_lowercase().starts_with("aws:") {
            let message = "Tag keys that begin with aws: are reserved.";
            return Err(Fail::bad("TagException", message));
        }
        if tags
            .insert(key, need(tag, "TagValue")?.to_owned())
            .is_some()
        {
            return Err(Fail::bad("TagException", "Duplicate tag keys"));
        }
    }
    Ok(tags)
}

/// The tags of a key, as answers have them.
pub(super) fn render(key: &Key) -> Vec<Value> {
    let tags = key.tags.iter();
    tags.map(|(key, value)| json!({ "TagKey": key, "TagValue": value }))
        .collect()
}

/// `TagResource` and `UntagResource`. A key that is to be deleted takes no tags (recorded).
pub(super) fn change(
    world: &mut World,
    name: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    let action = format!("kms:{name}");
    let key = authorized_key(world, params, request, &Operation::own_keys(&action))?;
    if key.state.is_to_be_deleted() {
        let message = format!("{} is {}.", key.arn, key.state.words());
        return Err(Fail::bad("KMSInvalidStateException", message));
    }
    if name == "TagResource" {
        key.tags.extend(read(params)?);
    } else {
        for tag in texts(params, "TagKeys") {
            key.tags.remove(&tag);
        }
    }
    Ok(Body::Json(json!({})))
}

pub(super) fn list(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let page = pages::read(params, request)?;
    let operation = Operation::own_keys("kms:ListResourceTags");
    let key = authorized_key(world, params, request, &operation)?;
    let (tags, next) = page.slice(render(key));
    Ok(pages::answer("Tags", tags, next))
}
