//! Checks the source account's own permissions for what a plan would do, without doing it: EC2 by
//! its dry runs, KMS by what IAM says of the caller's policies.

use crate::aws::iam::{OwnDecision, Simulation};
use crate::diagnostic::Code;
use crate::id::{AmiId, Principal};
use crate::plan::{KeyAccess, LaunchPermission, Plan, Step};
use crate::report::{Check, CheckName, Verification};
use crate::run::Run;

/// Adds to each target what the source account may not do for it.
pub(super) async fn check_source_permissions(
    run: &Run<'_>,
    plan: &Plan,
    verifications: &mut [Verification],
) {
    for launch in plan.launch_permissions() {
        let Some(image) = &launch.shared.image else {
            continue;
        };
        if launch.missing.is_empty() {
            continue;
        }
        let check = check_launch_permission(run, launch, image).await;
        let shared = &launch.shared;
        for verification in verifications.iter_mut() {
            let is_of_image =
                verification.source == shared.source && verification.region == shared.region;
            let account = Principal::Account(verification.account.clone());
            if is_of_image && launch.missing.contains(&account) {
                verification.push(check.clone());
            }
        }
    }
    for step in &plan.steps {
        let Step::KeyAccess(access) = step else {
            continue;
        };
        if access.missing.is_empty() {
            continue;
        }
        let check = check_key_policy(run, access).await;
        for verification in verifications.iter_mut() {
            let account = Principal::Account(verification.account.clone());
            if access.missing.contains(&account) {
                verification.push(check.clone());
            }
        }
    }
}

/// The launch permission of an image that exists: a dry run checks everything but changes nothing
/// (R4.9).
async fn check_launch_permission(run: &Run<'_>, launch: &LaunchPermission, image: &AmiId) -> Check {
    let name = CheckName::Source;
    let clients = run.source_clients(&launch.shared.region);
    match clients.ec2.dry_run_share(image, &launch.missing).await {
        Ok(()) => Check::yes(name, format!("launch permission of {image} may be given")),
        Err(error) if error.code == Code::AccessDenied => Check::no(name, error.to_string()),
        Err(error) => Check::unknown(name, format!("it could not be checked: {error}")),
    }
}

/// The key's policy: KMS has no dry run of that (R3.5), so IAM is asked what the caller's own
/// policies allow.
async fn check_key_policy(run: &Run<'_>, access: &KeyAccess) -> Check {
    const PUT: &str = "kms:PutKeyPolicy";
    let (name, key) = (CheckName::Source, &access.key);
    let clients = run.key_clients(key);
    let unread = |error| {
        let caller = &clients.identity.arn;
        let detail = format!("whether {caller} may {PUT} could not be checked: {error}");
        Check::unknown(name, detail)
    };
    let caller = match clients.iam.principal_of(&clients.identity.arn).await {
        Ok(caller) => caller,
        Err(error) => return unread(error),
    };
    let simulation = Simulation {
        principal: &caller,
        account: clients.location.account.as_ref(),
        actions: &[PUT],
        resource: key.as_ref(),
        context: &[],
    };
    let decisions = match clients.iam.simulate(&simulation).await {
        Ok(decisions) => decisions,
        Err(error) => return unread(error),
    };
    match decisions.first() {
        Some(OwnDecision::Allowed) => {
            Check::yes(name, format!("identity policies allow {PUT} on {key}"))
        }
        Some(OwnDecision::NotAllowed) => {
            let detail = format!("allow {PUT} on {key} in an identity policy of {caller}");
            Check::no(name, detail)
        }
        Some(OwnDecision::Denied(denier)) => {
            let denier = denier.describe(&caller);
            Check::no(name, format!("{denier} denies {PUT} on {key}"))
        }
        Some(OwnDecision::Unknown(why)) => {
            let detail = format!("whether {caller} may {PUT} on {key} is not known: {why}");
            Check::unknown(name, detail)
        }
        None => Check::unknown(name, format!("IAM did not say whether {caller} may {PUT}")),
    }
}
