//! Images with devices of no snapshot: a launch makes their volumes under the default EBS key of
//! whoever launches, also if the image is an own copy.

use super::obstacles::{OWN_KEY, Obstacle};
use super::*;

/// Adds a device without a snapshot to the source image.
pub(super) fn add_blank_device(world: &World, encrypted: bool) {
    world.edit_image(&world.image_id("image-1"), |image| {
        let mut blank = image.mappings[0].clone();
        "/dev/sdz".clone_into(&mut blank.device);
        blank.snapshot = None;
        blank.size = Some(8);
        blank.encrypted = encrypted;
        image.mappings.push(blank);
    });
}

/// A launch of an image with an encrypted blank device, or with another one where encryption by
/// default is on.
#[tokio::test(start_paused = true)]
async fn blank_device_needs_default_key() {
    for kind in [ImageKind::Unencrypted, ImageKind::TargetCopy] {
        for (encrypted, by_default, blocks) in [
            (true, false, true),
            (false, true, true),
            (false, false, false),
        ] {
            let world = build_world(kind, false).await;
            add_blank_device(&world, encrypted);
            let key = format!("alias/{OWN_KEY}").parse().unwrap();
            let with_role = match kind {
                ImageKind::TargetCopy => with_target_role().kms_key(key),
                _ => with_target_role(),
            };
            world.share(build_request(&world, with_role.clone())).await;
            if by_default {
                Obstacle::EncryptsByDefault.apply(&world).await;
            }
            // A key of A that nobody in B may use.
            world.set_default_key(B, "us-east-1", "key-2");
            let options = with_role.launch_roles([LAUNCHER.to_owned()]);
            let verification = verify(&world, options).await;
            let case = format!("{kind:?} {encrypted} {by_default}: {verification:?}");
            let image = world.find_image_of(B);
            let image = image.unwrap_or_else(|| world.image_id("image-1"));
            let launched = world.launch_as_role(B, LAUNCHER, &image).await;
            assert_eq!(launched != "running", blocks, "{launched}: {case}");
            if blocks {
                let verdict = find_verdict(&verification, CheckName::DefaultKey);
                assert_ne!(verdict, Some(Verdict::Yes), "{case}");
            } else {
                assert_eq!(
                    verification.conclusion,
                    Conclusion::NoObstacleFound,
                    "{case}"
                );
            }
        }
    }
}
