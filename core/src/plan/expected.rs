//! The digest of a plan, and whether a plan is the one that somebody approved.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{Plan, Step};
use crate::diagnostic::names::first_names;
use crate::diagnostic::{Finding, FindingCode};
use crate::digest::hex_sha256;
use crate::id::PlanDigest;

/// A plan with more steps says only that it differs.
const MOST_STEPS: usize = 400;

impl Plan {
    /// What stands for this plan, for a run that is to carry out exactly this one; see
    /// [`ShareRequestBuilder::expect_plan`](crate::request::ShareRequestBuilder::expect_plan).
    ///
    /// It covers the source account, the request without what only says how a run goes (its timing,
    /// its name, its calls at once), the accounts of its organizations as far as they were listed,
    /// and every step with what it finds in effect.
    pub fn digest(&self) -> PlanDigest {
        let request = hex_sha256(self.canonical_request());
        let steps: Vec<String> = self.digest_steps().into_keys().collect();
        let account = self.account.as_ref();
        let mut whole = format!("{account} {request} {}", steps.join(" "));
        for listed in &self.organizations {
            let (organization, by_account) = (&listed.organization, listed.by_account);
            whole += &format!(
                " {organization} {by_account} {}",
                canonical(&listed.accounts)
            );
        }
        let is_long = steps.len() > MOST_STEPS;
        let steps = if is_long { Vec::new() } else { steps };
        PlanDigest::new(hex_sha256(whole), &request, &steps.into_iter().collect())
    }

    /// The request, or those of every group in any order.
    fn canonical_request(&self) -> String {
        if self.groups.is_empty() {
            return canonical(&self.request.without_course());
        }
        let groups = self.groups.iter();
        let requests: BTreeSet<String> = groups
            .map(|group| canonical(&group.plan.request.without_course()))
            .collect();
        requests.into_iter().collect()
    }

    /// The steps by their digests.
    fn digest_steps(&self) -> BTreeMap<String, &Step> {
        let steps = self.steps.iter();
        steps
            .map(|step| (hex_sha256(canonical(step)), step))
            .collect()
    }

    /// Whether the run expects this plan
    /// ([`expect_plan`](crate::request::ShareRequestBuilder::expect_plan)): it takes access from
    /// those whom the plan knows of alone.
    pub fn is_approved(&self) -> bool {
        self.request.options.expected_plan.is_some()
    }

    /// The plan as somebody has seen and approved it: carried out, it takes access from nobody whom
    /// it does not know of.
    #[must_use]
    pub fn approved(mut self) -> Self {
        let digest = self.digest();
        for group in &mut self.groups {
            group.plan.request.options.expected_plan = Some(digest.clone());
        }
        self.request.options.expected_plan = Some(digest);
        self
    }

    /// The plan, which refuses if the request expects another one.
    pub(super) fn checked_against_expected(mut self) -> Self {
        let Some(expected) = &self.request.options.expected_plan else {
            return self;
        };
        let digest = self.digest();
        if digest != *expected {
            let message = self.describe_difference(&digest, expected);
            let finding = Finding::refuse(FindingCode::PlanNotExpected, "expect-plan", message);
            self.findings.push(finding);
        }
        self
    }

    fn describe_difference(&self, digest: &PlanDigest, expected: &PlanDigest) -> String {
        let mut differences = Vec::new();
        if !digest.has_request_of(expected) {
            differences.push("the request is another".to_owned());
        }
        if let (Some(new), Some(gone)) =
            (digest.steps_not_in(expected), expected.steps_not_in(digest))
        {
            let steps = self.digest_steps();
            let mut names = Vec::new();
            for (step, what) in steps {
                if new.iter().any(|new| step.starts_with(new)) {
                    names.push(name_of(what));
                }
            }
            if !names.is_empty() {
                let names = first_names(names);
                differences.push(format!("these steps are new or have changed: {names}"));
            }
            if !gone.is_empty() {
                let gone = gone.len();
                differences.push(format!("{gone} of the expected steps are not planned now"));
            }
        }
        let differences = match differences.as_slice() {
            [] if !self.organizations.is_empty() => {
                "its steps, its account, or the accounts of its organizations are others".to_owned()
            }
            [] => "its steps or its account are others".to_owned(),
            differences => differences.join("; "),
        };
        format!("the plan is not the expected one: {differences}")
    }
}

/// A step by its kind and what it is about.
fn name_of(step: &Step) -> String {
    let step = serde_json::to_value(step).unwrap_or_default();
    let text = |name: &str| step.get(name).and_then(Value::as_str);
    let kind = text("step").unwrap_or_default();
    let about = ["image", "key", "name", "role"].into_iter().find_map(text);
    let source = step.get("source").and_then(Value::as_str);
    let mut named = format!("{kind} {}", about.or(source).unwrap_or_default());
    if let Some(account) = text("account") {
        named.push_str(&format!(" in {account}"));
    }
    named.trim().to_owned()
}

/// JSON that is the same for values that mean the same: AWS may give back a list in another order,
/// and one member as itself.
fn canonical(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    canonical_value(value).to_string()
}

fn canonical_value(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.into_iter().collect();
            let members = members
                .into_iter()
                .map(|(name, value)| (name, canonical_value(value)));
            Value::Object(members.collect())
        }
        Value::Array(elements) if elements.iter().all(Value::is_string) => {
            let texts = elements.iter().filter_map(Value::as_str);
            let texts: BTreeSet<&str> = texts.collect();
            match texts.first() {
                Some(only) if texts.len() == 1 => Value::from(*only),
                _ => texts.into_iter().collect(),
            }
        }
        Value::Array(elements) => elements.into_iter().map(canonical_value).collect(),
        // A policy, as text. What else begins like that, such as the value of a tag, is as it is.
        Value::String(text) if text.starts_with('{') => match serde_json::from_str(&text) {
            Ok(Value::Object(policy)) if policy.contains_key("Statement") => {
                canonical_value(Value::Object(policy))
            }
            _ => Value::String(text),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn policies_that_mean_the_same_are_the_same() {
        let policy =
            |statement: &str| json!({ "policy": format!(r#"{{"Statement":{statement}}}"#) });
        let one = policy(r#"[{"Action":["b","a"],"Principal":{"AWS":["x"]}}]"#);
        let other = policy(r#"[{"Principal":{"AWS":"x"},"Action":["a","b","a"]}]"#);
        assert_eq!(canonical(&one), canonical(&other));
        let third = policy(r#"[{"Principal":{"AWS":"y"},"Action":["a","b"]}]"#);
        assert_ne!(canonical(&one), canonical(&third));
    }

    #[test]
    fn tag_that_looks_like_a_policy_is_a_text() {
        for (one, other) in [("{}", "{ }"), (r#"{"a":["x"]}"#, r#"{"a":"x"}"#)] {
            let tag = |value: &str| canonical(&json!({ "tags": { "x": value } }));
            assert_ne!(tag(one), tag(other));
        }
    }

    #[test]
    fn order_of_what_is_no_set_counts() {
        let statements =
            |first, second| json!({ "Statement": [{ "Sid": first }, { "Sid": second }] });
        assert_ne!(
            canonical(&statements("a", "b")),
            canonical(&statements("b", "a"))
        );
        assert_ne!(canonical(&json!("{not json")), canonical(&json!("{other")));
    }
}
