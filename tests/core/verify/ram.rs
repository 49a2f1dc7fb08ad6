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

/// RAM's policies only allow: a deny in one takes nothing away from a grant.
#[tokio::test(start_paused = true)]
async fn deny_in_policy_of_ram_hides_no_grant() {
    let deny = json!({
        "Effect": "Deny",
        "Principal": { "AWS": format!("arn:aws:iam::{B}:root") },
        "Action": "kms:*",
        "Resource": "*",
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [deny] }).to_string();
    for (mode, verdict) in [
        (KeyAccessMode::Grants, Verdict::Yes),
        (KeyAccessMode::None, Verdict::No),
    ] {
        let world = build_shared_world().await;
        let request = build_request(&world, TargetOptions::default());
        world.share(request.key_access(mode)).await;
        world.edit_key(&world.key_arn("key-1"), |key| {
            key.ram_policy = Some(policy.clone());
        });
        let verification = verify(&world, with_launcher()).await;
        let check = find_check(&verification, CheckName::KeyAccess).unwrap();
        assert_eq!(check.verdict, verdict, "{mode:?}: {check:?}");
        assert!(!check.detail.contains("denies"), "{mode:?}: {check:?}");
    }
}

/// What a policy decides is not known: it may deny, or it cannot be read. A grant changes nothing
/// of that.
#[tokio::test(start_paused = true)]
async fn grant_does_not_hide_policy_that_may_deny() {
    let deny = json!({
        "Sid": "OnlyTagged",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalTag/team": "web" } },
    });
    // A statement that may allow more takes nothing away.
    let mut allow = deny.clone();
    allow["Effect"] = "Allow".into();
    for (statement, word) in [
        (Some(allow), None),
        (Some(deny), Some("OnlyTagged")),
        (None, Some("kms:GetKeyPolicy")),
    ] {
        let mut world = build_shared_world().await;
        let request = build_request(&world, TargetOptions::default());
        world.share(request.key_access(KeyAccessMode::Grants)).await;
        let verification = verify_by_grants(&world).await;
        let verdict = find_verdict(&verification, CheckName::KeyAccess);
        assert_eq!(
            verdict,
            Some(Verdict::Yes),
            "by the grant: {verification:?}"
        );
        if let Some(statement) = statement {
            world.edit_statements(&world.key_arn("key-1"), |statements| {
                statements.push(statement);
            });
        } else {
            let denied = deny_calls("kms:GetKeyPolicy", "AccessDeniedException", "no");
            world = world.with_fault(denied);
        }
        let verification = verify_by_grants(&world).await;
        let check = find_check(&verification, CheckName::KeyAccess).unwrap();
        let Some(word) = word else {
            assert_eq!(check.verdict, Verdict::Yes, "{check:?}");
            continue;
        };
        assert_eq!(check.verdict, Verdict::Unknown, "{word}: {check:?}");
        assert!(check.detail.contains(word), "{word}: {check:?}");
    }
}

async fn verify_by_grants(world: &World) -> Verification {
    let request = build_request(world, with_launcher()).key_access(KeyAccessMode::Grants);
    let sharer = Sharer::new(&world.config(A));
    let report = sharer.verify(&request.build().unwrap()).await.unwrap();
    report.verifications.into_iter().next().unwrap()
}
