//! What a CreateGrant asks for (R3.3.1 to R3.3.3).

use serde_json::{Map, Value};

use super::params::{encryption_context, need, text, texts};
use super::{Params, principals};
use crate::auth;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::Fail;
use crate::world::{Constraint, Grant, Grantee, World};

/// The most pairs, and characters in all, of an encryption context constraint (R3.3.3).
const CONSTRAINT_PAIRS: usize = 8;
const CONSTRAINT_CHARACTERS: usize = 384;

fn invalid(message: &str) -> Fail {
    Fail::bad("ValidationException", message)
}

/// Reads the grant, which gets its ID and token later.
pub(super) fn read(world: &World, params: &Params, request: &Request<'_>) -> Result<Grant, Fail> {
    let grantee = read_grantee(world, params, request)?;
    let operations = texts(params, "Operations");
    if operations.is_empty() {
        return Err(invalid(
            "1 validation error detected: Value '[]' at 'operations' failed to satisfy constraint: \
             Member must not be null",
        ));
    }
    let mut retiring = None;
    if let Some(arn) = text(params, "RetiringPrincipal") {
        retiring = Some(principals::resolve(world, arn, request)?);
    }
    let (mut constraint, mut source_arn) = (None, None);
    if let Some(constraints) = params.get("Constraints").and_then(Value::as_object) {
        constraint = read_constraint(constraints)?;
        source_arn = text(constraints, "SourceArn").map(str::to_owned);
    }
    Ok(Grant {
        name: text(params, "Name").map(str::to_owned),
        grantee,
        for_service: text(params, "GranteeServicePrincipal").is_some(),
        source_arn,
        retiring,
        issuing_account: request.account().to_owned(),
        operations,
        constraint,
        created: request.now,
        ..Grant::default()
    })
}

fn read_grantee(world: &World, params: &Params, request: &Request<'_>) -> Result<Grantee, Fail> {
    let principal = text(params, "GranteePrincipal");
    let service = text(params, "GranteeServicePrincipal");
    match (principal, service) {
        (Some(arn), None) => principals::resolve(world, arn, request),
        (None, Some(service)) => {
            check_service_grant(params)?;
            Ok(Grantee {
                arn: service.to_owned(),
                unique_id: None,
            })
        }
        (Some(_), Some(_)) => {
            let message = "One of GranteePrincipal and GranteeServicePrincipal.";
            Err(invalid(message))
        }
        (None, None) => {
            need(params, "GranteePrincipal")?;
            let message = "One of GranteePrincipal and GranteeServicePrincipal.";
            Err(invalid(message))
        }
    }
}

/// A grant to a service is bound to a source, and needs a principal that retires it (R3.3.1).
fn check_service_grant(params: &Params) -> Result<(), Fail> {
    let constraints = params.get("Constraints").and_then(Value::as_object);
    let has_source = constraints.is_some_and(|constraints| constraints.contains_key("SourceArn"));
    let retiring = text(params, "RetiringPrincipal");
    let retiring = retiring.or(text(params, "RetiringServicePrincipal"));
    if has_source && retiring.is_some() {
        return Ok(());
    }
    let message = "A service principal needs a SourceArn constraint and a retiring principal.";
    Err(invalid(message))
}

fn read_constraint(constraints: &Map<String, Value>) -> Result<Option<Constraint>, Fail> {
    let (equals, subset) = ("EncryptionContextEquals", "EncryptionContextSubset");
    let (constraint, pairs) = match (
        constraints.contains_key(equals),
        constraints.contains_key(subset),
    ) {
        (false, false) => return Ok(None),
        (true, false) => {
            let pairs = encryption_context(constraints, equals)?;
            (Constraint::EncryptionContextEquals(pairs.clone()), pairs)
        }
        (false, true) => {
            let pairs = encryption_context(constraints, subset)?;
            (Constraint::EncryptionContextSubset(pairs.clone()), pairs)
        }
        (true, true) => {
            encryption_context(constraints, equals)?;
            encryption_context(constraints, subset)?;
            return Err(invalid(
                "A grant can have one encryption context constraint.",
            ));
        }
    };
    let lengths = pairs.iter().map(|(key, value)| key.len() + value.len());
    if pairs.len() > CONSTRAINT_PAIRS || lengths.sum::<usize>() > CONSTRAINT_CHARACTERS {
        return Err(invalid("The encryption context constraint is too large."));
    }
    Ok(Some(constraint))
}

/// The condition keys of CreateGrant (R3.3.12). Only services of AWS can ask for grants that are
/// for AWS resources, so that key is not set here.
pub(super) fn context(grant: &Grant) -> Context {
    let mut context = Context::new();
    auth::set(&mut context, "kms:GranteePrincipal", &grant.grantee.arn);
    if let Some(retiring) = &grant.retiring {
        auth::set(&mut context, "kms:RetiringPrincipal", &retiring.arn);
    }
    if let Some(constraint) = &grant.constraint {
        let kind = match constraint {
            Constraint::EncryptionContextEquals(_) => "EncryptionContextEquals",
            Constraint::EncryptionContextSubset(_) => "EncryptionContextSubset",
        };
        auth::set(&mut context, "kms:GrantConstraintType", kind);
    }
    context.insert("kms:grantoperations".to_owned(), grant.operations.clone());
    context
}
