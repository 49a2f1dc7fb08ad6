//! Removes what a test launch made, on every way out of it.

use std::time::Duration;

use futures::future;
use tokio::time::{self, Instant};

use super::mark;
use crate::diagnostic::{Code, Error};
use crate::limits::NEW_INSTANCE_INVISIBLE;
use crate::report::Event;
use crate::run::Progress;
use crate::run::test_launches::{Made, TestLaunch, TestLaunches};

/// The shortest and the longest pause between looks at what a test launch made.
pub(super) const POLL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// Removes what test launches left that were cut off, within a time of its own.
pub(crate) async fn remove_left(launches: &TestLaunches, progress: &Progress<'_>, grace: Duration) {
    let mut left = launches.take();
    let mut ending = Vec::new();
    for launch in &mut left {
        ending.push(end(progress, launch, grace));
    }
    future::join_all(ending).await;
}

/// Terminates the instance and deletes the security group, if they were made. What is still there
/// after `grace` is reported.
pub(super) async fn end(progress: &Progress<'_>, launch: &mut TestLaunch, grace: Duration) {
    let mut last = None;
    let removing = Box::pin(remove_all(progress, launch, &mut last));
    if time::timeout(grace, removing).await == Ok(true) || !launch.may_be_left() {
        return;
    }
    let problem = match &last {
        Some(error) => error.without_remedy(),
        None => format!("it was not gone after {} seconds", grace.as_secs()),
    };
    let mut left = left_behind(launch, &problem);
    if let Some(error) = last {
        left.remedy = format!("{}. For that, {}", left.remedy, error.remedy);
    }
    progress.emit(&Event::Failed(left));
}

/// Removes everything, again after an error: what stays costs money. Returns whether it is gone;
/// `last` is the last error.
async fn remove_all(
    progress: &Progress<'_>,
    launch: &mut TestLaunch,
    last: &mut Option<Error>,
) -> bool {
    let mut backoff = progress.poll_backoff(POLL);
    let since = Instant::now();
    while let Err(error) = remove(progress, launch).await {
        let is_denied = error.code == Code::AccessDenied;
        *last = Some(error);
        if is_denied {
            return false;
        }
        let what = "to be removed, after an error";
        progress
            .wait(&launch.mark, what, since, backoff.next())
            .await;
    }
    true
}

async fn remove(progress: &Progress<'_>, launch: &mut TestLaunch) -> Result<(), Error> {
    if launch.instance == Made::Perhaps {
        launch.instance = find_instance(progress, launch).await?;
    }
    if let Made::Yes(id) = launch.instance.clone() {
        if !launch.is_terminated {
            terminate(progress, launch, &id).await?;
            launch.is_terminated = true;
        }
        await_termination(progress, launch, &id).await?;
        launch.instance = Made::No;
    }
    // AWS deletes no group that an instance is in.
    if launch.group == Made::Perhaps {
        launch.group = find_group(progress, launch).await?;
    }
    if let Made::Yes(id) = launch.group.clone() {
        delete_group(progress, launch, &id).await?;
        launch.group = Made::No;
    }
    Ok(())
}

/// The instance of a launch whose answer did not come. It may be shown only after a while.
async fn find_instance(progress: &Progress<'_>, launch: &TestLaunch) -> Result<Made, Error> {
    let clients = &launch.clients;
    let mut backoff = progress.poll_backoff(POLL);
    let since = Instant::now();
    loop {
        let instances = clients.ec2.instances(mark::TAG, Some(&launch.mark)).await?;
        let mut ours = instances.into_iter();
        if let Some(instance) = ours.find(|one| mark::is_our_instance(clients, one)) {
            return Ok(Made::Yes(instance.id));
        }
        if since.elapsed() >= NEW_INSTANCE_INVISIBLE {
            return Ok(Made::No);
        }
        let (mark, what) = (&launch.mark, "to show whether an instance was launched");
        progress.wait(mark, what, since, backoff.next()).await;
    }
}

