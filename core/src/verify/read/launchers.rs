//! Reads what the own policies of launchers allow (`iam:SimulatePrincipalPolicy`).

use std::collections::{BTreeMap, BTreeSet};

use super::launch_calls::launch_calls;
use crate::aws::clients::RegionClients;
use crate::aws::iam::Context;
use crate::id::AmiId;
use crate::plan::LauncherRole;
use crate::verify::evidence::{Launcher, Simulated};
use crate::verify::simulate::simulate;

/// Reads what a role may do with these keys and images. `images` holds what IAM sees of each.
pub(super) async fn read_launcher(
    clients: &RegionClients,
    role: LauncherRole,
    images: &BTreeMap<AmiId, Context>,
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
        let calls = launch_calls(&clients.location, images, keys);
        decisions = simulate(clients, arn, &calls).await;
    }
    Launcher {
        name,
        arn,
        decisions,
    }
}
