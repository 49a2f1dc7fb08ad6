//! CloudFormation templates for both sides: the policies, each if asked for, and a role that has
//! them.

use serde_json::{Map, Value, json};

use super::{Account, Kind, Policy, Values, all, json as documents};

/// The template of a side.
pub(crate) fn template(side: Account) -> Value {
    let policies = of_side(side);
    let mut parameters = parameters(side);
    let (mut conditions, mut resources, mut outputs) = (Map::new(), Map::new(), Map::new());
    let mut attached = Vec::new();
    for policy in &policies {
        let name = pascal(policy.name);
        conditions.insert(format!("Has{name}"), condition(policy, &mut parameters));
        let mut properties = Map::new();
        if policy.name == "launcher" {
            properties.insert(
                "ManagedPolicyName".to_owned(),
                json!({ "Ref": "LaunchPolicyName" }),
            );
        }
        properties.insert("Description".to_owned(), plain(policy.purpose).into());
        properties.insert(
            "PolicyDocument".to_owned(),
            documents::with(policy, &|values| texts(side, values)),
        );
        let resource = json!({
            "Type": "AWS::IAM::ManagedPolicy",
            "Condition": format!("Has{name}"),
            "Metadata": { "Danger": plain(policy.danger) },
            "Properties": properties,
        });
        let policy_of = format!("{name}Policy");
        resources.insert(policy_of.clone(), resource);
        outputs.insert(
            format!("{name}Arn"),
            json!({ "Condition": format!("Has{name}"), "Value": { "Ref": policy_of } }),
        );
        // Who only reads, or launches, is somebody else.
        if !["reader", "target-reader", "launcher"].contains(&policy.name) {
            attached.push(json!({ "Fn::If": [format!("Has{name}"), { "Ref": policy_of }, { "Ref": "AWS::NoValue" }] }));
        }
    }
    let (role, mut properties) = (role(side), Map::new());
    properties.insert("RoleName".to_owned(), json!({ "Ref": "RoleName" }));
    let trusting = all()
        .into_iter()
        .find(|policy| policy.kind == Kind::Trust && policy.account == side);
    let trust = trusting.map(|policy| documents::with(policy, &|values| texts(side, values)));
    properties.insert("AssumeRolePolicyDocument".to_owned(), trust.into());
    properties.insert("ManagedPolicyArns".to_owned(), attached.into());
    let mut resource = json!({ "Type": "AWS::IAM::Role", "Properties": properties });
    let mut output = json!({ "Value": { "Fn::GetAtt": [role, "Arn"] } });
    if side == Account::Source {
        conditions.insert(
            "HasRole".to_owned(),
            json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": "GitHubSubject" }, ""] }] }),
        );
        resource["Condition"] = "HasRole".into();
        output["Condition"] = "HasRole".into();
    }
    resources.insert(role.to_owned(), resource);
    outputs.insert(format!("{role}RoleArn"), output);
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": match side {
            Account::Source => "ami-share in the source account: policies of whoever runs it, and \
                                a role for a workflow of GitHub. Made from the table in \
                                examples/policies; docs/IAM.md says what each policy is for. For \
                                the partition aws.",
            Account::Target => "ami-share in a target account: the role that it assumes there, and \
                                the managed policy of those who launch. Made from the table in \
                                examples/policies; docs/IAM.md says what each policy is for. For \
                                the partition aws.",
        },
        "Parameters": parameters,
        "Conditions": conditions,
        "Resources": resources,
        "Outputs": outputs,
    })
}

/// The policies of principals of a side.
pub(super) fn of_side(side: Account) -> Vec<&'static Policy> {
    all()
        .into_iter()
        .filter(|policy| policy.kind == Kind::Identity && policy.account == side)
        .collect()
}

fn role(side: Account) -> &'static str {
    match side {
        Account::Source => "Publishing",
        Account::Target => "Consuming",
    }
}

/// When a policy is made; a parameter of its own says so, but for the publisher's, one of which is
/// always there.
fn condition(policy: &Policy, parameters: &mut Map<String, Value>) -> Value {
    let key_access = |mode: &str| json!({ "Fn::Equals": [{ "Ref": "KeyAccess" }, mode] });
    match policy.name {
        "publisher" => key_access("policy"),
        "publisher-grants" => key_access("grants"),
        name => {
            let parameter = format!("With{}", pascal(name));
            let of = json!({
                "Type": "String",
                "AllowedValues": ["true", "false"],
                "Default": "false",
                "Description": plain(policy.purpose),
            });
            parameters.insert(parameter.clone(), of);
            json!({ "Fn::Equals": [{ "Ref": parameter }, "true"] })
        }
    }
}

