//! Keys that AWS RAM shares too.

use serde_json::json;

use super::*;

fn ram_policy(principal: &str) -> String {
    let statement = json!({
        "Effect": "Allow",
        "Principal": { "AWS": principal },
        "Action": ["kms:Decrypt", "kms:CreateGrant", "kms:DescribeKey", "kms:ReEncrypt*"],
        "Resource": "*",
    });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// What a revoke says of other ways, if the key has this policy of RAM.
async fn other_ways(policy: Option<String>, fault: Option<serde_json::Value>) -> Vec<String> {
    let mut world = World::new();
    world.share(world.build_request(&["golden"])).await;
    world.edit_key(&world.key_arn("golden"), |key| key.ram_policy = policy);
    if let Some(fault) = fault {
        world = world.with_fault(fault);
    }
    let request = into_revoke(world.build_request(&["golden"]));
    let report = world.share(request).await;
    let findings = report.findings.into_iter();
    let findings = findings.filter(|finding| finding.code.as_str() == "revoke.other-way");
    findings.map(|finding| finding.message).collect()
}

#[tokio::test(start_paused = true)]
async fn revoke_says_what_remains_through_ram() {
    let named = "account 222222222222 can use the key through AWS RAM too";
    let unknown = "whether AWS RAM shares the key too is unknown";
    let root = |account: &str| ram_policy(&format!("arn:aws:iam::{account}:root"));
    let table = [
        (None, None),
        (Some(root(B)), Some(named)),
        (Some(ram_policy(B)), Some(named)),
        (Some(ram_policy("*")), Some(named)),
        (Some(root("333333333333")), None),
        (Some("Everybody may.".to_owned()), Some(unknown)),
    ];
    for (policy, expected) in table {
        let said = other_ways(policy.clone(), None).await;
        assert_eq!(
            said.len(),
            usize::from(expected.is_some()),
            "{policy:?}: {said:?}"
        );
        for message in said {
            assert!(message.contains(expected.unwrap()), "{policy:?}: {message}");
        }
    }
    // The first call reads the policy that everybody knows.
    let error = json!({ "status": 400, "code": "AccessDeniedException", "message": "no" });
    let denied = json!({
        "operation": "kms:GetKeyPolicy",
        "call": 2,
        "effect": { "error": error },
    });
    let said = other_ways(None, Some(denied)).await;
    assert!(said.len() == 1 && said[0].contains(unknown), "{said:?}");
}
