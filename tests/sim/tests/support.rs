//! The worlds of the tests, statements of policies, and assertions.

use ami_share_sim::wire::Fail;
use ami_share_sim::{Delays, Options, Scenario, Sim};
use serde_json::{Value, json};

pub(crate) use super::caller::{Answer, Caller};

/// The parameters of a query.
pub(crate) type Parameters<'a> = &'a [(&'a str, &'a str)];

pub(crate) const A: &str = "111111111111";
pub(crate) const B: &str = "222222222222";

/// The administrators of A and B in `two-accounts`.
pub(crate) fn two_accounts() -> (Caller, Caller) {
    callers(Scenario::two_accounts(), Options::default())
}

/// `two-accounts`, changed.
pub(crate) fn scenario(change: impl FnOnce(&mut Scenario)) -> (Caller, Caller) {
    let mut scenario = Scenario::two_accounts();
    change(&mut scenario);
    callers(scenario, Options::default())
}

/// `two-accounts` where changes take effect later.
pub(crate) fn delayed(delays: Delays) -> (Caller, Caller) {
    let options = Options {
        delays,
        ..Options::default()
    };
    callers(Scenario::two_accounts(), options)
}

pub(crate) fn callers(scenario: Scenario, options: Options) -> (Caller, Caller) {
    let sim = Sim::new(scenario, options);
    let administrator = |account: &str| Caller {
        key: sim.facts().accounts[account].access_key_id.clone(),
        sim: sim.clone(),
        token: None,
        region: "us-east-1".to_owned(),
    };
    (administrator(A), administrator(B))
}

pub(crate) async fn seconds(seconds: u64) {
    tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
}

pub(crate) fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

pub(crate) fn role_arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

/// The session that [`Caller::assume`] starts.
pub(crate) fn session_arn(account: &str, role: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/{role}/test")
}

/// A policy of these statements.
pub(crate) fn policy_of(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Allows actions on everything.
pub(crate) fn allow(actions: impl Into<Value>) -> Value {
    let actions: Value = actions.into();
    json!({ "Effect": "Allow", "Action": actions, "Resource": "*" })
}

/// Allows a principal actions, in the policy of a resource.
pub(crate) fn allow_to(principal: impl Into<Value>, actions: impl Into<Value>) -> Value {
    let (principal, actions): (Value, Value) = (principal.into(), actions.into());
    json!({
        "Effect": "Allow",
        "Principal": { "AWS": principal },
        "Action": actions,
        "Resource": "*",
    })
}

/// The same under a condition.
pub(crate) fn allow_to_if(
    principal: impl Into<Value>,
    actions: impl Into<Value>,
    condition: Value,
) -> Value {
    let mut statement = allow_to(principal, actions);
    statement["Condition"] = condition;
    statement
}

/// The statement of the default key policy.
pub(crate) fn root_statement() -> Value {
    let mut statement = allow_to(root(A), "kms:*");
    statement["Sid"] = json!("Root");
    statement
}

/// Asserts the status, the code and the words of an error.
#[track_caller]
pub(crate) fn fails<T: std::fmt::Debug>(
    result: Result<T, Fail>,
    status: u16,
    code: &str,
    message: &str,
) {
    let fail = result.unwrap_err();
    assert_eq!(
        (fail.status, fail.code.as_ref(), fail.message.as_str()),
        (status, code, message)
    );
}

/// Asserts the code of an error.
#[track_caller]
pub(crate) fn assert_code<T: std::fmt::Debug>(result: Result<T, Fail>, code: &str) {
    assert_eq!(result.unwrap_err().code, code);
}
