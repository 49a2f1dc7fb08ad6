//! Organizations and organizational units: their accounts, nested ones too, and nobody else.

use ami_share::{FindingCode, ShareRequestBuilder};

use super::support::*;

const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";
/// Its account is B; 300000000000 is in a unit within it, 300000000001 one deeper, 300000000002 in a sibling.
const UNIT: &str = "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111";

fn with(world: &World, principal: &str) -> ShareRequestBuilder {
    ami_share::ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image(world.image("image-1").parse().unwrap())
        .targets([principal.parse().unwrap()])
}

/// How launches end in the accounts below, beside and above the unit.
async fn launches(world: &World) -> Vec<String> {
    let mut ends = Vec::new();
    for account in [B, "300000000000", "300000000001", "300000000002"] {
        ends.push(world.launch_as(account, "us-east-1", &world.image("image-1")).await);
    }
    ends
}

#[tokio::test(start_paused = true)]
async fn a_unit_is_its_accounts_and_those_of_the_units_below() {
    let world = World::generated(5, 1, 1, 1);
    let report = world.share(with(&world, UNIT)).await;
    assert_eq!(report.images[0].added.len(), 1);
    assert_eq!(launches(&world).await, ["running", "running", "running", "AuthFailure"]);
    assert!(!world.share(with(&world, UNIT)).await.changed);
}

#[tokio::test(start_paused = true)]
async fn an_organization_is_all_of_its_accounts() {
    let world = World::generated(5, 1, 1, 1);
    world.share(with(&world, ORGANIZATION)).await;
    assert_eq!(launches(&world).await, ["running"; 4]);
}

#[tokio::test(start_paused = true)]
async fn rule_3_1_3_the_owners_own_principals_gain_nothing() {
    for scope in [ami_share::KeyScope::ViaEc2, ami_share::KeyScope::Direct] {
        let world = World::generated(2, 1, 1, 1);
        let user = super::failures::assume(&world, "publisher", Some(r#"{"Statement":[]}"#.to_owned())).await;
        let describe = || async {
            let kms = aws_sdk_kms::Client::new(&user);
            kms.describe_key().key_id(world.key("key-1")).send().await.is_ok()
        };
        assert!(!describe().await);
        world.share(with(&world, ORGANIZATION).key_scope(scope)).await;
        assert!(!describe().await, "a wildcard statement must not reach the owner's own users");
    }
}

#[tokio::test(start_paused = true)]
async fn accounts_organizations_and_units_go_together() {
    let world = World::generated(5, 1, 1, 1);
    let request = || with(&world, UNIT).targets([ORGANIZATION.parse().unwrap(), "300000000002".parse().unwrap()]);
    let report = world.share(request()).await;
    assert_eq!(report.images[0].principals.len(), 3);
    let policy = world.policy_of("key-1");
    for sid in ["AmiShareUse", "AmiShareUseOrganizations", "AmiShareUseOrganizationalUnits"] {
        assert!(policy.contains(&format!("\"{sid}\"")), "{policy}");
    }
    assert_eq!(world.changes()["ec2:ModifyImageAttribute"], 1);
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn rule_2_15_snapshots_cannot_be_shared_with_an_organization() {
    let world = World::generated(3, 1, 1, 2);
    let request = with(&world, ORGANIZATION).target_account(B.parse().unwrap());
    let request = request.share_snapshots(ami_share::ShareSnapshots::Always);
    let report = world.share(request).await;
    let found: Vec<FindingCode> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(found, [FindingCode::SnapshotOrganization]);
    assert_eq!(world.changes()["ec2:ModifySnapshotAttribute"], 2, "the account is served on both snapshots");
}
