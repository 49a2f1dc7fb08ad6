//! The key that CopyImage puts a snapshot's copy under, and whether KMS lets it (R1.3, R1.5.2,
//! R1.5.3).

use super::copies::key_without_encryption;
use super::kms_calls::{self, KmsCall};
use super::sharing::encrypts_by_default;
use crate::auth;
use crate::services::Request;
use crate::wire::{Fail, Query};
use crate::world::{Snapshot, World};

const NOT_ACCESSIBLE: &str = "Given key ID is not accessible";

/// What a request says about encryption.
#[derive(Clone, Copy)]
pub(super) struct Encryption<'a> {
    pub(super) encrypted: Option<bool>,
    key: Option<&'a str>,
}

impl<'a> Encryption<'a> {
    pub(super) fn read(query: &'a Query) -> Result<Self, Fail> {
        let encrypted = query.flag("Encrypted")?;
        let key = query.filled("KmsKeyId");
        if key.is_some() && encrypted != Some(true) {
            return Err(key_without_encryption());
        }
        Ok(Self { encrypted, key })
    }
}

/// The key of a copied snapshot, and why the copy will fail: the reason of the image, and of the
/// snapshot.
pub(super) struct Destination {
    pub(super) key: Option<String>,
    pub(super) failure: Option<(String, String)>,
}

/// Chooses the key of the copy of a snapshot, and asks KMS for it.
pub(super) fn choose(
    world: &mut World,
    original: &Snapshot,
    encryption: Encryption<'_>,
    copy_id: &str,
    request: &Request<'_>,
) -> Destination {
    let key = match choose_key(world, original, encryption, request) {
        Ok(key) => key,
        Err(reason) => {
            let of_image = format!("AMI snapshot copy failed with error: {reason}");
            return Destination {
                key: None,
                failure: Some((of_image, reason)),
            };
        }
    };
    let mut failure = None;
    if let Some(arn) = &key
        && !kms_allows(world, original, arn, copy_id, request)
    {
        let of_image = format!(
            "AMI snapshot copy failed with error: {NOT_ACCESSIBLE}. You must have DescribeKey \
             permissions on the default CMK"
        );
        failure = Some((of_image, NOT_ACCESSIBLE.to_owned()));
    }
    Destination { key, failure }
}

/// The key that the copy is to be under. `Err` says why the named key cannot be used.
fn choose_key(
    world: &mut World,
    original: &Snapshot,
    encryption: Encryption<'_>,
    request: &Request<'_>,
) -> Result<Option<String>, String> {
    let account = request.account();
    if let Some(name) = encryption.key {
        return match world.find_key(name, account, request.region) {
            Some(arn) if is_usable(world, &arn, request) => Ok(Some(arn)),
            _ => Err(format!("The specified keyId {name} is invalid")),
        };
    }
    let takes_default = if encryption.encrypted == Some(true) {
        true
    } else if let Some(key) = &original.key {
        // A snapshot of the caller keeps its key within the Region. Of other accounts, and in
        // another Region, the copy is under the default key.
        if original.owner == account && original.region == request.region {
            return Ok(Some(key.clone()));
        }
        true
    } else {
        encrypts_by_default(world, request)
    };
    if !takes_default {
        return Ok(None);
    }
    Ok(world.default_ebs_key(account, request.region))
}

/// Whether a key is symmetric, enabled, and in this Region (R1.3.6).
fn is_usable(world: &World, arn: &str, request: &Request<'_>) -> bool {
    let Some(key) = world.keys.get(arn) else {
        return false;
    };
    let fits = key.region == request.region && key.spec == "SYMMETRIC_DEFAULT";
    fits && auth::check_key_state(key).is_ok()
}

/// Whether KMS allows everything that AWS publishes for both keys. If the scenario says so, only
/// what was recorded is asked for.
fn kms_allows(
    world: &mut World,
    original: &Snapshot,
    destination: &str,
    copy_id: &str,
    request: &Request<'_>,
) -> bool {
    if !world.copies_as_recorded {
        if let Some(source) = &original.key {
            // An encrypted source needs the caller's default key too (R1.4.4).
            let describe = ["kms:DescribeKey"];
            if let Some(default) = world.default_ebs_key(request.account(), request.region)
                && !kms_calls::is_permitted(world, request, &default, &describe)
            {
                return false;
            }
            if !kms_calls::is_permitted(world, request, source, &kms_calls::PUBLISHED) {
                return false;
            }
        }
        if !kms_calls::is_permitted(world, request, destination, &kms_calls::PUBLISHED) {
            return false;
        }
    }
    let describe = KmsCall::new("kms:DescribeKey", destination, copy_id);
    kms_calls::forward(world, request, &describe).is_ok()
        && kms_calls::copy(world, request, original, destination, copy_id).is_ok()
}
