//! A real instance in a target: the only proof that a launch works. It does nothing, reaches
//! nobody, and is terminated as soon as it runs; what a killed run left is ended by the next.

use tokio::time::Instant as Moment;

use crate::aws::clients::RegionClients;
use crate::aws::ec2::{Instance, NewInstance};
use crate::diagnostic::Error;
use crate::digest::hex_sha256;
use crate::id::AmiId;
use crate::inventory::Image;
use crate::plan::Plan;
use crate::report::{Check, CheckName, Conclusion, Verdict, Verification};
use crate::run::Run;

/// Marks an instance of ours.
const TAG: &str = "ami-share:verify";
const GROUP: &str = "ami-share-verify";
/// How much older than ours an instance must be to be one that a killed run left, in seconds.
const LEFT: i64 = 3600;

/// Launches what the target launches, waits until it runs or ends, and terminates it.
pub(super) async fn verify(run: &Run<'_>, plan: &Plan, target: &mut Verification) {
    let check = |verdict, detail| Check {
        name: CheckName::Launch,
        verdict,
        detail,
    };
    let (clients, image) = (
        run.target_clients(&target.account, &target.region),
        target.image.clone(),
    );
    let (Some(clients), Some(image), false) =
        (clients, image, target.conclusion == Conclusion::Blocked)
    else {
        return target.push(check(
            Verdict::Unknown,
            "nothing was launched: see the other checks".to_owned(),
        ));
    };
    let checked = match Box::pin(launch(run, plan, &clients, &image)).await {
        Ok((instance, None)) => check(
            Verdict::Yes,
            format!("{} ran, launched as {}", instance.id, clients.identity.arn),
        ),
        Ok((instance, Some(why))) => {
            check(Verdict::No, format!("{} did not run: {why}", instance.id))
        }
        Err(error) => check(Verdict::No, error.to_string()),
    };
    target.push(checked);
}

/// The instance, and why it did not run.
async fn launch(
    run: &Run<'_>,
    plan: &Plan,
    clients: &RegionClients,
    id: &AmiId,
) -> Result<(Instance, Option<String>), Error> {
    let ec2 = &clients.ec2;
    let with = &plan.request.options.target_options.launch;
    let image = ec2.known_image(id).await?;
    let vpc = match &with.subnet {
        Some(subnet) => ec2.vpc_of(subnet).await?,
        None => None,
    };
    let group = match ec2.security_group(GROUP, vpc.as_deref()).await? {
        Some(group) => group,
        None => ec2.create_closed_group(GROUP, vpc.as_deref()).await?,
    };
    let token = token(plan, clients, id);
    let new = NewInstance {
        image: &image,
        instance_type: with
            .instance_type
            .as_deref()
            .unwrap_or_else(|| smallest(&image)),
        subnet: with.subnet.as_deref(),
        group: &group,
        client_token: &token,
        tag: (TAG, &token),
    };
    let launched = ec2.run_instance(&new).await?;
    let ended = Box::pin(awaited(run, clients, &launched.id)).await;
    // Whatever came of it, nothing of it stays.
    ec2.terminate(&launched.id).await?;
    sweep(clients, &launched).await?;
    gone(run, clients, &launched.id).await?;
    ec2.delete_group(&group).await?;
    Ok((launched, ended?))
}

/// The same for every try of one run, so that a lost answer launches nothing twice; another for
/// another run.
fn token(plan: &Plan, clients: &RegionClients, image: &AmiId) -> String {
    let run = plan
        .request
        .options
        .target_options
        .run_name
        .clone()
        .unwrap_or_else(|| format!("{:?}", plan.deadline));
    let location = format!(
        "{} {} {image} {run}",
        clients.location.account, clients.location.region
    );
    hex_sha256(location)
}

/// The smallest type that is there for the architecture.
fn smallest(image: &Image) -> &'static str {
    match image.architecture.as_str() {
        "arm64" => "t4g.nano",
        "i386" => "t2.nano",
        "x86_64_mac" => "mac1.metal",
        "arm64_mac" => "mac2.metal",
        _ => "t3.nano",
    }
}

/// Nothing once the instance runs; the reason where it ends instead (R4.4).
async fn awaited(
    run: &Run<'_>,
    clients: &RegionClients,
    id: &str,
) -> Result<Option<String>, Error> {
    let (mut backoff, since) = (run.progress.poll_backoff(run.timing.poll), Moment::now());
    loop {
        let found = clients
            .ec2
            .instances(TAG, Some(id))
            .await?
            .into_iter()
            .next();
        match found {
            Some(instance) if instance.state == "running" => return Ok(None),
            Some(instance) if instance.state != "pending" => {
                return Ok(Some(instance.reason.unwrap_or(instance.state)));
            }
            // A new instance may not be known everywhere yet.
            _ => {
                run.progress
                    .wait(id, "to run, in a target", since, backoff.next())
                    .await
            }
        }
    }
}

/// Waits until an instance is gone: its security group cannot go before.
async fn gone(run: &Run<'_>, clients: &RegionClients, id: &str) -> Result<(), Error> {
    let (mut backoff, since) = (run.progress.poll_backoff(run.timing.poll), Moment::now());
    while clients
        .ec2
        .instances(TAG, Some(id))
        .await?
        .iter()
        .any(|instance| instance.state != "terminated")
    {
        run.progress
            .wait(id, "to be terminated", since, backoff.next())
            .await;
    }
    Ok(())
}

/// Ends what killed runs left: instances with our tag that are much older than ours, by AWS's own
/// clock.
async fn sweep(clients: &RegionClients, ours: &Instance) -> Result<(), Error> {
    let all = clients.ec2.instances(TAG, None).await?;
    for left in all
        .iter()
        .filter(|one| one.state != "terminated" && one.launched + LEFT < ours.launched)
    {
        clients.ec2.terminate(&left.id).await?;
    }
    Ok(())
}
