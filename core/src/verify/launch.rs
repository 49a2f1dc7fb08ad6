//! Launches a real instance in a target: the only proof that a launch works. The instance does
//! nothing, reaches nobody, and is terminated as soon as it runs.

use tokio::time::Instant;

use crate::aws::clients::RegionClients;
use crate::aws::ec2::{Instance, NewInstance};
use crate::diagnostic::Error;
use crate::digest::hex_sha256;
use crate::id::AmiId;
use crate::inventory::Image;
use crate::plan::Plan;
use crate::report::{Check, CheckName, Conclusion, Verification};
use crate::run::Run;

/// The tag of the instances that this tool launches.
const TAG: &str = "ami-share:verify";
const SECURITY_GROUP: &str = "ami-share-verify";
/// How much older than this run's instance one must be to be left by a killed run, in seconds.
const ABANDONED_AFTER: i64 = 3600;

/// Launches the target's image, waits until the instance runs or ends, and terminates it. A target
/// that is known to fail launches nothing.
pub(super) async fn verify_by_launch(run: &Run<'_>, plan: &Plan, verification: &mut Verification) {
    let name = CheckName::Launch;
    let clients = run.target_clients(&verification.account, &verification.region);
    let image = verification.image.clone();
    let is_blocked = verification.conclusion == Conclusion::Blocked;
    let (Some(clients), Some(image), false) = (clients, image, is_blocked) else {
        let detail = "nothing was launched: see the other checks";
        return verification.push(Check::unknown(name, detail));
    };
    let check = match launch_and_terminate(run, plan, &clients, &image).await {
        Ok((instance, None)) => {
            let launcher = &clients.identity.arn;
            Check::yes(name, format!("{} ran, launched as {launcher}", instance.id))
        }
        Ok((instance, Some(why))) => Check::no(name, format!("{} did not run: {why}", instance.id)),
        Err(error) => Check::no(name, error.to_string()),
    };
    verification.push(check);
}

/// The instance, and why it did not run, if it did not.
async fn launch_and_terminate(
    run: &Run<'_>,
    plan: &Plan,
    clients: &RegionClients,
    image_id: &AmiId,
) -> Result<(Instance, Option<String>), Error> {
    let ec2 = &clients.ec2;
    let options = &plan.request.options.in_targets.launch;
    let image = ec2.known_image(image_id).await?;

    // 1. A security group that lets nothing in or out: the default one may let others in.
    let vpc = match &options.subnet {
        Some(subnet) => ec2.vpc_of(subnet).await?,
        None => None,
    };
    let group = match ec2.security_group(SECURITY_GROUP, vpc.as_deref()).await? {
        Some(group) => group,
        None => {
            ec2.create_closed_security_group(SECURITY_GROUP, vpc.as_deref())
                .await?
        }
    };

    // 2. The launch. Its token makes a repeat after a lost answer return the same instance.
    let token = client_token(plan, clients, image_id);
    let instance_type = options.instance_type.as_deref();
    let new = NewInstance {
        image: &image,
        instance_type: instance_type.unwrap_or_else(|| smallest_instance_type(&image)),
        subnet: options.subnet.as_deref(),
        group: &group,
        client_token: &token,
        tag: (TAG, &token),
    };
    let instance = ec2.run_instance(&new).await?;

    // 3. The wait: EC2 accepts a launch before it has used the keys (R4.4). An error of the wait
    // comes after the termination, so that it leaves no instance behind.
    let outcome = wait_until_running(run, clients, &instance.id).await;

    // 4. The termination, whatever the outcome.
    ec2.terminate_instance(&instance.id).await?;

    // 5. The sweep: what killed runs left behind costs until somebody ends it.
    terminate_abandoned(clients, &instance).await?;

    // 6. The security group: AWS does not delete it before the instance is terminated.
    wait_until_terminated(run, clients, &instance.id).await?;
    ec2.delete_security_group(&group).await?;
    Ok((instance, outcome?))
}

/// A token that is the same for every try of one run, and another for another run.
fn client_token(plan: &Plan, clients: &RegionClients, image: &AmiId) -> String {
    let (account, region) = (&clients.location.account, &clients.location.region);
    let run = match &plan.request.options.in_targets.run_name {
        Some(name) => name.clone(),
        None => format!("{:?}", plan.deadline),
    };
    hex_sha256(format!("{account} {region} {image} {run}"))
}

/// The smallest instance type of the architecture.
fn smallest_instance_type(image: &Image) -> &'static str {
    match image.architecture.as_str() {
        "arm64" => "t4g.nano",
        "i386" => "t2.nano",
        "x86_64_mac" => "mac1.metal",
        "arm64_mac" => "mac2.metal",
        _ => "t3.nano",
    }
}

/// Waits until the instance runs or ends; the reason if it ends.
async fn wait_until_running(
    run: &Run<'_>,
    clients: &RegionClients,
    id: &str,
) -> Result<Option<String>, Error> {
    let mut backoff = run.progress.poll_backoff(run.timing.poll);
    let since = Instant::now();
    loop {
        let instances = clients.ec2.instances(TAG, Some(id)).await?;
        match instances.into_iter().next() {
            Some(instance) if instance.state == "running" => return Ok(None),
            Some(instance) if instance.state != "pending" => {
                return Ok(Some(instance.reason.unwrap_or(instance.state)));
            }
            // EC2 may not show a new instance yet.
            Some(_) | None => {}
        }
        run.progress
            .wait(id, "to run, in a target", since, backoff.next())
            .await;
    }
}

async fn wait_until_terminated(
    run: &Run<'_>,
    clients: &RegionClients,
    id: &str,
) -> Result<(), Error> {
    let mut backoff = run.progress.poll_backoff(run.timing.poll);
    let since = Instant::now();
    loop {
        let instances = clients.ec2.instances(TAG, Some(id)).await?;
        if instances.iter().all(Instance::is_terminated) {
            return Ok(());
        }
        run.progress
            .wait(id, "to be terminated", since, backoff.next())
            .await;
    }
}

/// Terminates instances with our tag that are much older than this run's, by AWS's own clock.
async fn terminate_abandoned(clients: &RegionClients, current: &Instance) -> Result<(), Error> {
    for instance in clients.ec2.instances(TAG, None).await? {
        let is_old = instance.launched + ABANDONED_AFTER < current.launched;
        if is_old && !instance.is_terminated() {
            clients.ec2.terminate_instance(&instance.id).await?;
        }
    }
    Ok(())
}
