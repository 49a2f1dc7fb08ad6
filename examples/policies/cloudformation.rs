//! CloudFormation templates for both sides: the policies of a preset, and roles that have them.

mod parameters;
mod texts;

use serde_json::{Map, Value, json};

use self::parameters::{list_parameters, list_rules};
use self::texts::render;
use super::presets::{BY_GRANTS, Role, find_trust_policy, list_policies, list_roles};
use super::{Account, Policy, json as documents};

const SOURCE: &str = "ami-share in the source account: the roles publisher, reader and revoker, \
                      and their policies.";
const TARGET: &str = "ami-share in a target account: the policy of the roles that launch, and the \
                      role consumer, which ami-share assumes there.";
const ORIGIN: &str = "Generated from examples/policies; docs/IAM.md says what each policy is for. \
                      For the partition aws.";

/// What the conditions of the presets after the first are called.
const CONDITIONS: [&str; 2] = ["Verifies", "Copies"];

/// The parts of a template that its policies and its roles add to.
struct Template {
    side: Account,
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
}

/// The template of a side.
pub(crate) fn build_template(side: Account) -> Value {
    let mut template = Template {
        side,
        resources: Map::new(),
        outputs: Map::new(),
    };
    for (policy, preset) in list_policies(side) {
        template.add_policy(policy, preset);
    }
    for role in list_roles(side) {
        template.add_role(&role);
    }
    let description = match side {
        Account::Source => SOURCE,
        Account::Target => TARGET,
    };
    let mut text = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("{description} {ORIGIN}"),
        "Parameters": list_parameters(side),
        "Rules": list_rules(side),
        "Conditions": list_conditions(side),
        "Resources": template.resources,
        "Outputs": template.outputs,
    });
    if side == Account::Source {
        text.as_object_mut().unwrap().shift_remove("Rules");
    }
    text
}

fn list_conditions(side: Account) -> Value {
    let preset_is = |name: &str| json!({ "Fn::Equals": [{ "Ref": "Preset" }, name] });
    let mut conditions = Map::new();
    let verifies = json!({ "Fn::Not": [preset_is("share")] });
    conditions.insert("Verifies".to_owned(), verifies);
    conditions.insert("Copies".to_owned(), preset_is("copy"));
    let is_blank = |text: Value| json!({ "Fn::Equals": [text, ""] });
    let list_is_blank = |name: &str| is_blank(json!({ "Fn::Join": ["", { "Ref": name }] }));
    let mut add_not = |name: &str, blank: Value| {
        let condition = json!({ "Fn::Not": [blank] });
        conditions.insert(name.to_owned(), condition);
    };
    match side {
        Account::Source => {
            let grants = json!({ "Fn::Equals": [{ "Ref": "KeyAccess" }, "grants"] });
            add_not("ByPolicy", grants.clone());
            add_not("HasGitHub", is_blank(json!({ "Ref": "GitHubRepository" })));
            add_not("HasArns", list_is_blank("TrustedArns"));
            let trusted = json!([{ "Condition": "HasGitHub" }, { "Condition": "HasArns" }]);
            conditions.insert("ByGrants".to_owned(), grants);
            conditions.insert("HasRoles".to_owned(), json!({ "Fn::Or": trusted }));
        }
        Account::Target => add_not("HasLaunchRoles", list_is_blank("LaunchRoleNames")),
    }
    conditions.into()
}

impl Template {
    fn add_policy(&mut self, policy: &Policy, preset: usize) {
        let name = to_pascal_case(policy.name);
        let id = format!("{name}Policy");
        let mut properties = Map::new();
        if policy.name == "launcher" {
            let name = json!({ "Ref": "LaunchPolicyName" });
            properties.insert("ManagedPolicyName".to_owned(), name);
            let roles = when("HasLaunchRoles", json!({ "Ref": "LaunchRoleNames" }));
            properties.insert("Roles".to_owned(), roles);
        }
        let description = without_backticks(policy.purpose);
        properties.insert("Description".to_owned(), description.into());
        let document = self.build_document(policy);
        properties.insert("PolicyDocument".to_owned(), document);
        let mut resource = json!({
            "Type": "AWS::IAM::ManagedPolicy",
            "Metadata": { "Danger": without_backticks(policy.danger) },
            "Properties": properties,
        });
        let mut output = json!({ "Value": { "Ref": id } });
        if let Some(condition) = find_condition(policy.name, preset) {
            resource["Condition"] = condition.into();
            output["Condition"] = condition.into();
        }
        self.resources.insert(id, resource);
        self.outputs.insert(format!("{name}PolicyArn"), output);
    }

    fn build_document(&self, policy: &Policy) -> Value {
        documents::build_document_with(policy, &|values| render(self.side, values))
    }

    fn add_role(&mut self, role: &Role) {
        let first = usize::from(self.side == Account::Target);
        let mut attached = Vec::new();
        for (policy, preset) in role.list_policies() {
            // With the role's own first preset it always has the policy.
            let preset = if preset == first { 0 } else { preset };
            attached.push(attach(policy, preset));
            if policy == BY_GRANTS.0 {
                attached.push(attach(BY_GRANTS.1, preset));
            }
        }
        let mut trust = self.build_document(find_trust_policy(role));
        let condition = match self.side {
            Account::Source => {
                let jobs = trust["Statement"][0].take();
                trust["Statement"] = json!([when("HasGitHub", jobs), trust_arns()]);
                "HasRoles"
            }
            Account::Target => CONDITIONS[0],
        };
        let id = to_pascal_case(role.name);
        let resource = json!({
            "Type": "AWS::IAM::Role",
            "Condition": condition,
            "Properties": {
                "RoleName": role.name,
                "AssumeRolePolicyDocument": trust,
                "ManagedPolicyArns": attached,
            },
        });
        let output = json!({
            "Condition": condition,
            "Value": { "Fn::GetAtt": [id, "Arn"] },
        });
        self.resources.insert(id.clone(), resource);
        self.outputs.insert(format!("{id}RoleArn"), output);
    }
}

/// The condition of a policy that some presets, or one kind of key access, do not have.
fn find_condition(policy: &str, preset: usize) -> Option<&'static str> {
    let (by_policy, by_grants) = BY_GRANTS;
    match preset.checked_sub(1) {
        Some(later) => Some(CONDITIONS[later]),
        None if policy == by_policy => Some("ByPolicy"),
        None if policy == by_grants => Some("ByGrants"),
        None => None,
    }
}

/// The ARN of a policy, if the role has it.
fn attach(policy: &str, preset: usize) -> Value {
    let arn = json!({ "Ref": format!("{}Policy", to_pascal_case(policy)) });
    match find_condition(policy, preset) {
        Some(condition) => when(condition, arn),
        None => arn,
    }
}

fn when(condition: &str, value: Value) -> Value {
    json!({ "Fn::If": [condition, value, { "Ref": "AWS::NoValue" }] })
}

/// The statement for principals that are no jobs of GitHub.
fn trust_arns() -> Value {
    let statement = json!({
        "Sid": "TrustPrincipals",
        "Effect": "Allow",
        "Principal": { "AWS": { "Ref": "TrustedArns" } },
        "Action": ["sts:AssumeRole"],
    });
    when("HasArns", statement)
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
