//! Removes what the test launches of runs that are gone left in targets.

use std::sync::Arc;

use futures::future;

use super::{clean_up, mark};
use crate::aws::clients::RegionClients;
use crate::limits::TEST_LAUNCH_CLEAN_UP;
use crate::plan::Plan;
use crate::run::Run;
use crate::run::test_launches::{Made, TestLaunch};
use crate::run::together::join_some;

/// Looks into every target that was reached, in every Region of the plan.
pub(crate) async fn sweep(run: &Run<'_>, plan: &Plan) {
    let mut sweeping = Vec::new();
    for target in run.targets.values().flatten() {
        for region in &plan.regions {
            sweeping.push(sweep_target(run, target.in_region(region)));
        }
    }
    join_some(sweeping).await;
}

async fn sweep_target(run: &Run<'_>, clients: Arc<RegionClients>) {
    let mut left = find_left(run.source.now(), &clients).await;
    let mut ending = Vec::new();
    for launch in &mut left {
        ending.push(clean_up::end(&run.progress, launch, TEST_LAUNCH_CLEAN_UP));
    }
    future::join_all(ending).await;
}

/// What is left in a target: instances, and groups, also those of instances that are gone.
async fn find_left(now: i64, clients: &Arc<RegionClients>) -> Vec<TestLaunch> {
    // A role that may not look has launched nothing that it could have left. What could not be
    // read now is found by the next run.
    let Ok(instances) = clients.ec2.instances(mark::TAG, None).await else {
        return Vec::new();
    };
    let mut left = Vec::new();
    for instance in &instances {
        if let Some(mark) = mark::abandoned_instance(clients, instance, now) {
            left.push(TestLaunch {
                instance: Made::Yes(instance.id.clone()),
                is_abandoned: true,
                ..TestLaunch::new(clients, mark.to_owned())
            });
        }
    }
    let groups = clients.ec2.security_groups_tagged(mark::TAG).await;
    for group in &groups.unwrap_or_default() {
        let Some(mark) = mark::abandoned_group(clients, group, now) else {
            continue;
        };
        let id = Made::Yes(group.id.clone());
        match left.iter_mut().find(|launch| launch.mark == mark) {
            Some(launch) => launch.group = id,
            None => left.push(TestLaunch {
                group: id,
                is_abandoned: true,
                ..TestLaunch::new(clients, mark.to_owned())
            }),
        }
    }
    left
}
