//! SimulatePrincipalPolicy: what the policies of a role or user decide, without any policy of a
//! resource.

use super::{authorize, no_such_entity};
use crate::auth;
use crate::policy::PrincipalFacts;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Outcome, Query};
use crate::world::{Credential, World};

pub(super) fn principal(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let source = query.need("PolicySourceArn")?;
    authorize(request, "SimulatePrincipalPolicy", source, None)?;
    let Some(subject) = find_subject(world, source, request.account()) else {
        let message = format!("The principal {source} cannot be found.");
        return Err(no_such_entity(message));
    };
    let delay = request.options.delays.iam;
    let subject = auth::principal(world, &subject, request.now, delay);
    let mut context = auth::context(&subject, request.region);
    for entry in query.members("ContextEntries.member") {
        let values = entry.list("ContextKeyValues.member");
        let values = values.into_iter().map(str::to_owned).collect();
        context.insert(entry.need("ContextKeyName")?.to_lowercase(), values);
    }
    let mut resources = query.list("ResourceArns.member");
    if resources.is_empty() {
        resources.push("*");
    }
    let mut results = Vec::new();
    for action in query.list("ActionNames.member") {
        for resource in &resources {
            let decision = auth::simulate(&subject, action, resource, &context);
            results.push(vec![
                Element::of("EvalActionName", action),
                Element::of("EvalResourceName", resource),
                Element::of("EvalDecision", decision),
                Element::new("MatchedStatements"),
                Element::new("MissingContextValues"),
            ]);
        }
    }
    Ok(Body::Xml(vec![
        Element::members("EvaluationResults", results),
        Element::of("IsTruncated", false),
    ]))
}

/// A role or user of the account, as a caller without a session policy.
fn find_subject(world: &World, arn: &str, account: &str) -> Option<Credential> {
    for credential in world.credentials.values() {
        if credential.facts.arn == arn && credential.facts.account == account {
            return Some(credential.clone());
        }
    }
    let mut roles = world.accounts.get(account)?.roles.values();
    let role = roles.find(|role| role.arn == arn)?;
    let facts = PrincipalFacts {
        account: account.to_owned(),
        arn: role.arn.clone(),
        role_arn: Some(role.arn.clone()),
        unique_id: role.unique_id.clone(),
    };
    Some(Credential {
        secret: String::new(),
        session_token: None,
        expires: None,
        facts,
        administrator: false,
        session_policy: None,
    })
}
