//! Checks what the launchers' own side lets them do: identity policies, permissions boundaries,
//! service control policies.

use super::ImageInTarget;
use super::group::group;
use super::key_operations::KeyOperation;
use super::keys::VolumeKey;
use crate::aws::iam::{Denier, OwnDecision};
use crate::id::{AccountId, AmiId, Region};
use crate::inventory::Key;
use crate::policy::evaluate::{Caller, Decision};
use crate::policy::launch_operations::volume_key_actions;
use crate::report::{Check, CheckName};
use crate::verify::evidence::{
    Launcher, RUN_INSTANCES, chosen_resources, image_arn, made_resources,
};

const NAME: CheckName = CheckName::LauncherIam;

/// A call that a launch makes as the launcher.
struct Call {
    action: &'static str,
    resource: String,
    allowed_by: AllowedBy,
}

/// What must allow a call.
#[derive(PartialEq, Eq)]
enum AllowedBy {
    /// The identity policies of the launcher.
    Identity,
    /// The same, for one resource at least: the launcher chooses which it uses.
    IdentityForOne,
    /// The key allows it to the launcher by itself; what limits the launcher still counts (R3.3.8,
    /// R5.4).
    Key,
    /// Whether the key allows it by itself is not known: why.
    MaybeKey(String),
    /// The policy of `aws/ebs`, which names everybody in the account.
    AwsKey,
}

/// What keeps a launcher from a call.
#[derive(PartialEq, Eq)]
enum RefusedBy {
    /// No identity policy allows it.
    NoPolicy,
    /// What denies it, in words.
    Denier(String),
}

/// A launcher, what keeps it from a call, the resource, and the action.
type RefusedCall<'a> = ((&'a String, RefusedBy, String), &'static str);

