//! Reports on who uses an image.

use std::time::Duration;

use ami_share_sim::Delays;
use ami_share_sim::world::Instance;
use serde_json::json;

use super::support::*;

const INSTANCES: &str = "ec2:Instance";
const TEMPLATES: &str = "ec2:LaunchTemplate";

/// Asks for a report on both types of resources.
async fn report(a: &Caller, image: &str) -> String {
    let parameters = [
        ("ImageId", image),
        ("ResourceType.1.ResourceType", INSTANCES),
        ("ResourceType.2.ResourceType", TEMPLATES),
    ];
    let answer = a.ec2("CreateImageUsageReport", &parameters).await;
    answer.unwrap().first("reportId").to_owned()
}

async fn state(a: &Caller, report: &str) -> String {
    let parameters = [("ReportId.1", report)];
    let answer = a.ec2("DescribeImageUsageReports", &parameters).await;
    answer.unwrap().first("state").to_owned()
}

/// Account, type and count of each entry.
async fn entries(a: &Caller, report: &str) -> Vec<(String, String, String)> {
    let parameters = [("ReportId.1", report)];
    let answer = a.ec2("DescribeImageUsageReportEntries", &parameters).await;
    let answer = answer.unwrap();
    let accounts = answer.all("accountId").into_iter();
    let kinds = answer.all("resourceType").into_iter();
    let counts = answer.all("usageCount").into_iter();
    let rows = accounts.zip(kinds).zip(counts);
    rows.map(|((account, kind), count)| (account.to_owned(), kind.to_owned(), count.to_owned()))
        .collect()
}

fn row(kind: &str, count: &str) -> (String, String, String) {
    (B.to_owned(), kind.to_owned(), count.to_owned())
}

