//! The launch of an instance: its volumes, their keys, and what KMS says (R4.1 to R4.4).

use super::kms_calls::{
    KmsCall, call_context, data_key_id, encryption_context, forward, is_permitted,
    record_by_service, service_principal,
};
use super::sharing::encrypts_by_default;
use crate::auth;
use crate::policy::{AccessRequest, Decision, Document, PrincipalFacts};
use crate::services::Request;
use crate::wire::Query;
use crate::world::{
    Constraint, Grant, Image, Instance, Mapping, NextState, Snapshot, Volume, World,
};

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
    let mut instance = new_instance(world, image, request);
    let mut refused = false;
    for device in &image.mappings {
        let by_device = |mapping: &&Query| mapping.get("DeviceName") == Some(&device.device);
        let mapping = mappings.iter().find(by_device);
        if mapping.is_some_and(|mapping| mapping.has("NoDevice")) {
            continue;
        }
        let source = device.snapshot.as_ref();
        let source = source.and_then(|id| world.snapshots.get(id)).cloned();
        let size = source.as_ref().map(|source| source.size).or(device.size);
        // A device of the machine itself has no volume.
        let Some(size) = size else {
            continue;
        };
        let Ok(key) = volume_key(world, image, device, source.as_ref(), mapping, request) else {
            refused = true;
            continue;
        };
        let deleted = mapping.and_then(|mapping| mapping.get("Ebs.DeleteOnTermination"));
        let volume = Volume {
            id: world.new_id("vol"),
            device: device.device.clone(),
            snapshot: source
                .as_ref()
                .map(|source| source.id.clone())
                .unwrap_or_default(),
            key,
            size,
            delete_on_termination: match deleted {
                Some(text) => text == "true",
                None => device.delete_on_termination,
            },
        };
        refused |= !kms_allows(world, source.as_ref(), &volume, &instance.id, request);
        instance.volumes.push(volume);
    }
    set_course(world, &mut instance, refused, request);
    instance
}

fn new_instance(world: &mut World, image: &Image, request: &Request<'_>) -> Instance {
    Instance {
        id: world.new_id("i"),
        image: image.id.clone(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        launched: request.now,
        ..Instance::default()
    }
}

/// Decides how the launch goes on: the instance runs, or ends by itself (R4.4, R4.5, R7.28).
fn set_course(world: &mut World, instance: &mut Instance, refused: bool, request: &Request<'_>) {
    let launching = world.launching(request.account(), request.region);
    let vague = "Client.InternalError: Client error on launch";
    let of_key = "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state";
    let end = match (refused, launching.vague_ends) {
        (true, true) => Some(vague.to_owned()),
        (true, false) => Some(of_key.to_owned()),
        (false, _) => launching.ends_with.clone(),
    };
    let is_over = end.is_some();
    if let Some(message) = end {
        let code = message.split(": ").next().unwrap_or_default();
        let transition = if refused {
            "Client.InternalError"
        } else {
            code
        };
        transition.clone_into(&mut instance.transition_reason);
        instance.state_reason = Some((code.to_owned(), message));
        // Nothing of it stays (recorded).
        world.retire_grants(&instance.id);
        instance.volumes.clear();
    }
    let state = if is_over { "terminated" } else { "running" };
    instance.state = state;
    if !launching.start_time.is_zero() {
        instance.state = "pending";
        let at = request.now + launching.start_time;
        instance.next = Some(NextState { at, state });
    }
}

/// The request names a key that does not exist.
struct UnknownKey;

/// The key of a volume: the one that the mapping names; for an image of the caller the snapshot's;
/// for a shared image the launcher's default key, not the owner's (R4.2).
fn volume_key(
    world: &mut World,
    image: &Image,
    device: &Mapping,
    snapshot: Option<&Snapshot>,
    mapping: Option<&Query>,
    request: &Request<'_>,
) -> Result<Option<String>, UnknownKey> {
    let account = request.account();
    let parameter = |name: &str| mapping.and_then(|mapping| mapping.get(name));
    if let Some(name) = parameter("Ebs.KmsKeyId") {
        let key = world.find_key(name, account, request.region);
        return key.map(Some).ok_or(UnknownKey);
    }
    let asked = parameter("Ebs.Encrypted") == Some("true") || device.encrypted;
    let encrypt = asked || encrypts_by_default(world, request);
    Ok(match snapshot.and_then(|snapshot| snapshot.key.as_ref()) {
        Some(key) if image.owner == account => Some(key.clone()),
        None if !encrypt => None,
        _ => world.default_ebs_key(account, request.region),
    })
}

/// Makes the calls to KMS for one volume, in the recorded order (R4.3). Returns whether KMS allowed
/// them all.
fn kms_allows(
    world: &mut World,
    snapshot: Option<&Snapshot>,
    volume: &Volume,
    instance: &str,
    request: &Request<'_>,
) -> bool {
    let source = snapshot.and_then(|snapshot| Some((snapshot, snapshot.key.as_ref()?)));
    if let Some((_, key)) = source
        && !is_permitted(world, request, key, &SOURCE)
    {
        return false;
    }
    let Some(key) = &volume.key else { return true };
    if !is_permitted(world, request, key, &VOLUME) {
        return false;
    }
    let region = request.region;
    if let Some((snapshot, source)) = source {
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
    instance_decrypts(world, key, &volume.id, instance, request)
}

/// Whether the key's policy lets the instance's own role decrypt. EC2 has given it a grant, which a
/// deny of the policy beats (R4.6).
fn instance_decrypts(
    world: &World,
    key: &str,
    volume: &str,
    instance: &str,
    request: &Request<'_>,
) -> bool {
    let Some(key) = world.keys.get(key) else {
        return false;
    };
    let (partition, account) = (request.partition(), request.account());
    let role = format!("arn:{partition}:iam::{account}:role/aws:ec2-infrastructure");
    let facts = PrincipalFacts {
        account: account.to_owned(),
        arn: infrastructure_role(instance, request),
        role_arn: Some(role.clone()),
        unique_id: String::new(),
    };
    let mut context = call_context(request, key);
    for (name, value) in [
        ("aws:PrincipalArn", role.as_str()),
        ("aws:PrincipalAccount", account),
        ("kms:CallerAccount", account),
        ("aws:ResourceAccount", &key.account),
        ("kms:EncryptionContext:aws:ebs:id", volume),
        ("aws:ViaAWSService", "false"),
    ] {
        auth::set(&mut context, name, value);
    }
    let access = AccessRequest {
        principal: &facts,
        action: "kms:Decrypt",
        resource: &key.arn,
        context: &context,
    };
    let as_of = request
        .now
        .saturating_sub(request.options.delays.key_policies);
    let policy = Document::from_text(key.policy_at(as_of)).unwrap_or_default();
    policy.evaluate(&access) != Decision::ExplicitDeny
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
