//! The source account's own permissions for what a plan would do, asked without doing it: EC2 by
//! its dry runs, KMS by what IAM says of the caller's policies.

use crate::aws::sts;
use crate::diagnostic::{Code, Error};
use crate::id::Principal;
use crate::plan::{KeyAccess, LaunchPermission, Plan, Step};
use crate::report::{Check, CheckName, Verdict, Verification};
use crate::run::Run;

/// Adds to each target what stands against sharing with it.
pub(super) async fn check(run: &Run<'_>, plan: &Plan, found: &mut [Verification]) {
    for launch in plan
        .launch_permissions()
        .filter(|launch| !launch.missing.is_empty())
    {
        let Some(check) = Box::pin(of_image(run, launch)).await else {
            continue;
        };
        let shared = &launch.shared;
        let wanted = |of: &&mut Verification| {
            (&of.source, &of.region) == (&shared.source, &shared.region)
                && launch
                    .missing
                    .contains(&Principal::Account(of.account.clone()))
        };
        found
            .iter_mut()
            .filter(wanted)
            .for_each(|of| of.push(check.clone()));
    }
    for access in plan.steps.iter().filter_map(|step| match step {
        Step::KeyAccess(access) if !access.missing.is_empty() => Some(access),
        _ => None,
    }) {
        let check = Box::pin(of_key(run, access)).await;
        let missing = |of: &&mut Verification| {
            access
                .missing
                .contains(&Principal::Account(of.account.clone()))
        };
        found
            .iter_mut()
            .filter(missing)
            .for_each(|of| of.push(check.clone()));
    }
}

/// Launch permission of an image that exists: a dry run looks at everything but changes nothing
/// (R4.9).
async fn of_image(run: &Run<'_>, launch: &LaunchPermission) -> Option<Check> {
    let image = launch.shared.image.as_ref()?;
    let clients = run.source_clients(&launch.shared.region);
    let asked = clients.ec2.may_share(image, &launch.missing).await;
    Some(answer(
        asked,
        &format!("launch permission of {image} may be given"),
    ))
}

/// The key's policy: KMS has no dry run of that (R3.5), so IAM is asked what the caller's own
/// policies say.
async fn of_key(run: &Run<'_>, access: &KeyAccess) -> Check {
    const PUT: &str = "kms:PutKeyPolicy";
    let clients = run.key_clients(&access.key);
    let caller =
        sts::role_of(&clients.identity.arn).unwrap_or_else(|| clients.identity.arn.clone());
    let asked = clients
        .iam
        .simulate(&caller, &[PUT], &[access.key.to_string()], &[])
        .await;
    let (verdict, detail) = match asked {
        Ok(decisions) if decisions.iter().all(|(_, _, allowed)| *allowed) => (
            Verdict::Yes,
            format!("identity policies allow {PUT} on {}", access.key),
        ),
        Ok(_) => (
            Verdict::No,
            format!(
                "allow {PUT} on {} in an identity policy of {caller}",
                access.key
            ),
        ),
        Err(error) => (
            Verdict::Unknown,
            format!("whether {caller} may {PUT} was not seen: {error}"),
        ),
    };
    Check {
        name: CheckName::Source,
        verdict,
        detail,
    }
}

fn answer(asked: Result<(), Error>, yes: &str) -> Check {
    let (verdict, detail) = match asked {
        Ok(()) => (Verdict::Yes, yes.to_owned()),
        Err(error) if error.code == Code::AccessDenied => (Verdict::No, error.to_string()),
        Err(error) => (Verdict::Unknown, format!("it could not be asked: {error}")),
    };
    Check {
        name: CheckName::Source,
        verdict,
        detail,
    }
}
