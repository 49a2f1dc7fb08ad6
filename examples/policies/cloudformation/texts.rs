//! The texts of policies, by parameters of the template.

use serde_json::{Value, json};

use crate::examples::policies::{Account, Values, json as documents};

enum Text {
    One(Value),
    /// A parameter that is a list.
    List(Value),
}

/// The texts as one value. To be one list with others, a parameter that is a list has to be joined
/// and split again.
pub(super) fn render(side: Account, values: &[Values]) -> Value {
    let texts: Vec<Text> = values
        .iter()
        .flat_map(|values| find_texts(side, *values))
        .collect();
    if let [Text::One(text) | Text::List(text)] = texts.as_slice() {
        return text.clone();
    }
    let (mut joined, mut has_list) = (Vec::new(), false);
    for text in texts {
        joined.push(match text {
            Text::One(text) => text,
            Text::List(list) => {
                has_list = true;
                json!({ "Fn::Join": [",", list] })
            }
        });
    }
    if has_list {
        json!({ "Fn::Split": [",", { "Fn::Join": [",", joined] }] })
    } else {
        joined.into()
    }
}

fn find_texts(side: Account, values: Values) -> Vec<Text> {
    let in_source = side == Account::Source;
    let text = match values {
        Values::Texts(_) | Values::Images | Values::Snapshots => {
            let texts = documents::list_examples(values).into_iter();
            return texts.map(|text| Text::One(text.into())).collect();
        }
        Values::GitHubJobs(jobs) => {
            let subjects = jobs
                .iter()
                .map(|job| format!("repo:${{GitHubRepository}}:{job}"));
            return subjects
                .map(|subject| Text::One(json!({ "Fn::Sub": subject })))
                .collect();
        }
        Values::SharedKeys => list_parameter("KeyArns"),
        Values::TargetAccounts if in_source => list_parameter("TargetAccounts"),
        Values::TargetRoles if in_source => list_arns("TargetAccounts", "", ":role/consumer"),
        Values::TargetRoots => list_arns("TargetAccounts", "", ":root"),
        // IAM knows no other account's roles, so the account may be any.
        Values::LaunchRoles => list_arns("LaunchRoleNames", "*:role/", ""),
        Values::SourceAccount => parameter("SourceAccount"),
        Values::TargetAccounts => parameter("AWS::AccountId"),
        Values::SourceRole(name) => {
            let arn = format!("arn:aws:iam::${{SourceAccount}}:role/{name}");
            Text::One(json!({ "Fn::Sub": arn }))
        }
        Values::ExternalId => parameter("ExternalId"),
        Values::KeysOf(_) => of_account("kms:*", "key/*"),
        Values::UsageReports => of_account("ec2:*", "image-usage-report/*"),
        Values::TargetResources(kind) => of_account("ec2:*", &format!("{kind}/*")),
        Values::Parameters(_) => of_account("ssm:*", "parameter${ParameterPath}*"),
        Values::TargetRoles => of_account("iam:", "role/consumer"),
        Values::LaunchPolicy => of_account("iam:", "policy/${LaunchPolicyName}"),
        Values::ServiceRoles => of_account("iam:", "role/aws-service-role/${Service}/*"),
        Values::GitHubProvider => {
            of_account("iam:", "oidc-provider/token.actions.githubusercontent.com")
        }
    };
    vec![text]
}

fn parameter(name: &str) -> Text {
    Text::One(json!({ "Ref": name }))
}

fn list_parameter(name: &str) -> Text {
    Text::List(json!({ "Ref": name }))
}

/// An ARN of the account of the template.
fn of_account(service_and_region: &str, resource: &str) -> Text {
    let arn = format!("arn:aws:{service_and_region}:${{AWS::AccountId}}:{resource}");
    Text::One(json!({ "Fn::Sub": arn }))
}

/// An ARN of IAM for each element of a parameter, between two texts.
fn list_arns(parameter: &str, before: &str, after: &str) -> Text {
    let begin = format!("arn:aws:iam::{before}");
    let between = format!("{after},{begin}");
    let middle = json!({ "Fn::Join": [between, { "Ref": parameter }] });
    let mut arns = vec![begin.into(), middle];
    if !after.is_empty() {
        arns.push(after.into());
    }
    Text::List(json!({ "Fn::Split": [",", { "Fn::Join": ["", arns] }] }))
}
