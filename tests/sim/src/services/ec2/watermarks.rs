//! Attaches and detaches watermarks (R7.13).

use super::authorize::authorize_image;
use super::{dry_run, ids, return_true};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Watermark, World};

/// How many watermarks an image has at most.
const MOST: usize = 5;

/// Only the owner attaches one, and not to a public image. One that is there is left alone; whether
/// AWS answers this too is not known.
pub(super) fn attach(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    authorize_image(world, id, "ec2:AttachImageWatermark", request)?;
    let image = ids::own_image(world, id, request)?;
    ids::check_available(image)?;
    let name = query.need("WatermarkName")?;
    if !is_name(name) {
        let message = format!("The watermark name '{name}' is not valid.");
        return Err(Fail::invalid_value(message));
    }
    if image.is_public() {
        let message = format!("The image '{id}' is public.");
        return Err(Fail::bad("OperationNotPermitted", message));
    }
    let key = format!("{}:{name}", request.account());
    let is_there = image.watermarks.iter().any(|one| one.key == key);
    if !is_there && image.watermarks.len() >= MOST {
        let message = format!("The image '{id}' has {MOST} watermarks.");
        return Err(Fail::bad("WatermarkLimitExceeded", message));
    }
    let watermark = Watermark {
        key: key.clone(),
        region: request.region.to_owned(),
        source_image: id.to_owned(),
        source_created: image.created,
        created: request.now,
    };
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id)
        && !is_there
    {
        image.watermarks.push(watermark);
    }
    Ok(Body::Xml(vec![Element::of("watermarkKey", key)]))
}

/// Copies that were made before keep the watermark.
pub(super) fn detach(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    authorize_image(world, id, "ec2:DetachImageWatermark", request)?;
    let image = ids::own_image(world, id, request)?;
    let key = query.need("WatermarkKey")?;
    if !image.watermarks.iter().any(|one| one.key == key) {
        let message = format!("The image '{id}' has no watermark '{key}'.");
        return Err(Fail::bad("InvalidWatermarkKey.NotFound", message));
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        image.watermarks.retain(|one| one.key != key);
    }
    Ok(return_true())
}

/// 3 to 128 letters, digits and some signs.
fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
    (3..=128).contains(&name.len()) && name.chars().all(is_allowed)
}
