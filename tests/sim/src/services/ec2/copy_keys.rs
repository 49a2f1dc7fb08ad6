//! What EC2 asks of KMS on the caller's behalf, step by step as it was recorded (R1.4.5, R1.4.6,
//! R4.3), and what it does there as itself.

use std::collections::BTreeMap;

use serde_json::json;

use crate::auth::{self, KeyUse};
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

/// One step with a key: an action in an encryption context, with the grant that it makes.
pub(super) struct Step<'a> {
    pub(super) action: &'a str,
    pub(super) key: &'a str,
    /// `aws:ebs:id`.
    pub(super) id: &'a str,
    pub(super) grant: Option<Grant>,
}

impl<'a> Step<'a> {
    pub(super) fn new(action: &'a str, key: &'a str, id: &'a str) -> Self {
        Self {
            action,
            key,
            id,
            grant: None,
        }
    }

    /// The grant that lets `grantee` decrypt in this context.
    pub(super) fn grant(
        key: &'a str,
        grantee: String,
        constraint: Constraint,
        id: &'a str,
        request: &Request<'_>,
    ) -> Self {
        let grantee = Grantee {
            arn: grantee,
            unique_id: None,
        };
        let grant = Grant {
            retiring: Some(Grantee {
                arn: service(request.region),
                unique_id: None,
            }),
            grantee,
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
pub(super) fn service(region: &str) -> String {
    format!("ec2.{region}.amazonaws.com")
}

pub(super) fn context_of(id: &str) -> BTreeMap<String, String> {
    [("aws:ebs:id".to_owned(), id.to_owned())].into()
}

/// The encryption context of a snapshot's data key: of one made of a volume it is the volume's
/// (R1.4.7).
pub(super) fn data_of(snapshot: &Snapshot) -> &str {
    if snapshot.volume == "vol-ffffffff" {
        &snapshot.id
    } else {
        &snapshot.volume
    }
}

/// Whether KMS would let the caller do all of this through EC2; nothing is done.
pub(super) fn permitted(world: &World, request: &Request<'_>, key: &str, actions: &[&str]) -> bool {
    let allows = |key: &Key| {
        actions
            .iter()
            .all(|action| evaluate(key, request, &Step::new(action, &key.arn, "")).is_ok())
    };
    world.keys.get(key).is_some_and(allows)
}

fn evaluate(key: &Key, request: &Request<'_>, step: &Step<'_>) -> Result<(), Fail> {
    let mut context: Context = auth::context(request.caller, &key.region);
    auth::set(&mut context, "kms:ViaService", &service(&key.region));
    if step.action == "kms:CreateGrant" {
        auth::set(&mut context, "kms:GrantIsForAWSResource", "true");
        auth::set(&mut context, "kms:GranteePrincipal", &service(&key.region));
        context.insert("kms:grantoperations".to_owned(), vec!["Decrypt".to_owned()]);
    }
    // An empty context stands for one that is not known yet; AWS's own policies bind none.
    let encryption = if step.id.is_empty() {
        BTreeMap::new()
    } else {
        context_of(step.id)
    };
    let delays = &request.options.delays;
    let wanted = KeyUse {
        action: step.action,
        context: &context,
        encryption: &encryption,
        tokens: &[],
        child: step.grant.as_ref(),
        policies_as_of: request.now.saturating_sub(delays.key_policies),
        grants_as_of: request.now.saturating_sub(delays.grants),
    };
    auth::kms(request.caller, key, &wanted)?;
    if step.action == "kms:DescribeKey" {
        Ok(())
    } else {
        auth::usable(key)
    }
}

/// Takes a step with the caller's forwarded identity, and writes it down as CloudTrail would.
///
/// # Errors
/// As KMS answers EC2, which keeps it to itself.
pub(super) fn forward(
    world: &mut World,
    request: &Request<'_>,
    step: &Step<'_>,
) -> Result<(), Fail> {
    let Some(key) = world.keys.get(step.key) else {
        return Err(Fail::bad(
            "NotFoundException",
            format!("Key '{}' does not exist", step.key),
        ));
    };
    let outcome = evaluate(key, request, step);
    // Of a call that was refused, CloudTrail shows no parameters (recorded).
    let parameters = match (&step.grant, outcome.is_ok()) {
        (_, false) => json!(null),
        (Some(grant), true) => json!({
            "keyId": step.key,
            "granteePrincipal": grant.grantee.arn,
            "retiringPrincipal": grant.retiring.as_ref().map(|retiring| &retiring.arn),
            "operations": grant.operations,
            "constraints": grant.constraint,
        }),
        (None, true) if step.action == "kms:DescribeKey" => json!({ "keyId": step.key }),
        (None, true) => {
            json!({ "keyId": step.key, "encryptionContext": context_of(step.id), "numberOfBytes": 64 })
        }
    };
    let fail = outcome.as_ref().err();
    world.trail.push(TrailEvent {
        action: step.action.to_owned(),
        principal: request.caller.facts.arn.clone(),
        invoked_by: Some("ec2-frontend-api.amazonaws.com".to_owned()),
        key: step.key.to_owned(),
        parameters,
        code: fail.map(|fail| {
            fail.code
                .strip_suffix("Exception")
                .unwrap_or(&fail.code)
                .to_owned()
        }),
        message: fail.map(|fail| fail.message.clone()),
    });
    outcome
}

/// Notes what EBS does as itself, under the grants that it was given.
pub(super) fn by_service(world: &mut World, region: &str, action: &str, key: &str, id: &str) {
    world.trail.push(TrailEvent {
        action: action.to_owned(),
        principal: format!("prod.kms-caller.ebs.{region}.amazonaws.com"),
        invoked_by: None,
        key: key.to_owned(),
        parameters: json!({ "keyId": key, "encryptionContext": context_of(id) }),
        code: None,
        message: None,
    });
}

/// The way of one encrypted copy through KMS, in the recorded order: a data key and a grant of the
/// destination's key, then a grant of the source's. Each grant is retired when EBS has used it, so
/// none stays. Says whether KMS let it through.
pub(super) fn copy(
    world: &mut World,
    request: &Request<'_>,
    source: &Snapshot,
    destination: &str,
    copy: &str,
) -> bool {
    let used = (
        request.account().to_owned(),
        source.key.clone().unwrap_or_default(),
        destination.to_owned(),
    );
    let steps = |world: &mut World| -> Result<(), Fail> {
        // A copy between keys that an earlier one was made between uses its data key again
        // (recorded).
        if !world.copied.contains(&used) {
            forward(
                world,
                request,
                &Step::new("kms:GenerateDataKeyWithoutPlaintext", destination, copy),
            )?;
        }
        hand_over(world, request, destination, copy, request.region)?;
        if let Some(key) = &source.key {
            hand_over(world, request, key, data_of(source), &source.region)?;
        }
        Ok(())
    };
    let through = steps(world).is_ok();
    if through && source.key.is_some() {
        world.copied.insert(used);
    }
    through
}

/// A grant to EC2, and what EBS does under it.
fn hand_over(
    world: &mut World,
    request: &Request<'_>,
    key: &str,
    id: &str,
    region: &str,
) -> Result<(), Fail> {
    let constraint = Constraint::EncryptionContextEquals(context_of(id));
    forward(
        world,
        request,
        &Step::grant(key, service(region), constraint, id, request),
    )?;
    by_service(world, region, "kms:Decrypt", key, id);
    by_service(world, region, "kms:RetireGrant", key, id);
    Ok(())
}
