//! Every partition of AWS: shares, launches and revokes are the same in each.

use ami_share::report::Verdict;
use ami_share::request::{Revoke, ShareRequestBuilder};
use ami_share::{ShareRequest, Sharer};
use ami_share_sim::partition::{self, Partition};
use ami_share_sim::{Options, Scenario, Sim};
use serde_json::{Value, json};

use super::support::*;

/// `two-accounts` in another Region.
fn build_world(region: &str) -> World {
    let mut scenario = Scenario::two_accounts();
    region.clone_into(&mut scenario.region);
    World::from_scenario(scenario)
}

fn build_request(world: &World, region: &str) -> ShareRequestBuilder {
    ShareRequest::builder()
        .region(region.parse().unwrap())
        .image(world.image_id("golden").parse().unwrap())
        .target_account(B.parse().unwrap())
}

/// The ARNs and services that the statements of this tool name.
fn statements(world: &World) -> Vec<Value> {
    let text = world.edit_key(&world.key_arn("golden"), |key| key.policy().to_owned());
    let document: Value = serde_json::from_str(&text).unwrap();
    let statements = document["Statement"].as_array().unwrap().clone();
    let is_ours = |statement: &Value| {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        sid.starts_with("AmiShare")
    };
    statements.into_iter().filter(is_ours).collect()
}

async fn check_partition(partition: &Partition, region: &str) {
    let world = build_world(region);
    let before = world.edit_key(&world.key_arn("golden"), |key| key.policy().to_owned());
    let image = world.image_id("golden");

    world.share(build_request(&world, region)).await;
    let ours = statements(&world);
    let root = format!("arn:{}:iam::{B}:root", partition.name);
    assert_eq!(ours[0]["Principal"]["AWS"], json!([root]), "{region}");
    let services = ours[0]["Condition"]["StringLike"]["kms:ViaService"].to_string();
    let suffix = format!("ec2.*.{}\"", partition.dns_suffix);
    assert!(services.contains(&suffix), "{region}: {services}");
    assert_eq!(
        world.launch_in(B, region, &image).await,
        "running",
        "{region}"
    );

    let sharer = Sharer::new(&world.config(A));
    let options = with_target_role().launch_roles(["launcher".to_owned()]);
    let request = build_request(&world, region).target_options(options);
    let request = request.build().unwrap();
    let report = sharer.verify(&request).await.unwrap();
    for check in &report.verifications[0].checks {
        assert_ne!(check.verdict, Verdict::No, "{region}: {check:?}");
    }

    let revoke = Revoke {
        keys_in_use: true,
        ..Revoke::default()
    };
    world
        .share(build_request(&world, region).revoke(revoke))
        .await;
    let after = world.edit_key(&world.key_arn("golden"), |key| key.policy().to_owned());
    assert_eq!(after, before, "{region}");
    assert_eq!(
        world.launch_in(B, region, &image).await,
        "AuthFailure",
        "{region}"
    );
}

#[tokio::test(start_paused = true)]
async fn share_verify_launch_and_revoke_work_in_every_partition() {
    for partition in partition::all() {
        for region in partition.regions {
            Box::pin(check_partition(partition, region)).await;
        }
    }
}

/// A report from the field: the image was called shared, without any key.
#[tokio::test(start_paused = true)]
async fn image_of_european_sovereign_cloud_is_shared_with_its_key() {
    let region = "eusc-de-east-1";
    let scenario = Scenario::parse(
        r#"{
            "region": "eusc-de-east-1",
            "regions": [{ "name": "eusc-de-east-1" }],
            "accounts": [{ "id": "111111111111" }, { "id": "222222222222" }],
            "keys": [{ "name": "golden", "account": "111111111111" }],
            "images": [{ "name": "golden", "account": "111111111111", "volumes": ["golden"] }]
        }"#,
    );
    let world = World {
        sim: Sim::new(scenario.unwrap(), Options::default()),
    };
    let request = ShareRequest::builder()
        .region(region.parse().unwrap())
        .image(world.image_id("golden").parse().unwrap())
        .target_account(B.parse().unwrap());
    let plan = world.plan(request.clone()).await;
    assert!(plan.findings.is_empty(), "{:?}", plan.findings);
    world.share(request).await;
    let principal = &statements(&world)[0]["Principal"]["AWS"];
    assert_eq!(principal, &json!(["arn:aws-eusc:iam::222222222222:root"]));
    let image = world.image_id("golden");
    assert_eq!(world.launch_in(B, region, &image).await, "running");
}
