//! Services' roles in targets: created if they are missing, given one grant for each key, and
//! recognized by the next run (R4.11).

use ami_share::request::{KeyAccessMode, ShareRequestBuilder, TargetOptions};

use super::support::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";

fn with_auto_scaling() -> TargetOptions {
    with_target_role().service_linked_roles([AUTO_SCALING.to_owned()])
}

fn build_request(world: &World, images: &[&str], options: TargetOptions) -> ShareRequestBuilder {
    world.build_request(images).target_options(options)
}

async fn build_world(images: usize) -> World {
    let world = World::generate(2, 2, images, 1);
    world
        .allow_actions(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
        .await;
    world
}

#[tokio::test(start_paused = true)]
async fn missing_service_role_is_created_once_for_several_keys() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = build_world(2).await;
        let request = || {
            let images = ["image-1", "image-2"];
            build_request(&world, &images, with_auto_scaling()).key_access(mode)
        };
        let report = world.share(request()).await;
        assert_eq!(report.errors, [], "{mode:?}");
        for image in ["image-1", "image-2"] {
            let image_id = world.image_id(image);
            let launched = world.launch_as_service(B, AUTO_SCALING, &image_id).await;
            assert_eq!(launched, "running", "{mode:?}: {image}");
        }
        let before = world.count_changes();
        assert!(!world.share(request()).await.changed, "{mode:?}");
        assert_eq!(world.count_changes(), before, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn service_role_gets_grant_on_key_of_target_copy() {
    let world = build_world(1).await;
    let request = || {
        let key = "alias/own-222222222222".parse().unwrap();
        let options = with_auto_scaling().kms_key(key).unshare_after_copy(true);
        build_request(&world, &["image-1"], options)
    };
    // The key's policy delegates to its account's policies; a service's role has none for keys.
    let report = world.share(request()).await;
    let copy = report.targets[0].copies[0].image.to_string();
    let launched = world.launch_as_service(B, AUTO_SCALING, &copy).await;
    assert_eq!(launched, "running");
    let before = world.count_changes();
    let again = world.share(request()).await;
    assert_eq!(world.count_changes(), before);
    assert!(!again.changed, "the grant is recognized");
}
