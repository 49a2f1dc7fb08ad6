//! Keys: describe, create, enable, disable, delete.

use std::time::Duration;

use serde_json::{Value, json};

use super::authorize::{Operation, authorize_without_key, authorized_key};
use super::params::{is_true, need, text};
use super::{Params, key_not_found, multi_region, pages, policy, tags};
use crate::auth;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Key, KeyState, World, hex};

const DAY: Duration = Duration::from_hours(24);

pub(super) fn describe(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let operation = Operation::all_keys("kms:DescribeKey").by_alias();
    let arn = authorized_key(world, params, request, &operation)?
        .arn
        .clone();
    let metadata = metadata(world, &world.keys[&arn], request);
    Ok(Body::Json(json!({ "KeyMetadata": metadata })))
}

/// Every key of the account in the Region, those of AWS too (R3.8).
pub(super) fn list(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    authorize_without_key(request, "kms:ListKeys")?;
    let page = pages::read_within(params, request, 100, 1_000)?;
    let mut keys = Vec::new();
    for key in world.keys.values() {
        if key.account == request.account() && key.region == request.region {
            keys.push(json!({ "KeyId": key.id, "KeyArn": key.arn }));
        }
    }
    let (keys, next) = page.slice(keys);
    Ok(pages::answer("Keys", keys, next))
}

/// `UpdateKeyDescription`. A key that is to be deleted takes none (R3.9).
pub(super) fn describe_anew(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let description = need(params, "Description")?.to_owned();
    let operation = Operation::own_keys("kms:UpdateKeyDescription");
    let key = authorized_key(world, params, request, &operation)?;
    if key.state.is_to_be_deleted() {
        let message = format!("{} is {}.", key.arn, key.state.words());
        return Err(Fail::bad("KMSInvalidStateException", message));
    }
    key.description = description;
    Ok(Body::Json(json!({})))
}

/// The ID of a key material: the first has the number 0.
pub(super) fn material_id(key_id: &str, number: usize) -> String {
    hex(&format!("material {number} of {key_id}"), 64)
}

pub(super) fn metadata(world: &World, key: &Key, request: &Request<'_>) -> Value {
    const AWS_EBS: &str = "Default key that protects my EBS volumes when no other key is defined";
    let origin = match key.state {
        KeyState::PendingImport => "EXTERNAL",
        _ => "AWS_KMS",
    };
    let (manager, description) = if key.aws_managed {
        ("AWS", AWS_EBS)
    } else {
        ("CUSTOMER", key.description.as_str())
    };
    let mut metadata = json!({
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": request.clock.epoch(key.created),
        "Enabled": key.state == KeyState::Enabled,
        "Description": description,
        "KeyUsage": key.usage(),
        "KeyState": key.state.as_str(),
        "Origin": origin,
        "KeyManager": manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "MultiRegion": key.primary_region.is_some(),
    });
    if key.usage() == "ENCRYPT_DECRYPT" {
        metadata["EncryptionAlgorithms"] = json!(["SYMMETRIC_DEFAULT"]);
        if !matches!(key.state, KeyState::Creating | KeyState::PendingImport) {
            let material = material_id(&key.id, key.rotations.len());
            metadata["CurrentKeyMaterialId"] = json!(material);
        }
    }
    if let Some(bits) = key.spec.strip_prefix("HMAC_") {
        metadata["MacAlgorithms"] = json!([format!("HMAC_SHA_{bits}")]);
    }
    if let Some(at) = key.deletion {
        metadata["DeletionDate"] = json!(request.clock.epoch(at));
    }
    if key.primary_region.is_some() {
        metadata["MultiRegionConfiguration"] = multi_region::configuration(world, key);
    }
    metadata
}