fn parameters(side: Account) -> Map<String, Value> {
    let text = |description: &str, default: Option<&str>| {
        let mut of = json!({ "Type": "String", "Description": description });
        if let Some(default) = default {
            of["Default"] = default.into();
        }
        of
    };
    let list = |description: &str, default: Option<&str>| {
        let mut of = text(description, default);
        of["Type"] = "CommaDelimitedList".into();
        of
    };
    let path = (
        "ParameterPath",
        text(
            "Where the SSM parameters are that images are published in",
            Some("/golden/"),
        ),
    );
    let of_side: Vec<(&str, Value)> = match side {
        Account::Source => vec![
            (
                "KeyAccess",
                json!({ "Type": "String", "AllowedValues": ["policy", "grants"], "Default": "policy", "Description": "The input key-access" }),
            ),
            (
                "KeyArns",
                list("The keys of the images, and those to re-encrypt with", None),
            ),
            ("TargetAccounts", list("The accounts to share with", None)),
            (
                "TargetRoleArns",
                list("With targets: the role in each of them; else blank", None),
            ),
            (
                "Organizations",
                list("With organizations: their ARNs", Some("")),
            ),
            (
                "OrganizationalUnits",
                list("With organizations: ARNs of units", Some("")),
            ),
            path,
            (
                "RoleName",
                text(
                    "The name of the role that runs ami-share",
                    Some("publisher"),
                ),
            ),
            (
                "GitHubSubject",
                text(
                    "Who may assume it, such as repo:OWNER/REPO:environment:production; blank \
                     makes no role",
                    Some(""),
                ),
            ),
        ],
        Account::Target => vec![
            (
                "SourceAccount",
                text("The account that owns the images", None),
            ),
            (
                "PublisherRoleArn",
                text("The role there that runs ami-share", None),
            ),
            ("ExternalId", text("The input target-external-id", None)),
            (
                "KeyArns",
                list("The keys of the images, in the source account", None),
            ),
            ("RoleName", text("The input target-role", Some("consumer"))),
            (
                "LaunchRoleArns",
                list(
                    "With launch roles, and for verifying: the roles that launch; else blank",
                    None,
                ),
            ),
            (
                "LaunchPolicyName",
                text("The input target-launch-policy", Some("ami-share-launch")),
            ),
            (
                "Service",
                text(
                    "With service-linked roles: the service",
                    Some("autoscaling.amazonaws.com"),
                ),
            ),
            path,
        ],
    };
    of_side
        .into_iter()
        .map(|(name, of)| (name.to_owned(), of))
        .collect()
}

/// The texts as one value. Lists of parameters have to be taken apart and put together to be one
/// list with others.
fn texts(side: Account, values: &[Values]) -> Value {
    let all: Vec<(bool, Value)> = values.iter().flat_map(|of| text(side, *of)).collect();
    if let [(_, one)] = all.as_slice() {
        return one.clone();
    }
    if all.iter().all(|(list, _)| !list) {
        return all.into_iter().map(|(_, one)| one).collect();
    }
    let joined = |(list, of): (bool, Value)| {
        if list {
            json!({ "Fn::Join": [",", of] })
        } else {
            of
        }
    };
    json!({ "Fn::Split": [",", { "Fn::Join": [",", all.into_iter().map(joined).collect::<Vec<_>>()] }] })
}

/// Each text, and whether it is a list.
fn text(side: Account, values: Values) -> Vec<(bool, Value)> {
    let list = |name: &str| vec![(true, json!({ "Ref": name }))];
    let one = |name: &str| vec![(false, json!({ "Ref": name }))];
    let sub = |text: &str| vec![(false, json!({ "Fn::Sub": text }))];
    match values {
        Values::SharedKeys => list("KeyArns"),
        Values::KeysOf(_) => sub("arn:aws:kms:*:${AWS::AccountId}:key/*"),
        Values::OfTarget(kind) => sub(&format!("arn:aws:ec2:*:${{AWS::AccountId}}:{kind}/*")),
        Values::Parameters(_) => sub("arn:aws:ssm:*:${AWS::AccountId}:parameter${ParameterPath}*"),
        Values::SourceAccount => one("SourceAccount"),
        Values::TargetAccounts if side == Account::Source => list("TargetAccounts"),
        Values::TargetAccounts => one("AWS::AccountId"),
        Values::TargetRoots => {
            let middle =
                json!({ "Fn::Join": [":root,arn:aws:iam::", { "Ref": "TargetAccounts" }] });
            vec![(
                true,
                json!({ "Fn::Split": [",", { "Fn::Join": ["", ["arn:aws:iam::", middle, ":root"]] }] }),
            )]
        }
        Values::Organizations => list("Organizations"),
        Values::OrganizationalUnits => list("OrganizationalUnits"),
        Values::Publisher => one("PublisherRoleArn"),
        Values::TargetRoles if side == Account::Source => list("TargetRoleArns"),
        Values::TargetRoles => sub("arn:aws:iam::${AWS::AccountId}:role/${RoleName}"),
        Values::LaunchRoles => list("LaunchRoleArns"),
        Values::LaunchPolicy => sub("arn:aws:iam::${AWS::AccountId}:policy/${LaunchPolicyName}"),
        Values::ServiceRoles => {
            sub("arn:aws:iam::${AWS::AccountId}:role/aws-service-role/${Service}/*")
        }
        Values::ExternalId => one("ExternalId"),
        Values::GitHubProvider => {
            sub("arn:aws:iam::${AWS::AccountId}:oidc-provider/token.actions.githubusercontent.com")
        }
        Values::GitHubSubject => one("GitHubSubject"),
        Values::These(_) | Values::Images | Values::Snapshots => documents::example(values)
            .into_iter()
            .map(|text| (false, text.into()))
            .collect(),
    }
}

/// `target-copies` as `TargetCopies`.
pub(super) fn pascal(name: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(capital).collect()
}

/// IAM takes fewer characters in descriptions than Markdown has.
pub(super) fn plain(text: &str) -> String {
    text.replace('`', "")
}
