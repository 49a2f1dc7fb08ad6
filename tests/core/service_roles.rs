//! Services' roles in targets: made where they are missing, given one grant a key, found again
//! (R4.11).

use ami_share::ShareRequest;
use ami_share::request::{KeyAccessMode, ShareRequestBuilder, TargetOptions};

use super::support::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";

fn wanted() -> TargetOptions {
    by_role().service_linked_roles([AUTO_SCALING.to_owned()])
}

fn to_b(world: &World, images: &[&str], wanted: TargetOptions) -> ShareRequestBuilder {
    ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .images(images.iter().map(|name| world.image(name).parse().unwrap()))
        .target_account(B.parse().unwrap())
        .target_options(wanted)
}

async fn world(images: usize) -> World {
    let world = World::generated(2, 2, images, 1);
    world
        .allow(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
        .await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_missing_is_made_once_for_several_keys() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = world(2).await;
        let request = || to_b(&world, &["image-1", "image-2"], wanted()).key_access(mode);
        let report = world.share(request()).await;
        assert_eq!(report.errors, [], "{mode:?}");
        for image in ["image-1", "image-2"] {
            let ended = world
                .launch_by_service(B, AUTO_SCALING, &world.image(image))
                .await;
            assert_eq!(ended, "running", "{mode:?}: {image}");
        }
        let before = world.changes();
        assert!(!world.share(request()).await.changed, "{mode:?}");
        assert_eq!(world.changes(), before, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_own_copies_the_role_gets_a_grant_of_the_targets_own_key() {
    let world = world(1).await;
    let copying = || {
        wanted()
            .kms_key("alias/own-222222222222".parse().unwrap())
            .keep_shared(false)
    };
    // The key's policy leaves it to its account's policies; a service's role has none for keys.
    let report = world.share(to_b(&world, &["image-1"], copying())).await;
    let copy = report.targets[0].copies[0].image.to_string();
    assert_eq!(
        world.launch_by_service(B, AUTO_SCALING, &copy).await,
        "running"
    );
    let before = world.changes();
    let again = world.share(to_b(&world, &["image-1"], copying())).await;
    assert_eq!(world.changes(), before);
    assert!(!again.changed, "the grant is found again");
}
