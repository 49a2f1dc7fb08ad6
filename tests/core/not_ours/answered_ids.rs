//! IDs in AWS's answers to calls that make something: that AWS answers with an ID does not make its
//! resource ours.

use ami_share::request::Verify;
use ami_share_sim::world::ImageState;
use serde_json::{Value, json};

use super::super::findings::targets::with_admin_role;
use super::super::support::*;

fn answer_with(operation: &str, path: &str, value: &str) -> Value {
    let answer = json!({ "path": path, "value": value });
    json!({ "operation": operation, "effect": { "answer": answer } })
}

fn states_of_instances(world: &World) -> Vec<(String, String)> {
    world.sim.edit(|state| {
        let instances = state.instances.values();
        let states = instances.map(|it| (it.id.clone(), it.state.to_owned()));
        states.collect()
    })
}

#[tokio::test(start_paused = true)]
async fn launch_that_is_answered_with_an_instance_of_others_ends_its_own_only() {
    let world = with_admin_role(|_| ());
    world.share(world.build_request(&["golden"])).await;
    let image = world.image_id("golden");
    assert_eq!(world.launch_as_b(&image).await, "running");
    let others = states_of_instances(&world);
    let [(other, _)] = &others[..] else {
        panic!("{others:?}");
    };
    let world = world.with_fault(answer_with("ec2:RunInstances", "instanceId", other));
    let options = with_target_role().verify(Verify::Launch);
    let request = world.build_request(&["golden"]).target_options(options);
    let (Ok(report) | Err(report)) = world.try_share(request).await;
    let said = serde_json::to_string(&report.verifications).unwrap();
    assert!(said.contains("this launch did not make"), "{said}");
    for (id, state) in states_of_instances(&world) {
        let expected = if id == *other {
            "running"
        } else {
            "terminated"
        };
        assert_eq!(state, expected, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn copy_that_is_answered_with_an_image_of_others_takes_and_gives_none() {
    // What is tried again once the target has the key.
    let reason = Some("Given key ID is not accessible");
    let table = [
        (A, ImageState::Available, None, false),
        (A, ImageState::Failed, reason, false),
        (B, ImageState::Available, None, true),
        (B, ImageState::Failed, reason, true),
    ];
    for (owner, state, reason, in_target) in table {
        let row = format!("{owner} {state:?} {in_target}");
        let world = with_admin_role(|_| ());
        let id = "ami-0123456789abcdef0".to_owned();
        let mut other = world.edit_image(&world.image_id("golden"), |image| image.clone());
        id.clone_into(&mut other.id);
        "by-hand".clone_into(&mut other.name);
        owner.clone_into(&mut other.owner);
        other.state = state;
        other.state_reason = reason.map(str::to_owned);
        world
            .sim
            .edit(|state| state.images.insert(id.clone(), other.clone()));
        let mut fault = answer_with("ec2:CopyImage", "imageId", &id);
        fault["call"] = json!(1);
        let world = world.with_fault(fault);
        let request = if in_target {
            let key = world.key_arn("theirs").parse().unwrap();
            let options = with_target_role().kms_key(key);
            world.build_request(&["golden"]).target_options(options)
        } else {
            world.build_copy_request(&["plain"])
        };
        let (Ok(report) | Err(report)) = world.try_share(request).await;
        let failed = list_codes(&report).contains(&"copy.failed");
        assert!(failed || in_target && reason.is_some(), "{row}: {report:?}");
        let after = world.edit_image(&id, |image| json!(image));
        assert_eq!(after, json!(other), "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn watermark_that_is_answered_is_the_one_that_was_asked_for() {
    let other = format!("{A}:other");
    let world = World::new();
    let fault = answer_with("ec2:AttachImageWatermark", "watermarkKey", &other);
    let world = world.with_fault(fault);
    let request = world.build_request(&["golden"]).watermark("approved");
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(list_codes(&report), ["aws.unexpected"]);
    assert_eq!(report.images[0].watermark, None);
}
