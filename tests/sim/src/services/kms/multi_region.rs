//! Keys of several Regions (R3.6): one ID and one key material; each has a policy, grants and a
//! state of its own.

use std::time::Duration;

use serde_json::{Value, json};

use super::authorize::{Operation, authorize_without_key, authorized_key};
use super::params::{is_true, need, text};
use super::{Params, key_not_found, keys, policy, tags};
use crate::auth;
use crate::partition;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Key, KeyState, World};

/// How long a replica is created, and a primary Region updated.
const SETTLING: Duration = Duration::from_secs(3);

/// Fails for an alias, which these operations and rotation do not take (recorded).
pub(super) fn refuse_alias(params: &Params) -> Result<(), Fail> {
    if need(params, "KeyId")?.contains("alias/") {
        let message = "Key Aliases are not supported for this operation.";
        return Err(Fail::bad("InvalidArnException", message));
    }
    Ok(())
}

/// The keys of one ID, as each of them shows it.
pub(super) fn configuration(world: &World, key: &Key) -> Value {
    let (mut primary, mut replicas) = (Value::Null, Vec::new());
    for other in world.keys.values() {
        if other.id == key.id && other.account == key.account {
            let shown = json!({ "Arn": other.arn, "Region": other.region });
            if other.is_primary() {
                primary = shown;
            } else {
                replicas.push(shown);
            }
        }
    }
    let kind = if key.is_primary() {
        "PRIMARY"
    } else {
        "REPLICA"
    };
    json!({ "MultiRegionKeyType": kind, "PrimaryKey": primary, "ReplicaKeys": replicas })
}

/// Whether a primary key has replicas.
pub(super) fn has_replicas(world: &World, key: &Key) -> bool {
    let is_replica = |other: &Key| other.id == key.id && other.account == key.account;
    key.is_primary()
        && world
            .keys
            .values()
            .any(|other| other.arn != key.arn && is_replica(other))
}

/// The key of the same ID in a Region.
pub(super) fn in_region(world: &World, arn: &str, region: &str) -> Option<String> {
    let key = world
        .keys
        .get(arn)
        .filter(|key| key.primary_region.is_some())?;
    let arn = key.in_region(region).arn;
    world.keys.contains_key(&arn).then_some(arn)
}

/// A replica has the default key policy unless the request has one, and no description (recorded).
pub(super) fn replicate(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let region = need(params, "ReplicaRegion")?;
    refuse_alias(params)?;
    let operation = Operation::own_keys("kms:ReplicateKey");
    let key = authorized_key(world, params, request, &operation)?;
    if !key.is_primary() {
        let message = format!("{} is not a multi-region primary key.", key.arn);
        return Err(Fail::bad("UnsupportedOperationException", message));
    }
    check_replica_region(region, &key.region)?;
    auth::check_key_state(key)?;
    authorize_without_key(request, "kms:CreateKey")?;
    let mut replica = key.in_region(region);
    if world.keys.contains_key(&replica.arn) {
        let message = "You can create only one replica of each primary key in each AWS Region.";
        return Err(Fail::bad("AlreadyExistsException", message));
    }
    let document = match text(params, "Policy") {
        Some(document) => document.to_owned(),
        None => Key::default_policy(request.account(), region),
    };
    let bypass = is_true(params, "BypassPolicyLockoutSafetyCheck");
    policy::check(world, &document, &replica.arn, bypass, request)?;
    replica.policies = vec![(request.now, document.clone())];
    replica.created = request.now;
    replica.ram_policy = None;
    replica.state = KeyState::Creating;
    replica.settles = Some(request.now + SETTLING);
    text(params, "Description")
        .unwrap_or_default()
        .clone_into(&mut replica.description);
    replica.tags = tags::read(params)?;
    let arn = replica.arn.clone();
    world.settling.push(arn.clone());
    world.keys.insert(arn.clone(), replica);
    let replica = &world.keys[&arn];
    Ok(Body::Json(json!({
        "ReplicaKeyMetadata": keys::metadata(world, replica, request),
        "ReplicaPolicy": document,
        "ReplicaTags": tags::render(replica),
    })))
}

fn check_replica_region(region: &str, primary: &str) -> Result<(), Fail> {
    let message = if region == primary {
        format!("{region} cannot have a replica because it contains the primary.")
    } else if partition::of_region(region).name == partition::of_region(primary).name {
        return Ok(());
    } else {
        "The replica key Region must be in the same AWS partition as the primary key Region."
            .to_owned()
    };
    Err(Fail::bad("ValidationException", message))
}

/// Makes a replica the primary key. Both are updated for a while.
pub(super) fn update_primary(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let region = need(params, "PrimaryRegion")?;
    refuse_alias(params)?;
    let operation = Operation::own_keys("kms:UpdatePrimaryRegion");
    let key = authorized_key(world, params, request, &operation)?;
    if !key.is_primary() {
        let message = format!("{} is not a multi-Region primary key.", key.arn);
        return Err(Fail::bad("KMSInvalidStateException", message));
    }
    auth::check_key_state(key)?;
    let (id, account, new) = (
        key.id.clone(),
        key.account.clone(),
        key.in_region(region).arn,
    );
    let replica = world.keys.get(&new).ok_or_else(|| key_not_found(&new))?;
    auth::check_key_state(replica)?;
    let former = request.region.to_owned();
    for key in world.keys.values_mut() {
        if key.id != id || key.account != account {
            continue;
        }
        key.primary_region = Some(region.to_owned());
        if [region, former.as_str()].contains(&key.region.as_str()) {
            key.state = KeyState::Updating;
            key.settles = Some(request.now + SETTLING);
            world.settling.push(key.arn.clone());
        }
    }
    Ok(Body::Json(json!({})))
}
