//! The parameters of a template, and what they must be.

use serde_json::{Map, Value, json};

use crate::examples::policies::Account;
use crate::examples::policies::presets::PRESETS;

pub(super) fn list_parameters(side: Account) -> Map<String, Value> {
    let parameters = match side {
        Account::Source => list_source_parameters(),
        Account::Target => list_target_parameters(),
    };
    let parameters = parameters.into_iter();
    parameters
        .map(|(name, parameter)| (name.to_owned(), parameter))
        .collect()
}

fn list_source_parameters() -> Vec<(&'static str, Value)> {
    vec![
        preset(),
        (
            "KeyAccess",
            choice("The input key-access", &["policy", "grants"]),
        ),
        (
            "KeyArns",
            list("The keys of the images, and those to re-encrypt with"),
        ),
        ("TargetAccounts", list("The accounts to share with")),
        (
            "GitHubRepository",
            with_default(
                text(
                    "OWNER/REPO, whose workflows may assume the roles; of a repository made, \
                     renamed or transferred after 2026-07-15, OWNER@OWNER_ID/REPO@REPO_ID",
                ),
                "",
            ),
        ),
        (
            "TrustedArns",
            with_default(
                list("Other principals that may assume the roles, such as that of another CI"),
                "",
            ),
        ),
        parameter_path(),
    ]
}

fn list_target_parameters() -> Vec<(&'static str, Value)> {
    vec![
        preset(),
        ("SourceAccount", text("The account that owns the images")),
        (
            "KeyArns",
            list("The keys of the images, in the source account"),
        ),
        (
            "LaunchRoleNames",
            with_default(
                list("The roles that launch, which get the launch policy; they have no path"),
                "",
            ),
        ),
        (
            "ExternalId",
            with_default(text("The input target-external-id"), ""),
        ),
        (
            "LaunchPolicyName",
            with_default(text("The name of the launch policy"), "ami-share-launch"),
        ),
        (
            "Service",
            with_default(
                text("One of the input target-service-linked-roles"),
                "autoscaling.amazonaws.com",
            ),
        ),
        parameter_path(),
    ]
}

/// What a stack refuses to start without.
pub(super) fn list_rules(side: Account) -> Value {
    if side == Account::Source {
        return json!({});
    }
    let is_blank = json!({ "Fn::Equals": [{ "Ref": "ExternalId" }, ""] });
    let no_roles = json!({ "Fn::Contains": [{ "Ref": "LaunchRoleNames" }, ""] });
    let required = |blank: Value, name: &str| {
        json!({
            "Assert": { "Fn::Not": [blank] },
            "AssertDescription": format!("This preset needs {name}."),
        })
    };
    let is_share = json!({ "Fn::Equals": [{ "Ref": "Preset" }, "share"] });
    json!({
        "RoleInTarget": {
            "RuleCondition": { "Fn::Not": [is_share] },
            "Assertions": [
                required(is_blank, "ExternalId"),
                required(no_roles, "LaunchRoleNames"),
            ],
        },
    })
}

fn preset() -> (&'static str, Value) {
    let purposes: Vec<String> = PRESETS
        .iter()
        .map(|preset| format!("{}: {}", preset.name, preset.purpose))
        .collect();
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    ("Preset", choice(&purposes.join(". "), &names))
}

fn parameter_path() -> (&'static str, Value) {
    let path = text("The path of the SSM parameters that images are published in");
    ("ParameterPath", with_default(path, "/golden/"))
}

fn text(description: &str) -> Value {
    json!({ "Type": "String", "Description": description })
}

fn list(description: &str) -> Value {
    json!({ "Type": "CommaDelimitedList", "Description": description })
}

/// One of some texts, by default the first.
fn choice(description: &str, texts: &[&str]) -> Value {
    let mut parameter = with_default(text(description), texts[0]);
    parameter["AllowedValues"] = texts.into();
    parameter
}

fn with_default(mut parameter: Value, default: &str) -> Value {
    parameter["Default"] = default.into();
    parameter
}
