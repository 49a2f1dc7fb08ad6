//! Keys and aliases.

use serde_json::{Value, json};

use super::{Op, Params, allowed, need, policy, without_key};
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Key, KeyState, World};

pub(super) fn describe(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let key = allowed(
        world,
        params,
        request,
        &Op::new("kms:DescribeKey", true, true),
    )?;
    Ok(Body::Json(json!({ "KeyMetadata": metadata(key, request) })))
}

fn metadata(key: &Key, request: &Request<'_>) -> Value {
    let symmetric = key.spec == "SYMMETRIC_DEFAULT";
    let origin = if key.state == KeyState::PendingImport {
        "EXTERNAL"
    } else {
        "AWS_KMS"
    };
    let mut metadata = json!({
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": request.clock.epoch(key.created),
        "Enabled": key.state == KeyState::Enabled,
        "Description": if key.aws_managed { "Default key that protects my EBS volumes when no \
            other key is defined" } else { "" },
        "KeyUsage": if symmetric { "ENCRYPT_DECRYPT" } else { "SIGN_VERIFY" },
        "KeyState": key.state.as_str(),
        "Origin": origin,
        "KeyManager": if key.aws_managed { "AWS" } else { "CUSTOMER" },
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "MultiRegion": key.id.starts_with("mrk-"),
    });
    if symmetric {
        metadata["EncryptionAlgorithms"] = json!(["SYMMETRIC_DEFAULT"]);
    }
    if let Some(at) = key.deletion {
        metadata["DeletionDate"] = json!(request.clock.epoch(at));
    }
    metadata
}

pub(super) fn create(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    without_key(request, "kms:CreateKey")?;
    let of = |name: &str| params.get(name).and_then(Value::as_str);
    let text = of("Policy").map_or_else(|| Key::default_policy(request.account()), str::to_owned);
    let bypass = params.get("BypassPolicyLockoutSafetyCheck") == Some(&Value::Bool(true));
    policy::check(world, &text, bypass, request)?;
    let name = world.issue(16);
    let mut key = Key {
        created: request.now,
        ..Key::new(request.account(), request.region, &name, &text)
    };
    if let Some(spec) = of("KeySpec").or(of("CustomerMasterKeySpec")) {
        spec.clone_into(&mut key.spec);
    }
    if of("Origin") == Some("EXTERNAL") {
        key.state = KeyState::PendingImport;
    }
    let answer = json!({ "KeyMetadata": metadata(&key, request) });
    world.keys.insert(key.arn.clone(), key);
    Ok(Body::Json(answer))
}

/// Enables, disables, schedules deletion or cancels it; none works on AWS's own keys or across
/// accounts (R3.1.2, R3.4).
pub(super) fn change_state(
    world: &mut World,
    operation: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    let action = format!("kms:{operation}");
    let key = allowed(world, params, request, &Op::new(&action, false, false))?;
    let pending = key.state == KeyState::PendingDeletion;
    if pending != (operation == "CancelKeyDeletion") {
        let why = if pending {
            "pending deletion"
        } else {
            "not pending deletion"
        };
        return Err(Fail::bad(
            "KMSInvalidStateException",
            format!("{} is {why}.", key.arn),
        ));
    }
    let days = params
        .get("PendingWindowInDays")
        .and_then(Value::as_u64)
        .unwrap_or(30);
    match operation {
        "EnableKey" => key.state = KeyState::Enabled,
        "DisableKey" => key.state = KeyState::Disabled,
        "CancelKeyDeletion" => (key.state, key.deletion) = (KeyState::Disabled, None),
        _ if !(7..=30).contains(&days) => {
            let message = format!(
                "1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to \
                 satisfy constraint: Member must be between 7 and 30"
            );
            return Err(Fail::bad("ValidationException", message));
        }
        _ => {
            let at = request.now + std::time::Duration::from_secs(days * 24 * 3600);
            (key.state, key.deletion) = (KeyState::PendingDeletion, Some(at));
        }
    }
    Ok(Body::Json(match (operation, key.deletion) {
        ("ScheduleKeyDeletion", Some(at)) => json!({
            "KeyId": key.arn,
            "DeletionDate": request.clock.epoch(at),
            "KeyState": key.state.as_str(),
            "PendingWindowInDays": days,
        }),
        ("CancelKeyDeletion", _) => json!({ "KeyId": key.arn }),
        _ => json!({}),
    }))
}

pub(super) fn create_alias(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let (alias, target) = (
        need(params, "AliasName")?.to_owned(),
        need(params, "TargetKeyId")?,
    );
    if !alias.starts_with("alias/") {
        let message = "Alias must start with the prefix \"alias/\". Please see \
                       https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";
        return Err(Fail::bad("ValidationException", message));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    let name = alias
        .strip_prefix("alias/")
        .filter(|name| !name.is_empty() && name.chars().all(fits));
    if name.is_none_or(|name| name.starts_with("aws/")) {
        return Err(Fail::bad(
            "InvalidAliasNameException",
            format!("Alias {alias} is not a valid alias name."),
        ));
    }
    let of_target: Params = [("KeyId".to_owned(), json!(target))].into_iter().collect();
    let arn = allowed(
        world,
        &of_target,
        request,
        &Op::new("kms:CreateAlias", false, false),
    )?
    .arn
    .clone();
    let place = (
        request.account().to_owned(),
        request.region.to_owned(),
        alias.clone(),
    );
    if world.aliases.contains_key(&place) {
        let message = format!(
            "An alias with the name {} already exists",
            alias_arn(&alias, request)
        );
        return Err(Fail::bad("AlreadyExistsException", message));
    }
    world.aliases.insert(place, arn);
    Ok(Body::Json(json!({})))
}

pub(super) fn delete_alias(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let alias = need(params, "AliasName")?.to_owned();
    let of_target: Params = [("KeyId".to_owned(), json!(alias))].into_iter().collect();
    allowed(
        world,
        &of_target,
        request,
        &Op::new("kms:DeleteAlias", true, false),
    )?;
    world.aliases.remove(&(
        request.account().to_owned(),
        request.region.to_owned(),
        alias,
    ));
    Ok(Body::Json(json!({})))
}

fn alias_arn(alias: &str, request: &Request<'_>) -> String {
    format!(
        "arn:aws:kms:{}:{}:{alias}",
        request.region,
        request.account()
    )
}

pub(super) fn list_aliases(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    without_key(request, "kms:ListAliases")?;
    let of_key = params.get("KeyId").and_then(Value::as_str);
    let own = world
        .aliases
        .iter()
        .filter(|((of, region, _), _)| of == request.account() && region == request.region);
    let own = own.filter(|(_, arn)| {
        of_key.is_none_or(|key| *arn == key || arn.ends_with(&format!("/{key}")))
    });
    let aliases: Vec<Value> = own
        .map(|((_, _, alias), arn)| {
            json!({
                "AliasName": alias,
                "AliasArn": alias_arn(alias, request),
                "TargetKeyId": arn.rsplit('/').next(),
                "CreationDate": request.clock.epoch(std::time::Duration::ZERO),
                "LastUpdatedDate": request.clock.epoch(std::time::Duration::ZERO),
            })
        })
        .collect();
    Ok(Body::Json(
        json!({ "Aliases": aliases, "Truncated": false }),
    ))
}