async fn template(caller: &Caller, name: &str, images: &[&str]) {
    let data = [
        ("LaunchTemplateName", name),
        ("LaunchTemplateData.ImageId", images[0]),
    ];
    caller.ec2("CreateLaunchTemplate", &data).await.unwrap();
    for image in &images[1..] {
        let data = [
            ("LaunchTemplateName", name),
            ("LaunchTemplateData.ImageId", *image),
        ];
        let version = caller.ec2("CreateLaunchTemplateVersion", &data).await;
        version.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn rule_7_12_report_counts_instances_and_launch_templates_of_others() {
    let (a, b) = two_accounts();
    let (plain, golden) = (a.image("plain"), a.image("golden"));
    a.share_wholly(&plain, B).await;
    let empty = report(&a, &plain).await;
    for _ in 0..2 {
        b.launch(&plain, &[]).await.unwrap();
    }
    a.launch(&plain, &[]).await.unwrap();
    // A template counts once, whichever of its newest versions name the image.
    template(&b, "web", &[&plain, &golden, &plain]).await;
    let mut old = vec![plain.as_str()];
    old.extend(vec![golden.as_str(); 20]);
    template(&b, "old", &old).await;
    let id = report(&a, &plain).await;
    let expected = [row(INSTANCES, "2"), row(TEMPLATES, "1")];
    assert_eq!(entries(&a, &id).await, expected);
    // A report says what was there when it was made.
    assert_eq!(entries(&a, &empty).await, []);
    let of_account = [
        ("ImageId", plain.as_str()),
        ("ResourceType.1.ResourceType", TEMPLATES),
        (
            "ResourceType.1.ResourceTypeOption.1.OptionName",
            "version-depth",
        ),
        ("ResourceType.1.ResourceTypeOption.1.OptionValue.1", "30"),
        ("AccountId.1", B),
    ];
    let answer = a.ec2("CreateImageUsageReport", &of_account).await.unwrap();
    let id = answer.first("reportId").to_owned();
    assert_eq!(entries(&a, &id).await, [row(TEMPLATES, "2")]);
    // Who asks for reports can see how deep each looks.
    let listed = a.ec2("DescribeImageUsageReports", &[]).await.unwrap();
    assert_eq!(listed.all("optionName"), ["version-depth"]);
    let delete = [("ReportId", id.as_str())];
    a.ec2("DeleteImageUsageReport", &delete).await.unwrap();
    let gone = a.ec2("DeleteImageUsageReport", &delete).await;
    assert_code(gone, "InvalidImageUsageReportId.NotFound");
}

#[tokio::test(start_paused = true)]
async fn rule_7_12_report_is_pending_first_lags_behind_and_is_not_kept() {
    let (a, b) = delayed(Delays {
        usage_reports: Duration::from_mins(10),
        usage: Some(Duration::from_hours(24)),
        ..Delays::default()
    });
    let plain = a.image("plain");
    a.share_wholly(&plain, B).await;
    b.launch(&plain, &[]).await.unwrap();
    let first = report(&a, &plain).await;
    assert_eq!(state(&a, &first).await, "pending");
    seconds(600).await;
    assert_eq!(state(&a, &first).await, "available");
    assert_eq!(entries(&a, &first).await, []);
    seconds(24 * 3600).await;
    let second = report(&a, &plain).await;
    assert_eq!(entries(&a, &second).await, []);
    seconds(600).await;
    assert_eq!(entries(&a, &second).await, [row(INSTANCES, "1")]);
    let of_image = [("ImageId.1", plain.as_str())];
    let listed = a.ec2("DescribeImageUsageReports", &of_image).await.unwrap();
    assert_eq!(listed.all("reportId").len(), 2);
    a.sim.edit(|world| {
        let report = world.usage_reports.get_mut(&second).unwrap();
        report.failure = Some("Internal error".to_owned());
    });
    assert_eq!(state(&a, &second).await, "error");
    assert_eq!(entries(&a, &second).await, []);
    seconds(30 * 24 * 3600).await;
    let listed = a.ec2("DescribeImageUsageReports", &of_image).await.unwrap();
    assert_eq!(listed.all("reportId"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn rule_7_12_report_covers_200_accounts_and_is_for_the_owner() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    a.sim.edit(|world| {
        for number in 0..201_u64 {
            let instance = Instance {
                id: format!("i-{number}"),
                image: plain.clone(),
                owner: format!("{:012}", 300_000_000_000 + number),
                state: "running",
                ..Instance::default()
            };
            world.instances.insert(instance.id.clone(), instance);
        }
    });
    let id = report(&a, &plain).await;
    assert_eq!(entries(&a, &id).await.len(), 200);
    let kind = ("ResourceType.1.ResourceType", INSTANCES);
    let foreign = [("ImageId", plain.as_str()), kind];
    let refused = b.ec2("CreateImageUsageReport", &foreign).await;
    assert_code(refused, "AuthFailure");
    let missing = [("ImageId", plain.as_str())];
    let refused = a.ec2("CreateImageUsageReport", &missing).await;
    assert_code(refused, "MissingParameter");
    let unknown = [
        ("ImageId", plain.as_str()),
        ("ResourceType.1.ResourceType", "ec2:Volume"),
    ];
    let refused = a.ec2("CreateImageUsageReport", &unknown).await;
    assert_code(refused, "InvalidParameterValue");
    let names: Vec<String> = (1..=201).map(|n| format!("AccountId.{n}")).collect();
    let ids: Vec<String> = (1..=201).map(|n| format!("{n:012}")).collect();
    let mut many = vec![("ImageId", plain.as_str()), kind];
    many.extend(
        names
            .iter()
            .zip(&ids)
            .map(|(n, id)| (n.as_str(), id.as_str())),
    );
    let refused = a.ec2("CreateImageUsageReport", &many).await;
    assert_code(refused, "InvalidParameterValue");
    let of_b = [("ReportId.1", id.as_str())];
    let refused = b.ec2("DescribeImageUsageReportEntries", &of_b).await;
    assert_code(refused, "InvalidImageUsageReportId.NotFound");
}

#[tokio::test(start_paused = true)]
async fn rule_7_12_references_are_those_of_the_own_account() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    a.share_wholly(&plain, B).await;
    b.launch(&plain, &[]).await.unwrap();
    a.launch(&plain, &[]).await.unwrap();
    template(&a, "web", &[&plain]).await;
    let all = [
        ("ImageId.1", plain.as_str()),
        ("IncludeAllResourceTypes", "true"),
    ];
    let answer = a.ec2("DescribeImageReferences", &all).await.unwrap();
    assert_eq!(answer.all("resourceType"), [INSTANCES, TEMPLATES]);
    assert!(answer.first("arn").contains(":111111111111:instance/i-"));
    let stopped = [
        ("ImageId.1", plain.as_str()),
        ("ResourceType.1.ResourceType", INSTANCES),
        (
            "ResourceType.1.ResourceTypeOption.1.OptionName",
            "state-name",
        ),
        (
            "ResourceType.1.ResourceTypeOption.1.OptionValue.1",
            "stopped",
        ),
    ];
    let answer = a.ec2("DescribeImageReferences", &stopped).await.unwrap();
    assert_eq!(answer.all("arn"), [""; 0]);
    let nothing = [("ImageId.1", plain.as_str())];
    let refused = a.ec2("DescribeImageReferences", &nothing).await;
    assert_code(refused, "MissingParameter");
}

/// AWS looks as the caller: each type asks for its own permissions, which may be limited to this
/// way.
#[tokio::test(start_paused = true)]
async fn rule_7_12_references_need_the_permissions_to_describe() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let describing = [
        (INSTANCES, "ec2:DescribeInstances"),
        (TEMPLATES, "ec2:DescribeLaunchTemplates"),
        (TEMPLATES, "ec2:DescribeLaunchTemplateVersions"),
    ];
    let actions = describing.map(|(_, action)| action);
    for missing in [None].into_iter().chain(actions.map(Some)) {
        let allowed: Vec<&str> = actions
            .into_iter()
            .filter(|action| Some(*action) != missing)
            .collect();
        let mut through_images = allow(allowed);
        through_images["Condition"] = json!({
            "ForAnyValue:StringEquals": { "aws:CalledVia": "ec2-images.amazonaws.com" },
        });
        let references = allow("ec2:DescribeImageReferences");
        let caller = a.limited(A, &[references, through_images]).await;
        for kind in [INSTANCES, TEMPLATES] {
            let asked = [
                ("ImageId.1", plain.as_str()),
                ("ResourceType.1.ResourceType", kind),
            ];
            let lacks = describing.contains(&(kind, missing.unwrap_or_default()));
            let answer = caller.ec2("DescribeImageReferences", &asked).await;
            assert_eq!(answer.is_err(), lacks, "{kind} without {missing:?}");
            if let Err(fail) = answer {
                assert_eq!(fail.code, "UnauthorizedOperation");
                assert!(fail.message.contains(missing.unwrap()), "{}", fail.message);
            }
        }
        // Without that service between, the same permissions give nothing.
        let directly = caller.ec2("DescribeInstances", &[]).await;
        assert_code(directly, "UnauthorizedOperation");
    }
}
