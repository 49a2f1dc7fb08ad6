//! An answer that has a value which this version cannot read: nothing is taken for absent, in no
//! place of any answer.

mod rows;

use std::collections::BTreeSet;

use ami_share::diagnostic::Severity;
use ami_share::report::{Conclusion, Verdict};
use ami_share::request::{
    KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots, TargetOptions, Unlisted,
};
use ami_share::{Report, Sharer};
use ami_share_sim::{KeySpec, PolicySpec};
use serde_json::{Value, json};

use self::rows::ROWS;
use super::findings::targets::with_admin_role;
use super::keys_in_use::launch_under_key;
use super::launch_templates::{ID, OLD, put_template};
use super::support::*;

const OTHER: &str = "333333333333";
const PARAMETER: &str = "/golden/id";

/// What reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    /// Shares with one more account.
    Share,
    /// The same by grants.
    Grants,
    /// Copies into another Region, and publishes a parameter.
    Copy,
    /// Prepares roles of the target.
    Roles,
    Revoke,
    /// Revokes from an account that the request does not list.
    Unlisted,
    Verify,
}

/// One place of one answer.
struct Row {
    operation: &'static str,
    /// The last members on the way to the value.
    path: &'static str,
    /// `None` if the value is missing.
    value: Option<&'static str>,
    /// What reads it.
    runs: &'static [Run],
}

