//! Organizations and organizational units: their accounts, nested ones too, and no others.

use ami_share::aws_config::SdkConfig;
use ami_share::diagnostic::{FindingCode, Severity};
use ami_share::request::{KeyScope, ShareRequestBuilder, ShareSnapshots};
use ami_share_sim::RoleSpec;
use serde_json::json;

use super::support::*;

fn build_request(world: &World, principal: &str) -> ShareRequestBuilder {
    world.build_request_for(&["image-1"], &[principal])
}

/// How launches end in B, in two accounts in units below it, and in an account outside.
async fn launch_in_accounts(world: &World) -> Vec<String> {
    let image_id = world.image_id("image-1");
    let mut ends = Vec::new();
    for account in [B, "300000000000", "300000000001", "300000000002"] {
        ends.push(world.launch_in(account, "us-east-1", &image_id).await);
    }
    ends
}

#[tokio::test(start_paused = true)]
async fn unit_covers_its_accounts_and_nested_units() {
    let world = World::generate(5, 1, 1, 1);
    let report = world.share(build_request(&world, UNIT)).await;
    assert_eq!(report.images[0].added.len(), 1);
    let ends = launch_in_accounts(&world).await;
    assert_eq!(ends, ["running", "running", "running", "AuthFailure"]);
    let again = world.share(build_request(&world, UNIT)).await;
    assert!(!again.changed);
}

#[tokio::test(start_paused = true)]
async fn organization_covers_all_its_accounts() {
    let world = World::generate(5, 1, 1, 1);
    world.share(build_request(&world, ORGANIZATION)).await;
    assert_eq!(launch_in_accounts(&world).await, ["running"; 4]);
}

/// A role of A that may do everything in EC2 and nothing in KMS, while A is in a unit with which
/// the image is shared.
async fn with_intern() -> (World, SdkConfig) {
    let mut scenario = generate_scenario(2, 1, 1, 1);
    let organization = scenario.organization.as_mut().unwrap();
    let unit = "ou-ab12-22222222".to_owned();
    organization.accounts.insert(A.to_owned(), unit);
    let trust = json!({ "Effect": "Allow", "Principal": { "AWS": A }, "Action": "sts:AssumeRole" });
    let policy = json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    scenario.accounts[0].roles.push(RoleSpec {
        name: "intern".to_owned(),
        trust: json!({ "Version": "2012-10-17", "Statement": [trust] }),
        policy: Some(json!({ "Version": "2012-10-17", "Statement": [policy] })),
        ..RoleSpec::default()
    });
    let world = World::from_scenario(scenario);
    let config = world.assume_role(A, "intern", None).await;
    (world, config)
}

/// Whether the intern can describe the key, and how its launch ends.
async fn try_as_intern(world: &World, intern: &SdkConfig) -> (bool, String) {
    let kms = aws_sdk_kms::Client::new(intern);
    let call = kms.describe_key().key_id(world.key_arn("key-1"));
    let can_describe = call.send().await.is_ok();
    let ec2 = aws_sdk_ec2::Client::new(intern);
    let launched = launch_with_client(&ec2, &ec2, &world.image_id("image-1")).await;
    (can_describe, launched)
}

#[tokio::test(start_paused = true)]
async fn rule_3_1_3_owner_principals_gain_no_access() {
    let no_access = (false, "terminated".to_owned());
    for principal in [ORGANIZATION, UNIT] {
        for scope in [KeyScope::ViaEc2, KeyScope::Direct] {
            let (world, intern) = with_intern().await;
            assert_eq!(try_as_intern(&world, &intern).await, no_access);
            let request = build_request(&world, principal);
            world.share(request.key_scope(scope)).await;
            assert_eq!(
                world.launch_as_b(&world.image_id("image-1")).await,
                "running",
                "the administrator of a member account gains access"
            );
            let after = try_as_intern(&world, &intern).await;
            assert_eq!(after, no_access, "{principal}, {scope:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn accounts_organizations_and_units_share_together() {
    let world = World::generate(5, 1, 1, 1);
    let principals = [UNIT, ORGANIZATION, "300000000002"];
    let request = || world.build_request_for(&["image-1"], &principals);
    let report = world.share(request()).await;
    assert_eq!(report.images[0].principals.len(), 3);
    let policy = world.read_key_policy("key-1");
    for sid in [
        "\"AmiShareUse\"",
        "\"AmiShareUseOrganizations\"",
        "\"AmiShareUseOrganizationalUnits\"",
    ] {
        assert!(policy.contains(sid), "{policy}");
    }
    assert_eq!(world.count_changes()["ec2:ModifyImageAttribute"], 1);
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn rule_2_15_snapshots_cannot_be_shared_with_an_organization() {
    let world = World::generate(3, 1, 1, 2);
    let request = world.build_request_for(&["image-1"], &[ORGANIZATION, B]);
    let request = request.share_snapshots(ShareSnapshots::Always);
    let report = world.share(request).await;
    let codes: Vec<FindingCode> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [FindingCode::SnapshotOrganization]);
    assert_eq!(
        world.count_changes()["ec2:ModifySnapshotAttribute"],
        2,
        "both snapshots are shared with the account"
    );
}

/// A deny of everybody but some may spare exactly those members that launch.
#[tokio::test(start_paused = true)]
async fn deny_that_spares_members_does_not_refuse_organization() {
    let everybody_but = |accounts: &[&str]| {
        let mut spared = Vec::new();
        for account in accounts {
            for name in ["root", "user/admin"] {
                spared.push(format!("arn:aws:iam::{account}:{name}"));
            }
        }
        json!({
            "Sid": "OnlyThese",
            "Effect": "Deny",
            "NotPrincipal": { "AWS": spared },
            "Action": "kms:Decrypt",
            "Resource": "*",
        })
    };
    for (spared, expected) in [
        (&[A, B][..], (FindingCode::KeyPolicyDenies, Severity::Warn)),
        (&[A], (FindingCode::KeyPolicyDenies, Severity::Refuse)),
    ] {
        let world = World::generate(2, 1, 1, 1);
        let deny = everybody_but(spared);
        world.edit_statements(&world.key_arn("key-1"), |all| all.push(deny));
        let request = build_request(&world, ORGANIZATION);
        let plan = world.plan(request).await;
        let findings = plan.findings.iter();
        let found: Vec<_> = findings
            .map(|finding| (finding.code, finding.severity))
            .collect();
        assert!(found.contains(&expected), "{spared:?}: {found:?}");
        if expected.1 == Severity::Warn {
            world.share(build_request(&world, ORGANIZATION)).await;
        }
        let image_id = world.image_id("image-1");
        let launched = world.launch_as_b(&image_id).await;
        assert_eq!(launched == "running", spared.contains(&B), "{spared:?}");
    }
}
