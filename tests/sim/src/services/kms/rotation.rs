//! Rotation of key material, on demand. What would happen by itself does not.

use serde_json::{Value, json};

use super::authorize::{Operation, authorized_key};
use super::multi_region::refuse_alias;
use super::params::text;
use super::{Params, keys, pages};
use crate::auth;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Key, World};

/// How often a key can be rotated on demand.
const MOST: usize = 25;
/// The days between rotations, if a request names none.
const PERIOD: u64 = 365;

/// The symmetric key that a request names, if it can be used.
fn usable_key<'a>(
    world: &'a mut World,
    action: &str,
    params: &Params,
    request: &Request<'_>,
) -> Result<&'a mut Key, Fail> {
    refuse_alias(params)?;
    let key = authorized_key(world, params, request, &Operation::own_keys(action))?;
    auth::check_key_state(key)?;
    if key.usage() != "ENCRYPT_DECRYPT" {
        let message = format!("{} is not a symmetric encryption key.", key.arn);
        return Err(Fail::bad("UnsupportedOperationException", message));
    }
    Ok(key)
}

pub(super) fn set(
    world: &mut World,
    name: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    let key = usable_key(world, &format!("kms:{name}"), params, request)?;
    key.rotation_period = match name {
        "EnableKeyRotation" => Some(period(params)?),
        _ => None,
    };
    Ok(Body::Json(json!({})))
}

fn period(params: &Params) -> Result<u64, Fail> {
    let days = params.get("RotationPeriodInDays").and_then(Value::as_u64);
    let days = days.unwrap_or(PERIOD);
    let bound = match days {
        0..90 => "greater than or equal to 90",
        90..=2560 => return Ok(days),
        _ => "less than or equal to 2560",
    };
    let message = format!(
        "1 validation error detected: Value '{days}' at 'rotationPeriodInDays' failed to satisfy \
         constraint: Member must have value {bound}"
    );
    Err(Fail::bad("ValidationException", message))
}

pub(super) fn status(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    refuse_alias(params)?;
    let operation = Operation::all_keys("kms:GetKeyRotationStatus");
    let key = authorized_key(world, params, request, &operation)?;
    let period = key.rotation_period;
    let mut answer = json!({ "KeyId": key.arn, "KeyRotationEnabled": period.is_some() });
    if let Some(days) = period {
        answer["RotationPeriodInDays"] = json!(days);
    }
    Ok(Body::Json(answer))
}

pub(super) fn rotate(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let key = usable_key(world, "kms:RotateKeyOnDemand", params, request)?;
    if key.rotations.len() >= MOST {
        let message = format!("{} was rotated on demand as often as it can be.", key.arn);
        return Err(Fail::bad("LimitExceededException", message));
    }
    key.rotations.push(request.now);
    Ok(Body::Json(json!({ "KeyId": key.arn })))
}

/// The rotations, or every key material with the first one.
pub(super) fn list(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    refuse_alias(params)?;
    let page = pages::read(params, request)?;
    let operation = Operation::own_keys("kms:ListKeyRotations");
    let key = authorized_key(world, params, request, &operation)?;
    let last = key.rotations.len();
    let mut rotations = Vec::new();
    for number in 0..=last {
        let state = if number == last {
            "CURRENT"
        } else {
            "NON_CURRENT"
        };
        let mut rotation = json!({
            "KeyId": key.arn,
            "KeyMaterialId": keys::material_id(&key.id, number),
            "KeyMaterialState": state,
        });
        if let Some(at) = number
            .checked_sub(1)
            .and_then(|index| key.rotations.get(index))
        {
            rotation["RotationDate"] = json!(request.clock.epoch(*at));
            rotation["RotationType"] = json!("ON_DEMAND");
        } else if text(params, "IncludeKeyMaterial") != Some("ALL_KEY_MATERIAL") {
            continue;
        }
        rotations.push(rotation);
    }
    let (rotations, next) = page.slice(rotations);
    Ok(pages::answer("Rotations", rotations, next))
}
