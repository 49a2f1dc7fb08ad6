use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::time::Instant;

use super::*;
use crate::diagnostic::{Code, Error, Finding, FindingCode};
use crate::id::{AccountId, AmiId, Region, SourceImage};
use crate::plan::{GroupImage, ImageOfVersion, KeptBecause, NextStep, RetirementState};
use crate::report::{
    AccountUsage, Check, CheckName, Conclusion, CopyReport, RetiredImage, TestInstance, Verdict,
    Verification,
};
use crate::request::ShareRequest;

const TARGET: &str = "222222222222";

fn plan() -> Plan {
    let account: AccountId = "111111111111".parse().unwrap();
    let request = ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image("ami-1a2b3c4d".parse().unwrap())
        .target_account(TARGET.parse().unwrap())
        .build()
        .unwrap();
    Plan::empty(&request, &account, Instant::now())
}

fn full_image(source: &SourceImage) -> ImageReport {
    let principals = BTreeSet::from([TARGET.parse().unwrap()]);
    ImageReport {
        source: source.clone(),
        region: source.region.clone(),
        image: Some(source.ami.clone()),
        name: Some("web".to_owned()),
        architecture: Some("arm64".to_owned()),
        groups: BTreeSet::from(["web".to_owned()]),
        available: true,
        permission_read: true,
        copied: true,
        principals: principals.clone(),
        added: principals.clone(),
        removed: principals.clone(),
        unlisted: principals,
        shared_tags: BTreeSet::from(["team".to_owned()]),
        watermark: Some("111111111111:approved".to_owned()),
    }
}

fn full_retirement(source: &SourceImage) -> RetiredImage {
    RetiredImage {
        image: GroupImage {
            region: source.region.clone(),
            image: source.ami.clone(),
            name: "web".to_owned(),
            state: RetirementState::Deprecated,
            group: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
        },
        before: RetirementState::Available,
        because: Some(KeptBecause::Newest),
        next: Some(NextStep::Disable),
        until: Some("2026-01-01T00:00:00Z".to_owned()),
        changed: true,
    }
}

/// A report that says something in every member.
fn full() -> Report {
    let account: AccountId = TARGET.parse().unwrap();
    let region: Region = "us-east-1".parse().unwrap();
    let image: AmiId = "ami-1a2b3c4d".parse().unwrap();
    let names = BTreeSet::from([TARGET.to_owned()]);
    let source = SourceImage {
        region: region.clone(),
        ami: image.clone(),
    };
    let version = ImageOfVersion::new(1, Some(image.clone()));
    let key = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    Report {
        version: Report::VERSION,
        changed: true,
        images: vec![full_image(&source)],
        retired: vec![full_retirement(&source)],
        keys: vec![KeyReport {
            key: key.parse().unwrap(),
            principals: BTreeSet::from([TARGET.parse().unwrap()]),
            unlisted: names.clone(),
            added: names.clone(),
            removed: names.clone(),
            replaced_policies: vec!["{}".to_owned()],
        }],
        targets: vec![TargetReport {
            account: account.clone(),
            copies: vec![CopyReport {
                source: source.clone(),
                region: region.clone(),
                image: image.clone(),
                copied: true,
                available: true,
            }],
            tagged: BTreeSet::from([image.clone()]),
            roles: names,
        }],
        verifications: vec![Verification {
            account: account.clone(),
            region: region.clone(),
            source: source.clone(),
            image: Some(image.clone()),
            conclusion: Conclusion::Launched,
            checks: vec![Check {
                name: CheckName::Launch,
                verdict: Verdict::Yes,
                detail: "it ran".to_owned(),
            }],
        }],
        usage: vec![ImageUsage {
            source,
            region: region.clone(),
            image: image.clone(),
            reported: "2026-01-01T00:00:00Z".to_owned(),
            age: 1,
            complete: true,
            accounts: vec![AccountUsage {
                account: account.clone(),
                resource_type: "ec2:Instance".to_owned(),
                count: 1,
            }],
        }],
        test_instances: vec![TestInstance {
            account: account.clone(),
            region: region.clone(),
            instance: "i-1a2b3c4d".to_owned(),
            terminated: true,
            abandoned: true,
        }],
        removed: vec!["ami-2a2b3c4d".to_owned()],
        published: vec!["/golden/web".to_owned()],
        parameters: vec![ParameterReport {
            account: account.clone(),
            region: region.clone(),
            name: "/golden/web".to_owned(),
            holds: Some(image.clone()),
            previous: Some(image),
        }],
        launch_templates: vec![LaunchTemplateReport {
            account,
            region,
            template: "lt-0123456789abcdef0".to_owned(),
            name: "web".to_owned(),
            current: version.clone(),
            is_default: true,
            image: version.image.clone(),
            version: Some(1),
            previous: Some(version),
        }],
        findings: vec![Finding::warn(
            FindingCode::ImageInUse,
            "ami-1a2b3c4d",
            "it is",
        )],
        errors: vec![Error::new(Code::Deadline, "the deadline passed")],
        plan: plan(),
    }
}

/// The members that a merge is about.
fn members(report: &Report) -> Value {
    let mut value = serde_json::to_value(report).unwrap();
    value.as_object_mut().unwrap().remove("plan");
    value
}

/// The paths of members that say nothing.
fn blank(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                blank(member, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for element in elements {
                blank(element, path, found);
            }
        }
        Value::Array(_) | Value::Null | Value::Bool(false) => found.push(path.to_owned()),
        _ => {}
    }
}

#[test]
fn nothing_that_a_group_says_is_lost_beside_one_that_says_nothing() {
    let empty = || Report::begin(&plan());
    let mut found = Vec::new();
    // Errors and findings have places only if they are somewhere.
    let mut said = members(&full());
    for list in ["findings", "errors"] {
        said.as_object_mut().unwrap().remove(list);
    }
    blank(&said, "", &mut found);
    assert!(
        found.is_empty(),
        "this test is about more members: {found:?}"
    );
    for reports in [vec![full()], vec![full(), empty()], vec![empty(), full()]] {
        assert_eq!(
            members(&Report::together(&plan(), reports)),
            members(&full())
        );
    }
}

/// A group that finds the same image, key, target, parameter and launch template as they are says
/// nothing else of them.
#[test]
fn nothing_is_lost_beside_a_group_that_changed_nothing() {
    let mut idle = full();
    idle.changed = false;
    for image in &mut idle.images {
        (image.copied, image.name, image.architecture) = (false, None, None);
        image.watermark = None;
        for principals in [&mut image.principals, &mut image.added, &mut image.removed] {
            principals.clear();
        }
        image.unlisted.clear();
        image.shared_tags.clear();
    }
    for key in &mut idle.keys {
        key.principals.clear();
        key.added.clear();
        key.removed.clear();
        key.replaced_policies.clear();
    }
    for target in &mut idle.targets {
        target.copies.clear();
        target.tagged.clear();
        target.roles.clear();
    }
    for parameter in &mut idle.parameters {
        (parameter.holds, parameter.previous) = (None, None);
    }
    for template in &mut idle.launch_templates {
        (template.version, template.previous) = (None, None);
    }
    idle.verifications.clear();
    idle.test_instances.clear();
    for reports in [vec![full(), idle.clone()], vec![idle, full()]] {
        assert_eq!(
            members(&Report::together(&plan(), reports)),
            members(&full())
        );
    }
}
