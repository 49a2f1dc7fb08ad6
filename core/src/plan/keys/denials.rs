//! Statements of the key policy that deny targets the key. A deny beats every statement and every
//! grant, and a launch that is denied only shows an instance that ends, without a reason (R4.4).

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::names::first_names;
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{KeyArn, Principal};
use crate::inventory::Key;
use crate::plan::planner::Planner;
use crate::plan::step::LaunchPermission;
use crate::policy::evaluate::{CalledBy, Denial, KeyCall, find_denials};
use crate::policy::key_policy::{KeyPolicy, PolicyPrincipal};
use crate::policy::launch_call::launch_context;
use crate::policy::launch_operations::{image_key_actions, use_and_grant_actions};
use crate::policy::statement::Statements;
use crate::request::KeyAccessMode;

/// What one statement denies, by how sure that is.
#[derive(Default)]
struct DeniedByStatement {
    /// Whom it denies what a launch asks of the key of an image.
    certain: BTreeSet<String>,
    actions: BTreeSet<&'static str>,
    /// Whom it may deny something, or what not every launch asks for: by why that is not certain.
    possible: BTreeMap<String, BTreeSet<String>>,
}

impl Planner<'_> {
    /// Finds statements that deny targets the key, however they get access to it.
    pub(super) fn check_denials(&mut self, key: &Key, launches: &[&LaunchPermission]) {
        let policy = match &key.policy {
            Some(Ok(policy)) => policy.statements(),
            Some(Err(problem)) => return self.warn_of_unread_policy(&key.arn, problem),
            None => return self.warn_of_unread_policy(&key.arn, "it was not read"),
        };
        let principals = launches.iter().flat_map(|launch| &launch.principals);
        let denied = denials_by_statement(policy, &key.arn, principals);
        for (statement, of_statement) in denied {
            self.report_denial(&key.arn, &statement, of_statement);
        }
    }

    fn report_denial(&mut self, key: &KeyArn, statement: &str, denied: DeniedByStatement) {
        let code = FindingCode::KeyPolicyDenies;
        if let Some(message) = denied.certain_denial(statement) {
            self.refuse(code, key, message);
        }
        for (why, mut targets) in denied.possible {
            targets.retain(|target| !denied.certain.contains(target));
            if !targets.is_empty() {
                let message = format!(
                    "the statement {statement} of the key policy may deny {} the use of this \
                     key: {why}",
                    first_names(targets)
                );
                self.warn(code, key, message);
            }
        }
    }

    /// Access by the policy refuses a policy that cannot be read. Without that, it is only not
    /// known whether it denies.
    fn warn_of_unread_policy(&mut self, key: &KeyArn, problem: &str) {
        if self.request.options.key_access != KeyAccessMode::Policy {
            let message = format!(
                "whether the key policy denies the targets this key is not known: {problem}"
            );
            self.warn(FindingCode::KeyPolicyUnread, key, message);
        }
    }
}

impl DeniedByStatement {
    /// Whom the statement surely denies what, if anybody.
    fn certain_denial(&self, statement: &str) -> Option<String> {
        if self.certain.is_empty() {
            return None;
        }
        let actions: Vec<&str> = self.actions.iter().copied().collect();
        let actions = actions.join(", ");
        Some(format!(
            "the statement {statement} of the key policy denies {} the use of this key ({actions})",
            first_names(&self.certain)
        ))
    }

    fn add(&mut self, target: &PolicyPrincipal, action: &'static str, unknown: Option<String>) {
        let why = match unknown {
            Some(why) => why,
            None if image_key_actions().contains(&action) => {
                self.certain.insert(target.to_string());
                self.actions.insert(action);
                return;
            }
            None => format!("it denies {action}, which only some launches need"),
        };
        let targets = self.possible.entry(why).or_default();
        targets.insert(target.to_string());
    }
}

/// The finding of a policy that surely denies one of these principals the use of a key.
pub(crate) fn certain_denial(
    policy: &KeyPolicy,
    key: &KeyArn,
    principals: &BTreeSet<Principal>,
) -> Option<Finding> {
    let denied = denials_by_statement(policy.statements(), key, principals);
    let mut denials = denied.iter();
    let message = denials.find_map(|(statement, of_it)| of_it.certain_denial(statement))?;
    Some(Finding::refuse(FindingCode::KeyPolicyDenies, key, message))
}

/// What each statement denies these principals, or may deny them.
fn denials_by_statement<'a>(
    policy: &Statements,
    key: &KeyArn,
    principals: impl IntoIterator<Item = &'a Principal>,
) -> BTreeMap<String, DeniedByStatement> {
    let mut targets = BTreeSet::new();
    for principal in principals {
        targets.extend(PolicyPrincipal::of(principal));
    }
    targets.remove(&PolicyPrincipal::Account(key.account().clone()));
    let mut denied: BTreeMap<String, DeniedByStatement> = BTreeMap::new();
    for target in &targets {
        for (action, denial) in denials_of_target(policy, key, target) {
            let of_statement = denied.entry(denial.statement).or_default();
            of_statement.add(target, action, denial.unknown);
        }
    }
    denied
}

/// What of a launch the policy denies a target, or may deny it.
fn denials_of_target(
    policy: &Statements,
    key: &KeyArn,
    target: &PolicyPrincipal,
) -> Vec<(&'static str, Denial)> {
    let caller = Key::any_principal(key, target);
    let by = match &caller {
        Some(caller) => CalledBy::Caller(caller),
        None => CalledBy::Member(target),
    };
    let mut denials = Vec::new();
    for action in use_and_grant_actions() {
        let call = KeyCall {
            by,
            key,
            action,
            context: &launch_context(by, key, action),
        };
        for denial in find_denials(policy, &call) {
            denials.push((action, denial));
        }
    }
    denials
}
