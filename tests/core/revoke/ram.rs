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

/// What a revoke from a target says of other ways, if the key has this policy of RAM.
async fn other_ways(
    target: &str,
    policy: Option<String>,
    fault: Option<serde_json::Value>,
) -> Vec<String> {
    let mut world = World::generate(3, 1, 1, 1);
    let request = |world: &World| world.build_request_for(&["image-1"], &[target]);
    world.share(request(&world)).await;
    world.edit_key(&world.key_arn("key-1"), |key| key.ram_policy = policy);
    if let Some(fault) = fault {
        world = world.with_fault(fault);
    }
    let report = world.share(into_revoke(request(&world))).await;
    let findings = report.findings.into_iter();
    let findings = findings.filter(|finding| finding.code.as_str() == "revoke.other-way");
    findings.map(|finding| finding.message).collect()
}

/// The policy with a condition.
fn with_condition(policy: &str, condition: serde_json::Value) -> String {
    let mut policy: serde_json::Value = serde_json::from_str(policy).unwrap();
    policy["Statement"][0]["Condition"] = condition;
    policy.to_string()
}

/// RAM's policies only allow; a deny in one gives nobody anything.
fn deny(policy: &str) -> String {
    policy.replace("Allow", "Deny")
}

#[tokio::test(start_paused = true)]
async fn revoke_says_what_remains_through_ram() {
    let unknown = "whether AWS RAM shares the key too is unknown";
    let everybody = || ram_policy("*");
    let of_organization = |id: &str| {
        let condition = json!({ "StringEquals": { "aws:PrincipalOrgID": id } });
        with_condition(&everybody(), condition)
    };
    let of_caller = |account: &str| {
        let condition = json!({ "StringEquals": { "kms:CallerAccount": account } });
        with_condition(&everybody(), condition)
    };
    let root = |account: &str| ram_policy(&format!("arn:aws:iam::{account}:root"));
    let role = ram_policy(&format!("arn:aws:iam::{B}:role/launcher"));
    let table = [
        (B, root(B), true),
        (B, ram_policy(B), true),
        (B, role, true),
        (B, everybody(), true),
        (B, of_caller(B), true),
        // The organization of an account is not known.
        (B, of_organization("o-example123"), true),
        (B, root(THIRD_ACCOUNT), false),
        (B, of_caller(THIRD_ACCOUNT), false),
        (B, deny(&root(B)), false),
        (ORGANIZATION, everybody(), true),
        (ORGANIZATION, of_organization("o-example123"), true),
        // An account may belong to it.
        (ORGANIZATION, root(B), true),
        (ORGANIZATION, of_organization("o-another123"), false),
        (ORGANIZATION, root(A), false),
        (UNIT, of_organization("o-example123"), true),
        (UNIT, of_organization("o-another123"), false),
    ];
    for (target, policy, is_way) in table {
        let said = other_ways(target, Some(policy.clone()), None).await;
        assert_eq!(
            said.len(),
            usize::from(is_way),
            "{target} {policy}: {said:?}"
        );
        for message in said {
            assert!(message.contains("through AWS RAM too"), "{message}");
        }
    }
    assert!(other_ways(B, None, None).await.is_empty());
    let said = other_ways(B, Some("Everybody may.".to_owned()), None).await;
    assert!(said.len() == 1 && said[0].contains(unknown), "{said:?}");
    // The first call reads the policy that everybody knows.
    let error = json!({ "status": 400, "code": "AccessDeniedException", "message": "no" });
    let denied = json!({
        "operation": "kms:GetKeyPolicy",
        "call": 2,
        "effect": { "error": error },
    });
    let said = other_ways(B, None, Some(denied)).await;
    assert!(said.len() == 1 && said[0].contains(unknown), "{said:?}");
}
