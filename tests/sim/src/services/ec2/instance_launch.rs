//! The launch of an instance: its volumes, their keys, and what KMS says (R4.1 to R4.4).

use std::collections::BTreeMap;

use super::kms_calls::{
    KmsCall, data_key_id, encryption_context, forward, is_permitted, record_by_service,
    service_principal,
};
use super::sharing::encrypts_by_default;
use crate::services::Request;
use crate::wire::Query;
use crate::world::{Constraint, Grant, Image, Instance, Snapshot, Volume, World};

/// What a launch asks of the key of the AMI.
const SOURCE: [&str; 4] = [
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
];
/// What it asks of the key of a volume, in addition to the data key and the grants.
const VOLUME: [&str; 2] = ["kms:DescribeKey", "kms:ReEncryptTo"];

/// Launches an instance. Each volume needs the AMI's key and its own; if KMS refuses one, the
/// instance ends (R4.1, R4.4).
pub(super) fn launch(
    world: &mut World,
    image: &Image,
    mappings: &[Query],
    request: &Request<'_>,
) -> Instance {
    let mut instance = Instance {
        id: world.new_id("i"),
        image: image.id.clone(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        state: "running",
        state_reason: None,
        transition_reason: String::new(),
        kind: String::new(),
        launched: request.now,
        volumes: Vec::new(),
        security_groups: Vec::new(),
        key_name: None,
        tags: BTreeMap::new(),
    };
    let mut refused = false;
    for device in &image.mappings {
        let snapshot = device.snapshot.as_ref();
        let Some(snapshot) = snapshot.and_then(|id| world.snapshots.get(id)).cloned() else {
            continue;
        };
        let by_device = |mapping: &&Query| mapping.get("DeviceName") == Some(&device.device);
        let mapping = mappings.iter().find(by_device);
        let Ok(key) = volume_key(world, image, &snapshot, mapping, request) else {
            refused = true;
            continue;
        };
        let volume = Volume {
            id: world.new_id("vol"),
            device: device.device.clone(),
            snapshot: snapshot.id.clone(),
            key,
            size: snapshot.size,
        };
        refused |= !kms_allows(world, &snapshot, &volume, &instance.id, request);
        instance.volumes.push(volume);
    }
    if refused {
        end_refused(world, &mut instance);
    }
    instance
}

/// Ends an instance that KMS refused. Nothing of it stays (recorded).
fn end_refused(world: &mut World, instance: &mut Instance) {
    let reason = "Client.InvalidKMSKey.InvalidState";
    let message = format!("{reason}: The KMS key provided is in an incorrect state");
    retire_grants(world, &instance.id);
    instance.volumes.clear();
    instance.state = "terminated";
    instance.state_reason = Some((reason.to_owned(), message));
    "Client.InternalError".clone_into(&mut instance.transition_reason);
}

/// The request names a key that does not exist.
struct UnknownKey;

/// The key of a volume: the one that the mapping names; for an image of the caller the snapshot's;
/// for a shared image the launcher's default key, not the owner's (R4.2).
fn volume_key(
    world: &mut World,
    image: &Image,
    snapshot: &Snapshot,
    mapping: Option<&Query>,
    request: &Request<'_>,
) -> Result<Option<String>, UnknownKey> {
    let account = request.account();
    let parameter = |name: &str| mapping.and_then(|mapping| mapping.get(name));
    if let Some(name) = parameter("Ebs.KmsKeyId") {
        let key = world.find_key(name, account, request.region);
        return key.map(Some).ok_or(UnknownKey);
    }
    let encrypt = parameter("Ebs.Encrypted") == Some("true") || encrypts_by_default(world, request);
    Ok(match &snapshot.key {
        Some(key) if image.owner == account => Some(key.clone()),
        None if !encrypt => None,
        _ => world.default_ebs_key(account, request.region),
    })
}

/// Makes the calls to KMS for one volume, in the recorded order (R4.3). Returns whether KMS allowed
/// them all.
fn kms_allows(
    world: &mut World,
    snapshot: &Snapshot,
    volume: &Volume,
    instance: &str,
    request: &Request<'_>,
) -> bool {
    if let Some(key) = &snapshot.key
        && !is_permitted(world, request, key, &SOURCE)
    {
        return false;
    }
    let Some(key) = &volume.key else { return true };
    if !is_permitted(world, request, key, &VOLUME) {
        return false;
    }
    let region = request.region;
    if let Some(source) = &snapshot.key {
        let id = data_key_id(snapshot);
        record_by_service(world, region, "kms:Decrypt", source, id);
    }
    let data_key = KmsCall::new("kms:GenerateDataKeyWithoutPlaintext", key, &volume.id);
    if forward(world, request, &data_key).is_err() {
        return false;
    }
    for grantee in [
        service_principal(region),
        infrastructure_role(instance, request),
    ] {
        let constraint = Constraint::EncryptionContextSubset(encryption_context(&volume.id));
        let call = KmsCall::create_grant(key, &volume.id, grantee, constraint, request);
        if forward(world, request, &call).is_err() {
            return false;
        }
        keep_grant(world, key, call.grant, instance);
    }
    record_by_service(world, region, "kms:Decrypt", key, &volume.id);
    true
}

/// The role that EC2 has for an instance of its own.
fn infrastructure_role(instance: &str, request: &Request<'_>) -> String {
    let account = request.account();
    let partition = request.partition();
    format!("arn:{partition}:sts::{account}:assumed-role/aws:ec2-infrastructure/{instance}")
}

/// Keeps a grant of EC2 on a volume's key until the instance is gone. Those on the AMI's key are
/// retired as soon as the volumes exist, so that they are never seen.
fn keep_grant(world: &mut World, key: &str, grant: Option<Grant>, instance: &str) {
    let id = world.issue(64);
    if let (Some(key), Some(grant)) = (world.keys.get_mut(key), grant) {
        key.grants.push(Grant {
            id,
            instance: Some(instance.to_owned()),
            ..grant
        });
    }
}

/// Retires the grants that serve an instance.
pub(super) fn retire_grants(world: &mut World, instance: &str) {
    for key in world.keys.values_mut() {
        key.grants
            .retain(|grant| grant.instance.as_deref() != Some(instance));
    }
}

/// Retires the grants to the role of an instance, as when it stops. EC2 keeps its own (R4.3).
pub(super) fn retire_role_grants(world: &mut World, instance: &str) {
    const ROLE: &str = ":assumed-role/aws:ec2-infrastructure/";
    for key in world.keys.values_mut() {
        key.grants.retain(|grant| {
            let serves = grant.instance.as_deref() == Some(instance);
            !serves || !grant.grantee.arn.contains(ROLE)
        });
    }
}
