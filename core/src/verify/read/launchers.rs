//! Reads what the identity policies of launchers allow (`iam:SimulatePrincipalPolicy`).

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::aws::iam::Decisions;
use crate::diagnostic::Error;
use crate::id::AmiId;
use crate::policy::launch_operations::{CREATE_GRANT, use_actions};
use crate::verify::evidence::{
    Launcher, RUN_INSTANCES, Simulated, ec2_service, image_arn, launch_resources,
};

/// Reads what a role may do with these keys and images. `image_owners` holds the owner of each
/// image.
pub(super) async fn read_launcher(
    clients: &RegionClients,
    arn: String,
    image_owners: &BTreeMap<AmiId, String>,
    keys: &BTreeSet<String>,
) -> Launcher {
    let allowed = simulate_launch(clients, &arn, image_owners, keys).await;
    Launcher { arn, allowed }
}

/// Simulates the calls of a launch with the condition keys that EC2 sets in them (R4.1).
async fn simulate_launch(
    clients: &RegionClients,
    launcher: &str,
    image_owners: &BTreeMap<AmiId, String>,
    keys: &BTreeSet<String>,
) -> Result<Simulated, Error> {
    let (account, region) = (&clients.location.account, &clients.location.region);
    let keys: Vec<String> = keys.iter().cloned().collect();
    let simulation = Simulation { clients, launcher };

    let via_ec2 = ("kms:ViaService", ec2_service(region));
    let for_service = ("kms:GrantIsForAWSResource", "true".to_owned());
    let use_actions = use_actions();
    let uses = simulation.run(&use_actions, keys.clone(), vec![via_ec2.clone()]);
    let grants = simulation.run(&[CREATE_GRANT], keys, vec![via_ec2, for_service]);
    let resources = launch_resources(account, region);
    let launches = simulation.run(&[RUN_INSTANCES], resources, Vec::new());
    // Each image on its own: a policy may allow only the images of some owners.
    let mut image_launches = Vec::new();
    for (image, owner) in image_owners {
        let (resource, owner) = (image_arn(region, image), ("ec2:Owner", owner.clone()));
        image_launches.push(simulation.run(&[RUN_INSTANCES], vec![resource], vec![owner]));
    }
    let image_launches = future::try_join_all(image_launches);

    let (uses, grants, launches, image_launches) =
        future::try_join4(uses, grants, launches, image_launches).await?;
    let mut allowed = Simulated::new();
    let decisions = [uses, grants, launches].into_iter().chain(image_launches);
    for (action, resource, is_allowed) in decisions.flatten() {
        allowed.insert((action, resource), is_allowed);
    }
    Ok(allowed)
}

#[derive(Clone, Copy)]
struct Simulation<'a> {
    clients: &'a RegionClients,
    launcher: &'a str,
}

impl Simulation<'_> {
    /// The decisions about actions on resources. Without resources it returns nothing. IAM would
    /// simulate the call on all resources (`*`).
    async fn run(
        self,
        actions: &[&str],
        resources: Vec<String>,
        context: Vec<(&'static str, String)>,
    ) -> Result<Decisions, Error> {
        if resources.is_empty() {
            return Ok(Vec::new());
        }
        let iam = &self.clients.iam;
        iam.simulate(self.launcher, actions, &resources, &context)
            .await
    }
}
