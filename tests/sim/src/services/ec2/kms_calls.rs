//! What EC2 asks of KMS on the caller's behalf, call by call as it was recorded (R1.4.5, R1.4.6,
//! R4.3), and what it does there as itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::auth::{self, KeyUse};
use crate::partition;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::Fail;
use crate::world::{Constraint, Grant, Grantee, Key, Snapshot, TrailEvent, World};

/// What AWS publishes for both keys of a copy (R1.4.2).
pub(super) const PUBLISHED: [&str; 6] = [
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];

/// The address that EC2 calls KMS from. It is not the caller's, and comes through no VPC endpoint.
const EC2_ADDRESS: &str = "52.94.0.7";

/// One call: an action on a key in an encryption context, with the grant that it makes.
pub(super) struct KmsCall<'a> {
    pub(super) action: &'a str,
    pub(super) key: &'a str,
    /// The value of `aws:ebs:id` in the encryption context: a volume or a snapshot.
    pub(super) id: &'a str,
    pub(super) grant: Option<Grant>,
}

impl<'a> KmsCall<'a> {
    pub(super) fn new(action: &'a str, key: &'a str, id: &'a str) -> Self {
        Self {
            action,
            key,
            id,
            grant: None,
        }
    }

    /// CreateGrant, by which `grantee` may decrypt in an encryption context.
    pub(super) fn create_grant(
        key: &'a str,
        id: &'a str,
        grantee: String,
        constraint: Constraint,
        request: &Request<'_>,
    ) -> Self {
        let grantee = Grantee {
            arn: grantee,
            unique_id: None,
        };
        let retiring = Grantee {
            arn: service_principal(request.region),
            unique_id: None,
        };
        let grant = Grant {
            grantee,
            retiring: Some(retiring),
            issuing_account: request.account().to_owned(),
            operations: vec!["Decrypt".to_owned()],
            constraint: Some(constraint),
            created: request.now,
            ..Grant::default()
        };
        Self {
            grant: Some(grant),
            ..Self::new("kms:CreateGrant", key, id)
        }
    }
}

/// EC2 as a grantee.
pub(super) fn service_principal(region: &str) -> String {
    let suffix = partition::of_region(region).dns_suffix;
    format!("ec2.{region}.{suffix}")
}

pub(super) fn encryption_context(id: &str) -> BTreeMap<String, String> {
    [("aws:ebs:id".to_owned(), id.to_owned())].into()
}

/// The `aws:ebs:id` of a snapshot's data key: of a snapshot of a volume it is the volume's
/// (R1.4.7).
pub(super) fn data_key_id(snapshot: &Snapshot) -> &str {
    if snapshot.volume == Snapshot::NO_VOLUME {
        &snapshot.id
    } else {
        &snapshot.volume
    }
}

/// Whether KMS would let the caller do all of this through EC2. Does nothing.
pub(super) fn is_permitted(
    world: &World,
    request: &Request<'_>,
    key: &str,
    actions: &[&str],
) -> bool {
    let Some(key) = world.keys.get(key) else {
        return false;
    };
    let allows = |action: &&str| {
        let call = KmsCall::new(action, &key.arn, "");
        authorize(world, key, request, &call).is_ok()
    };
    actions.iter().all(allows)
}

/// The condition keys that every call of EC2 has.
pub(super) fn call_context(request: &Request<'_>, key: &Key) -> Context {
    let mut context = request.context();
    let suffix = partition::of_region(&key.region).dns_suffix;
    let suffix = request.options.service_suffix.unwrap_or(suffix);
    let service = format!("ec2.{}.{suffix}", key.region);
    auth::set(&mut context, "kms:ViaService", &service);
    auth::set(&mut context, "aws:RequestedRegion", &key.region);
    auth::set(&mut context, "aws:SourceIp", EC2_ADDRESS);
    context
}

/// Asks KMS for a call, as EC2 makes it with the caller's identity.
fn authorize(
    world: &World,
    key: &Key,
    request: &Request<'_>,
    call: &KmsCall<'_>,
) -> Result<(), Fail> {
    let mut context = call_context(request, key);
    auth::set(&mut context, "aws:ViaAWSService", "true");
    if call.action == "kms:CreateGrant" {
        auth::set(&mut context, "kms:GrantIsForAWSResource", "true");
        let service = service_principal(&key.region);
        auth::set(&mut context, "kms:GranteePrincipal", &service);
        context.insert("kms:grantoperations".to_owned(), vec!["Decrypt".to_owned()]);
    }
    // The context is empty while the ID is not known yet. AWS's own policies do not ask for one.
    let encryption = if call.id.is_empty() {
        BTreeMap::new()
    } else {
        encryption_context(call.id)
    };
    let delays = &request.options.delays;
    let key_use = KeyUse {
        action: call.action,
        context: &context,
        encryption: &encryption,
        tokens: &[],
        new_grant: call.grant.as_ref(),
        policies_as_of: request.now.saturating_sub(delays.key_policies),
        grants_as_of: request.now.saturating_sub(delays.grants),
        controls: &world.resource_controls(&key.account),
    };
    auth::authorize_key_use(request.caller, key, &key_use)?;
    if call.action == "kms:DescribeKey" {
        return Ok(());
    }
    auth::check_key_state(key)
}

