//! The parameters of a template, without those that ask for a policy.

use serde_json::{Map, Value, json};

use crate::examples::policies::Account;

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
    let key_access = json!({
        "Type": "String",
        "AllowedValues": ["policy", "grants"],
        "Default": "policy",
        "Description": "The input key-access",
    });
    vec![
        ("KeyAccess", key_access),
        (
            "KeyArns",
            list("The keys of the images, and those to re-encrypt with"),
        ),
        ("TargetAccounts", list("The accounts to share with")),
        (
            "TargetRoleArns",
            list("With targets: the role in each of them; else blank"),
        ),
        parameter_path(),
        (
            "RoleName",
            with_default(
                text("The name of the role that runs ami-share"),
                "publisher",
            ),
        ),
        (
            "GitHubSubjects",
            with_default(
                list(
                    "Which jobs may assume it, such as repo:OWNER/REPO:environment:production, or \
                     with IDs repo:OWNER@OWNER_ID/REPO@REPO_ID:environment:production; if blank, \
                     no role is created",
                ),
                "",
            ),
        ),
    ]
}

fn list_target_parameters() -> Vec<(&'static str, Value)> {
    vec![
        ("SourceAccount", text("The account that owns the images")),
        (
            "PublisherRoleArn",
            text("The role in that account that runs ami-share"),
        ),
        ("ExternalId", text("The input target-external-id")),
        (
            "KeyArns",
            list("The keys of the images, in the source account"),
        ),
        (
            "RoleName",
            with_default(text("The input target-role"), "consumer"),
        ),
        (
            "LaunchRoleArns",
            list("With launch roles, and to verify: the roles that launch; else blank"),
        ),
        (
            "LaunchPolicyName",
            with_default(text("The input target-launch-policy"), "ami-share-launch"),
        ),
        (
            "Service",
            with_default(
                text("With service-linked roles: the service"),
                "autoscaling.amazonaws.com",
            ),
        ),
        parameter_path(),
    ]
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

fn with_default(mut parameter: Value, default: &str) -> Value {
    parameter["Default"] = default.into();
    parameter
}
