//! Grants (R3.3).

use serde_json::{Map, Value, json};

use super::{Op, Params, allowed, dry_run, encryption_context, exists, need, texts};
use crate::auth;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Constraint, Grant, Grantee, Key, World};

/// What a grant on a symmetric key may allow (R3.3.2).
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
/// R3.3.5.
const QUOTA: usize = 50_000;

fn invalid(message: impl Into<String>) -> Fail {
    Fail::bad("ValidationException", message)
}

pub(super) fn create(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let grant = read(world, params, request)?;
    let op = Op {
        child: Some(&grant),
        context: context(&grant),
        ..Op::new("kms:CreateGrant", false, true)
    };
    let key = allowed(world, params, request, &op)?;
    if let Some(operation) = grant.operations.iter().find(|name| !suits(key, name)) {
        return Err(invalid(format!(
            "The operation {operation} is not valid for a key of the type {}.",
            key.spec
        )));
    }
    auth::usable(key)?;
    let arn = key.arn.clone();
    dry_run(params)?;
    let (id, token) = (world.issue(64), world.issue(64));
    let Some(key) = world.keys.get_mut(&arn) else {
        return Err(super::gone(&arn));
    };
    // The same request by name is the same grant, with one more token (R3.3.4).
    if let Some(same) = key.grants.iter_mut().find(|of| of.is_same(&grant)) {
        same.tokens.push(token.clone());
        return Ok(Body::Json(
            json!({ "GrantId": same.id, "GrantToken": token }),
        ));
    }
    if key.grants.len() >= QUOTA {
        return Err(Fail::bad(
            "LimitExceededException",
            format!("{arn} has the most grants that a key can have."),
        ));
    }
    key.grants.push(Grant {
        id: id.clone(),
        tokens: vec![token.clone()],
        ..grant
    });
    Ok(Body::Json(json!({ "GrantId": id, "GrantToken": token })))
}

fn suits(key: &Key, operation: &str) -> bool {
    if key.spec == "SYMMETRIC_DEFAULT" {
        SYMMETRIC.contains(&operation)
    } else {
        !SYMMETRIC[..8].contains(&operation)
    }
}

/// What a request asks for.
fn read(world: &World, params: &Params, request: &Request<'_>) -> Result<Grant, Fail> {
    let of = |name: &str| params.get(name).and_then(Value::as_str);
    let constraints = params.get("Constraints").and_then(Value::as_object);
    let source_arn = constraints.is_some_and(|constraints| constraints.contains_key("SourceArn"));
    let grantee = match (of("GranteePrincipal"), of("GranteeServicePrincipal")) {
        (Some(arn), None) => resolve(world, arn, request)?,
        // A service is bound to a source and needs somebody who retires the grant (R3.3.1).
        (None, Some(service))
            if source_arn
                && (of("RetiringPrincipal").is_some()
                    || of("RetiringServicePrincipal").is_some()) =>
        {
            Grantee {
                arn: service.to_owned(),
                unique_id: None,
            }
        }
        (None, Some(_)) => {
            return Err(invalid(
                "A service principal needs a SourceArn constraint and a retiring principal.",
            ));
        }
        _ => need(params, "GranteePrincipal").and(Err(invalid(
            "One of GranteePrincipal and GranteeServicePrincipal.",
        )))?,
    };
    let operations = texts(params, "Operations");
    if operations.is_empty() {
        return Err(invalid(
            "1 validation error detected: Value '[]' at 'operations' failed to satisfy constraint: \
             Member must not be null",
        ));
    }
    Ok(Grant {
        name: of("Name").map(str::to_owned),
        grantee,
        retiring: of("RetiringPrincipal")
            .map(|arn| resolve(world, arn, request))
            .transpose()?,
        issuing_account: request.account().to_owned(),
        operations,
        constraint: constraints.map(read_constraint).transpose()?.flatten(),
        created: request.now,
        ..Grant::default()
    })
}

