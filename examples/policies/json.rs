//! The documents of `examples/iam`, for example accounts.

use serde_json::{Map, Value, json};

use super::{Account, Kind, Policy, Statement, Values};

pub(crate) const SOURCE: &str = "111111111111";
pub(crate) const TARGET: &str = "222222222222";

/// A document with example accounts, which are those of the simulated AWS.
pub(crate) fn document(policy: &Policy) -> Value {
    with(policy, &|values| {
        let texts: Vec<Value> = values
            .iter()
            .flat_map(|of| example(*of))
            .map(Value::from)
            .collect();
        match <[Value; 1]>::try_from(texts) {
            Ok([one]) => one,
            Err(texts) => texts.into(),
        }
    })
}

/// A document whose texts come from somewhere.
pub(crate) fn with(policy: &Policy, values: &dyn Fn(&[Values]) -> Value) -> Value {
    let statements: Vec<Value> = policy
        .statements
        .iter()
        .map(|of| statement(of, policy.kind, values))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn statement(of: &Statement, kind: Kind, values: &dyn Fn(&[Values]) -> Value) -> Value {
    let mut members = Map::new();
    members.insert("Sid".to_owned(), of.sid.into());
    members.insert(
        "Effect".to_owned(),
        if of.allow { "Allow" } else { "Deny" }.into(),
    );
    if let Some((kind, who)) = of.principal {
        members.insert("Principal".to_owned(), json!({ kind: values(&[who]) }));
    }
    let actions: Vec<&str> = of.actions.iter().map(|action| action.name).collect();
    members.insert("Action".to_owned(), actions.into());
    if kind != Kind::Trust {
        members.insert("Resource".to_owned(), values(of.on));
    }
    let mut conditions = Map::new();
    for (operator, key, of_key) in of.conditions() {
        conditions.entry(operator).or_insert_with(|| json!({}))[key] = values(&of_key);
    }
    if !conditions.is_empty() {
        members.insert("Condition".to_owned(), conditions.into());
    }
    members.into()
}

impl Statement {
    /// Its conditions, each operator and key once, in the order of the table.
    pub(super) fn conditions(&self) -> Vec<(&'static str, &'static str, Vec<Values>)> {
        let mut all: Vec<(&str, &str, Vec<Values>)> = Vec::new();
        for when in self.when {
            match all
                .iter_mut()
                .find(|(operator, key, _)| (*operator, *key) == (when.operator, when.key))
            {
                Some((_, _, values)) => values.push(when.values),
                None => all.push((when.operator, when.key, vec![when.values])),
            }
        }
        all
    }
}

/// The texts for the example accounts.
pub(crate) fn example(values: Values) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match values {
        Values::These(texts) => texts.iter().map(|text| (*text).to_owned()).collect(),
        Values::Images => one("arn:aws:ec2:*::image/*"),
        Values::Snapshots => one("arn:aws:ec2:*::snapshot/*"),
        Values::OfTarget(kind) => vec![format!("arn:aws:ec2:*:{TARGET}:{kind}/*")],
        Values::SharedKeys | Values::KeysOf(Account::Source) => {
            vec![format!("arn:aws:kms:*:{SOURCE}:key/*")]
        }
        Values::KeysOf(Account::Target) => vec![format!("arn:aws:kms:*:{TARGET}:key/*")],
        Values::Parameters(account) => {
            vec![format!("arn:aws:ssm:*:{}:parameter/golden/*", id(account))]
        }
        Values::SourceAccount => one(SOURCE),
        Values::TargetAccounts => one(TARGET),
        Values::TargetRoots => vec![format!("arn:aws:iam::{TARGET}:root")],
        Values::Organizations => vec![format!(
            "arn:aws:organizations::{SOURCE}:organization/o-example123"
        )],
        Values::OrganizationalUnits => {
            vec![format!(
                "arn:aws:organizations::{SOURCE}:ou/o-example123/ou-ab12-11111111"
            )]
        }
        Values::Publisher => vec![format!("arn:aws:iam::{SOURCE}:role/publisher")],
        Values::TargetRoles => vec![format!("arn:aws:iam::{TARGET}:role/consumer")],
        Values::LaunchRoles => vec![format!("arn:aws:iam::{TARGET}:role/launcher")],
        Values::LaunchPolicy => vec![format!("arn:aws:iam::{TARGET}:policy/ami-share-launch")],
        Values::ServiceRoles => {
            vec![format!(
                "arn:aws:iam::{TARGET}:role/aws-service-role/autoscaling.amazonaws.com/*"
            )]
        }
        Values::ExternalId => one("example"),
        Values::GitHubProvider => {
            vec![format!(
                "arn:aws:iam::{SOURCE}:oidc-provider/token.actions.githubusercontent.com"
            )]
        }
        Values::GitHubSubject => one("repo:OWNER/REPO:environment:production"),
    }
}

fn id(account: Account) -> &'static str {
    match account {
        Account::Source => SOURCE,
        Account::Target => TARGET,
    }
}

/// JSON as one writes it by hand: what fits a line stands in one.
pub(crate) fn text(value: &Value) -> String {
    format!("{}\n", pretty(value, 0))
}

const WIDTH: usize = 110;

fn pretty(value: &Value, indent: usize) -> String {
    let line = in_line(value);
    let inner = " ".repeat(indent + 2);
    // What has its parts by name is easier to read below each other.
    let deep = value
        .as_object()
        .is_some_and(|members| members.len() > 2 || members.contains_key("Statement"));
    if !deep && line.len() + indent <= WIDTH {
        return line;
    }
    let (parts, (open, close)): (Vec<String>, _) = match value {
        Value::Array(list) => (
            list.iter().map(|one| pretty(one, indent + 2)).collect(),
            ('[', ']'),
        ),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("\"{name}\": {}", pretty(value, indent + 2))
            };
            (members.iter().map(member).collect(), ('{', '}'))
        }
        _ => return line,
    };
    format!(
        "{open}\n{inner}{}\n{}{close}",
        parts.join(&format!(",\n{inner}")),
        " ".repeat(indent)
    )
}

fn in_line(value: &Value) -> String {
    match value {
        Value::Array(list) => format!(
            "[{}]",
            list.iter().map(in_line).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| format!("\"{name}\": {}", in_line(value));
            format!(
                "{{ {} }}",
                members.iter().map(member).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}
