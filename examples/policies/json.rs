//! The documents of `examples/iam`, for example accounts.

mod text;

use serde_json::{Map, Value, json};

pub(crate) use self::text::write_json;
use super::{Account, Condition, Kind, Policy, Statement, Values};

const SOURCE: &str = "111111111111";
const TARGET: &str = "222222222222";

/// A document with example accounts, which are those of the simulated AWS.
pub(crate) fn build_document(policy: &Policy) -> Value {
    build_document_with(policy, &|values| {
        let mut texts: Vec<Value> = Vec::new();
        for values in values {
            texts.extend(list_examples(*values).into_iter().map(Value::from));
        }
        match <[Value; 1]>::try_from(texts) {
            Ok([one]) => one,
            Err(texts) => texts.into(),
        }
    })
}

/// A document whose texts `render` gives.
pub(super) fn build_document_with(policy: &Policy, render: &dyn Fn(&[Values]) -> Value) -> Value {
    let statements = policy.statements.iter();
    let statements: Vec<Value> = statements
        .map(|statement| build_statement(statement, policy.kind, render))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn build_statement(
    statement: &Statement,
    kind: Kind,
    render: &dyn Fn(&[Values]) -> Value,
) -> Value {
    let effect = if statement.allow { "Allow" } else { "Deny" };
    let mut members = Map::new();
    members.insert("Sid".to_owned(), statement.sid.into());
    members.insert("Effect".to_owned(), effect.into());
    if let Some((kind, principal)) = statement.principal {
        members.insert(
            "Principal".to_owned(),
            json!({ kind: render(&[principal]) }),
        );
    }
    let actions: Vec<&str> = statement.actions.iter().map(|action| action.name).collect();
    members.insert("Action".to_owned(), actions.into());
    if kind != Kind::Trust {
        members.insert("Resource".to_owned(), render(statement.resources));
    }
    let mut conditions = Map::new();
    for (operator, key, values) in statement.merged_conditions() {
        let of_operator = conditions.entry(operator).or_insert_with(|| json!({}));
        of_operator[key] = render(&values);
    }
    if !conditions.is_empty() {
        members.insert("Condition".to_owned(), conditions.into());
    }
    members.into()
}

impl Statement {
    /// Its conditions, each operator and key once, in the order of the table.
    pub(super) fn merged_conditions(&self) -> Vec<(&'static str, &'static str, Vec<Values>)> {
        let mut merged: Vec<(&str, &str, Vec<Values>)> = Vec::new();
        for condition in self.conditions {
            let Condition {
                operator,
                key,
                values,
            } = *condition;
            let mut known = merged.iter_mut();
            match known.find(|known| (known.0, known.1) == (operator, key)) {
                Some((_, _, all)) => all.push(values),
                None => merged.push((operator, key, vec![values])),
            }
        }
        merged
    }
}

/// The texts for the example accounts.
pub(crate) fn list_examples(values: Values) -> Vec<String> {
    let text = match values {
        Values::Texts(texts) => return texts.iter().map(|text| (*text).to_owned()).collect(),
        Values::Images => "arn:aws:ec2:*::image/*".to_owned(),
        Values::Snapshots => "arn:aws:ec2:*::snapshot/*".to_owned(),
        Values::UsageReports => format!("arn:aws:ec2:*:{SOURCE}:image-usage-report/*"),
        Values::TargetResources(kind) => format!("arn:aws:ec2:*:{TARGET}:{kind}/*"),
        Values::SharedKeys => format!("arn:aws:kms:*:{SOURCE}:key/*"),
        Values::KeysOf(account) => format!("arn:aws:kms:*:{}:key/*", id(account)),
        Values::Parameters(account) => {
            format!("arn:aws:ssm:*:{}:parameter/golden/*", id(account))
        }
        Values::SourceAccount => SOURCE.to_owned(),
        Values::TargetAccounts => TARGET.to_owned(),
        Values::TargetRoots => format!("arn:aws:iam::{TARGET}:root"),
        Values::SourceRole(name) => format!("arn:aws:iam::{SOURCE}:role/{name}"),
        Values::TargetRoles => format!("arn:aws:iam::{TARGET}:role/consumer"),
        Values::LaunchRoles => format!("arn:aws:iam::{TARGET}:role/launcher"),
        Values::LaunchPolicy => format!("arn:aws:iam::{TARGET}:policy/ami-share-launch"),
        Values::ServiceRoles => {
            let role = "role/aws-service-role/autoscaling.amazonaws.com/*";
            format!("arn:aws:iam::{TARGET}:{role}")
        }
        Values::ExternalId => "example".to_owned(),
        Values::GitHubProvider => {
            let provider = "oidc-provider/token.actions.githubusercontent.com";
            format!("arn:aws:iam::{SOURCE}:{provider}")
        }
        Values::GitHubJobs(jobs) => return list_subjects(jobs),
    };
    vec![text]
}

/// The subjects of jobs, as GitHub writes them with and without the IDs of owner and repository.
fn list_subjects(jobs: &[&str]) -> Vec<String> {
    let mut subjects = Vec::new();
    for repository in ["OWNER/REPO", "OWNER@OWNER_ID/REPO@REPO_ID"] {
        for job in jobs {
            subjects.push(format!("repo:{repository}:{job}"));
        }
    }
    subjects
}

fn id(account: Account) -> &'static str {
    match account {
        Account::Source => SOURCE,
        Account::Target => TARGET,
    }
}