/// Makes a call with the caller's identity, and records it as CloudTrail would.
///
/// # Errors
/// As KMS answers EC2, which does not pass the answer on.
pub(super) fn forward(
    world: &mut World,
    request: &Request<'_>,
    call: &KmsCall<'_>,
) -> Result<(), Fail> {
    let Some(key) = world.keys.get(call.key) else {
        let message = format!("Key '{}' does not exist", call.key);
        return Err(Fail::bad("NotFoundException", message));
    };
    let outcome = authorize(world, key, request, call);
    let mut event = TrailEvent {
        action: call.action.to_owned(),
        principal: request.caller.facts.arn.clone(),
        invoked_by: Some(format!(
            "ec2-frontend-api.{}",
            partition::of_region(request.region).dns_suffix
        )),
        key: call.key.to_owned(),
        parameters: Value::Null,
        code: None,
        message: None,
    };
    match &outcome {
        Ok(()) => event.parameters = trail_parameters(call),
        // CloudTrail shows no parameters of a call that was refused (recorded).
        Err(fail) => {
            let code = fail.code.strip_suffix("Exception").unwrap_or(&fail.code);
            event.code = Some(code.to_owned());
            event.message = Some(fail.message.clone());
        }
    }
    world.trail.push(event);
    outcome
}

fn trail_parameters(call: &KmsCall<'_>) -> Value {
    match &call.grant {
        Some(grant) => json!({
            "keyId": call.key,
            "granteePrincipal": grant.grantee.arn,
            "retiringPrincipal": grant.retiring.as_ref().map(|retiring| &retiring.arn),
            "operations": grant.operations,
            "constraints": grant.constraint,
        }),
        None if call.action == "kms:DescribeKey" => json!({ "keyId": call.key }),
        None => json!({
            "keyId": call.key,
            "encryptionContext": encryption_context(call.id),
            "numberOfBytes": 64,
        }),
    }
}

/// Records what EBS does as itself, under the grants that it has.
pub(super) fn record_by_service(
    world: &mut World,
    region: &str,
    action: &str,
    key: &str,
    id: &str,
) {
    world.trail.push(TrailEvent {
        action: action.to_owned(),
        principal: format!(
            "prod.kms-caller.ebs.{region}.{}",
            partition::of_region(region).dns_suffix
        ),
        invoked_by: None,
        key: key.to_owned(),
        parameters: json!({ "keyId": key, "encryptionContext": encryption_context(id) }),
        code: None,
        message: None,
    });
}

/// Makes the calls of one encrypted copy, in the recorded order. EBS retires each grant when it
/// has used it, so that none stays.
///
/// # Errors
/// As KMS answers EC2.
pub(super) fn copy(
    world: &mut World,
    request: &Request<'_>,
    source: &Snapshot,
    destination: &str,
    copy_id: &str,
) -> Result<(), Fail> {
    let keys = (
        request.account().to_owned(),
        source.key.clone().unwrap_or_default(),
        destination.to_owned(),
    );
    // 1. A data key of the destination's key. A later copy between the same keys uses it again
    //    (recorded).
    if !world.copied.contains(&keys) {
        let call = KmsCall::new("kms:GenerateDataKeyWithoutPlaintext", destination, copy_id);
        forward(world, request, &call)?;
    }
    // 2. A grant on the destination's key, and one on the source's.
    lend_to_ebs(world, request, destination, copy_id, request.region)?;
    if let Some(key) = &source.key {
        lend_to_ebs(world, request, key, data_key_id(source), &source.region)?;
        world.copied.insert(keys);
    }
    Ok(())
}

/// A grant to EC2, and what EBS does under it.
fn lend_to_ebs(
    world: &mut World,
    request: &Request<'_>,
    key: &str,
    id: &str,
    region: &str,
) -> Result<(), Fail> {
    let constraint = Constraint::EncryptionContextEquals(encryption_context(id));
    let grantee = service_principal(region);
    let call = KmsCall::create_grant(key, id, grantee, constraint, request);
    forward(world, request, &call)?;
    record_by_service(world, region, "kms:Decrypt", key, id);
    record_by_service(world, region, "kms:RetireGrant", key, id);
    Ok(())
}