impl Row {
    fn fault(&self) -> Value {
        let value = self.value.map(|text| match text {
            "true" => json!(true),
            _ if text.starts_with('[') => serde_json::from_str(text).unwrap(),
            _ => json!(text),
        });
        let answer = json!({ "path": self.path, "value": value });
        json!({ "operation": self.operation, "effect": { "answer": answer } })
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_value_is_never_taken_for_absent() {
    let mut problems = Vec::new();
    for row in ROWS {
        for run in row.runs {
            let world = Box::pin(build_shared_world()).await;
            let before = world.count_changes();
            let world = world.with_fault(row.fault());
            let codes = Box::pin(codes_of(&world, *run)).await;
            let place = format!("{run:?}: {} {} {:?}", row.operation, row.path, row.value);
            if codes.is_empty() {
                problems.push(format!("{place}: taken for absent"));
            }
            if codes.iter().any(|code| !EXPECTED.contains(&code.as_str())) {
                problems.push(format!("{place}: {codes:?}"));
            }
            if world.count_changes() != before {
                problems.push(format!("{place}: {:?}", world.count_changes()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn key_policy_that_is_longer_than_any_is_not_read() {
    for (kibibytes, is_read) in [(500, true), (600, false)] {
        let world = Box::pin(build_shared_world()).await;
        let before = world.count_changes();
        world.edit_key(&world.key_arn("golden"), |key| {
            let (at, text) = key.policies.last().unwrap().clone();
            let long = text + &" ".repeat(kibibytes * 1024);
            key.policies.push((at, long));
        });
        let request = build_request(&world, &[B]).build().unwrap();
        let planned = Sharer::new(&world.config(A)).plan(&request).await;
        let said = format!("{planned:?}");
        assert_eq!(!said.contains("AwsUnreadable"), is_read, "{kibibytes}");
        assert_eq!(world.count_changes(), before);
    }
}

/// What may be said of a value that cannot be read.
const EXPECTED: [&str; 3] = ["aws.unreadable", "aws.unexpected", "key.policy-unreadable"];

/// `golden` is shared with B, by a statement and by a grant, with its snapshots; there is an
/// instance of B on it and a parameter, and one role of B may do everything.
async fn build_shared_world() -> World {
    let world = with_admin_role(|scenario| {
        scenario.keys.push(KeySpec {
            name: "western".to_owned(),
            account: A.to_owned(),
            region: Some("eu-west-1".to_owned()),
            ..KeySpec::default()
        });
        scenario.accounts[1].policies.push(PolicySpec {
            name: "launch".to_owned(),
            document: json!({
                "Version": "2012-10-17",
                "Statement": [{ "Effect": "Allow", "Action": "kms:*", "Resource": "*" }],
            }),
        });
    });
    world.share(build_request(&world, &[B])).await;
    let grantee = format!("arn:aws:iam::{B}:root");
    let grant = build_grant("of-b", A, &grantee);
    world.edit_key(&world.key_arn("golden"), |key| key.grants.push(grant));
    world.edit_image(&world.image_id("golden"), |image| {
        image.launch_permissions.insert("all".to_owned());
    });
    put_template(&world, B, ID, "web", OLD);
    launch_under_key(&world, "golden", "golden").await;
    world
        .share(build_request(&world, &[B]).publish_ssm_parameter(PARAMETER))
        .await;
    let iam = aws_sdk_iam::Client::new(&world.config(B));
    let call = iam.attach_role_policy().role_name("launcher");
    let call = call.policy_arn(format!("arn:aws:iam::{B}:policy/launch"));
    call.send().await.unwrap();
    world
}

fn build_request(world: &World, targets: &[&str]) -> ShareRequestBuilder {
    let request = world.build_request_for(&["golden"], targets);
    request.share_snapshots(ShareSnapshots::Always)
}

/// The codes of everything that stopped a run, or that a verification could not check.
async fn codes_of(world: &World, run: Run) -> BTreeSet<String> {
    let wider = build_request(world, &[B, OTHER]);
    let request = match run {
        Run::Share => wider,
        Run::Grants => wider.key_access(KeyAccessMode::Grants),
        Run::Copy => wider
            .kms_key_in(
                "us-east-1".parse().unwrap(),
                "alias/golden".parse().unwrap(),
            )
            .kms_key_in(
                "eu-west-1".parse().unwrap(),
                "alias/western".parse().unwrap(),
            )
            .copy_to_regions(["eu-west-1".parse().unwrap()])
            .publish_ssm_parameter(PARAMETER),
        Run::Roles => {
            let options = with_launch_policy().launch_templates(["web".to_owned()]);
            build_request(world, &[B]).target_options(options)
        }
        Run::Verify => build_request(world, &[B]).target_options(with_launch_policy()),
        Run::Revoke => build_request(world, &[B])
            .target_options(with_target_role())
            .revoke(Revoke::default()),
        Run::Unlisted => build_request(world, &[OTHER]).unlisted(Unlisted::Revoke),
    };
    let sharer = Sharer::new(&world.config(A));
    let request = request.build().unwrap();
    let mut codes = BTreeSet::new();
    if run == Run::Verify {
        match sharer.verify(&request).await {
            Ok(report) => codes.extend(codes_of_checks(&report)),
            Err(errors) => codes.extend(errors.iter().map(|error| error.code.to_string())),
        }
        return codes;
    }
    match sharer.plan(&request).await {
        Err(errors) => codes.extend(errors.iter().map(|error| error.code.to_string())),
        Ok(plan) => {
            codes.extend(plan.refusals().map(|finding| finding.code.to_string()));
            codes.extend(plan.errors.iter().map(|error| error.code.to_string()));
        }
    }
    codes
}

/// The codes of what refuses a share, of errors, and of what the checks say that are unknown.
fn codes_of_checks(report: &Report) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for finding in &report.findings {
        if finding.severity == Severity::Refuse {
            codes.insert(finding.code.to_string());
        }
    }
    codes.extend(report.errors.iter().map(|error| error.code.to_string()));
    for verification in &report.verifications {
        if verification.conclusion == Conclusion::Blocked {
            codes.insert("blocked".to_owned());
        }
    }
    let checks = report.verifications.iter().flat_map(|of| &of.checks);
    for check in checks.filter(|check| check.verdict == Verdict::Unknown) {
        let said = EXPECTED.iter().filter(|code| check.detail.contains(**code));
        codes.extend(said.map(|code| (*code).to_owned()));
    }
    codes
}

fn with_launch_policy() -> TargetOptions {
    with_target_role()
        .launch_roles(["launcher".to_owned()])
        .launch_policy("launch".parse().unwrap())
}
