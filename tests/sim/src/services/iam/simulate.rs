//! SimulatePrincipalPolicy: what the policies of a role or user say, without any policy of a
//! resource.

use super::{authorize, no_such};
use crate::auth;
use crate::policy::PrincipalFacts;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Outcome, Query};
use crate::world::{Credential, World};

pub(super) fn principal(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let source = query.need("PolicySourceArn")?;
    authorize(request, "SimulatePrincipalPolicy", source, None)?;
    let unknown = || no_such(format!("The principal {source} cannot be found."));
    let subject = subject(world, source, request.account()).ok_or_else(unknown)?;
    let who = auth::principal(world, &subject, request.now, request.options.delays.iam);
    let mut context = auth::context(&who, request.region);
    for entry in query.members("ContextEntries.member") {
        let values = entry
            .list("ContextKeyValues.member")
            .into_iter()
            .map(str::to_owned)
            .collect();
        context.insert(entry.need("ContextKeyName")?.to_lowercase(), values);
    }
    let resources = query.list("ResourceArns.member");
    let resources = if resources.is_empty() {
        vec!["*"]
    } else {
        resources
    };
    let mut results = Vec::new();
    for action in query.list("ActionNames.member") {
        for resource in &resources {
            results.push(vec![
                Element::of("EvalActionName", action),
                Element::of("EvalResourceName", resource),
                Element::of(
                    "EvalDecision",
                    auth::simulate(&who, action, resource, &context),
                ),
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

/// A role or user of the account, as somebody who calls without a session policy.
fn subject(world: &World, arn: &str, account: &str) -> Option<Credential> {
    if let Some(user) = world
        .credentials
        .values()
        .find(|known| known.facts.arn == arn && known.facts.account == account)
    {
        return Some(user.clone());
    }
    let role = world
        .accounts
        .get(account)?
        .roles
        .values()
        .find(|role| role.arn == arn)?;
    let facts = PrincipalFacts {
        account: account.to_owned(),
        arn: role.arn.clone(),
        role_arn: Some(role.arn.clone()),
        unique_id: role.unique_id.clone(),
    };
    let (secret, session_token, session_policy) = (String::new(), None, None);
    Some(Credential {
        secret,
        session_token,
        expires: None,
        facts,
        administrator: false,
        session_policy,
    })
}
