//! What key policies of others mean for a share: denies, versions, principals that are gone, and
//! whole rounds of policies as people write them.

mod closed;
mod rounds;
mod stale;
mod statements;
mod versions;

use ami_share::diagnostic::Severity;
use ami_share::request::{KeyAccessMode, KeyScope, Revoke, ShareRequestBuilder, Unlisted};
use ami_share::{Finding, Plan};
use ami_share_sim::Scenario;
use serde_json::{Value, json};

use super::support::*;

const C: &str = "333333333333";
const PUBLISHER: &str = "arn:aws:iam::111111111111:role/publisher";
const MODES: [KeyAccessMode; 3] = [
    KeyAccessMode::Policy,
    KeyAccessMode::Grants,
    KeyAccessMode::None,
];

fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

/// A statement that denies a launch.
fn deny(change: Value) -> Value {
    let mut statement = json!({
        "Sid": "OnlyOurs",
        "Effect": "Deny",
        "Action": ["kms:Decrypt", "kms:ReEncrypt*", "kms:CreateGrant"],
        "Resource": "*",
    });
    for (member, value) in change.as_object().unwrap() {
        statement[member] = value.clone();
    }
    statement
}

fn find<'a>(findings: &'a [Finding], code: &str) -> Vec<&'a Finding> {
    let findings = findings.iter();
    findings
        .filter(|finding| finding.code.as_str() == code)
        .collect()
}

async fn plan_with(world: &World, mode: KeyAccessMode, targets: &[&str]) -> Plan {
    let request = world.build_request_for(&["golden"], targets);
    world.plan(request.key_access(mode)).await
}