pub(super) fn create(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    authorize_without_key(request, "kms:CreateKey")?;
    let policy = match text(params, "Policy") {
        Some(policy) => policy.to_owned(),
        None => Key::default_policy(request.account(), request.region),
    };
    let bypass = is_true(params, "BypassPolicyLockoutSafetyCheck");
    let name = world.issue(16);
    let mut key = Key::new(request.account(), request.region, &name, &policy);
    let is_multi_region = is_true(params, "MultiRegion");
    if is_multi_region {
        key = Key {
            policies: key.policies.clone(),
            ..key.in_region(request.region)
        };
    }
    policy::check(world, &policy, &key.arn, bypass, request)?;
    if is_multi_region {
        // The role that keeps the keys in step is made with the first of them (recorded).
        let service = "mrk.kms.amazonaws.com";
        let roles = &world.accounts[request.account()].roles;
        if !roles.values().any(|role| role.path.contains(service)) {
            world.add_service_linked_role(request.account(), service, request.now);
        }
    }
    key.created = request.now;
    text(params, "Description")
        .unwrap_or_default()
        .clone_into(&mut key.description);
    key.tags = tags::read(params)?;
    if let Some(spec) = text(params, "KeySpec").or(text(params, "CustomerMasterKeySpec")) {
        spec.clone_into(&mut key.spec);
    }
    if text(params, "Origin") == Some("EXTERNAL") {
        key.state = KeyState::PendingImport;
    }
    let arn = key.arn.clone();
    world.keys.insert(arn.clone(), key);
    let metadata = metadata(world, &world.keys[&arn], request);
    Ok(Body::Json(json!({ "KeyMetadata": metadata })))
}

/// Enables, disables, schedules deletion or cancels it. None works on AWS's own keys or across
/// accounts (R3.1.2, R3.4).
pub(super) fn change_state(
    world: &mut World,
    name: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    let action = format!("kms:{name}");
    let operation = Operation::own_keys(&action);
    let arn = authorized_key(world, params, request, &operation)?
        .arn
        .clone();
    let has_replicas = multi_region::has_replicas(world, &world.keys[&arn]);
    let key = world
        .keys
        .get_mut(&arn)
        .ok_or_else(|| key_not_found(&arn))?;
    check_pending_deletion(key, name == "CancelKeyDeletion")?;
    match name {
        "EnableKey" | "DisableKey" => {
            if matches!(key.state, KeyState::PendingImport | KeyState::Creating) {
                auth::check_key_state(key)?;
            }
            key.state = if name == "EnableKey" {
                KeyState::Enabled
            } else {
                KeyState::Disabled
            };
        }
        "CancelKeyDeletion" => {
            (key.state, key.deletion) = (KeyState::Disabled, None);
            return Ok(Body::Json(json!({ "KeyId": key.arn })));
        }
        _ => return schedule_deletion(key, has_replicas, params, request),
    }
    Ok(Body::Json(json!({})))
}

/// Fails unless a key is to be deleted, or is not, as the operation needs it.
fn check_pending_deletion(key: &Key, needed: bool) -> Result<(), Fail> {
    if key.state.is_to_be_deleted() == needed {
        return Ok(());
    }
    let state = if needed {
        "not pending deletion"
    } else {
        key.state.words()
    };
    let message = format!("{} is {state}.", key.arn);
    Err(Fail::bad("KMSInvalidStateException", message))
}

/// A primary key waits for the deletion of its replicas, without a date (recorded).
fn schedule_deletion(
    key: &mut Key,
    has_replicas: bool,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    let days = params.get("PendingWindowInDays").and_then(Value::as_u64);
    let days = match days.unwrap_or(30) {
        days @ 7..=30 => days,
        other => {
            let message = format!(
                "1 validation error detected: Value '{other}' at 'pendingWindowInDays' failed to \
                 satisfy constraint: Member must be between 7 and 30"
            );
            return Err(Fail::bad("ValidationException", message));
        }
    };
    let mut answer = json!({ "KeyId": key.arn, "PendingWindowInDays": days });
    if has_replicas {
        key.state = KeyState::PendingReplicaDeletion;
    } else {
        let at = request.now + Duration::from_secs(days * DAY.as_secs());
        (key.state, key.deletion) = (KeyState::PendingDeletion, Some(at));
        answer["DeletionDate"] = json!(request.clock.epoch(at));
    }
    answer["KeyState"] = json!(key.state.as_str());
    Ok(Body::Json(answer))
}
