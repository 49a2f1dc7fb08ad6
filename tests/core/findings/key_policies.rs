//! Findings about key policies.

use Severity::{Refuse, Warn};
use ami_share::Plan;
use ami_share::diagnostic::Severity;
use ami_share::request::{KeyAccessMode, KeyScope, Unlisted};
use ami_share_sim::world::World as State;
use serde_json::{Value, json};

use super::Seen;
use crate::support::*;

pub(super) async fn collect(seen: &mut Seen) {
    let stale = json!({
        "Effect": "Allow",
        "Principal": { "AWS": "AROAEXAMPLEEXAMPLE01" },
        "Action": "kms:*",
        "Resource": "*",
    });
    let mut outsiders = build_statement("OnlyOurs", "Deny", "");
    outsiders["Principal"] = "*".into();
    outsiders["Condition"] = json!({
        "StringNotEquals": { "aws:PrincipalOrgID": "o-x", "kms:CallerAccount": A },
    });
    let long_sid = "x".repeat(32_350);
    for (code, severity, statement) in [
        (
            "key.sid-taken",
            Refuse,
            build_statement("AmiShareUse", "Allow", B),
        ),
        ("key.stale-principal", Refuse, stale.clone()),
        (
            "key.policy-too-large",
            Warn,
            build_statement(&long_sid, "Allow", A),
        ),
        (
            "key.policy-denies",
            Refuse,
            build_statement("NotB", "Deny", B),
        ),
        ("key.policy-denies", Warn, outsiders),
        (
            "key.policy-managed",
            Warn,
            build_statement("KeptByTerraform", "Allow", A),
        ),
    ] {
        let change = |state: &mut State, arn: &str| add_statement(state, arn, &statement);
        seen.expect_of_golden((code, severity), change).await;
    }

    seen.expect(
        ("key.stale-principal", Warn),
        &["golden"],
        |state, arn| add_statement(state, arn, &stale),
        |request| request.drop_stale_principals(true),
    )
    .await;
    wider_access(seen).await;
    unread_policies(seen).await;
    unwritten_policies(seen, &stale).await;
    let third_account = build_statement("Theirs", "Allow", "333333333333");
    seen.expect(
        ("key.used-by-many", Warn),
        &["golden"],
        |state, arn| add_statement(state, arn, &third_account),
        |request| request.key_scope(KeyScope::Direct),
    )
    .await;
}

/// What an earlier run gave beyond EC2 stays, whichever way it gave it (design, P3).
async fn wider_access(seen: &mut Seen) {
    for is_by_grants in [false, true] {
        let world = World::new();
        let wider = world.build_request(&["golden"]);
        let wider = if is_by_grants {
            wider.key_access(KeyAccessMode::Grants)
        } else {
            wider.key_scope(KeyScope::Direct)
        };
        world.share(wider).await;
        // A share by policies reads grants only where it may take some.
        let narrow = || world.build_request(&["golden"]).unlisted(Unlisted::Revoke);
        for _ in 0..2 {
            let plan = world.plan(narrow()).await;
            seen.record(&plan.findings);
            assert_eq!(count_wider(&plan), 1);
            world.share(narrow()).await;
        }
        // Its remedy.
        world
            .share(into_revoke(world.build_request(&["golden"])))
            .await;
        world.share(narrow()).await;
        let plan = world.plan(narrow()).await;
        assert_eq!(count_wider(&plan), 0);
    }
}

fn count_wider(plan: &Plan) -> usize {
    let codes = plan.findings.iter().map(|finding| finding.code.as_str());
    codes.filter(|code| *code == "key.access-wider").count()
}

/// Without the policy, a share by grants does not know whether it denies.
async fn unread_policies(seen: &mut Seen) {
    let denied = deny_calls("kms:GetKeyPolicy", "AccessDeniedException", "no");
    let world = World::new().with_fault(denied);
    let request = world.build_request(&["golden"]);
    let plan = world.plan(request.key_access(KeyAccessMode::Grants)).await;
    seen.record(&plan.findings);
}

/// If nothing has to be written, a policy that KMS would not take back is only a warning.
async fn unwritten_policies(seen: &mut Seen, stale: &Value) {
    let world = World::new();
    let plan = world.plan(world.build_request(&["golden"])).await;
    let ours = plan.key_policy_statements();
    seen.expect_of_golden(("key.stale-principal", Warn), |state, arn| {
        add_statement(state, arn, stale);
        add_statement(state, arn, &ours[0]);
    })
    .await;
    seen.expect_of_golden(("key.policy-unreadable", Refuse), |state, arn| {
        let policy = &mut state.keys.get_mut(arn).unwrap().policies[0].1;
        policy.insert_str(1, r#""Statement":[],"#);
    })
    .await;
}

fn build_statement(sid: &str, effect: &str, account: &str) -> Value {
    json!({
        "Sid": sid,
        "Effect": effect,
        "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
        "Action": "kms:*",
        "Resource": "*",
    })
}

fn add_statement(state: &mut State, arn: &str, statement: &Value) {
    let text = &mut state.keys.get_mut(arn).unwrap().policies[0].1;
    let mut policy: Value = serde_json::from_str(text).unwrap();
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.push(statement.clone());
    *text = policy.to_string();
}
