//! Findings about key policies.

use Severity::{Refuse, Warn};
use ami_share::diagnostic::Severity;
use ami_share::request::{KeyAccessMode, KeyScope};
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
