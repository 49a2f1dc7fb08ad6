//! Keys: describe, create, enable, disable, delete.

use std::time::Duration;

use serde_json::{Value, json};

use super::authorize::{Operation, authorize_without_key, authorized_key};
use super::params::{is_true, text};
use super::{Params, policy};
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Key, KeyState, World};

const DAY: Duration = Duration::from_hours(24);

pub(super) fn describe(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let operation = Operation::all_keys("kms:DescribeKey").by_alias();
    let key = authorized_key(world, params, request, &operation)?;
    let answer = json!({ "KeyMetadata": metadata(key, request) });
    Ok(Body::Json(answer))
}

fn metadata(key: &Key, request: &Request<'_>) -> Value {
    let symmetric = key.spec == "SYMMETRIC_DEFAULT";
    let usage = if symmetric {
        "ENCRYPT_DECRYPT"
    } else {
        "SIGN_VERIFY"
    };
    let origin = match key.state {
        KeyState::PendingImport => "EXTERNAL",
        _ => "AWS_KMS",
    };
    let (manager, description) = if key.aws_managed {
        let text = "Default key that protects my EBS volumes when no other key is defined";
        ("AWS", text)
    } else {
        ("CUSTOMER", "")
    };
    let mut metadata = json!({
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": request.clock.epoch(key.created),
        "Enabled": key.state == KeyState::Enabled,
        "Description": description,
        "KeyUsage": usage,
        "KeyState": key.state.as_str(),
        "Origin": origin,
        "KeyManager": manager,
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
    authorize_without_key(request, "kms:CreateKey")?;
    let policy = match text(params, "Policy") {
        Some(policy) => policy.to_owned(),
        None => Key::default_policy(request.account()),
    };
    let bypass = is_true(params, "BypassPolicyLockoutSafetyCheck");
    policy::check(world, &policy, bypass, request)?;
    let name = world.issue(16);
    let mut key = Key::new(request.account(), request.region, &name, &policy);
    key.created = request.now;
    if let Some(spec) = text(params, "KeySpec").or(text(params, "CustomerMasterKeySpec")) {
        spec.clone_into(&mut key.spec);
    }
    if text(params, "Origin") == Some("EXTERNAL") {
        key.state = KeyState::PendingImport;
    }
    let answer = json!({ "KeyMetadata": metadata(&key, request) });
    world.keys.insert(key.arn.clone(), key);
    Ok(Body::Json(answer))
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
    let key = authorized_key(world, params, request, &operation)?;
    check_pending_deletion(key, name == "CancelKeyDeletion")?;
    match name {
        "EnableKey" => key.state = KeyState::Enabled,
        "DisableKey" => key.state = KeyState::Disabled,
        "CancelKeyDeletion" => (key.state, key.deletion) = (KeyState::Disabled, None),
        _ => return schedule_deletion(key, params, request),
    }
    let answer = match name {
        "CancelKeyDeletion" => json!({ "KeyId": key.arn }),
        _ => json!({}),
    };
    Ok(Body::Json(answer))
}

/// Fails unless a key is pending deletion, or is not, as the operation needs it.
fn check_pending_deletion(key: &Key, needed: bool) -> Result<(), Fail> {
    let pending = key.state == KeyState::PendingDeletion;
    if pending == needed {
        return Ok(());
    }
    let state = if pending {
        "pending deletion"
    } else {
        "not pending deletion"
    };
    let message = format!("{} is {state}.", key.arn);
    Err(Fail::bad("KMSInvalidStateException", message))
}

fn schedule_deletion(key: &mut Key, params: &Params, request: &Request<'_>) -> Outcome {
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
    let at = request.now + Duration::from_secs(days * DAY.as_secs());
    (key.state, key.deletion) = (KeyState::PendingDeletion, Some(at));
    Ok(Body::Json(json!({
        "KeyId": key.arn,
        "DeletionDate": request.clock.epoch(at),
        "KeyState": key.state.as_str(),
        "PendingWindowInDays": days,
    })))
}
