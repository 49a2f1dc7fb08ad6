//! Organizations and organizational units: their accounts, nested ones too, and nobody else.

use ami_share::aws_config::SdkConfig;
use ami_share::diagnostic::FindingCode;
use ami_share::request::{KeyScope, ShareRequestBuilder};
use ami_share_sim::{RoleSpec, Scenario, Size};
use serde_json::{Value, json};

use super::support::*;

const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";
/// Its account is B; 300000000000 is in a unit within it, 300000000001 one deeper, 300000000002 in
/// a sibling.
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
        ends.push(
            world
                .launch_as(account, "us-east-1", &world.image("image-1"))
                .await,
        );
    }
    ends
}

#[tokio::test(start_paused = true)]
async fn a_unit_is_its_accounts_and_those_of_the_units_below() {
    let world = World::generated(5, 1, 1, 1);
    let report = world.share(with(&world, UNIT)).await;
    assert_eq!(report.images[0].added.len(), 1);
    assert_eq!(
        launches(&world).await,
        ["running", "running", "running", "AuthFailure"]
    );
    assert!(!world.share(with(&world, UNIT)).await.changed);
}

#[tokio::test(start_paused = true)]
async fn an_organization_is_all_of_its_accounts() {
    let world = World::generated(5, 1, 1, 1);
    world.share(with(&world, ORGANIZATION)).await;
    assert_eq!(launches(&world).await, ["running"; 4]);
}

/// A user of A's who may do everything in EC2 and nothing in KMS, in a unit that the image is
/// shared with.
async fn intern() -> (World, SdkConfig) {
    let mut scenario = Scenario::generate(Size {
        accounts: 2,
        regions: 1,
        images: 1,
        snapshots: 1,
    })
    .unwrap();
    let organization = scenario.organization.as_mut().unwrap();
    organization
        .accounts
        .insert(A.to_owned(), "ou-ab12-22222222".to_owned());
    let statement = |action: &str, more: Value| {
        let mut statement = json!({ "Effect": "Allow", "Action": action });
        statement
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    };
    scenario.accounts[0].roles.push(RoleSpec {
        name: "intern".to_owned(),
        trust: statement("sts:AssumeRole", json!({ "Principal": { "AWS": A } })),
        policy: Some(statement("ec2:*", json!({ "Resource": "*" }))),
        boundary: None,
    });
    let world = World::of(scenario);
    let config = super::failures::assume(&world, "intern", None).await;
    (world, config)
}

#[tokio::test(start_paused = true)]
async fn rule_3_1_3_the_owners_own_principals_gain_nothing() {
    for principal in [ORGANIZATION, UNIT] {
        for scope in [KeyScope::ViaEc2, KeyScope::Direct] {
            let (world, intern) = intern().await;
            let image = world.image("image-1");
            let may = async || {
                let kms = aws_sdk_kms::Client::new(&intern);
                let described = kms
                    .describe_key()
                    .key_id(world.key("key-1"))
                    .send()
                    .await
                    .is_ok();
                let ec2 = aws_sdk_ec2::Client::new(&intern);
                (described, launched(&ec2, &ec2, &image).await)
            };
            assert_eq!(may().await, (false, "terminated".to_owned()));
            world.share(with(&world, principal).key_scope(scope)).await;
            assert_eq!(
                world.launch(&image).await,
                "running",
                "a member account's administrator gains it"
            );
            assert_eq!(
                may().await,
                (false, "terminated".to_owned()),
                "{principal}, {scope:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn accounts_organizations_and_units_go_together() {
    let world = World::generated(5, 1, 1, 1);
    let request = || {
        with(&world, UNIT).targets([
            ORGANIZATION.parse().unwrap(),
            "300000000002".parse().unwrap(),
        ])
    };
    let report = world.share(request()).await;
    assert_eq!(report.images[0].principals.len(), 3);
    let policy = world.policy_of("key-1");
    for sid in [
        "AmiShareUse",
        "AmiShareUseOrganizations",
        "AmiShareUseOrganizationalUnits",
    ] {
        assert!(policy.contains(&format!("\"{sid}\"")), "{policy}");
    }
    assert_eq!(world.changes()["ec2:ModifyImageAttribute"], 1);
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn rule_2_15_snapshots_cannot_be_shared_with_an_organization() {
    let world = World::generated(3, 1, 1, 2);
    let request = with(&world, ORGANIZATION).target_account(B.parse().unwrap());
    let request = request.share_snapshots(ami_share::request::ShareSnapshots::Always);
    let report = world.share(request).await;
    let found: Vec<FindingCode> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(found, [FindingCode::SnapshotOrganization]);
    assert_eq!(
        world.changes()["ec2:ModifySnapshotAttribute"],
        2,
        "the account is served on both snapshots"
    );
}
