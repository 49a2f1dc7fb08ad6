//! What is done in target accounts, by the role there, once an image is shared with them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future;
use tokio::time::Instant;

use super::share::Done;
use super::{lifecycle, said};
use crate::copy;
use crate::error::{Code, Error};
use crate::event::Event;
use crate::id::{AccountId, AmiId, KeyArn};
use crate::plan::{
    LaunchRole, Plan, RolePolicy, ServiceRole, Step, TagShared, parent_grant_name,
    service_grant_name,
};
use crate::run::Run;

/// How long a permission may take to be in effect before a no is final (R3.2.7).
const PROPAGATED: Duration = Duration::from_mins(1);

/// The copies that stand: whose, of which image of the source account.
pub(super) type Standing = BTreeSet<(AccountId, AmiId)>;

/// Copies and tags in targets of an image that is shared now.
pub(super) async fn image(run: &Run<'_>, plan: &Plan, done: &Done<'_>) -> Standing {
    let shared = &done.launch.shared;
    let copies = plan
        .target_copies()
        .filter(|wanted| &wanted.shared == shared)
        .map(|wanted| async move {
            said(
                run,
                Box::pin(copy::ensure(run, &wanted.of(&done.image))).await,
            )?;
            Some((wanted.account.clone(), done.image.clone()))
        });
    let tags = plan.steps.iter().filter_map(|step| match step {
        Step::TagShared(tag) if &tag.shared == shared => {
            Some(async { said(run, Box::pin(self::tag(run, tag, &done.image)).await) })
        }
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
    for account in run.targets().keys() {
        let copy = plan
            .target_copies()
            .find(|copy| &copy.account == account && &copy.shared == shared);
        let image = copy.map_or_else(|| Some(done.image.clone()), |copy| run.own_copy(copy));
        if let Some(image) = image {
            lifecycle::publish_in(run, plan, account, shared, &image).await;
        }
    }
}

/// The owner's tags are not shown to targets, so each is given them again there (R1.6).
async fn tag(run: &Run<'_>, tag: &TagShared, image: &AmiId) -> Result<(), Error> {
    let Some(site) = run
        .target_site(&tag.account, &tag.shared.region)
        .filter(|_| !tag.missing.is_empty())
    else {
        return Ok(());
    };
    let (mut pace, since) = (run.pace(run.timing.poll), Instant::now());
    loop {
        match site.ec2.tag(image, &tag.missing).await {
            // It may have been shared only now (R2.21).
            Err(error)
                if error.is_aws(&["InvalidAMIID.NotFound"]) && since.elapsed() < PROPAGATED =>
            {
                run.wait(image, "to be seen by the target", since, pace.next())
                    .await;
            }
            tagged => break tagged?,
        }
    }
    run.emit(&Event::Tagged {
        account: tag.account.clone(),
        image: image.clone(),
    });
    Ok(())
}

/// What lets roles in targets launch.
pub(super) async fn roles(run: &Run<'_>, plan: &Plan) {
    let wanted = plan.steps.iter().filter_map(|step| match step {
        Step::LaunchRole(wanted) if !wanted.held => Some(wanted),
        _ => None,
    });
    future::join_all(
        wanted.map(|wanted| async { said(run, Box::pin(launch_role(run, plan, wanted)).await) }),
    )
    .await;
}

async fn launch_role(run: &Run<'_>, plan: &Plan, wanted: &LaunchRole) -> Result<(), Error> {
    let Some(site) = plan
        .regions
        .first()
        .and_then(|region| run.target_site(&wanted.account, region))
    else {
        return Ok(());
    };
    let policy = match &wanted.by {
        RolePolicy::Attached(arn) => {
            site.iam.attach(&wanted.role, arn).await?;
            arn.clone()
        }
        RolePolicy::Inline { name, document } => {
            site.iam.put(&wanted.role, name, document).await?;
            name.clone()
        }
    };
    run.emit(&Event::RoleAllowed {
        account: wanted.account.clone(),
        role: wanted.role.clone(),
        policy,
    });
    Ok(())
}

/// The grants of services' roles on a key, made from the targets (R4.11).
pub(super) async fn service_roles(run: &Run<'_>, plan: &Plan, of: impl Fn(&KeyArn) -> bool) {
    let wanted = plan.steps.iter().filter_map(|step| match step {
        Step::ServiceRole(wanted) if !wanted.held && of(&wanted.key) => Some(wanted),
        _ => None,
    });
    future::join_all(
        wanted.map(|wanted| async { said(run, Box::pin(service_role(run, plan, wanted)).await) }),
    )
    .await;
}

async fn service_role(run: &Run<'_>, plan: &Plan, wanted: &ServiceRole) -> Result<(), Error> {
    let Some(site) = run.target_site(&wanted.account, wanted.key.region()) else {
        return Ok(());
    };
    let role = match &wanted.role {
        Some(role) => role.clone(),
        None => site
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
        let root = format!(
            "arn:{}:iam::{account}:root",
            wanted.key.region().partition()
        );
        run.key_site(&wanted.key)
            .kms
            .create_service_grant(&wanted.key, &root, &parent_grant_name(account))
            .await?;
    }
    let name = service_grant_name(&wanted.account, &wanted.service);
    let (mut pace, since) = (run.pace(run.timing.poll), Instant::now());
    loop {
        match site
            .kms
            .create_service_grant(&wanted.key, &role, &name)
            .await
        {
            // A key policy, or a role made just now, may not be known everywhere yet (R3.2.7,
            // R3.3.6).
            Err(error)
                if since.elapsed() < PROPAGATED
                    && (error.code == Code::AccessDenied
                        || error.is_aws(&["InvalidArnException"])) =>
            {
                run.wait(
                    &wanted.key,
                    "to take the grant of a service's role",
                    since,
                    pace.next(),
                )
                .await;
            }
            made => break made?,
        }
    }
    run.emit(&Event::ServiceRoleGranted {
        account: wanted.account.clone(),
        role,
        key: wanted.key.clone(),
    });
    Ok(())
}
