//! Ways that remain to those who lose access, and that a run cannot or may not end: each is named,
//! and nothing else is.

use ami_share::report::Report;
use ami_share_sim::world::Grant;
use serde_json::Value;

use super::*;

const C: &str = "300000000000";
const KEY: &str = "key-1";

/// The messages of what remains.
fn list_ways(report: &Report) -> Vec<String> {
    let mut ways = Vec::new();
    for finding in &report.findings {
        if finding.code.as_str() == "revoke.other-way" {
            ways.push(finding.to_string());
        }
    }
    ways
}

fn allow(principal: &Value) -> Value {
    json!({
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["kms:Decrypt", "kms:CreateGrant"],
        "Resource": "*",
    })
}

fn allow_account(account: &str) -> Value {
    allow(&json!({ "AWS": format!("arn:aws:iam::{account}:root") }))
}

fn build_request(world: &World, principals: &[&str]) -> ShareRequestBuilder {
    world.build_request_for(&["image-1"], principals)
}

/// How C, whom the second run does not list, got the key.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Access {
    /// By a statement that an earlier run of this tool wrote.
    EarlierStatement,
    /// By a statement of somebody else.
    OtherStatement,
    /// By a grant of this tool.
    OwnGrant,
}

async fn share_with_c(access: Access) -> World {
    let world = World::generate(3, 1, 1, 1);
    let mode = match access {
        Access::EarlierStatement => KeyAccessMode::Policy,
        Access::OtherStatement => KeyAccessMode::None,
        Access::OwnGrant => KeyAccessMode::Grants,
    };
    if access == Access::OtherStatement {
        world.edit_statements(&world.key_arn(KEY), |statements| {
            statements.push(allow_account(C));
        });
    }
    world
        .share(build_request(&world, &[B, C]).key_access(mode))
        .await;
    world
}

#[tokio::test(start_paused = true)]
async fn unlisted_account_that_keeps_key_is_named_in_every_mode() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        for access in [
            Access::EarlierStatement,
            Access::OtherStatement,
            Access::OwnGrant,
        ] {
            let case = format!("{mode:?} after {access:?}");
            let world = share_with_c(access).await;
            let before = world.read_key_policy(KEY);
            let request = build_request(&world, &[B]).key_access(mode);
            let report = world.share(request.unlisted(Unlisted::Revoke)).await;
            let is_removed = report.images[0].removed.contains(&C.parse().unwrap());
            assert!(is_removed, "{case}: launch permission");

            let ways = list_ways(&report);
            let keeps_by_statement = match access {
                Access::EarlierStatement => mode == KeyAccessMode::Grants,
                Access::OtherStatement => true,
                Access::OwnGrant => false,
            };
            assert_eq!(
                ways.len(),
                usize::from(keeps_by_statement),
                "{case}: {ways:?}"
            );
            assert!(ways.iter().all(|way| way.contains(C)), "{case}: {ways:?}");
            if mode == KeyAccessMode::Grants {
                assert_eq!(world.read_key_policy(KEY), before, "{case}");
            }
            let grants = world.edit_key(&world.key_arn(KEY), |key| key.grants.clone());
            let mut grants = grants.iter();
            assert!(!grants.any(|grant| grant.grantee.arn.contains(C)), "{case}");
        }
    }
}

/// Of those who lose the image alone, a revoke says by what they keep its key.
#[tokio::test(start_paused = true)]
async fn revoke_that_leaves_keys_alone_names_what_stays() {
    for access in [
        Access::EarlierStatement,
        Access::OtherStatement,
        Access::OwnGrant,
    ] {
        for unlisted in [false, true] {
            let case = format!("{access:?}, unlisted: {unlisted}");
            let world = share_with_c(access).await;
            let before = (world.read_key_policy(KEY), world.has_grants(KEY));
            let request = if unlisted {
                build_request(&world, &[B]).unlisted(Unlisted::Revoke)
            } else {
                into_revoke(build_request(&world, &[C]))
            };
            let report = world.share(request.key_access(KeyAccessMode::None)).await;
            let ways = list_ways(&report);
            assert_eq!(ways.len(), 1, "{case}: {ways:?}");
            assert!(ways[0].contains(C), "{case}: {ways:?}");
            let after = (world.read_key_policy(KEY), world.has_grants(KEY));
            assert_eq!(after, before, "{case}");
        }
    }
}

/// What could not be looked at is unknown, and does not end the revoke.
#[tokio::test(start_paused = true)]
async fn revoke_that_leaves_keys_alone_needs_no_permission_for_them() {
    let mut world = share_with_c(Access::OwnGrant).await;
    for action in ["kms:GetKeyPolicy", "kms:ListGrants"] {
        world = world.with_fault(deny_calls(action, "AccessDeniedException", "no"));
    }
    let request = into_revoke(build_request(&world, &[C]));
    let report = world.share(request.key_access(KeyAccessMode::None)).await;
    let ways = list_ways(&report);
    let unknown = ways.iter().filter(|way| way.contains("unknown"));
    assert!(unknown.count() >= 2, "{ways:?}");
}

