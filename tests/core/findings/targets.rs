//! Findings about target accounts, read with a role there.

use ami_share::request::{TargetOptions, Verify};
use ami_share_sim::world::KeyState;
use ami_share_sim::{KeySpec, Scenario};
use serde_json::json;

use super::Seen;
use crate::launch_templates::{ID, OLD, put_template};
use crate::support::*;

/// A world whose target has a key `theirs`, and a role that may do everything there.
pub(crate) fn with_admin_role(change: impl FnOnce(&mut Scenario)) -> World {
    World::from_scenario(build_admin_scenario(change))
}

/// The same as a scenario.
pub(crate) fn build_admin_scenario(change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = Scenario::two_accounts();
    let everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let mut roles = scenario.accounts[1].roles.iter_mut();
    let consumer = roles.find(|role| role.name == "consumer").unwrap();
    consumer.policy = Some(json!({ "Statement": [everything] }));
    scenario.keys.push(KeySpec {
        name: "theirs".to_owned(),
        account: B.to_owned(),
        ..KeySpec::default()
    });
    change(&mut scenario);
    scenario
}

pub(super) async fn collect(seen: &mut Seen) {
    let world = with_admin_role(|_| ());
    let options = with_target_role().launch_roles(["nobody".to_owned()]);
    record(seen, &world, options).await;

    let options = with_target_role().service_linked_roles(["rockets.amazonaws.com".to_owned()]);
    record(seen, &world, options).await;

    let large = with_admin_role(|scenario| {
        let mut roles = scenario.accounts[1].roles.iter_mut();
        let launcher = roles.find(|role| role.name == "launcher").unwrap();
        launcher.policy.as_mut().unwrap()["Statement"][0]["Sid"] = "x".repeat(10_200).into();
    });
    let options = with_target_role().launch_roles(["launcher".to_owned()]);
    record(seen, &large, options).await;

    let hiding = with_admin_role(|_| ());
    hiding.allow_images(B, "enabled", json!([{ "names": ["other-*"] }]));
    record(seen, &hiding, with_target_role()).await;

    let options = with_target_role().service_linked_roles(["autoscaling.amazonaws.com".to_owned()]);
    let denied = with_admin_role(|_| ());
    let no = json!({ "Effect": "Deny", "Action": "ec2:GetEbsDefaultKmsKeyId", "Resource": "*" });
    let no = json!({ "Version": "2012-10-17", "Statement": [no] });
    denied.put_role_policy(B, "consumer", "no", &no).await;
    record(seen, &denied, options).await;

    launch_templates(seen).await;
    needed_launch_policy(seen).await;

    let key = world.key_arn("theirs");
    let copying = || with_target_role().kms_key(key.parse().unwrap());
    let sold = with_admin_role(|_| ());
    sold.edit_image(&sold.image_id("golden"), |image| {
        image.product_codes.push("abc".to_owned());
    });
    let own = sold.key_arn("theirs").parse().unwrap();
    record(seen, &sold, with_target_role().kms_key(own)).await;

    world.edit_image(&world.image_id("golden"), |image| {
        let tags = image.tags.entry(A.to_owned()).or_default();
        tags.extend((0..50).map(|n| (format!("tag-{n}"), "x".to_owned())));
    });
    record(seen, &world, copying().unshare_after_copy(true)).await;
    archived_copy(seen).await;
    world.edit_key(&key, |key| key.state = KeyState::Disabled);
    record(seen, &world, copying()).await;
}

/// Launch templates that get no version.
async fn launch_templates(seen: &mut Seen) {
    let world = with_admin_role(|_| ());
    put_template(&world, B, ID, "web", OLD);
    let other = "lt-11111111111111111";
    put_template(&world, B, other, "resolving", "resolve:ssm:/golden");
    let options = |name: &str| {
        let options = with_target_role().verify(Verify::None);
        options.launch_templates([name.to_owned()])
    };
    record(seen, &world, options("resolving")).await;
    record(seen, &world, options("none")).await;
    let request = world.build_request(&["golden", "plain"]);
    let request = request.target_options(options("web"));
    seen.record(&world.plan(request).await.findings);
}

/// A revoke leaves the policy of a role that may launch another image.
async fn needed_launch_policy(seen: &mut Seen) {
    let world = with_admin_role(|_| ());
    let iam = aws_sdk_iam::Client::new(&world.config(B));
    let document = r#"{"Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}"#;
    let call = iam.create_policy().policy_name("launch");
    call.policy_document(document).send().await.unwrap();
    let request = |image: &str| {
        let options = with_target_role().launch_roles(["launcher".to_owned()]);
        let options = options.launch_policy("launch".parse().unwrap());
        let request = world.build_request(&[image]);
        request.target_options(options.verify(Verify::None))
    };
    world.share(request("golden")).await;
    world.share(request("plain")).await;
    let plan = world.plan(into_revoke(request("golden"))).await;
    seen.record(&plan.findings);
}

/// A target's own copy whose snapshots are archived.
async fn archived_copy(seen: &mut Seen) {
    let world = with_admin_role(|_| ());
    let key = world.key_arn("theirs");
    let options = || with_target_role().kms_key(key.parse().unwrap());
    let request = world.build_request(&["golden"]);
    world.share(request.target_options(options())).await;
    world.sim.edit(|state| {
        let mut snapshots = state.snapshots.values_mut();
        let copied = snapshots.find(|snapshot| snapshot.owner == B);
        copied.unwrap().archived = true;
    });
    record(seen, &world, options()).await;
}

async fn record(seen: &mut Seen, world: &World, options: TargetOptions) {
    let request = world.build_request(&["golden"]).copy_image_tags(false);
    let plan = world.plan(request.target_options(options)).await;
    seen.record(&plan.findings);
}
