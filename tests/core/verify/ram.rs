//! Access to keys through AWS RAM.

use super::*;

#[tokio::test(start_paused = true)]
async fn verify_counts_access_through_ram() {
    let statement = |principal: &str| {
        json!({
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": "kms:*",
            "Resource": "*",
        })
    };
    let policy = |principal: &str| {
        let statements = [statement(principal)];
        json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
    };
    let root = format!("arn:aws:iam::{B}:root");
    let table = [
        (None, Verdict::No, "terminated"),
        (Some(policy(&root)), Verdict::Yes, "running"),
        (Some(policy("333333333333")), Verdict::No, "terminated"),
        (
            Some("Everybody may.".to_owned()),
            Verdict::Unknown,
            "terminated",
        ),
    ];
    for (ram_policy, verdict, launched) in table {
        let world = build_shared_world().await;
        let request = build_request(&world, with_launcher());
        let by_nobody = request.key_access(KeyAccessMode::None);
        world
            .share(by_nobody.target_options(TargetOptions::default()))
            .await;
        world.edit_key(&world.key_arn("key-1"), |key| {
            key.ram_policy.clone_from(&ram_policy);
        });
        let image = world.image_id("image-1");
        let ended = world.launch_as_role(B, LAUNCHER, &image).await;
        assert_eq!(ended, launched, "{ram_policy:?}");
        let verification = verify(&world, with_launcher()).await;
        let mut checks = verification.checks.iter();
        let check = checks
            .find(|check| check.name == CheckName::KeyAccess)
            .unwrap();
        assert_eq!(check.verdict, verdict, "{ram_policy:?}: {check:?}");
    }
}
