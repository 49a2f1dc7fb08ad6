//! Checks what identity policies let the launchers do.

use super::ImageInTarget;
use super::key_operations::KeyOperation;
use crate::id::{AccountId, AmiId, Region};
use crate::policy::evaluate::Caller;
use crate::report::{Check, CheckName};
use crate::verify::evidence::{
    Launcher, RUN_INSTANCES, TargetEvidence, image_arn, launch_resources,
};

/// Whether the identity policies of every launcher allow the launch, and the use of the keys that
/// leave the decision to them.
pub(super) fn check_launcher_iam(
    image: ImageInTarget<'_>,
    image_id: &AmiId,
    operations: &[KeyOperation<'_>],
    target: &TargetEvidence,
) -> Check {
    let name = CheckName::LauncherIam;
    if target.launchers.is_empty() {
        return Check::unknown(
            name,
            "who launches is not known: give `target-launch-roles` to have the policies of those \
             roles checked",
        );
    }
    let (account, region) = (image.account, image.region());
    let mut unknown = None;
    for launcher in &target.launchers {
        let allowed = match &launcher.allowed {
            Ok(allowed) => allowed,
            Err(error) => {
                let why = format!("{}: it could not be simulated: {error}", launcher.arn);
                unknown.get_or_insert(why);
                continue;
            }
        };
        let mut calls = launch_calls(account, region, image_id);
        calls.extend(key_calls(account, region, operations, launcher));
        for call in calls {
            let is_allowed = allowed.get(&call);
            let (action, resource) = call;
            match is_allowed {
                Some(true) => {}
                Some(false) => {
                    let of_image = resource == image_arn(region, image_id);
                    let resource = if of_image {
                        image_id.as_ref()
                    } else {
                        &resource
                    };
                    let launcher = &launcher.arn;
                    return Check::no(
                        name,
                        format!("allow {action} on {resource} in an identity policy of {launcher}"),
                    );
                }
                None => {
                    unknown.get_or_insert(format!("{action} on {resource} was not simulated"));
                }
            }
        }
    }
    match unknown {
        Some(why) => Check::unknown(name, why),
        None => Check::yes(
            name,
            "identity policies allow it; session policies, resource control policies and \
             conditions of service control policies are not checked",
        ),
    }
}

/// The actions and resources that `RunInstances` is authorized for.
fn launch_calls(account: &AccountId, region: &Region, image_id: &AmiId) -> Vec<(String, String)> {
    let mut resources = launch_resources(account, region);
    resources.push(image_arn(region, image_id));
    resources
        .into_iter()
        .map(|resource| (RUN_INSTANCES.to_owned(), resource))
        .collect()
}

/// The calls on keys that an identity policy must allow: those that the key does not allow by
/// itself.
fn key_calls(
    account: &AccountId,
    region: &Region,
    operations: &[KeyOperation<'_>],
    launcher: &Launcher,
) -> Vec<(String, String)> {
    let caller = Caller {
        account: account.clone(),
        arn: launcher.arn.clone(),
    };
    let mut calls = Vec::new();
    for operation in operations {
        if !operation.is_allowed_by_key_alone(&caller, region) {
            calls.push((operation.action.to_owned(), operation.key.arn.to_string()));
        }
    }
    calls
}