fn read_constraint(constraints: &Map<String, Value>) -> Result<Option<Constraint>, Fail> {
    let of = |name| {
        constraints
            .contains_key(name)
            .then(|| encryption_context(constraints, name))
            .transpose()
    };
    let constraint = match (
        of("EncryptionContextEquals")?,
        of("EncryptionContextSubset")?,
    ) {
        (None, None) => return Ok(None),
        (Some(pairs), None) => Constraint::EncryptionContextEquals(pairs),
        (None, Some(pairs)) => Constraint::EncryptionContextSubset(pairs),
        (Some(_), Some(_)) => {
            return Err(invalid(
                "A grant can have one encryption context constraint.",
            ));
        }
    };
    let (Constraint::EncryptionContextEquals(pairs) | Constraint::EncryptionContextSubset(pairs)) =
        &constraint;
    // R3.3.3.
    if pairs.len() > 8
        || pairs
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum::<usize>()
            > 384
    {
        return Err(invalid("The encryption context constraint is too large."));
    }
    Ok(Some(constraint))
}

/// Who is meant by an ARN: roles by their unique ID, sessions with their name (R3.3.8).
fn resolve(world: &World, arn: &str, request: &Request<'_>) -> Result<Grantee, Fail> {
    let nobody = || {
        Fail::bad(
            "InvalidArnException",
            format!("ARN does not refer to a valid principal: {arn}"),
        )
    };
    let arn = match arn {
        account if account.len() == 12 && !account.contains(':') => {
            format!("arn:aws:iam::{account}:root")
        }
        arn => arn.to_owned(),
    };
    if !arn.starts_with("arn:") || !exists(world, &arn, request) {
        return Err(nobody());
    }
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, _, _, account, resource] = parts[..] else {
        return Err(nobody());
    };
    let role = |name: &str| {
        Some(
            world
                .accounts
                .get(account)?
                .roles
                .get(name)?
                .unique_id
                .clone(),
        )
    };
    let unique_id = match resource.split_once('/') {
        Some(("role", path)) => {
            Some(role(path.rsplit('/').next().unwrap_or(path)).ok_or_else(nobody)?)
        }
        Some(("assumed-role", path)) => {
            let (name, session) = path.split_once('/').ok_or_else(nobody)?;
            Some(format!("{}:{session}", role(name).ok_or_else(nobody)?))
        }
        Some(("user", _)) => world
            .credentials
            .values()
            .find(|of| of.facts.arn == arn)
            .map(|of| of.facts.unique_id.clone()),
        _ => None,
    };
    Ok(Grantee { arn, unique_id })
}

/// The condition keys of CreateGrant (R3.3.12). Nobody but AWS's services asks for grants that are
/// for AWS's resources.
fn context(grant: &Grant) -> Context {
    let mut context = Context::new();
    auth::set(&mut context, "kms:GranteePrincipal", &grant.grantee.arn);
    if let Some(retiring) = &grant.retiring {
        auth::set(&mut context, "kms:RetiringPrincipal", &retiring.arn);
    }
    let kind = grant
        .constraint
        .as_ref()
        .map(|constraint| match constraint {
            Constraint::EncryptionContextEquals(_) => "EncryptionContextEquals",
            Constraint::EncryptionContextSubset(_) => "EncryptionContextSubset",
        });
    if let Some(kind) = kind {
        auth::set(&mut context, "kms:GrantConstraintType", kind);
    }
    context.insert("kms:grantoperations".to_owned(), grant.operations.clone());
    context
}

pub(super) fn list(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let limit = params.get("Limit").and_then(Value::as_u64).unwrap_or(50);
    if !(1..=100).contains(&limit) {
        let bound = if limit == 0 {
            "greater than or equal to 1"
        } else {
            "less than or equal to 100"
        };
        return Err(invalid(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: \
             Member must have value {bound}"
        )));
    }
    let limit = usize::try_from(limit).unwrap_or(100);
    let arn = allowed(
        world,
        params,
        request,
        &Op::new("kms:ListGrants", false, true),
    )?
    .arn
    .clone();
    let of = |name: &str| params.get(name).and_then(Value::as_str);
    let Some(key) = world.keys.get(&arn) else {
        return Err(super::gone(&arn));
    };
    let (id, grantee) = (
        of("GrantId"),
        of("GranteePrincipal").or(of("GranteeServicePrincipal")),
    );
    let fits = |grant: &&Grant| {
        id.is_none_or(|id| grant.id == id)
            && grantee.is_none_or(|arn| shown(world, &grant.grantee) == arn)
    };
    let from = match of("Marker") {
        None => 0,
        Some(marker) => marker
            .strip_prefix("from-")
            .and_then(|from| from.parse().ok())
            .ok_or_else(|| Fail::bad("InvalidMarkerException", "Could not deserialize marker"))?,
    };
    let mut page: Vec<&Grant> = key
        .grants
        .iter()
        .filter(fits)
        .skip(from)
        .take(limit + 1)
        .collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let grants: Vec<Value> = page
        .into_iter()
        .map(|grant| render(world, key, grant, request))
        .collect();
    let mut answer = json!({ "Grants": grants, "Truncated": more });
    if more {
        answer["NextMarker"] = json!(format!("from-{}", from + limit));
    }
    Ok(Body::Json(answer))
}

