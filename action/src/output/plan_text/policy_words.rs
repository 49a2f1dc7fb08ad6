//! The change of a key policy in words: `AmiShareUse: + 12 accounts`.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::plan::PolicyChange;
use serde_json::Value;

use crate::output::ending::count;
use crate::output::principal_name::short_name;

/// This many principals are named; more are counted.
const NAMED: usize = 3;
/// All statements of this tool have a Sid that begins so.
const OURS: &str = "AmiShare";

/// The principals of each statement of ours, by its Sid.
type Statements = BTreeMap<String, BTreeSet<String>>;

/// What changes in statements of ours, in a line; `None` if nothing does.
pub(super) fn describe(change: Option<&PolicyChange>) -> Option<String> {
    let words = describe_each(change?);
    (!words.is_empty()).then(|| words.join("; "))
}

fn describe_each(change: &PolicyChange) -> Vec<String> {
    let (before, after) = (read(&change.before), read(&change.after));
    let sids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let nobody = BTreeSet::new();
    let mut words = Vec::new();
    for sid in sids {
        let old = before.get(sid).unwrap_or(&nobody);
        let new = after.get(sid).unwrap_or(&nobody);
        let changes = [
            ("+", new.difference(old).collect::<Vec<_>>()),
            ("-", old.difference(new).collect()),
        ];
        let changes = changes
            .into_iter()
            .filter(|(_, principals)| !principals.is_empty());
        let changes: Vec<String> = changes
            .map(|(sign, principals)| format!("{sign} {}", name_or_count(&principals)))
            .collect();
        if !changes.is_empty() {
            words.push(format!("{sid}: {}", changes.join(", ")));
        }
    }
    words
}

fn name_or_count(principals: &[&String]) -> String {
    if principals.len() <= NAMED {
        let names: Vec<&str> = principals.iter().map(|name| name.as_str()).collect();
        return names.join(", ");
    }
    let is_account = |name: &&&String| name.bytes().all(|byte| byte.is_ascii_digit());
    if principals.iter().all(|name| is_account(&name)) {
        count(principals.len(), "account")
    } else {
        count(principals.len(), "principal")
    }
}

fn read(document: &str) -> Statements {
    let policy: Value = serde_json::from_str(document).unwrap_or_default();
    let mut statements = Statements::new();
    for statement in policy["Statement"].as_array().into_iter().flatten() {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        if sid.starts_with(OURS) {
            let principals = statements.entry(sid.to_owned()).or_default();
            add_principals(&statement["Principal"]["AWS"], principals);
            add_organizations(&statement["Condition"], principals);
        }
    }
    statements
}

/// Accounts; a statement for organizations names everybody, and them in its condition.
fn add_principals(value: &Value, principals: &mut BTreeSet<String>) {
    for name in texts(value).filter(|name| *name != "*") {
        principals.insert(short_name(name));
    }
}

fn add_organizations(condition: &Value, principals: &mut BTreeSet<String>) {
    let operators = condition.as_object().into_iter().flatten();
    for (_, keys) in operators {
        for (key, values) in keys.as_object().into_iter().flatten() {
            if key.starts_with("aws:PrincipalOrg") {
                principals.extend(texts(values).map(short_name));
            }
        }
    }
}

/// One text, or those of a list.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str();
    let many = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    one.into_iter().chain(many)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(statements: &Value) -> String {
        json!({ "Statement": statements }).to_string()
    }

    #[test]
    fn change_is_told_by_statement_and_principals() {
        let account = |n: u64| format!("arn:aws:iam::{}:root", 200_000_000_000 + n);
        let accounts: Vec<String> = (0..12).map(account).collect();
        let others = json!({ "Sid": "AmiShareGrants", "Principal": { "AWS": account(7) } });
        let unit = json!({
            "Sid": "AmiShareUnits",
            "Principal": { "AWS": "*" },
            "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-example123" } },
        });
        let foreign = json!({ "Sid": "Admin", "Principal": { "AWS": account(1) } });
        let after =
            json!([foreign, { "Sid": "AmiShareUse", "Principal": { "AWS": accounts } }, unit]);
        let change = PolicyChange {
            before: policy(&json!([others])),
            after: policy(&after),
        };
        let words = [
            "AmiShareGrants: - 200000000007",
            "AmiShareUnits: + organization o-example123",
            "AmiShareUse: + 12 accounts",
        ];
        assert_eq!(describe(Some(&change)).unwrap(), words.join("; "));
    }

    #[test]
    fn policy_that_cannot_be_read_has_no_words() {
        for text in ["", "[]", "{\"Statement\":[3,{\"Sid\":\"AmiShareUse\"}]}"] {
            let change = PolicyChange {
                before: text.to_owned(),
                after: text.to_owned(),
            };
            assert_eq!(describe(Some(&change)), None);
        }
    }
}
