//! The published policy is enough, and every action of it is needed (promise P8).

use ami_share::Sharer;
use serde_json::{Value, json};

use super::failures::assume;
use super::support::*;

const PUBLISHED: &str = include_str!("../../examples/iam/publisher.json");

/// A failed copy, its replacement and its removal, and a share: everything that the policy is for.
async fn everything(policy: Option<String>) -> Result<(), String> {
    let fail = r#"{"operation":"ec2:CopyImage","call":1,"effect":{"fail-copy":{"message":"internal error"}}}"#;
    let world = World::new().with(fail);
    world.try_share(world.copying(&["plain"])).await.unwrap_err();
    let sharer = Sharer::new(&assume(&world, "publisher", policy).await);
    // The key is shared with B by now; with this account it is not.
    let more: ami_share::AccountId = "333333333333".parse().unwrap();
    for request in [world.copying(&["plain", "managed"]), world.request(&["golden"])] {
        let plan = sharer
            .plan(&request.target_account(more.clone()).build().unwrap())
            .await
            .map_err(|errors| errors.to_string())?;
        let report = sharer.apply(&plan).await.map_err(|incomplete| incomplete.to_string())?;
        if let Some(finding) = report.findings.first() {
            return Err(finding.to_string());
        }
        for image in &report.images {
            assert_eq!(world.launch(image.image.as_ref().unwrap().as_ref()).await, "running");
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_published_policy_is_enough() {
    everything(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_any_one_action_the_run_fails_and_names_it() {
    let policy: Value = serde_json::from_str(PUBLISHED).unwrap();
    let actions = policy["Statement"].as_array().unwrap().iter().flat_map(|statement| match &statement["Action"] {
        Value::Array(list) => list.iter().map(|action| action.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    });
    let actions: std::collections::BTreeSet<String> = actions.collect();
    assert!(actions.len() > 12, "{actions:?}");
    for action in actions {
        let without = json!({ "Statement": [
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": action, "Resource": "*" },
        ] });
        let error = everything(Some(without.to_string())).await.expect_err(&action);
        // What EC2 asks KMS for is refused to the copy, not to the call, and EC2 does not name it.
        let via_ec2 = ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"];
        let named = if via_ec2.contains(&action.as_str()) {
            error.contains("not accessible") && error.contains(&action)
        } else {
            error.contains(&action) || (action == "ec2:DeleteSnapshot" && error.contains("copy.not-cleaned"))
        };
        assert!(named, "{action}: {error}");
    }
}
