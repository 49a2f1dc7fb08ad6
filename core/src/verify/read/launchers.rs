//! Reads what the own policies of launchers allow (`iam:SimulatePrincipalPolicy`).

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::aws::iam::{OwnDecision, Simulation};
use crate::diagnostic::Error;
use crate::id::AmiId;
use crate::plan::LauncherRole;
use crate::policy::launch_call::ec2_services;
use crate::policy::launch_operations::{CREATE_GRANT, use_actions};
use crate::verify::doubt::{Asked, doubt};
use crate::verify::evidence::{
    Launcher, RUN_INSTANCES, Simulated, chosen_resources, image_arn, made_resources,
};

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
    let common = [
        ("aws:RequestedRegion", region.to_string()),
        ("aws:SecureTransport", "true".to_owned()),
        ("aws:PrincipalIsAWSService", "false".to_owned()),
    ];
    let mut in_ec2 = common.to_vec();
    in_ec2.push(("ec2:Region", region.to_string()));
    let mut calls = Vec::new();
    let mut resources = made_resources(account, region);
    resources.extend(chosen_resources(account, region));
    for resource in resources {
        calls.push(LaunchCall {
            actions: vec![RUN_INSTANCES],
            resource,
            contexts: vec![in_ec2.clone()],
        });
    }
    for (image, owner) in image_owners {
        let mut context = in_ec2.clone();
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
            let mut via_ec2 = common.to_vec();
            via_ec2.push(("aws:ViaAWSService", "true".to_owned()));
            via_ec2.push(("kms:ViaService", service));
            via_ec2.push(("kms:CallerAccount", account.to_string()));
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
            let asked = Asked {
                action,
                resource: &call.resource,
                context: call.contexts.first().map_or(&[], Vec::as_slice),
            };
            let decision = doubt(decision, &asked, &context_keys);
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
    let simulation = Simulation {
        principal: launcher,
        account: clients.location.account.as_ref(),
        actions: &call.actions,
        resource: &call.resource,
        context,
    };
    clients.iam.simulate(&simulation).await
}
