//! Policy simulation: what policies decide on actions and resources, without a call (R7.20 to
//! R7.22).

mod answer;
mod context;
mod exclusions;
mod inputs;
mod parameters;
mod policies;
mod resources;
mod sources;

use serde_json::Value;

use answer::{ActionResult, texts};
use policies::{Outcome as Decided, Policies, Question, Source};
use resources::{account_of, is_arn};

use super::authorize;
use crate::policy::{AccessRequest, Context, PrincipalFacts, condition_keys, in_hash_order};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::World;

/// How many actions one answer has, unless the request says so.
const PAGE: usize = 100;

fn invalid(message: String) -> Fail {
    Fail::bad("InvalidInput", message)
}

/// `SimulatePrincipalPolicy`: the policies of a user, group or role of the account, and those of
/// the request.
pub(super) fn principal(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    parameters::check_model(query)?;
    let source = query.need("PolicySourceArn")?;
    let subject = sources::find(world, source, request);
    // The caller needs permission for the principal as it is, not as it was named (recorded).
    let arn = subject
        .as_ref()
        .map_or(source, |subject| &subject.facts.arn);
    authorize(request, "SimulatePrincipalPolicy", arn, None)?;
    let mut subject = subject?;
    parameters::check_names(query)?;
    exclusions::apply(query, &mut subject)?;
    let mut identity = subject.managed;
    identity.extend(subject.inline);
    identity.extend(inputs::identity(query)?);
    let policies = Policies {
        identity,
        boundary: inputs::boundary(query)?.or(subject.boundary),
        controls: subject.controls,
        resource: inputs::resource(query)?,
    };
    let caller = match query.get("CallerArn") {
        Some(arn) => caller(arn)?,
        None => subject.facts,
    };
    simulate(query, request, &policies, Some(&caller))
}

/// `SimulateCustomPolicy`: the policies of the request alone.
pub(super) fn custom(query: &Query, request: &Request<'_>) -> Outcome {
    parameters::check_model(query)?;
    authorize(request, "SimulateCustomPolicy", "*", None)?;
    parameters::check_names(query)?;
    let policies = Policies {
        identity: inputs::identity(query)?,
        boundary: inputs::boundary(query)?,
        controls: inputs::controls(query)?,
        resource: inputs::resource(query)?,
    };
    let caller = query.get("CallerArn").map(caller).transpose()?;
    if policies.resource.is_some() && caller.is_none() {
        let message = "Invalid caller - Caller cannot be null or empty.";
        return Err(invalid(message.to_owned()));
    }
    simulate(query, request, &policies, caller.as_ref())
}

/// Who calls, in a simulation: a user, role or group, whether there is one or not.
fn caller(arn: &str) -> Result<PrincipalFacts, Fail> {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let kind = resource.split_once('/').map(|(kind, _)| kind);
    let is_entity = matches!(kind, Some("user" | "role" | "group"));
    let (true, true, Some(account)) = (is_arn(arn), is_entity, account_of(arn)) else {
        let message = "Invalid caller - Caller must be an IAM user, role or group in this context.";
        return Err(invalid(message.to_owned()));
    };
    Ok(PrincipalFacts {
        account: account.to_owned(),
        arn: arn.to_owned(),
        role_arn: (kind == Some("role")).then(|| arn.to_owned()),
        unique_id: arn.to_owned(),
    })
}

fn simulate(
    query: &Query,
    request: &Request<'_>,
    policies: &Policies,
    caller: Option<&PrincipalFacts>,
) -> Outcome {
    let nobody = PrincipalFacts {
        account: request.account().to_owned(),
        ..PrincipalFacts::default()
    };
    let given = context::entries(query)?;
    let mut context = context::defaults(caller, request.account());
    context.extend(given.clone());
    let simulation = Simulation {
        policies,
        facts: caller.unwrap_or(&nobody),
        owner: owner(query)?,
        context,
    };
    let missing = missing_keys(policies, &given);
    let resources = query.list("ResourceArns.member");
    let actions = query.list("ActionNames.member");
    let start = marker(query)?;
    let size = query.get("MaxItems").and_then(|items| items.parse().ok());
    let size: usize = size.unwrap_or(PAGE);
    let mut results = Vec::new();
    for action in actions.iter().skip(start).take(size) {
        let result = ActionResult {
            action,
            resources: &resources,
            outcomes: simulation.decide(action, &resources),
            missing: &missing,
        };
        results.push(result.render());
    }
    let end = start.saturating_add(size);
    let is_truncated = end < actions.len();
    let mut body = vec![
        Element::members("EvaluationResults", results),
        Element::of("IsTruncated", is_truncated),
    ];
    body.extend(is_truncated.then(|| Element::of("Marker", end)));
    Ok(Body::Xml(body))
}