/// Nobody knows what a policy that cannot be read lets those do who lose access.
#[tokio::test(start_paused = true)]
async fn unread_policy_of_unlisted_account_is_no_silence() {
    let world = share_with_c(Access::OwnGrant).await;
    let denied = deny_calls("kms:GetKeyPolicy", "AccessDeniedException", "no");
    let world = world.with_fault(denied);
    let request = build_request(&world, &[B]).key_access(KeyAccessMode::Grants);
    let report = world.share(request.unlisted(Unlisted::Revoke)).await;
    let ways = list_ways(&report);
    assert!(ways.iter().any(|way| way.contains("unknown")), "{ways:?}");
}

/// Who has launch permission and no access by this tool loses the former alone.
#[tokio::test(start_paused = true)]
async fn revoke_of_everybody_names_statement_of_others() {
    let world = share_with_c(Access::OtherStatement).await;
    let all = Revoke {
        all: true,
        ..Revoke::default()
    };
    let report = world.share(build_request(&world, &[]).revoke(all)).await;
    let ways = list_ways(&report);
    let [way] = ways.as_slice() else {
        panic!("{ways:?}");
    };
    assert!(way.contains("Theirs") && way.contains(C), "{way}");
}

fn grant_to(grantee: &str, operations: &[&str]) -> Grant {
    Grant {
        name: Some("by-hand".to_owned()),
        operations: operations.iter().map(|one| (*one).to_owned()).collect(),
        ..build_grant("theirs", A, grantee)
    }
}

#[tokio::test(start_paused = true)]
async fn grants_of_others_are_named_whatever_they_are_called() {
    let root = |account: &str| format!("arn:aws:iam::{account}:root");
    let launcher = format!("arn:aws:iam::{B}:role/launcher");
    let service = Grant {
        for_service: true,
        ..grant_to("ec2.us-east-1.amazonaws.com", &["Decrypt"])
    };
    let table = [
        (grant_to(&root(B), &["Decrypt"]), B, true),
        (grant_to(&launcher, &["Decrypt"]), B, true),
        (grant_to(&launcher, &["ReEncryptFrom"]), B, true),
        (grant_to(&launcher, &["DescribeKey"]), B, false),
        (grant_to(&root(C), &["Decrypt"]), B, false),
        (service.clone(), B, false),
        // Which accounts belong to an organization is not known.
        (grant_to(&launcher, &["Decrypt"]), ORGANIZATION, true),
        (grant_to(&root(A), &["Decrypt"]), ORGANIZATION, false),
        (service, ORGANIZATION, false),
    ];
    for (grant, target, is_way) in table {
        let case = format!("{target}: {grant:?}");
        let world = World::generate(3, 1, 1, 1);
        world.share(build_request(&world, &[target])).await;
        world.edit_key(&world.key_arn(KEY), |key| key.grants.push(grant));
        let revoke = into_revoke(build_request(&world, &[target]));
        let ways = list_ways(&world.share(revoke).await);
        assert_eq!(ways.len(), usize::from(is_way), "{case}: {ways:?}");
        assert!(ways.iter().all(|way| way.contains("theirs")), "{ways:?}");
    }
}

/// The grants that this tool made for accounts that keep access are no way of an organization.
#[tokio::test(start_paused = true)]
async fn own_grants_of_others_are_no_way_of_organization() {
    let world = World::generate(3, 1, 1, 1);
    let by_grants = build_request(&world, &[C]).key_access(KeyAccessMode::Grants);
    world.share(by_grants).await;
    world.share(build_request(&world, &[ORGANIZATION])).await;
    let revoke = into_revoke(build_request(&world, &[ORGANIZATION]));
    let ways = list_ways(&world.share(revoke).await);
    assert!(ways.is_empty(), "{ways:?}");
}

/// Whom the image stays shared with, and whether B loses it all the same.
#[tokio::test(start_paused = true)]
async fn revoke_names_image_that_others_share_with_account() {
    for encrypted in [true, false] {
        for remaining in [None, Some(ORGANIZATION), Some(UNIT), Some("all")] {
            let case = format!("encrypted: {encrypted}, {remaining:?}");
            let mut scenario = generate_scenario(3, 1, 1, 1);
            scenario.images[0].volumes = vec![encrypted.then(|| KEY.to_owned())];
            let world = World::from_scenario(scenario);
            let mut principals = vec![B];
            principals.extend(remaining.filter(|text| *text != "all"));
            world.share(build_request(&world, &principals)).await;
            if remaining == Some("all") {
                world.edit_image(&world.image_id("image-1"), |image| {
                    image.launch_permissions.insert("all".to_owned());
                });
            }
            let revoke = || into_revoke(build_request(&world, &[B]));
            let planned = world.plan(revoke()).await.findings;
            let report = world.share(revoke()).await;
            let ways = list_ways(&report);
            assert_eq!(
                ways.len(),
                usize::from(remaining.is_some()),
                "{case}: {ways:?}"
            );
            let image = world.image_id("image-1");
            assert!(
                ways.iter().all(|way| way.contains(&image)),
                "{case}: {ways:?}"
            );
            let mut planned = planned.iter().map(ToString::to_string);
            assert!(
                ways.iter().all(|way| planned.any(|other| &other == way)),
                "{case}"
            );
        }
    }
}
