//! KMS: keys, aliases, policies, grants, and the permissions of cryptography.

mod aliases;
mod authorize;
mod crypto;
mod grant_request;
mod grants;
mod keys;
mod multi_region;
mod pages;
mod params;
mod policy;
mod principals;
mod retire;
mod rotation;
mod tags;

use serde_json::{Map, Value};

use super::Request;
use crate::wire::{Fail, Outcome};
use crate::world::World;

type Params = Map<String, Value>;

pub(super) fn call(
    world: &mut World,
    operation: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "DescribeKey" => keys::describe(world, params, request),
        "ListKeys" => keys::list(world, params, request),
        "UpdateKeyDescription" => keys::describe_anew(world, params, request),
        "CreateKey" => keys::create(world, params, request),
        "EnableKey" | "DisableKey" | "ScheduleKeyDeletion" | "CancelKeyDeletion" => {
            keys::change_state(world, operation, params, request)
        }
        "ReplicateKey" => multi_region::replicate(world, params, request),
        "UpdatePrimaryRegion" => multi_region::update_primary(world, params, request),
        "TagResource" | "UntagResource" => tags::change(world, operation, params, request),
        "ListResourceTags" => tags::list(world, params, request),
        "EnableKeyRotation" | "DisableKeyRotation" => {
            rotation::set(world, operation, params, request)
        }
        "GetKeyRotationStatus" => rotation::status(world, params, request),
        "RotateKeyOnDemand" => rotation::rotate(world, params, request),
        "ListKeyRotations" => rotation::list(world, params, request),
        "CreateAlias" => aliases::create(world, params, request),
        "DeleteAlias" => aliases::delete(world, params, request),
        "ListAliases" => aliases::list(world, params, request),
        "GetKeyPolicy" => policy::get(world, params, request),
        "ListKeyPolicies" => policy::list(world, params, request),
        "PutKeyPolicy" => policy::put(world, params, request),
        "CreateGrant" => grants::create(world, params, request),
        "ListGrants" => grants::list(world, params, request),
        "ListRetirableGrants" => grants::list_retirable(world, params, request),
        "RevokeGrant" => retire::revoke(world, params, request),
        "RetireGrant" => retire::retire(world, params, request),
        "Encrypt" => crypto::encrypt(world, params, request),
        "Decrypt" => crypto::decrypt(world, params, request),
        "ReEncrypt" => crypto::re_encrypt(world, params, request),
        "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => {
            crypto::data_key(world, operation, params, request)
        }
        _ => Err(Fail::bad("UnknownOperationException", "")),
    }
}

fn key_not_found(arn: &str) -> Fail {
    Fail::bad("NotFoundException", format!("Key '{arn}' does not exist"))
}
