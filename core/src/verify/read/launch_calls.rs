//! The calls of a launch that a launcher's own side decides, with the condition keys of each
//! (R4.1).

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::iam::{Context, set};
use crate::id::{AccountId, AccountRegion, AmiId, Region};
use crate::inventory::Image;
use crate::policy::launch_call::ec2_services;
use crate::policy::launch_operations::{CREATE_GRANT, use_actions};
use crate::verify::evidence::{RUN_INSTANCES, chosen_resources, image_arn, made_resources};
use crate::verify::simulate::{Call, known_context};

/// Every call, each on one resource: an action on a resource of another kind would be denied.
pub(super) fn launch_calls(
    location: &AccountRegion,
    images: &BTreeMap<AmiId, Context>,
    keys: &BTreeSet<String>,
) -> Vec<Call> {
    let (account, region) = (&location.account, &location.region);
    let common = known_context(location);
    let mut in_ec2 = common.clone();
    set(&mut in_ec2, "ec2:Region", region.as_ref());

    let mut calls = Vec::new();
    let mut resources = made_resources(account, region);
    resources.extend(chosen_resources(account, region));
    for resource in resources {
        calls.push(run_instances(resource, in_ec2.clone()));
    }
    for (id, image) in images {
        let mut context = in_ec2.clone();
        context.extend(image.iter().cloned());
        calls.push(run_instances(image_arn(region, id), context));
    }
    for key in keys {
        calls.extend(key_calls(key, account, region, &common));
    }
    calls
}

fn run_instances(resource: String, context: Context) -> Call {
    Call {
        actions: vec![RUN_INSTANCES],
        resource,
        contexts: vec![context],
    }
}

/// The calls on a key that EC2 makes for the launcher.
fn key_calls(key: &str, account: &AccountId, region: &Region, common: &Context) -> [Call; 2] {
    let (mut of_use, mut of_grant) = (Vec::new(), Vec::new());
    for service in ec2_services(region) {
        let mut via_ec2 = common.clone();
        set(&mut via_ec2, "aws:ViaAWSService", "true");
        set(&mut via_ec2, "kms:ViaService", service);
        set(&mut via_ec2, "kms:CallerAccount", account.as_ref());
        let mut grant = via_ec2.clone();
        set(&mut grant, "kms:GrantIsForAWSResource", "true");
        set(&mut grant, "kms:GrantOperations", "Decrypt");
        of_use.push(via_ec2);
        of_grant.push(grant);
    }
    [(use_actions(), of_use), (vec![CREATE_GRANT], of_grant)].map(|(actions, contexts)| Call {
        actions,
        resource: key.to_owned(),
        contexts,
    })
}

/// What IAM sees of an image: the tags are those of the account that launches. An image that the
/// target does not see is the source account's.
pub(super) fn image_context(id: &AmiId, seen: Option<&Image>, source: &AccountId) -> Context {
    let mut context = Context::new();
    set(&mut context, "ec2:ImageID", id.as_ref());
    let owner = seen.map_or(source.as_ref(), |image| &image.owner);
    set(&mut context, "ec2:Owner", owner);
    let Some(image) = seen else {
        return context;
    };
    set(&mut context, "ec2:RootDeviceType", &image.root_device_type);
    for (key, value) in &image.tags {
        // IAM takes no key twice, and ignores their case.
        let mut others = image.tags.keys().filter(|other| *other != key);
        if !value.is_empty() && !others.any(|other| other.eq_ignore_ascii_case(key)) {
            set(&mut context, &format!("aws:ResourceTag/{key}"), value);
            set(&mut context, &format!("ec2:ResourceTag/{key}"), value);
        }
    }
    context
}
