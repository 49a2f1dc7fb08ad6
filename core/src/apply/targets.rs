//! What is done in target accounts, by the role there, once an image is shared with them.

use std::collections::BTreeSet;

use futures::future;
use tokio::time::Instant;

use super::copies;
use super::lifecycle;
use super::share::Done;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, AmiId, KeyArn};
use crate::limits::PERMISSION_PROPAGATION;
use crate::plan::{
    LaunchRole, Plan, RolePolicy, ServiceRole, Step, TagShared, parent_grant_name,
    service_grant_name,
};
use crate::report::Event;
use crate::run::Run;

/// The copies that stand: whose, of which image of the source account.
pub(super) type Standing = BTreeSet<(AccountId, AmiId)>;

/// Copies and tags in targets of an image that is shared now.
pub(super) async fn image(run: &Run<'_>, plan: &Plan, done: &Done<'_>) -> Standing {
    let shared = &done.launch.shared;
    let copies = plan
        .target_copies()
        .filter(|wanted| &wanted.shared == shared)
        .map(|wanted| async move {
            run.progress.report_error(
                Box::pin(copies::ensure(run, &wanted.to_copy_image(&done.image))).await,
            )?;
            Some((wanted.account.clone(), done.image.clone()))
        });
    let tags = plan.steps.iter().filter_map(|step| match step {
        Step::TagShared(tag) if &tag.shared == shared => Some(async {
            run.progress
                .report_error(Box::pin(self::tag(run, tag, &done.image)).await)
        }),
        _ => None,
    });
    let (copies, _) = Box::pin(future::join(
        future::join_all(copies),
        future::join_all(tags),
    ))
    .await;
    copies.into_iter().flatten().collect()
}

/// The parameters in targets of an image that can be launched there.
pub(super) async fn publish(run: &Run<'_>, plan: &Plan, done: &Done<'_>) {
    let shared = &done.launch.shared;
    for account in run.targets.keys() {
        let copy = plan
            .target_copies()
            .find(|copy| &copy.account == account && &copy.shared == shared);
        let image = copy.map_or_else(|| Some(done.image.clone()), |copy| run.target_copy(copy));
        if let Some(image) = image {
            lifecycle::publish_in(run, plan, account, shared, &image).await;
        }
    }
}

/// The owner's tags are not shown to targets, so each is given them again there (R1.6).
async fn tag(run: &Run<'_>, tag: &TagShared, image: &AmiId) -> Result<(), Error> {
    let Some(clients) = run
        .target_clients(&tag.account, &tag.shared.region)
        .filter(|_| !tag.missing.is_empty())
    else {
        return Ok(());
    };
    let (mut backoff, since) = (run.progress.poll_backoff(run.timing.poll), Instant::now());
    loop {
        match clients.ec2.tag_image(image, &tag.missing).await {
            // It may have been shared only now (R2.21).
            Err(error)
                if error.is_aws(&["InvalidAMIID.NotFound"])
                    && since.elapsed() < PERMISSION_PROPAGATION =>
            {
                run.progress
                    .wait(image, "to be seen by the target", since, backoff.next())
                    .await;
            }
            tagged => break tagged?,
        }
    }
    run.progress.emit(&Event::Tagged {
        account: tag.account.clone(),
        image: image.clone(),
    });
    Ok(())
}

/// What lets roles in targets launch.
pub(super) async fn roles(run: &Run<'_>, plan: &Plan) {
    let wanted = plan.steps.iter().filter_map(|step| match step {
        Step::LaunchRole(wanted) if !wanted.in_effect => Some(wanted),
        _ => None,
    });
    future::join_all(wanted.map(|wanted| async {
        run.progress
            .report_error(Box::pin(launch_role(run, plan, wanted)).await)
    }))
    .await;
}

async fn launch_role(run: &Run<'_>, plan: &Plan, wanted: &LaunchRole) -> Result<(), Error> {
    let Some(clients) = plan
        .regions
        .first()
        .and_then(|region| run.target_clients(&wanted.account, region))
    else {
        return Ok(());
    };
    let policy = match &wanted.by {
        RolePolicy::Attached(arn) => {
            clients.iam.attach_policy(&wanted.role, arn).await?;
            arn.clone()
        }
        RolePolicy::Inline { name, document } => {
            clients
                .iam
                .put_inline_policy(&wanted.role, name, document)
                .await?;
            name.clone()
        }
    };
    run.progress.emit(&Event::RoleAllowed {
        account: wanted.account.clone(),
        role: wanted.role.clone(),
        policy,
    });
    Ok(())
}

/// The grants of services' roles on a key, made from the targets (R4.11).
pub(super) async fn service_roles(run: &Run<'_>, plan: &Plan, of: impl Fn(&KeyArn) -> bool) {
    let wanted = plan.steps.iter().filter_map(|step| match step {
        Step::ServiceRole(wanted) if !wanted.in_effect && of(&wanted.key) => Some(wanted),
        _ => None,
    });
    future::join_all(wanted.map(|wanted| async {
        run.progress
            .report_error(Box::pin(service_role(run, plan, wanted)).await)
    }))
    .await;
}

async fn service_role(run: &Run<'_>, plan: &Plan, wanted: &ServiceRole) -> Result<(), Error> {
    let Some(clients) = run.target_clients(&wanted.account, wanted.key.region()) else {
        return Ok(());
    };
    let role = match &wanted.role {
        Some(role) => role.clone(),
        None => clients
            .iam
            .create_service_linked_role(&wanted.service)
            .await?
            .ok_or_else(|| {
                Error::new(Code::AwsUnexpected, "IAM made a role and did not say which")
                    .remedy("run again, and it is found")
                    .at(&wanted.account, wanted.key.region())
                    .on(&wanted.service)
            })?,
    };
    if plan
        .steps
        .iter()
        .any(|step| matches!(step, Step::Grants(grants) if grants.key == wanted.key))
    {
        // A target hands on no more than it has (R3.3.9): so it is given all of that first.
        let account = &wanted.account;
        let root = wanted.key.region().partition().account_root(account);
        run.key_clients(&wanted.key)
            .kms
            .create_service_grant(&wanted.key, &root, &parent_grant_name(account))
            .await?;
    }
    let name = service_grant_name(&wanted.account, &wanted.service);
    let (mut backoff, since) = (run.progress.poll_backoff(run.timing.poll), Instant::now());
    loop {
        match clients
            .kms
            .create_service_grant(&wanted.key, &role, &name)
            .await
        {
            // A key policy, or a role made just now, may not be known everywhere yet (R3.2.7,
            // R3.3.6).
            Err(error)
                if since.elapsed() < PERMISSION_PROPAGATION
                    && (error.code == Code::AccessDenied
                        || error.is_aws(&["InvalidArnException"])) =>
            {
                run.progress
                    .wait(
                        &wanted.key,
                        "to take the grant of a service's role",
                        since,
                        backoff.next(),
                    )
                    .await;
            }
            made => break made?,
        }
    }
    run.progress.emit(&Event::ServiceRoleGranted {
        account: wanted.account.clone(),
        role,
        key: wanted.key.clone(),
    });
    Ok(())
}
