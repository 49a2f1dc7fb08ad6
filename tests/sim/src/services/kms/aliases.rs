//! Aliases of keys.

use std::time::Duration;

use serde_json::json;

use super::authorize::{Operation, authorize_without_key, authorized_key};
use super::params::{need, text};
use super::{Params, pages};
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::World;

pub(super) fn create(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let (alias, target) = (need(params, "AliasName")?, need(params, "TargetKeyId")?);
    check_alias(alias)?;
    let operation = Operation::own_keys("kms:CreateAlias");
    let key = authorized_key(world, &key_id(target), request, &operation)?;
    let arn = key.arn.clone();
    let place = place_of(alias, request);
    if world.aliases.contains_key(&place) {
        let alias = alias_arn(alias, request);
        let message = format!("An alias with the name {alias} already exists");
        return Err(Fail::bad("AlreadyExistsException", message));
    }
    world.aliases.insert(place, arn);
    Ok(Body::Json(json!({})))
}

fn check_alias(alias: &str) -> Result<(), Fail> {
    let Some(name) = alias.strip_prefix("alias/") else {
        let message = "Alias must start with the prefix \"alias/\". Please see \
                       https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";
        return Err(Fail::bad("ValidationException", message));
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    if name.is_empty() || name.starts_with("aws/") || !name.chars().all(fits) {
        let message = format!("Alias {alias} is not a valid alias name.");
        return Err(Fail::bad("InvalidAliasNameException", message));
    }
    Ok(())
}

/// The parameters of a call that names its key as `KeyId`.
fn key_id(name: &str) -> Params {
    let mut params = Params::new();
    params.insert("KeyId".to_owned(), json!(name));
    params
}

fn place_of(alias: &str, request: &Request<'_>) -> (String, String, String) {
    let (account, region) = (request.account().to_owned(), request.region.to_owned());
    (account, region, alias.to_owned())
}

fn alias_arn(alias: &str, request: &Request<'_>) -> String {
    let (region, account) = (request.region, request.account());
    let partition = request.partition();
    format!("arn:{partition}:kms:{region}:{account}:{alias}")
}

pub(super) fn delete(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let alias = need(params, "AliasName")?;
    let operation = Operation::own_keys("kms:DeleteAlias").by_alias();
    authorized_key(world, &key_id(alias), request, &operation)?;
    world.aliases.remove(&place_of(alias, request));
    Ok(Body::Json(json!({})))
}

pub(super) fn list(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    authorize_without_key(request, "kms:ListAliases")?;
    let key = text(params, "KeyId");
    let is_of_key = |arn: &str| match key {
        Some(key) => arn == key || arn.ends_with(&format!("/{key}")),
        None => true,
    };
    let created = request.clock.epoch(Duration::ZERO);
    let mut aliases = Vec::new();
    for ((account, region, alias), arn) in &world.aliases {
        if account == request.account() && region == request.region && is_of_key(arn) {
            aliases.push(json!({
                "AliasName": alias,
                "AliasArn": alias_arn(alias, request),
                "TargetKeyId": arn.rsplit('/').next(),
                "CreationDate": created,
                "LastUpdatedDate": created,
            }));
        }
    }
    let (aliases, next) = pages::read(params, request)?.slice(aliases);
    Ok(pages::answer("Aliases", aliases, next))
}
