//! What the conditions of the policies refuse.

use std::time::Duration;

use ami_share::request::ShareSnapshots;
use aws_sdk_ec2::types::Tag;

use super::*;

/// Which changes of the tags of `ami-share` succeed, tried by other principals in both accounts.
async fn write_tags_as_others(documents: &Documents) -> Vec<&'static str> {
    let stage = Stage::new(World::generate(3, 2, 1, 2), documents);
    let world = &stage.world;
    let image_id = world.image_id("image-1");
    world.edit_image(&image_id, |image| {
        image.launch_permissions.add(B.to_owned(), Duration::ZERO);
    });
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let mut written = Vec::new();
    for account in [A, B] {
        let ec2 = aws_sdk_ec2::Client::new(&world.config(account));
        let create = |tag| ec2.create_tags().resources(&image_id).tags(tag);
        let request = tag("ami-share:request", "x");
        if create(request.clone()).send().await.is_ok() {
            written.push("ec2:CreateTags");
        }
        create(tag("team", "web")).send().await.unwrap();
        let delete = ec2.delete_tags().resources(&image_id).tags(request);
        if delete.send().await.is_ok() {
            written.push("ec2:DeleteTags");
        }
    }
    written
}

#[tokio::test(start_paused = true)]
async fn tag_guard_lets_only_publisher_and_target_roles_write_tags() {
    let mut cases = CASES.iter();
    let case = cases.find(|case| case.name == "give temporary access for a copy");
    let case = case.unwrap();
    let mut policies = case.policies.to_vec();
    policies.push("tag-guard");
    let ended = case.run_with(&list_documents(&policies), false).await;
    assert_eq!(ended, Ok(()));

    let written = write_tags_as_others(&list_documents(&["tag-guard"])).await;
    assert!(written.is_empty(), "{written:?}");
    for action in ["ec2:CreateTags", "ec2:DeleteTags"] {
        let mut documents = list_documents(&["tag-guard"]);
        let (_, document) = documents.get_mut("tag-guard").unwrap();
        let denied = document["Statement"][0]["Action"].as_array_mut().unwrap();
        denied.retain(|denied| denied != action);
        let written = write_tags_as_others(&documents).await;
        assert_eq!(written, [action, action], "in both accounts");
    }
}

/// A publisher can share snapshots only with the targets that its conditions name, and use only the
/// keys that its statements name. Of images, AWS has no condition that says with whom.
#[tokio::test(start_paused = true)]
async fn conditions_refuse_other_targets_and_keys() {
    let documents = list_documents(&["publisher", "snapshots"]);
    let stage = Stage::new(World::generate(3, 2, 1, 2), &documents);
    let other = "300000000000".parse().unwrap();
    let request = in_source::build_home_request(&stage).target_account(other);
    let request = request.share_snapshots(ShareSnapshots::Always);
    let error = stage.run(request).await.unwrap_err();
    let denial = "may not perform ec2:ModifySnapshotAttribute";
    assert!(error.contains(denial), "{error}");

    let one_key = stage.world.key_arn("key-eu-west-1");
    let mut documents = list_documents(&["publisher"]);
    let (_, document) = documents.get_mut("publisher").unwrap();
    for statement in document["Statement"].as_array_mut().unwrap() {
        let sid = statement["Sid"].as_str().unwrap();
        if ["ReadKeyPolicies", "WriteKeyPolicies"].contains(&sid) {
            statement["Resource"] = one_key.clone().into();
        }
    }
    let stage = Stage::new(World::generate(3, 2, 1, 2), &documents);
    let request = in_source::build_home_request(&stage);
    let error = stage.run(request).await.unwrap_err();
    assert!(
        error.contains("may not perform kms:GetKeyPolicy"),
        "{error}"
    );
    assert!(error.contains(&stage.world.key_arn("key-1")), "{error}");
}