/// A deny of the key's policy in every mode: what the plan says, and whom it names.
#[tokio::test(start_paused = true)]
async fn deny_is_found_in_every_mode_of_key_access() {
    let others = json!([root(A), "arn:aws:iam::111111111111:user/admin", root(C)]);
    let table = [
        (
            json!({ "NotPrincipal": { "AWS": others } }),
            Some(Severity::Refuse),
        ),
        (
            json!({ "Principal": { "AWS": [B] } }),
            Some(Severity::Refuse),
        ),
        (
            json!({
                "Principal": "*",
                "Condition": { "StringNotEquals": { "aws:SourceVpce": "vpce-1" } },
            }),
            Some(Severity::Refuse),
        ),
        (
            json!({
                "Principal": "*",
                "Condition": { "StringNotEquals": { "aws:PrincipalOrgID": "o-example123" } },
            }),
            Some(Severity::Warn),
        ),
        (
            json!({
                "Principal": "*",
                "Condition": { "DateGreaterThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } },
            }),
            Some(Severity::Warn),
        ),
        (
            json!({ "Principal": { "AWS": root("444444444444") } }),
            None,
        ),
        (
            json!({ "Principal": "*", "Resource": "arn:aws:kms:us-east-1:111111111111:key/other" }),
            None,
        ),
        (
            json!({
                "Principal": "*",
                "Condition": { "Bool": { "kms:GrantIsForAWSResource": "false" } },
            }),
            None,
        ),
    ];
    for (change, expected) in table {
        for mode in MODES {
            let world = World::new();
            let golden = world.key_arn("golden");
            world.edit_statements(&golden, |statements| statements.push(deny(change.clone())));
            let plan = plan_with(&world, mode, &[B]).await;
            let found = find(&plan.findings, "key.policy-denies");
            let severity = found.first().map(|finding| finding.severity);
            assert_eq!(
                severity, expected,
                "{mode:?}: {change}: {:?}",
                plan.findings
            );
            for finding in found {
                assert_eq!(finding.resource, golden);
                for word in ["OnlyOurs", B] {
                    assert!(finding.message.contains(word), "{}", finding.message);
                }
            }
            let unread = find(&plan.findings, "key.policy-unread");
            assert!(unread.is_empty(), "{unread:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn deny_of_one_target_names_that_target() {
    for mode in MODES {
        let world = World::new();
        world.edit_statements(&world.key_arn("golden"), |statements| {
            statements.push(deny(json!({ "Principal": { "AWS": root(C) } })));
        });
        let plan = plan_with(&world, mode, &[B, C]).await;
        let [finding] = find(&plan.findings, "key.policy-denies")[..] else {
            panic!("{mode:?}: {:?}", plan.findings);
        };
        assert!(finding.message.contains(C), "{}", finding.message);
        assert!(!finding.message.contains(B), "{}", finding.message);
    }
}

/// Without the policy, it is not known whether it denies: by grants and without key access the run
/// goes on and says so.
#[tokio::test(start_paused = true)]
async fn unread_policy_is_unknown_and_says_what_to_allow() {
    for mode in [KeyAccessMode::Grants, KeyAccessMode::None] {
        let denied = deny_calls("kms:GetKeyPolicy", "AccessDeniedException", "no");
        let world = World::new().with_fault(denied);
        let plan = plan_with(&world, mode, &[B]).await;
        let [finding] = find(&plan.findings, "key.policy-unread")[..] else {
            panic!("{mode:?}: {:?}", plan.findings);
        };
        assert_eq!(finding.severity, Severity::Warn);
        assert!(
            finding.remedy.contains("kms:GetKeyPolicy"),
            "{}",
            finding.remedy
        );
        assert!(plan.refusals().next().is_none());
    }
}

/// Only who uses the key for data is another user of it.
#[tokio::test(start_paused = true)]
async fn key_is_used_only_by_those_who_encrypt_or_decrypt() {
    let allow = |principal: Value, actions: Value| {
        json!({
            "Effect": "Allow",
            "Principal": principal,
            "Action": actions,
            "Resource": "*",
        })
    };
    let role = json!({ "AWS": PUBLISHER });
    let deny = |actions: Value, condition: Value| {
        json!({
            "Effect": "Deny",
            "Principal": "*",
            "Action": actions,
            "Resource": "*",
            "Condition": condition,
        })
    };
    let is_publisher = json!({ "ArnEquals": { "aws:PrincipalArn": PUBLISHER } });
    let of_publisher = allow(role.clone(), json!("kms:Decrypt"));
    for (statements, is_used) in [
        (vec![allow(json!({ "AWS": A }), json!("kms:*"))], false),
        (
            vec![allow(
                role.clone(),
                json!(["kms:TagResource", "kms:Describe*"]),
            )],
            false,
        ),
        (vec![allow(role.clone(), json!("kms:*"))], true),
        // Whoever makes grants can give one to itself.
        (vec![allow(role.clone(), json!("kms:CreateGrant"))], true),
        (
            vec![allow(
                json!({ "Service": "logs.amazonaws.com" }),
                json!("kms:Decrypt"),
            )],
            true,
        ),
        // What a deny surely takes away is no use; what it takes only from direct calls, or only
        // in part, is.
        (
            vec![
                of_publisher.clone(),
                deny(json!("kms:Decrypt"), is_publisher.clone()),
            ],
            false,
        ),
        (
            vec![
                of_publisher.clone(),
                deny(json!("kms:Encrypt"), is_publisher),
            ],
            true,
        ),
        (
            vec![
                of_publisher,
                deny(
                    json!("kms:*"),
                    json!({ "StringEquals": { "aws:SourceVpce": "vpce-1" } }),
                ),
            ],
            true,
        ),
    ] {
        let world = World::new();
        world.edit_statements(&world.key_arn("golden"), |list| {
            list.extend(statements.clone());
        });
        let request = world.build_request(&["golden"]).key_scope(KeyScope::Direct);
        let plan = world.plan(request).await;
        let found = !find(&plan.findings, "key.used-by-many").is_empty();
        assert_eq!(found, is_used, "{statements:?}");
    }
}

/// A statement for everybody is another way in, unless its conditions keep the target out.
#[tokio::test(start_paused = true)]
async fn revoke_knows_statements_for_everybody() {
    let own = json!({ "StringEquals": { "kms:CallerAccount": A } });
    let organization = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-example123" } });
    for (condition, is_found) in [(json!({}), true), (own, false), (organization, true)] {
        let world = World::new();
        world.share(world.build_request(&["golden"])).await;
        world.edit_statements(&world.key_arn("golden"), |statements| {
            statements.push(json!({
                "Sid": "Everybody",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": condition,
            }));
        });
        let plan = world
            .plan(into_revoke(world.build_request(&["golden"])))
            .await;
        let found = find(&plan.findings, "revoke.other-way");
        assert_eq!(!found.is_empty(), is_found, "{condition}: {found:?}");
    }
}

/// Sets the version of a document, or takes it away.
fn set_version(text: &mut String, version: &Value) {
    let mut policy: Value = serde_json::from_str(text).unwrap();
    policy.as_object_mut().unwrap().shift_remove("Version");
    if *version != Value::Null {
        policy["Version"] = version.clone();
    }
    *text = policy.to_string();
}

/// KMS does not say which principal is invalid. If none of ours is accepted, those of others are
/// named as well.
#[tokio::test(start_paused = true)]
async fn closed_account_of_another_statement_is_a_suspect() {
    let mut scenario = Scenario::two_accounts();
    scenario.nonexistent_accounts = vec!["999999999999".to_owned()];
    let world = World::from_scenario(scenario);
    world.edit_statements(&world.key_arn("golden"), |statements| {
        statements.push(json!({
            "Sid": "Partners",
            "Effect": "Allow",
            "Principal": { "AWS": [root("999999999999"), root(C)] },
            "Action": "kms:Decrypt",
            "Resource": "*",
        }));
    });
    let report = world.try_share(world.build_request(&["golden"])).await;
    let report = report.unwrap_err();
    assert_eq!(list_codes(&report), ["key.invalid-principals"]);
    let message = &report.errors[0].message;
    for word in ["Partners", "999999999999", C] {
        assert!(message.contains(word), "{message}");
    }
    assert!(!message.contains("invalid principals: "), "{message}");
}
