//! `RevokeGrant` and `RetireGrant` (R3.3.10).

use serde_json::json;

use super::Params;
use super::authorize::{Operation, authorized_key};
use super::params::{dry_run, need, text};
use crate::auth;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Grant, Key, World};

fn grant_not_found(id: &str) -> Fail {
    let message = format!("Grant ID {id} not found");
    Fail::bad("NotFoundException", message)
}

pub(super) fn revoke(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let id = need(params, "GrantId")?;
    let operation = Operation::all_keys("kms:RevokeGrant");
    let key = authorized_key(world, params, request, &operation)?;
    let Some(position) = key.grants.iter().position(|grant| grant.id == id) else {
        return Err(grant_not_found(id));
    };
    dry_run(params)?;
    key.grants.remove(position);
    Ok(Body::Json(json!({})))
}

pub(super) fn retire(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let (key, grant) = find(world, params)?;
    let context = request.context();
    auth::authorize_retirement(request.caller, key, grant, &context)?;
    let (arn, id) = (key.arn.clone(), grant.id.clone());
    dry_run(params)?;
    if let Some(key) = world.keys.get_mut(&arn) {
        key.grants.retain(|grant| grant.id != id);
    }
    Ok(Body::Json(json!({})))
}

/// The grant that a request names, by its token or by key ARN and ID.
fn find<'a>(world: &'a World, params: &Params) -> Result<(&'a Key, &'a Grant), Fail> {
    if let Some(token) = text(params, "GrantToken") {
        return find_by_token(world, token)
            .ok_or_else(|| Fail::bad("InvalidGrantTokenException", ""));
    }
    let (Some(arn), Some(id)) = (text(params, "KeyId"), text(params, "GrantId")) else {
        let message = "Either a grant token, or a key ARN and a grant ID.";
        return Err(Fail::bad("ValidationException", message));
    };
    // A bare key ID does not do (recorded).
    let Some(key) = world.keys.get(arn) else {
        let message = format!("Invalid arn {arn}");
        return Err(Fail::bad("NotFoundException", message));
    };
    let grant = key.grants.iter().find(|grant| grant.id == id);
    let grant = grant.ok_or_else(|| grant_not_found(id))?;
    Ok((key, grant))
}

fn find_by_token<'a>(world: &'a World, token: &str) -> Option<(&'a Key, &'a Grant)> {
    for key in world.keys.values() {
        for grant in &key.grants {
            if grant.tokens.iter().any(|known| known == token) {
                return Some((key, grant));
            }
        }
    }
    None
}
