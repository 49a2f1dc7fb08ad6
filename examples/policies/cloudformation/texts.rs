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
        Values::SharedKeys => list_parameter("KeyArns"),
        Values::TargetAccounts if in_source => list_parameter("TargetAccounts"),
        Values::TargetRoles if in_source => list_parameter("TargetRoleArns"),
        Values::LaunchRoles => list_parameter("LaunchRoleArns"),
        Values::TargetRoots => list_roots(),
        Values::SourceAccount => parameter("SourceAccount"),
        Values::TargetAccounts => parameter("AWS::AccountId"),
        Values::Publisher => parameter("PublisherRoleArn"),
        Values::ExternalId => parameter("ExternalId"),
        Values::GitHubJobs(_) => list_parameter("GitHubSubjects"),
        Values::KeysOf(_) => of_account("kms:*", "key/*"),
        Values::TargetResources(kind) => of_account("ec2:*", &format!("{kind}/*")),
        Values::Parameters(_) => of_account("ssm:*", "parameter${ParameterPath}*"),
        Values::TargetRoles => of_account("iam:", "role/${RoleName}"),
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

/// The ARN of each target account as principal.
fn list_roots() -> Text {
    let accounts = json!({ "Ref": "TargetAccounts" });
    let middle = json!({ "Fn::Join": [":root,arn:aws:iam::", accounts] });
    let arns = json!({ "Fn::Join": ["", ["arn:aws:iam::", middle, ":root"]] });
    Text::List(json!({ "Fn::Split": [",", arns] }))
}