async fn find_group(progress: &Progress<'_>, launch: &TestLaunch) -> Result<Made, Error> {
    let clients = &launch.clients;
    let name = mark::group_name(clients, &launch.mark);
    let mut backoff = progress.poll_backoff(POLL);
    let since = Instant::now();
    loop {
        let groups = clients.ec2.security_groups_named(&name, None).await?;
        let mut ours = groups.into_iter();
        if let Some(group) = ours.find(|group| mark::is_our_group(clients, group)) {
            return Ok(Made::Yes(group.id));
        }
        if since.elapsed() >= NEW_INSTANCE_INVISIBLE {
            return Ok(Made::No);
        }
        let what = "to show whether it was created";
        progress.wait(&name, what, since, backoff.next()).await;
    }
}

/// Terminates the instance. AWS may not know a new one yet.
async fn terminate(progress: &Progress<'_>, launch: &TestLaunch, id: &str) -> Result<(), Error> {
    let mut backoff = progress.poll_backoff(POLL);
    let since = Instant::now();
    while !launch.clients.ec2.terminate_instance(id).await? {
        if since.elapsed() >= NEW_INSTANCE_INVISIBLE {
            return Ok(());
        }
        let what = "to be known, so that it can be terminated";
        progress.wait(id, what, since, backoff.next()).await;
    }
    let location = &launch.clients.location;
    progress.emit(&Event::TestInstanceTerminated {
        account: location.account.clone(),
        region: location.region.clone(),
        instance: id.to_owned(),
        is_abandoned: launch.is_abandoned,
    });
    Ok(())
}

async fn await_termination(
    progress: &Progress<'_>,
    launch: &TestLaunch,
    id: &str,
) -> Result<(), Error> {
    let mut backoff = progress.poll_backoff(POLL);
    let since = Instant::now();
    loop {
        let instance = launch.clients.ec2.instance(id).await?;
        if instance.is_none_or(|instance| instance.is_terminated()) {
            return Ok(());
        }
        progress
            .wait(id, "to be terminated", since, backoff.next())
            .await;
    }
}

/// Deletes the security group. The network interface of an instance that is gone may still be in
/// it.
async fn delete_group(progress: &Progress<'_>, launch: &TestLaunch, id: &str) -> Result<(), Error> {
    let mut backoff = progress.poll_backoff(POLL);
    let since = Instant::now();
    while !launch.clients.ec2.delete_security_group(id).await? {
        progress
            .wait(id, "to be in use no longer", since, backoff.next())
            .await;
    }
    Ok(())
}

fn left_behind(launch: &TestLaunch, problem: &str) -> Error {
    let location = &launch.clients.location;
    let mut left = Vec::new();
    match &launch.instance {
        Made::Yes(id) if launch.has_instance() => left.push(format!("the instance {id}")),
        Made::Perhaps => left.push("perhaps an instance".to_owned()),
        Made::Yes(_) | Made::No => {}
    }
    match &launch.group {
        Made::Yes(id) => left.push(format!("the security group {id}")),
        Made::Perhaps => left.push("perhaps a security group".to_owned()),
        Made::No => {}
    }
    let (left, tag) = (left.join(" and "), format!("{}={}", mark::TAG, launch.mark));
    let is_unknown = launch.instance == Made::Perhaps || launch.group == Made::Perhaps;
    let by_tag = if is_unknown {
        format!(", with the tag {tag}")
    } else {
        String::new()
    };
    let message = format!("a test launch left {left}{by_tag}: {problem}");
    let resource = match (&launch.instance, &launch.group) {
        (Made::Yes(id), _) if launch.has_instance() => id.clone(),
        (_, Made::Yes(id)) => id.clone(),
        _ => tag,
    };
    Error::new(Code::TestLaunchLeft, message)
        .at(&location.account, &location.region)
        .on(resource)
}
