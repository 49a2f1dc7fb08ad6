//! `CreateGrant` and `ListGrants` (R3.3).

use serde_json::{Value, json};

use super::authorize::{Operation, authorize_without_key, authorized_key};
use super::params::{dry_run, need, text};
use super::{Params, grant_request, key_not_found, pages, principals};
use crate::auth;
use crate::partition;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Grant, Grantee, Key, World};

/// What a grant on a symmetric key may allow (R3.3.2). Cryptography comes first.
const SYMMETRIC: [&str; 11] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
];
/// How many of these are cryptography, which no other key allows.
const CRYPTOGRAPHY: usize = 8;
/// How many grants a key can have, unless AWS raised the quota (R3.3.5).
const QUOTA: usize = 50_000;

fn invalid(message: impl Into<String>) -> Fail {
    Fail::bad("ValidationException", message)
}

pub(super) fn create(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let grant = grant_request::read(world, params, request)?;
    let operation = Operation::create_grant(&grant, grant_request::context(&grant));
    let key = authorized_key(world, params, request, &operation)?;
    for operation in &grant.operations {
        if !is_valid_for(key, operation) {
            return Err(invalid(format!(
                "The operation {operation} is not valid for a key of the type {}.",
                key.spec
            )));
        }
    }
    auth::check_key_state(key)?;
    let arn = key.arn.clone();
    dry_run(params)?;
    let (id, token) = (world.issue(64), world.issue(64));
    let raised = world.raised_kms_limits;
    let Some(key) = world.keys.get_mut(&arn) else {
        return Err(key_not_found(&arn));
    };
    // The same request with the same name is the same grant, with one more token (R3.3.4).
    if let Some(same) = key.grants.iter_mut().find(|other| other.is_same(&grant)) {
        same.tokens.push(token.clone());
        let answer = json!({ "GrantId": same.id, "GrantToken": token });
        return Ok(Body::Json(answer));
    }
    if !raised && key.grants.len() >= QUOTA {
        let message = format!("{arn} has the most grants that a key can have.");
        return Err(Fail::bad("LimitExceededException", message));
    }
    let answer = json!({ "GrantId": id, "GrantToken": token });
    key.grants.push(Grant {
        id,
        tokens: vec![token],
        ..grant
    });
    Ok(Body::Json(answer))
}

fn is_valid_for(key: &Key, operation: &str) -> bool {
    if key.spec == "SYMMETRIC_DEFAULT" {
        SYMMETRIC.contains(&operation)
    } else {
        !SYMMETRIC[..CRYPTOGRAPHY].contains(&operation)
    }
}

pub(super) fn list(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let page = pages::read(params, request)?;
    let operation = Operation::all_keys("kms:ListGrants");
    let arn = authorized_key(world, params, request, &operation)?
        .arn
        .clone();
    let Some(key) = world.keys.get(&arn) else {
        return Err(key_not_found(&arn));
    };
    let grantee = read_grantee(world, params, request)?;
    let id = text(params, "GrantId");
    let mut grants = Vec::new();
    for grant in &key.grants {
        let has_grantee = grantee.as_ref().is_none_or(|of| *of == grant.grantee);
        if has_grantee && id.is_none_or(|id| grant.id == id) {
            grants.push(grant);
        }
    }
    let (grants, next) = page.slice(grants);
    let grants: Vec<Value> = grants
        .into_iter()
        .map(|grant| render(world, key, grant, request))
        .collect();
    Ok(pages::answer("Grants", grants, next))
}

/// The grantee that a request asks for. One that does not exist, or not yet, is an error (R7.33).
fn read_grantee(
    world: &World,
    params: &Params,
    request: &Request<'_>,
) -> Result<Option<Grantee>, Fail> {
    let Some(name) = text(params, "GranteePrincipal") else {
        let service = text(params, "GranteeServicePrincipal");
        return Ok(service.map(Grantee::service));
    };
    // EC2's own grants have its name in this place.
    if name.ends_with(".amazonaws.com") {
        return Ok(Some(Grantee::service(name)));
    }
    principals::resolve(world, name, request).map(Some)
}

/// The grants on any key that a principal of the caller's account may retire.
pub(super) fn list_retirable(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let page = pages::read(params, request)?;
    let name = need(params, "RetiringPrincipal")?;
    authorize_without_key(request, "kms:ListRetirableGrants")?;
    let Some(retiring) = principals::find(world, name, request) else {
        return Err(if name.starts_with("arn:") {
            let message = format!("ARN does not refer to a valid principal: {name}");
            Fail::bad("InvalidArnException", message)
        } else {
            let message = format!("Retiring principal {name} could not be found");
            Fail::bad("NotFoundException", message)
        });
    };
    let mut grants = Vec::new();
    for key in world.keys.values() {
        for grant in &key.grants {
            if key.region == request.region && grant.retiring.as_ref() == Some(&retiring) {
                grants.push(render(world, key, grant, request));
            }
        }
    }
    let (grants, next) = page.slice(grants);
    Ok(pages::answer("Grants", grants, next))
}

fn render(world: &World, key: &Key, grant: &Grant, request: &Request<'_>) -> Value {
    let name = grant.name.clone().unwrap_or_default();
    let mut shown = json!({
        "KeyId": key.arn,
        "GrantId": grant.id,
        "CreationDate": request.clock.epoch(grant.created),
        "IssuingAccount": partition::account_root(request.partition(), &grant.issuing_account),
        "Operations": grant.operations,
        "Name": name,
    });
    // A service that the grant was made for by name has a field of its own (R3.3.11).
    let grantee = if grant.for_service {
        "GranteeServicePrincipal"
    } else {
        "GranteePrincipal"
    };
    shown[grantee] = json!(principals::shown_name(world, &grant.grantee));
    if let Some(retiring) = &grant.retiring {
        shown["RetiringPrincipal"] = json!(principals::shown_name(world, retiring));
    }
    if let Some(constraint) = &grant.constraint {
        shown["Constraints"] = json!(constraint);
    }
    if let Some(source_arn) = &grant.source_arn {
        shown["Constraints"]["SourceArn"] = json!(source_arn);
    }
    shown
}
