//! CloudFormation templates for both sides: the policies, each if a parameter asks for it, and a
//! role that has them.

mod parameters;
mod texts;

use serde_json::{Map, Value, json};

use self::parameters::list_parameters;
use self::texts::render;
use super::{Account, Kind, Policy, all, json as documents};

const SOURCE: &str = "ami-share in the source account: the policies of the role that runs it, and \
                      that role for a workflow of GitHub.";
const TARGET: &str = "ami-share in a target account: the role that it assumes there, and the \
                      managed policy of the principals that launch.";
const ORIGIN: &str = "Generated from examples/policies; docs/IAM.md says what each policy is for. \
                      For the partition aws.";

/// Policies of other principals than the role that the template creates.
pub(super) const NOT_ATTACHED: [&str; 3] = ["reader", "target-reader", "launcher"];

/// The parts of a template that its policies and its role add to.
struct Template {
    side: Account,
    parameters: Map<String, Value>,
    conditions: Map<String, Value>,
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
    /// The policies that the role has.
    attached: Vec<Value>,
}

/// The template of a side.
pub(crate) fn build_template(side: Account) -> Value {
    let mut template = Template {
        side,
        parameters: list_parameters(side),
        conditions: Map::new(),
        resources: Map::new(),
        outputs: Map::new(),
        attached: Vec::new(),
    };
    for policy in list_policies(side) {
        template.add_policy(policy);
    }
    template.add_role();
    let description = match side {
        Account::Source => SOURCE,
        Account::Target => TARGET,
    };
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("{description} {ORIGIN}"),
        "Parameters": template.parameters,
        "Conditions": template.conditions,
        "Resources": template.resources,
        "Outputs": template.outputs,
    })
}

/// The policies of roles of a side.
pub(super) fn list_policies(side: Account) -> Vec<&'static Policy> {
    let mut policies = all();
    policies.retain(|policy| policy.kind == Kind::Identity && policy.account == side);
    policies
}

/// The trust policy of the role of a side.
pub(super) fn find_trust_policy(side: Account) -> &'static Policy {
    let mut policies = all().into_iter();
    let trust = policies.find(|policy| policy.kind == Kind::Trust && policy.account == side);
    trust.unwrap()
}

impl Template {
    fn add_policy(&mut self, policy: &Policy) {
        let name = to_pascal_case(policy.name);
        let (condition, id) = (format!("Has{name}"), format!("{name}Policy"));
        let asked = self.build_condition(policy);
        self.conditions.insert(condition.clone(), asked);

        let mut properties = Map::new();
        if policy.name == "launcher" {
            let name = json!({ "Ref": "LaunchPolicyName" });
            properties.insert("ManagedPolicyName".to_owned(), name);
        }
        let description = without_backticks(policy.purpose);
        properties.insert("Description".to_owned(), description.into());
        let document = self.build_document(policy);
        properties.insert("PolicyDocument".to_owned(), document);
        let resource = json!({
            "Type": "AWS::IAM::ManagedPolicy",
            "Condition": condition,
            "Metadata": { "Danger": without_backticks(policy.danger) },
            "Properties": properties,
        });
        self.resources.insert(id.clone(), resource);

        let output = json!({ "Condition": condition, "Value": { "Ref": id } });
        self.outputs.insert(format!("{name}Arn"), output);
        if !NOT_ATTACHED.contains(&policy.name) {
            let none = json!({ "Ref": "AWS::NoValue" });
            let attached = json!({ "Fn::If": [condition, { "Ref": id }, none] });
            self.attached.push(attached);
        }
    }

    /// When a policy is created: a parameter of its own says so, except for the publisher's, of
    /// which one is always created.
    fn build_condition(&mut self, policy: &Policy) -> Value {
        let with_key_access = |mode: &str| json!({ "Fn::Equals": [{ "Ref": "KeyAccess" }, mode] });
        match policy.name {
            "publisher" => with_key_access("policy"),
            "publisher-grants" => with_key_access("grants"),
            name => {
                let id = format!("With{}", to_pascal_case(name));
                let parameter = json!({
                    "Type": "String",
                    "AllowedValues": ["true", "false"],
                    "Default": "false",
                    "Description": without_backticks(policy.purpose),
                });
                self.parameters.insert(id.clone(), parameter);
                json!({ "Fn::Equals": [{ "Ref": id }, "true"] })
            }
        }
    }

    fn build_document(&self, policy: &Policy) -> Value {
        documents::build_document_with(policy, &|values| render(self.side, values))
    }

    fn add_role(&mut self) {
        let id = match self.side {
            Account::Source => "Publishing",
            Account::Target => "Consuming",
        };
        let trust = self.build_document(find_trust_policy(self.side));
        let mut role = json!({
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": { "Ref": "RoleName" },
                "AssumeRolePolicyDocument": trust,
                "ManagedPolicyArns": self.attached,
            },
        });
        let mut output = json!({ "Value": { "Fn::GetAtt": [id, "Arn"] } });
        if self.side == Account::Source {
            let subjects = json!({ "Fn::Join": ["", { "Ref": "GitHubSubjects" }] });
            let no_subject = json!({ "Fn::Equals": [subjects, ""] });
            let has_role = json!({ "Fn::Not": [no_subject] });
            self.conditions.insert("HasRole".to_owned(), has_role);
            role["Condition"] = "HasRole".into();
            output["Condition"] = "HasRole".into();
        }
        self.resources.insert(id.to_owned(), role);
        self.outputs.insert(format!("{id}RoleArn"), output);
    }
}

/// `target-copies` as `TargetCopies`.
fn to_pascal_case(name: &str) -> String {
    let capitalize = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(capitalize).collect()
}

/// IAM takes fewer characters in descriptions than Markdown has.
pub(super) fn without_backticks(text: &str) -> String {
    text.replace('`', "")
}
