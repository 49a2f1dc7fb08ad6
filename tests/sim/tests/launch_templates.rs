//! Launch templates, their versions, and launches by them.

use ami_share_sim::{Options, Scenario};
use serde_json::json;

use super::support::*;

/// Makes a launch template called `web` with these parameters. Returns its ID.
pub(crate) async fn template(caller: &Caller, data: Parameters<'_>) -> String {
    let mut parameters = vec![("LaunchTemplateName".to_owned(), "web")];
    for (name, value) in data {
        parameters.push((format!("LaunchTemplateData.{name}"), *value));
    }
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let made = caller.ec2("CreateLaunchTemplate", &parameters).await;
    made.unwrap().first("launchTemplateId").to_owned()
}

/// The images in the versions of `web` that are named so.
async fn images(caller: &Caller, versions: &[&str]) -> Vec<String> {
    let mut parameters = vec![("LaunchTemplateName".to_owned(), "web")];
    for (index, version) in versions.iter().enumerate() {
        parameters.push((format!("LaunchTemplateVersion.{}", index + 1), *version));
    }
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let shown = caller.ec2("DescribeLaunchTemplateVersions", &parameters);
    let shown = shown.await.unwrap();
    shown
        .all("imageId")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

const WEB: (&str, &str) = ("LaunchTemplateName", "web");

#[tokio::test]
async fn rule_4_19_versions_inherit_and_the_default_one_changes_by_request_only() {
    let (a, _) = two_accounts();
    let (plain, golden) = (a.image("plain"), a.image("golden"));
    let data = [("ImageId", plain.as_str()), ("InstanceType", "t3.nano")];
    let id = template(&a, &data).await;
    for source in ["1", "$Latest", "$Default"] {
        let next = [
            WEB,
            ("SourceVersion", source),
            ("VersionDescription", "next"),
            ("LaunchTemplateData.ImageId", golden.as_str()),
        ];
        let made = a.ec2("CreateLaunchTemplateVersion", &next).await.unwrap();
        let texts = ["versionDescription", "imageId", "instanceType"];
        let texts = texts.map(|name| made.first(name));
        assert_eq!(texts, ["next", golden.as_str(), "t3.nano"]);
        assert_eq!(made.first("defaultVersion"), "false");
    }
    // Without a source, a version has its own parameters only.
    let alone = [WEB, ("LaunchTemplateData.ImageId", plain.as_str())];
    let made = a.ec2("CreateLaunchTemplateVersion", &alone).await.unwrap();
    assert_eq!(made.first("versionNumber"), "5");
    assert_eq!(made.first("instanceType"), "");

    assert_eq!(
        images(&a, &["$Default", "2", "$Latest"]).await,
        [plain.as_str(), &golden, &plain]
    );
    assert_eq!(images(&a, &[]).await.len(), 5);
    let modify = [WEB, ("SetDefaultVersion", "3")];
    let changed = a.ec2("ModifyLaunchTemplate", &modify).await.unwrap();
    let numbers = ["defaultVersionNumber", "latestVersionNumber"];
    assert_eq!(numbers.map(|name| changed.first(name)), ["3", "5"]);
    assert_eq!(images(&a, &["$Default"]).await, [golden]);

    let all = a.ec2("DescribeLaunchTemplates", &[]).await.unwrap();
    assert_eq!(all.all("launchTemplateId"), [id.as_str()]);
    let every = [("LaunchTemplateVersion.1", "$Latest")];
    let every = a.ec2("DescribeLaunchTemplateVersions", &every).await;
    assert_eq!(every.unwrap().first("versionNumber"), "5");
    a.ec2("DeleteLaunchTemplate", &[WEB]).await.unwrap();
    let all = a.ec2("DescribeLaunchTemplates", &[]).await.unwrap();
    assert!(all.all("launchTemplateId").is_empty());
}

#[tokio::test]
async fn rule_4_19_a_launch_template_that_does_not_fit_is_refused() {
    let (a, b) = two_accounts();
    let id = template(&a, &[("ImageId", &a.image("plain"))]).await;
    let unknown = "lt-0123456789abcdef0";
    let image = ("LaunchTemplateData.ImageId", "ami-12345678");
    let by_id = ("LaunchTemplateId", id.as_str());
    let name = "LaunchTemplateName";
    let gone = |text: &str| format!("The specified launch template, with template {text}");
    let table: [(&str, Parameters<'_>, &str, String); 10] = [
        (
            "CreateLaunchTemplate",
            &[(name, "a,b"), image],
            "InvalidLaunchTemplateName.Malformed",
            "A launch template name must be between 3 and 128 characters".to_owned(),
        ),
        (
            "CreateLaunchTemplate",
            &[(name, "other")],
            "MissingParameter",
            "No launch template data was provided.".to_owned(),
        ),
        (
            "CreateLaunchTemplate",
            &[WEB, image],
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "Launch template name already in use.".to_owned(),
        ),
        (
            "CreateLaunchTemplateVersion",
            &[(name, "other"), image],
            "InvalidLaunchTemplateName.NotFoundException",
            gone("name other, does not exist."),
        ),
        (
            "ModifyLaunchTemplate",
            &[("LaunchTemplateId", unknown), ("SetDefaultVersion", "1")],
            "InvalidLaunchTemplateId.NotFound",
            gone(&format!("ID {unknown}, does not exist.")),
        ),
        (
            "ModifyLaunchTemplate",
            &[by_id, ("SetDefaultVersion", "2")],
            "InvalidLaunchTemplateId.VersionNotFound",
            format!("Could not find the specified version 2 for the launch template with ID {id}."),
        ),
        (
            "DeleteLaunchTemplate",
            &[("LaunchTemplateId", "web")],
            "InvalidLaunchTemplateId.Malformed",
            String::new(),
        ),
        (
            "DeleteLaunchTemplate",
            &[],
            "MissingParameter",
            String::new(),
        ),
        (
            "DeleteLaunchTemplate",
            &[by_id, WEB],
            "InvalidParameterCombination",
            String::new(),
        ),
        (
            "DescribeLaunchTemplates",
            &[("LaunchTemplateName.1", "other")],
            "InvalidLaunchTemplateName.NotFoundException",
            "At least one of the launch templates specified in the request does not exist."
                .to_owned(),
        ),
    ];
    for (operation, parameters, code, words) in table {
        let fail = a.ec2(operation, parameters).await.unwrap_err();
        assert_eq!(fail.code, code, "{operation} {parameters:?}");
        assert!(fail.message.starts_with(&words), "{}", fail.message);
    }
    // Another account, and another Region, have launch templates of their own.
    for other in [b, a.in_region("eu-west-1")] {
        assert_code(
            other.ec2("DeleteLaunchTemplate", &[by_id]).await,
            "InvalidLaunchTemplateId.NotFound",
        );
        template(&other, &[("ImageId", "ami-12345678")]).await;
    }
}

#[tokio::test]
async fn rule_4_19_a_client_token_makes_one_launch_template_and_one_version() {
    let (a, _) = two_accounts();
    let data = ("LaunchTemplateData.ImageId", "ami-12345678");
    for operation in ["CreateLaunchTemplate", "CreateLaunchTemplateVersion"] {
        let parameters = [WEB, data, ("ClientToken", "t")];
        let first = a.ec2(operation, &parameters).await.unwrap();
        let second = a.ec2(operation, &parameters).await.unwrap();
        let names = ["launchTemplateId", "versionNumber"];
        assert_eq!(
            names.map(|name| first.first(name)),
            names.map(|name| second.first(name))
        );
    }
    assert_eq!(images(&a, &[]).await.len(), 2);
}

#[tokio::test]
async fn rule_4_19_a_version_has_a_short_description_and_a_template_so_many_versions() {
    let options = Options {
        quotas: true,
        ..Options::default()
    };
    let (a, _) = callers(Scenario::two_accounts(), options);
    let id = template(&a, &[("ImageId", "ami-12345678")]).await;
    let data = ("LaunchTemplateData.ImageId", "ami-87654321");
    let describe = |length| "d".repeat(length);
    for (length, expected) in [(255, None), (256, Some("InvalidParameterValue"))] {
        let description = describe(length);
        let parameters = [WEB, data, ("VersionDescription", description.as_str())];
        let made = a.ec2("CreateLaunchTemplateVersion", &parameters).await;
        assert_eq!(made.err().map(|fail| fail.code).as_deref(), expected);
    }
    a.sim.edit(|world| {
        let template = world.launch_templates.get_mut(&id).unwrap();
        let version = template.versions[&1].clone();
        for number in 3..=9_999 {
            template.versions.insert(number, version.clone());
        }
    });
    let add = async || a.ec2("CreateLaunchTemplateVersion", &[WEB, data]).await;
    assert_eq!(add().await.unwrap().first("versionNumber"), "10000");
    assert_code(add().await, "ResourceLimitExceeded");
}

#[tokio::test]
async fn rule_4_19_a_launch_takes_from_the_template_what_it_does_not_say_itself() {
    let (a, _) = two_accounts();
    let (plain, golden) = (a.image("plain"), a.image("golden"));
    let data = [
        ("ImageId", plain.as_str()),
        ("InstanceType", "t3.nano"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "team"),
        ("TagSpecification.1.Tag.1.Value", "images"),
    ];
    template(&a, &data).await;
    let counts = [("MinCount", "1"), ("MaxCount", "1")];
    let by = ("LaunchTemplate.LaunchTemplateName", "web");
    let launched = a.ec2("RunInstances", &[counts[0], counts[1], by]).await;
    let launched = launched.unwrap();
    let names = ["imageId", "instanceType", "value"];
    assert_eq!(
        names.map(|name| launched.first(name)),
        [plain.as_str(), "t3.nano", "images"]
    );
    let own = [counts[0], counts[1], by, ("ImageId", golden.as_str())];
    let launched = a.ec2("RunInstances", &own).await.unwrap();
    assert_eq!(launched.first("imageId"), golden);

    // IAM is asked about the launch template too, and knows it of everything else.
    let parameters = [counts[0], counts[1], by, ("DryRun", "true")];
    let any = format!("arn:aws:ec2:us-east-1:{A}:launch-template/*");
    let refused = a.without_on(A, "ec2:RunInstances", &any).await;
    let refused = refused.ec2("RunInstances", &parameters).await;
    assert_code(refused, "UnauthorizedOperation");
    let by_template = json!({
        "Effect": "Allow",
        "Action": "ec2:RunInstances",
        "Resource": "*",
        "Condition": { "ArnLike": { "ec2:LaunchTemplate": any } },
    });
    let limited = a.limited(A, &[by_template, allow("ec2:CreateTags")]).await;
    let allowed = limited.ec2("RunInstances", &parameters).await;
    assert_code(allowed, "DryRunOperation");
    let refused = limited.run_instance(&plain, &[]).await;
    assert_code(refused, "UnauthorizedOperation");
}

#[tokio::test]
async fn rule_4_21_a_parameter_names_the_image_at_each_launch() {
    let (a, _) = two_accounts();
    let (plain, golden) = (a.image("plain"), a.image("golden"));
    let put = async |image: &str| {
        let parameter = json!({
            "Name": "/golden",
            "Value": image,
            "Type": "String",
            "Overwrite": true,
        });
        a.ssm("PutParameter", parameter).await.unwrap();
    };
    put(&plain).await;
    template(&a, &[("ImageId", "resolve:ssm:/golden")]).await;
    let next = [WEB, ("LaunchTemplateData.ImageId", "resolve:ssm:/golden:1")];
    a.ec2("CreateLaunchTemplateVersion", &next).await.unwrap();
    let launch = |version: &'static str, dry_run: &'static str| {
        [
            ("MinCount", "1"),
            ("MaxCount", "1"),
            ("LaunchTemplate.LaunchTemplateName", "web"),
            ("LaunchTemplate.Version", version),
            ("DryRun", dry_run),
        ]
    };
    for (image, old) in [(&plain, &plain), (&golden, &plain)] {
        put(image).await;
        for (version, expected) in [("1", image), ("2", old)] {
            let launched = a.ec2("RunInstances", &launch(version, "false")).await;
            assert_eq!(launched.unwrap().first("imageId"), expected);
        }
    }
    // The template itself keeps the name of the parameter.
    let shown = images(&a, &["1", "2"]).await;
    assert_eq!(shown, ["resolve:ssm:/golden", "resolve:ssm:/golden:1"]);
    let resolved = [
        WEB,
        ("LaunchTemplateVersion.1", "1"),
        ("ResolveAlias", "true"),
    ];
    let resolved = a.ec2("DescribeLaunchTemplateVersions", &resolved).await;
    assert_eq!(resolved.unwrap().first("imageId"), golden);

    let blind = a.without(A, &["ssm:GetParameters"]).await;
    let refused = blind.ec2("RunInstances", &launch("1", "true")).await;
    assert_code(refused, "UnauthorizedOperation");
    let refused = blind.ec2("CreateLaunchTemplateVersion", &next).await;
    assert_code(refused, "UnauthorizedOperation");
    let allowed = a.ec2("RunInstances", &launch("1", "true")).await;
    assert_code(allowed, "DryRunOperation");
    let gone = json!({ "Name": "/golden" });
    a.ssm("DeleteParameter", gone).await.unwrap();
    let refused = a.ec2("RunInstances", &launch("1", "true")).await;
    assert_code(refused, "InvalidParameterValue");
}