/// A role that was deleted is shown by what is left of it: its unique ID (R3.2.6).
fn shown<'a>(world: &World, grantee: &'a Grantee) -> &'a str {
    let Some(id) = &grantee.unique_id else {
        return &grantee.arn;
    };
    let role = id.split(':').next().unwrap_or(id);
    let alive = world
        .accounts
        .values()
        .flat_map(|account| account.roles.values())
        .any(|of| of.unique_id == role)
        || world
            .credentials
            .values()
            .any(|of| of.facts.unique_id == *id);
    if alive { &grantee.arn } else { id }
}

fn render(world: &World, key: &Key, grant: &Grant, request: &Request<'_>) -> Value {
    let mut shape = json!({
        "KeyId": key.arn,
        "GrantId": grant.id,
        "CreationDate": request.clock.epoch(grant.created),
        "GranteePrincipal": shown(world, &grant.grantee),
        "IssuingAccount": format!("arn:aws:iam::{}:root", grant.issuing_account),
        "Operations": grant.operations,
    });
    shape["Name"] = json!(grant.name.clone().unwrap_or_default());
    if let Some(retiring) = &grant.retiring {
        shape["RetiringPrincipal"] = json!(shown(world, retiring));
    }
    if let Some(constraint) = &grant.constraint {
        shape["Constraints"] = json!(constraint);
    }
    shape
}

fn missing(id: &str) -> Fail {
    Fail::bad("NotFoundException", format!("Grant ID {id} not found"))
}

pub(super) fn revoke(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let id = need(params, "GrantId")?;
    let key = allowed(
        world,
        params,
        request,
        &Op::new("kms:RevokeGrant", false, true),
    )?;
    let at = key
        .grants
        .iter()
        .position(|grant| grant.id == id)
        .ok_or_else(|| missing(id))?;
    dry_run(params)?;
    key.grants.remove(at);
    Ok(Body::Json(json!({})))
}

/// By its token, or by key ARN and ID (R3.3.10).
pub(super) fn retire(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let of = |name: &str| params.get(name).and_then(Value::as_str);
    let found = match (of("GrantToken"), of("KeyId"), of("GrantId")) {
        (Some(token), _, _) => {
            let has = |grant: &Grant| grant.tokens.iter().any(|of| of == token);
            let key = world.keys.values().find(|key| key.grants.iter().any(has));
            let grant = key.and_then(|key| key.grants.iter().find(|grant| has(grant)));
            key.zip(grant)
                .ok_or_else(|| Fail::bad("InvalidGrantTokenException", ""))?
        }
        (None, Some(arn), Some(id)) => {
            let key = world
                .keys
                .get(arn)
                .ok_or_else(|| Fail::bad("InvalidArnException", format!("Invalid arn {arn}")))?;
            key.grants
                .iter()
                .find(|grant| grant.id == id)
                .map(|grant| (key, grant))
                .ok_or_else(|| missing(id))?
        }
        _ => {
            return Err(invalid(
                "Either a grant token, or a key ARN and a grant ID.",
            ));
        }
    };
    auth::retire(
        request.caller,
        found.0,
        found.1,
        &auth::context(request.caller, request.region),
    )?;
    let (arn, id) = (found.0.arn.clone(), found.1.id.clone());
    dry_run(params)?;
    if let Some(key) = world.keys.get_mut(&arn) {
        key.grants.retain(|grant| grant.id != id);
    }
    Ok(Body::Json(json!({})))
}
