//! Reads what the own policies of launchers allow (`iam:SimulatePrincipalPolicy`).

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::aws::iam::{Denier, OwnDecision, Simulation, may_have_key};
use crate::diagnostic::Error;
use crate::id::AmiId;
use crate::plan::LauncherRole;
use crate::policy::launch_call::ec2_services;
use crate::policy::launch_operations::{CREATE_GRANT, use_actions};
use crate::verify::evidence::{Launcher, RUN_INSTANCES, Simulated, image_arn, launch_resources};

/// What service control policies often ask of launches, and launches can give.
const GUARDED_KEYS: [(&str, &str); 5] = [
    ("aws:SecureTransport", "true"),
    ("aws:ViaAWSService", "true"),
    ("ec2:Encrypted", "true"),
    ("ec2:MetadataHttpEndpoint", "enabled"),
    ("ec2:MetadataHttpTokens", "required"),
];

/// Condition keys, and their values.
type Context = Vec<(&'static str, String)>;

/// A call of a launch, with the condition keys that EC2 is known to set in it (R4.1).
struct LaunchCall {
    actions: Vec<&'static str>,
    resource: String,
    /// All that the call may have: it has one of these, and which is not known.
    contexts: Vec<Context>,
}

/// Reads what a role may do with these keys and images. `image_owners` holds the owner of each
/// image.
pub(super) async fn read_launcher(
    clients: &RegionClients,
    role: LauncherRole,
    image_owners: &BTreeMap<AmiId, String>,
    keys: &BTreeSet<String>,
) -> Launcher {
    let name = role.to_string();
    // A name does not tell the path that the ARN may have.
    let arn = match role {
        LauncherRole::Arn(arn) => Ok(Some(arn.to_string())),
        LauncherRole::Name(name) => clients.iam.role_arn(&name).await,
    };
    let mut decisions = Simulated::new();
    if let Ok(Some(arn)) = &arn {
        let calls = launch_calls(clients, image_owners, keys);
        decisions = simulate(clients, arn, &calls).await;
    }
    Launcher {
        name,
        arn,
        decisions,
    }
}

/// Every call, each on one resource: an action on a resource of another kind would be denied.
fn launch_calls(
    clients: &RegionClients,
    image_owners: &BTreeMap<AmiId, String>,
    keys: &BTreeSet<String>,
) -> Vec<LaunchCall> {
    let (account, region) = (&clients.location.account, &clients.location.region);
    let in_region = ("aws:RequestedRegion", region.to_string());
    let in_ec2 = [in_region.clone(), ("ec2:Region", region.to_string())];
    let mut calls = Vec::new();
    for resource in launch_resources(account, region) {
        calls.push(LaunchCall {
            actions: vec![RUN_INSTANCES],
            resource,
            contexts: vec![in_ec2.to_vec()],
        });
    }
    for (image, owner) in image_owners {
        let mut context = in_ec2.to_vec();
        context.push(("ec2:Owner", owner.clone()));
        calls.push(LaunchCall {
            actions: vec![RUN_INSTANCES],
            resource: image_arn(region, image),
            contexts: vec![context],
        });
    }
    for key in keys {
        let (mut of_use, mut of_grant) = (Vec::new(), Vec::new());
        for service in ec2_services(region) {
            let via_ec2 = vec![
                in_region.clone(),
                ("kms:ViaService", service),
                ("kms:CallerAccount", account.to_string()),
            ];
            let mut grant = via_ec2.clone();
            grant.push(("kms:GrantIsForAWSResource", "true".to_owned()));
            grant.push(("kms:GrantOperations", "Decrypt".to_owned()));
            of_use.push(via_ec2);
            of_grant.push(grant);
        }
        for (actions, contexts) in [(use_actions(), of_use), (vec![CREATE_GRANT], of_grant)] {
            calls.push(LaunchCall {
                actions,
                resource: key.clone(),
                contexts,
            });
        }
    }
    calls
}

async fn simulate(clients: &RegionClients, launcher: &str, calls: &[LaunchCall]) -> Simulated {
    let context_keys = clients.iam.context_keys(launcher);
    let mut simulating = Vec::new();
    for call in calls {
        simulating.push(simulate_call(clients, launcher, call));
    }
    let simulating = future::join_all(simulating);
    let (context_keys, results) = future::join(context_keys, simulating).await;
    let mut decisions = Simulated::new();
    for (call, result) in calls.iter().zip(results) {
        for (index, action) in call.actions.iter().enumerate() {
            let decision = match &result {
                Ok(decided) => decided.get(index).cloned(),
                Err(error) => Some(OwnDecision::Unknown(format!(
                    "it could not be simulated: {error}"
                ))),
            };
            let unanswered = || OwnDecision::Unknown("IAM did not answer".to_owned());
            let decision = decision.unwrap_or_else(unanswered);
            let decision = doubt(decision, call, action, &context_keys);
            decisions.insert(((*action).to_owned(), call.resource.clone()), decision);
        }
    }
    decisions
}

/// Simulates a call in every context that it may have. What is not the same in all of them is
/// unknown.
async fn simulate_call(
    clients: &RegionClients,
    launcher: &str,
    call: &LaunchCall,
) -> Result<Vec<OwnDecision>, Error> {
    let mut simulating = Vec::new();
    for context in &call.contexts {
        simulating.push(simulate_context(clients, launcher, call, context));
    }
    let mut answers = future::try_join_all(simulating).await?.into_iter();
    let mut decisions = answers.next().unwrap_or_default();
    for others in answers {
        for (decision, other) in decisions.iter_mut().zip(others) {
            if *decision != other {
                let why = "it depends on how `kms:ViaService` names EC2 in this partition, which \
                           is not documented";
                *decision = OwnDecision::Unknown(why.to_owned());
            }
        }
    }
    Ok(decisions)
}

async fn simulate_context(
    clients: &RegionClients,
    launcher: &str,
    call: &LaunchCall,
    context: &Context,
) -> Result<Vec<OwnDecision>, Error> {
    let simulate = |context: Context| async move {
        let simulation = Simulation {
            principal: launcher,
            account: clients.location.account.as_ref(),
            actions: &call.actions,
            resource: &call.resource,
            context: &context,
        };
        clients.iam.simulate(&simulation).await
    };
    let by_organization = OwnDecision::Denied(Denier::ServiceControlPolicies);
    let mut decisions = simulate(context.clone()).await?;
    if !decisions.contains(&by_organization) {
        return Ok(decisions);
    }
    // A denial that such a launch would not meet says nothing of every launch.
    let mut context = context.clone();
    let action = call.actions.first().copied().unwrap_or_default();
    for (name, value) in GUARDED_KEYS {
        if may_have_key(action, &call.resource, &name.to_lowercase()) {
            context.push((name, value.to_owned()));
        }
    }
    let guarded = simulate(context).await?;
    for (decision, guarded) in decisions.iter_mut().zip(guarded) {
        if *decision == by_organization && guarded != by_organization {
            let why = "a service control policy of the organization denies it, unless the launch \
                       meets its conditions";
            *decision = OwnDecision::Unknown(why.to_owned());
        }
    }
    Ok(decisions)
}

/// What is certain of a decision: IAM takes a condition whose key it is not given for not met, or
/// for met if it is negated, and does not say so. Conditions of service control policies
/// cannot be read.
fn doubt(
    decision: OwnDecision,
    call: &LaunchCall,
    action: &str,
    context_keys: &Result<BTreeSet<String>, Error>,
) -> OwnDecision {
    let rests_on_policies = matches!(
        decision,
        OwnDecision::Allowed | OwnDecision::Denied(Denier::IdentityPolicy(_) | Denier::Boundary)
    );
    if !rests_on_policies {
        return decision;
    }
    let keys = match context_keys {
        Ok(keys) => keys,
        Err(error) => {
            return OwnDecision::Unknown(format!(
                "whether it depends on condition keys could not be read: {error}"
            ));
        }
    };
    let mut unknown = Vec::new();
    for key in keys {
        if may_be_set(key, call, action) {
            unknown.push(key.as_str());
        }
    }
    if unknown.is_empty() {
        return decision;
    }
    let keys = unknown.join(", ");
    OwnDecision::Unknown(format!(
        "it may depend on condition keys that a launch sets: {keys}"
    ))
}

/// Whether a call may have a condition key that the simulation was not given.
fn may_be_set(key: &str, call: &LaunchCall, action: &str) -> bool {
    let mut given = call.contexts.iter().flatten();
    may_have_key(action, &call.resource, key)
        && !given.any(|(name, _)| name.eq_ignore_ascii_case(key))
}
