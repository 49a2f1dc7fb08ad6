//! Policy simulation.

use serde_json::{Value, json};

use super::support::*;

const IMAGE: &str = "arn:aws:ec2:us-east-1::image/ami-1";
const VOLUME: &str = "arn:aws:ec2:us-east-1:111111111111:volume/*";
pub(crate) const USER: &str = "arn:aws:iam::111111111111:user/ops/someone";

/// Parameters of a simulation, made of lists.
pub(crate) struct Simulation(pub(crate) Vec<(String, String)>);

impl Simulation {
    pub(crate) fn of(actions: &[&str], resources: &[&str]) -> Self {
        Self(Vec::new())
            .list("ActionNames", actions)
            .list("ResourceArns", resources)
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn list(mut self, name: &str, values: &[&str]) -> Self {
        for (index, value) in values.iter().enumerate() {
            self = self.set(&format!("{name}.member.{}", index + 1), *value);
        }
        self
    }

    /// With a policy that has these statements.
    pub(crate) fn policy(self, statements: &[Value]) -> Self {
        self.set("PolicyInputList.member.1", policy_of(statements))
    }

    pub(crate) fn boundary(self, statements: &[Value]) -> Self {
        let name = "PermissionsBoundaryPolicyInputList.member.1";
        self.set(name, policy_of(statements))
    }

    /// With the policy of the resources, and who calls.
    pub(crate) fn resource_policy(self, statement: &Value) -> Self {
        self.set("ResourcePolicy", policy_of(std::slice::from_ref(statement)))
            .set("CallerArn", USER)
    }

    pub(crate) fn context(self, number: usize, name: &str, kind: &str, values: &[&str]) -> Self {
        let entry = format!("ContextEntries.member.{number}");
        self.set(&format!("{entry}.ContextKeyName"), name)
            .set(&format!("{entry}.ContextKeyType"), kind)
            .list(&format!("{entry}.ContextKeyValues"), values)
    }

    pub(crate) async fn run(self, caller: &Caller) -> Result<Answer, ami_share_sim::wire::Fail> {
        self.call(caller, "SimulateCustomPolicy").await
    }

    pub(crate) async fn call(
        self,
        caller: &Caller,
        operation: &str,
    ) -> Result<Answer, ami_share_sim::wire::Fail> {
        let parameters: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        caller.iam(operation, &parameters).await
    }
}

pub(crate) fn allow_on(action: &str, resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": resource })
}

pub(crate) fn deny(action: &str) -> Value {
    json!({ "Effect": "Deny", "Action": action, "Resource": "*" })
}

pub(crate) fn when(mut statement: Value, operator: &str, key: &str, value: &str) -> Value {
    statement["Condition"] = json!({ operator: { key: value } });
    statement
}

#[tokio::test]
async fn rule_7_20_a_simulation_has_one_entry_for_each_action() {
    let (a, _) = two_accounts();
    let actions = ["ec2:RunInstances", "ec2:StopInstances"];
    let template = "arn:aws:ec2:${Region}:${Account}:${ResourceType}/${ResourcePath}";
    // The resources, how the entries name them, the decisions on each.
    let table: [(&[&str], &str, &[&str]); 4] = [
        (&[], "*", &[]),
        (&[IMAGE], IMAGE, &["allowed"]),
        (&[IMAGE, IMAGE], template, &["allowed", "allowed"]),
        (&[IMAGE, VOLUME], template, &["allowed", "implicitDeny"]),
    ];
    let policy = [
        allow_on("ec2:RunInstances", "arn:aws:ec2:*:*:image/*"),
        allow_on("ec2:RunInstances", "*:image/*"),
    ];
    for (resources, name, decisions) in table {
        let simulation = Simulation::of(&actions, resources).policy(&policy);
        let answer = simulation.run(&a).await.unwrap();
        assert_eq!(answer.all("EvalActionName"), actions, "{resources:?}");
        let named = answer.all("EvalResourceName");
        assert_eq!(named.iter().filter(|one| **one == name).count() % 2, 0);
        assert!(named.contains(&name), "{named:?}");
        let each = answer.all("EvalResourceDecision");
        assert_eq!(each[..decisions.len()], *decisions, "{resources:?}");
        // The worst decision stands for all.
        let whole = if decisions.is_empty() || decisions.contains(&"implicitDeny") {
            "implicitDeny"
        } else {
            "allowed"
        };
        assert_eq!(answer.all("EvalDecision"), [whole, "implicitDeny"]);
    }
}

#[tokio::test]
async fn rule_7_20_a_resource_that_an_action_does_not_take_is_denied() {
    let (a, _) = two_accounts();
    let key = "arn:aws:kms:us-east-1:111111111111:key/k";
    let table = [
        ("ec2:RunInstances", IMAGE, "allowed"),
        ("ec2:RunInstances", key, "implicitDeny"),
        ("kms:Decrypt", key, "allowed"),
        ("kms:Decrypt", IMAGE, "implicitDeny"),
        ("iam:GetUser", USER, "allowed"),
        (
            "iam:GetUser",
            "arn:aws:iam::111111111111:role/r",
            "implicitDeny",
        ),
        (
            "sts:AssumeRole",
            "arn:aws:iam::111111111111:role/r",
            "allowed",
        ),
        ("s3:GetObject", "arn:aws:s3:::bucket/key", "allowed"),
        ("s3:GetObject", "arn:aws:s3:::bucket", "implicitDeny"),
    ];
    for (action, resource, decision) in table {
        let simulation = Simulation::of(&[action], &[resource]).policy(&[allow("*")]);
        let answer = simulation.run(&a).await.unwrap();
        assert_eq!(
            answer.all("EvalDecision"),
            [decision],
            "{action} {resource}"
        );
    }
}

#[tokio::test]
async fn rule_7_20_statements_that_decided_are_listed_with_their_place() {
    let (a, _) = two_accounts();
    let text = "{\r\n  \"Statement\": [\r\n    {\"Effect\": \"Allow\", \"Action\": \"ec2:*\", \
                \"Resource\": \"*\"},\n{\"Effect\": \"Deny\", \"Action\": \"ec2:Stop*\", \
                \"Resource\": \"*\"}]}";
    let simulation = Simulation::of(&["ec2:RunInstances", "ec2:StopInstances"], &[]);
    let simulation = simulation.list("PolicyInputList", &[text, &policy_of(&[allow("ec2:*")])]);
    let answer = simulation.run(&a).await.unwrap();
    let ids = answer.all("SourcePolicyId");
    let (first, second) = ("PolicyInputList.1", "PolicyInputList.2");
    assert_eq!(ids, [second, first, first]);
    // Both statements of the text: from the bracket, and from the end of the one before.
    assert_eq!(answer.all("Line")[2..], ["2", "3", "3", "4"]);
    assert_eq!(answer.all("Column")[2..4], ["17", "60"]);
    assert_eq!(answer.all("Column")[4], "60");
}

#[tokio::test]
async fn rule_7_20_pages_count_actions_and_a_marker_is_an_offset() {
    let (a, _) = two_accounts();
    let actions = ["ec2:A", "ec2:B", "ec2:C"];
    let page = |actions: &[&str], marker: Option<&str>| {
        let simulation = Simulation::of(actions, &[]).set("MaxItems", "2");
        match marker {
            Some(marker) => simulation.set("Marker", marker),
            None => simulation,
        }
    };
    let first = page(&actions, None).run(&a).await.unwrap();
    assert_eq!(first.all("EvalActionName"), ["ec2:A", "ec2:B"]);
    assert_eq!(first.first("IsTruncated"), "true");
    let marker = Some(first.first("Marker"));
    let second = page(&actions, marker).run(&a).await.unwrap();
    assert_eq!(second.all("EvalActionName"), ["ec2:C"]);
    assert_eq!(second.first("IsTruncated"), "false");
    let other = page(&actions[..1], marker).run(&a).await.unwrap();
    assert!(other.all("EvalActionName").is_empty());
    let wrong = page(&actions, Some("next")).run(&a).await;
    fails(wrong, 400, "InvalidInput", "Invalid marker for pagination.");
}

/// A key, whether the caller's policy and the key's allow, the decision, that of each side.
type Row<'a> = (&'a str, bool, Option<bool>, &'a str, &'a [&'a str]);

#[tokio::test]
async fn rule_7_21_across_accounts_both_sides_must_allow() {
    let (a, _) = two_accounts();
    let action = "kms:Decrypt";
    let own = "arn:aws:kms:us-east-1:111111111111:key/k";
    let foreign = "arn:aws:kms:us-east-1:222222222222:key/k";
    let to_user = |resource: &str| {
        let mut statement = allow_to(USER, action);
        statement["Resource"] = json!(resource);
        statement
    };
    let table: [Row<'_>; 7] = [
        (own, true, None, "allowed", &[]),
        (own, false, Some(true), "allowed", &[]),
        (
            foreign,
            true,
            None,
            "implicitDeny",
            &["implicitDeny", "allowed"],
        ),
        (
            foreign,
            true,
            Some(false),
            "implicitDeny",
            &["implicitDeny", "allowed"],
        ),
        (
            foreign,
            false,
            Some(true),
            "implicitDeny",
            &["allowed", "implicitDeny"],
        ),
        (
            foreign,
            true,
            Some(true),
            "allowed",
            &["allowed", "allowed"],
        ),
        (
            foreign,
            false,
            None,
            "implicitDeny",
            &["implicitDeny", "implicitDeny"],
        ),
    ];
    for (key, by_caller, by_key, decision, sides) in table {
        let case = format!("{key} {by_caller} {by_key:?}");
        let allowed = if by_caller { action } else { "kms:Encrypt" };
        let mut simulation = Simulation::of(&[action], &[key]).policy(&[allow(allowed)]);
        simulation = match by_key {
            Some(true) => simulation.resource_policy(&to_user(key)),
            Some(false) => simulation.resource_policy(&to_user(&format!("{key}-other"))),
            None => simulation.set("CallerArn", USER),
        };
        let answer = simulation.run(&a).await.unwrap();
        assert_eq!(answer.all("EvalDecision"), [decision], "{case}");
        let keys = answer.all("key");
        let values = answer.all("value");
        assert_eq!(values[..values.len() / 2], *sides, "{case}");
        if !sides.is_empty() {
            assert_eq!(keys[..2], ["Resource Policy", "IAM Policy"], "{case}");
        }
    }
}

#[tokio::test]
async fn rule_7_21_a_resource_policy_names_its_resources_and_needs_a_caller() {
    let (a, _) = two_accounts();
    let key = "arn:aws:kms:us-east-1:111111111111:key/k";
    let every = allow_to(USER, "kms:*");
    let of_key = json!({ "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": key });
    let simulate = |resources: &[&str], statement: &Value| {
        Simulation::of(&["kms:Decrypt"], resources).resource_policy(statement)
    };
    let refused = [
        (
            simulate(&[key], &every),
            "ResourceNames are not in a valid ARN format: *.",
        ),
        (
            simulate(&[], &of_key),
            "Invalid Entity Arn: * does not clearly define entity type and name.",
        ),
        (
            simulate(&["*"], &of_key),
            "Invalid Entity Arn: * does not clearly define entity type and name.",
        ),
        (
            simulate(&[key], &of_key).set("ResourceOwner", "222222222222"),
            "'222222222222' is not a valid as a Resource Owner.",
        ),
        (
            Simulation::of(&["kms:Decrypt"], &[key])
                .set("ResourcePolicy", policy_of(std::slice::from_ref(&of_key))),
            "Invalid caller - Caller cannot be null or empty.",
        ),
        (
            Simulation::of(&["kms:Decrypt"], &[key]).set("CallerArn", root(A)),
            "Invalid caller - Caller must be an IAM user, role or group in this context.",
        ),
    ];
    for (simulation, message) in refused {
        fails(simulation.run(&a).await, 400, "InvalidInput", message);
    }
}