/// Whether the own side of every launcher lets it launch, and use the keys that leave the decision
/// to it.
pub(super) fn check_launcher_iam(
    image: ImageInTarget<'_>,
    image_id: &AmiId,
    operations: &[KeyOperation<'_>],
    volume_key: VolumeKey<'_>,
) -> Check {
    let target = image.target_evidence();
    let launchers = target.map(|target| target.launchers.as_slice());
    let launchers = launchers.unwrap_or_default();
    if launchers.is_empty() {
        return Check::unknown(
            NAME,
            "who launches is not known: give `target-launch-roles` to have the policies of those \
             roles checked",
        );
    }
    let mut unknown = volume_key.unread();
    let mut common = launch_calls(image.account, image.region(), image_id);
    if let VolumeKey::Aws(key) = volume_key {
        common.extend(aws_key_calls(key));
    }
    let (mut missing, mut refused) = (Vec::new(), Vec::new());
    for launcher in launchers {
        match check_launcher(image, &common, operations, launcher, &mut refused) {
            Ok(None) => {}
            Ok(Some(why)) => {
                unknown.get_or_insert(why);
            }
            Err(why) => missing.push(why),
        }
    }
    missing.extend(describe_refused(refused));
    if !missing.is_empty() {
        return Check::no(NAME, missing.join("; "));
    }
    match unknown {
        Some(why) => Check::unknown(NAME, why),
        None => Check::yes(
            NAME,
            "in IAM's simulation, identity policies, boundaries and service control policies \
             allow it; not checked, and able to deny it: session policies, resource control \
             policies, and what conditions of service control policies ask for",
        ),
    }
}

/// What is unknown of a launcher, if anything is. Adds the calls that it may not make.
///
/// # Errors
/// The launcher does not exist.
fn check_launcher<'a>(
    image: ImageInTarget<'_>,
    common: &[Call],
    operations: &[KeyOperation<'_>],
    launcher: &'a Launcher,
    refused: &mut Vec<RefusedCall<'a>>,
) -> Result<Option<String>, String> {
    let (account, name) = (image.account, &launcher.name);
    let arn = match &launcher.arn {
        Ok(Some(arn)) => arn,
        Ok(None) => {
            return Err(format!(
                "{account} has no role `{name}`: create it, or remove it from `target-launch-roles`"
            ));
        }
        Err(error) => {
            return Ok(Some(format!(
                "the ARN of role `{name}` is not known: {error}"
            )));
        }
    };
    let own = key_calls(account, operations, arn);
    let mut unknown = None;
    for call in common.iter().chain(&own) {
        let asked = (call.action.to_owned(), call.resource.clone());
        match judge_call(call, launcher.decisions.get(&asked), arn) {
            Ok(None) => {}
            Ok(Some(why)) => {
                unknown.get_or_insert(why);
            }
            Err(by) => refused.push(((arn, by, asked.1), call.action)),
        }
    }
    Ok(unknown)
}

/// What a launcher may not do, on which resources, and where that is to be mended.
fn describe_refused(refused: Vec<RefusedCall<'_>>) -> Vec<String> {
    let by_resource = group(refused).into_iter();
    let by_actions =
        by_resource.map(|((launcher, by, resource), actions)| ((launcher, by, actions), resource));
    let mut sentences = Vec::new();
    for ((launcher, by, actions), resources) in group(by_actions) {
        let calls = format!("{} on {}", actions.join(", "), resources.join(", "));
        sentences.push(match by {
            RefusedBy::NoPolicy => format!("allow {calls} in an identity policy of {launcher}"),
            RefusedBy::Denier(denier) => {
                format!("{denier} does not let {launcher} call {calls}: exempt it there")
            }
        });
    }
    sentences
}

/// What is unknown of one call of a launcher, if anything is.
///
/// # Errors
/// What keeps the launcher from making it.
fn judge_call(
    call: &Call,
    decision: Option<&OwnDecision>,
    launcher: &str,
) -> Result<Option<String>, RefusedBy> {
    let (action, resource, by) = (call.action, &call.resource, &call.allowed_by);
    let by_key = matches!(
        by,
        AllowedBy::Key | AllowedBy::MaybeKey(_) | AllowedBy::AwsKey
    );
    Ok(match decision {
        Some(OwnDecision::Allowed) => None,
        Some(OwnDecision::NotAllowed | OwnDecision::Denied(_))
            if *by == AllowedBy::IdentityForOne =>
        {
            Some(format!(
                "{launcher} may call {action} only with some of {resource}, or with none"
            ))
        }
        Some(OwnDecision::NotAllowed) => match by {
            AllowedBy::Key | AllowedBy::AwsKey => None,
            AllowedBy::MaybeKey(why) => Some(format!(
                "no identity policy of {launcher} allows {action}, and whether {resource} does: \
                 {why}"
            )),
            AllowedBy::Identity | AllowedBy::IdentityForOne => {
                return Err(RefusedBy::NoPolicy);
            }
        },
        // Whether a boundary limits what a policy gives to everybody is not documented.
        Some(OwnDecision::Denied(Denier::Boundary)) if by_key => Some(format!(
            "whether the permissions boundary of {launcher} limits what the policy of {resource} \
             allows by itself: {action}"
        )),
        Some(OwnDecision::Denied(denier)) => {
            return Err(RefusedBy::Denier(denier.describe(launcher)));
        }
        Some(OwnDecision::Unknown(why)) => {
            Some(format!("{action} on {resource} for {launcher}: {why}"))
        }
        None => Some(format!("{action} on {resource} was not simulated")),
    })
}

/// The actions and resources that `RunInstances` is authorized for.
fn launch_calls(account: &AccountId, region: &Region, image_id: &AmiId) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut add = |resource, allowed_by| {
        calls.push(Call {
            action: RUN_INSTANCES,
            resource,
            allowed_by,
        });
    };
    for resource in made_resources(account, region) {
        add(resource, AllowedBy::Identity);
    }
    for resource in chosen_resources(account, region) {
        add(resource, AllowedBy::IdentityForOne);
    }
    add(image_arn(region, image_id), AllowedBy::Identity);
    calls
}

/// The calls on keys.
fn key_calls(account: &AccountId, operations: &[KeyOperation<'_>], arn: &str) -> Vec<Call> {
    let caller = Caller {
        account: account.clone(),
        arn: arn.to_owned(),
    };
    let mut calls = Vec::new();
    for operation in operations {
        calls.push(Call {
            action: operation.action,
            resource: operation.key.arn.to_string(),
            allowed_by: match operation.decide_alone(&caller) {
                Decision::Direct => AllowedBy::Key,
                Decision::Unknown(why) => AllowedBy::MaybeKey(why),
                Decision::Delegated | Decision::No(_) | Decision::Denied(_) => AllowedBy::Identity,
            },
        });
    }
    calls
}

/// The calls on `aws/ebs`.
fn aws_key_calls(key: &Key) -> Vec<Call> {
    let mut calls = Vec::new();
    for action in volume_key_actions() {
        calls.push(Call {
            action,
            resource: key.arn.to_string(),
            allowed_by: AllowedBy::AwsKey,
        });
    }
    calls
}
