//! Asks IAM what a principal's own side decides of calls (`iam:SimulatePrincipalPolicy`). What it
//! cannot know of a call is unknown here.

use std::collections::BTreeSet;

use futures::future;

use super::doubt::{Asked, doubt};
use super::evidence::{RUN_INSTANCES, Simulated};
use super::usual_values::{OF_KEYS, OF_LAUNCHES};
use crate::aws::clients::RegionClients;
use crate::aws::iam::{Context, OwnDecision, OwnSide, Simulation, set};
use crate::diagnostic::Error;
use crate::id::AccountRegion;

/// A call, with the condition keys that it is known to have.
pub(super) struct Call {
    pub(super) actions: Vec<&'static str>,
    pub(super) resource: String,
    /// All that the call may have: it has one of these, and which is not known.
    pub(super) contexts: Vec<Context>,
}

/// What is known of every call of a role in a Region.
pub(super) fn known_context(location: &AccountRegion) -> Context {
    let mut context = Context::new();
    set(
        &mut context,
        "aws:RequestedRegion",
        location.region.as_ref(),
    );
    set(&mut context, "aws:SecureTransport", "true");
    set(&mut context, "aws:PrincipalIsAWSService", "false");
    context
}

/// What the principal's own side decides of each action on each resource.
pub(super) async fn simulate(
    clients: &RegionClients,
    principal: &str,
    calls: &[Call],
) -> Simulated {
    let context_keys = clients.iam.context_keys(principal);
    let mut simulating = Vec::new();
    for call in calls {
        simulating.push(simulate_call(clients, principal, call));
    }
    let simulating = future::join_all(simulating);
    let (context_keys, results) = future::join(context_keys, simulating).await;
    let mut decisions = Simulated::new();
    for (call, result) in calls.iter().zip(results) {
        for (index, action) in call.actions.iter().enumerate() {
            let decision = certain(call, (index, action), &result, &context_keys);
            decisions.insert(((*action).to_owned(), call.resource.clone()), decision);
        }
    }
    decisions
}

/// The decision on one action of a call, if it is certain.
fn certain(
    call: &Call,
    (index, action): (usize, &str),
    result: &Result<Vec<OwnDecision>, Error>,
    context_keys: &Result<BTreeSet<String>, Error>,
) -> OwnDecision {
    let decision = match result {
        Ok(decided) => decided.get(index).cloned(),
        Err(error) => Some(OwnDecision::Unknown(format!(
            "it could not be simulated: {error}"
        ))),
    };
    let unanswered = || OwnDecision::Unknown("IAM did not answer".to_owned());
    let asked = Asked {
        action,
        resource: &call.resource,
        context: call.contexts.first().map_or(&[], Vec::as_slice),
    };
    doubt(decision.unwrap_or_else(unanswered), &asked, context_keys)
}

/// Simulates a call in every context that it may have. What is not the same in all of them is
/// unknown.
async fn simulate_call(
    clients: &RegionClients,
    principal: &str,
    call: &Call,
) -> Result<Vec<OwnDecision>, Error> {
    let sides = simulate_contexts(clients, principal, call, &call.contexts).await?;
    let in_organization = sides
        .iter()
        .flatten()
        .any(|side| side.organization_allows.is_some());
    let mut sides = sides.into_iter();
    let first = sides.next().unwrap_or_default();
    let mut decisions: Vec<OwnDecision> = first.into_iter().map(|side| side.decision).collect();
    for others in sides {
        for (decision, other) in decisions.iter_mut().zip(others) {
            if *decision != other.decision {
                let why = "it depends on how `kms:ViaService` names EC2 in this partition, which \
                           is not documented";
                *decision = OwnDecision::Unknown(why.to_owned());
            }
        }
    }
    if in_organization {
        doubt_organization(clients, principal, call, &mut decisions).await?;
    }
    Ok(decisions)
}

/// Service control policies cannot be read, so it is not known which condition keys they ask for.
/// What they deny with usual values of keys that were not given is unknown.
async fn doubt_organization(
    clients: &RegionClients,
    principal: &str,
    call: &Call,
    decisions: &mut [OwnDecision],
) -> Result<(), Error> {
    let contexts = call.usual_contexts();
    for sides in simulate_contexts(clients, principal, call, &contexts).await? {
        for (decision, side) in decisions.iter_mut().zip(sides) {
            if *decision == OwnDecision::Allowed && side.organization_allows == Some(false) {
                *decision = side.decision;
            }
        }
    }
    Ok(())
}

async fn simulate_contexts(
    clients: &RegionClients,
    principal: &str,
    call: &Call,
    contexts: &[Context],
) -> Result<Vec<Vec<OwnSide>>, Error> {
    let mut simulating = Vec::new();
    for context in contexts {
        simulating.push(async move {
            let simulation = Simulation {
                principal,
                account: clients.location.account.as_ref(),
                actions: &call.actions,
                resource: &call.resource,
                context,
            };
            clients.iam.simulate(&simulation).await
        });
    }
    future::try_join_all(simulating).await
}

impl Call {
    /// What is known of the call, with usual values for what is not.
    fn usual_contexts(&self) -> Vec<Context> {
        let usual = if self.actions.contains(&RUN_INSTANCES) {
            OF_LAUNCHES
        } else {
            OF_KEYS
        };
        let known = self.contexts.first().cloned().unwrap_or_default();
        let mut contexts = Vec::new();
        for values in usual {
            let mut context = known.clone();
            for (key, value) in values {
                if !known.iter().any(|(name, _)| name == key) {
                    set(&mut context, key, *value);
                }
            }
            contexts.push(context);
        }
        contexts
    }
}