struct Simulation<'a> {
    policies: &'a Policies,
    facts: &'a PrincipalFacts,
    /// The account of resources whose ARN names none.
    owner: Option<String>,
    context: Context,
}

impl Simulation<'_> {
    fn decide(&self, action: &str, resources: &[&str]) -> Vec<Decided> {
        if resources.is_empty() {
            return vec![self.decide_one(action, "*")];
        }
        let decide = |resource: &&str| self.decide_one(action, resource);
        resources.iter().map(decide).collect()
    }

    fn decide_one(&self, action: &str, resource: &str) -> Decided {
        let owner = account_of(resource).or(self.owner.as_deref());
        let is_known = !self.facts.arn.is_empty();
        self.policies.decide(Question {
            access: AccessRequest {
                principal: self.facts,
                action,
                resource,
                context: &self.context,
            },
            fits: resources::takes(action, resource),
            across_accounts: is_known && owner.is_some_and(|owner| owner != self.facts.account),
        })
    }
}

fn owner(query: &Query) -> Result<Option<String>, Fail> {
    let Some(owner) = query.get("ResourceOwner") else {
        return Ok(None);
    };
    match account_of(owner).filter(|_| is_arn(owner)) {
        Some(account) => Ok(Some(account.to_owned())),
        None => Err(invalid(format!(
            "'{owner}' is not a valid as a Resource Owner."
        ))),
    }
}

/// The place of the first action: what an earlier answer said, whatever that was about.
fn marker(query: &Query) -> Result<usize, Fail> {
    let Some(marker) = query.get("Marker") else {
        return Ok(0);
    };
    let wrong = |_| invalid("Invalid marker for pagination.".to_owned());
    marker.parse().map_err(wrong)
}

/// The condition keys of all policies that the request does not give, even if the simulation has
/// them, and even of statements about other actions (R7.22).
fn missing_keys(policies: &Policies, given: &Context) -> Vec<String> {
    let mut keys = Vec::new();
    let others = policies.boundary.iter().chain(&policies.resource);
    for source in policies.identity.iter().chain(others) {
        keys.extend(keys_of(source));
    }
    keys.retain(|key| !given.contains_key(&key.to_lowercase()));
    in_hash_order(keys)
}

fn keys_of(source: &Source) -> Vec<String> {
    let document: Value = serde_json::from_str(&source.text).unwrap_or_default();
    condition_keys(&document)
}

/// `GetContextKeysForCustomPolicy`: keys that two policies ask for come twice.
pub(super) fn custom_keys(query: &Query, request: &Request<'_>) -> Outcome {
    authorize(request, "GetContextKeysForCustomPolicy", "*", None)?;
    let policies = inputs::identity(query)?;
    Ok(answer_keys(&policies))
}

/// `GetContextKeysForPrincipalPolicy`: of the principal's policies, of its boundary, and of
/// the request.
pub(super) fn principal_keys(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let source = query.need("PolicySourceArn")?;
    let subject = sources::find(world, source, request);
    let arn = subject
        .as_ref()
        .map_or(source, |subject| &subject.facts.arn);
    authorize(request, "GetContextKeysForPrincipalPolicy", arn, None)?;
    let subject = subject?;
    let mut policies = subject.inline;
    policies.extend(subject.managed);
    policies.extend(subject.boundary);
    policies.extend(inputs::identity(query)?);
    Ok(answer_keys(&policies))
}

fn answer_keys(policies: &[Source]) -> Body {
    let mut keys = Vec::new();
    for source in policies {
        keys.extend(keys_of(source));
    }
    Body::Xml(vec![texts("ContextKeyNames", &keys)])
}
