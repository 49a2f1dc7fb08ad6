//! Statements of the key policy that deny targets the key. A deny beats every statement and every
//! grant, and a launch that is denied only shows an instance that ends, without a reason (R4.4).

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::FindingCode;
use crate::diagnostic::names::first_names;
use crate::id::KeyArn;
use crate::inventory::Key;
use crate::plan::planner::Planner;
use crate::plan::step::LaunchPermission;
use crate::policy::evaluate::{CalledBy, Denial, KeyCall, find_denials};
use crate::policy::key_policy::PolicyPrincipal;
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
        let mut targets = BTreeSet::new();
        for principal in launches.iter().flat_map(|launch| &launch.principals) {
            targets.extend(PolicyPrincipal::of(principal));
        }
        targets.remove(&PolicyPrincipal::Account(key.arn.account().clone()));

        let mut denied: BTreeMap<String, DeniedByStatement> = BTreeMap::new();
        for target in &targets {
            for (action, denial) in denials_of_target(policy, key, target) {
                let of_statement = denied.entry(denial.statement).or_default();
                of_statement.add(target, action, denial.unknown);
            }
        }
        for (statement, of_statement) in denied {
            self.report_denial(&key.arn, &statement, of_statement);
        }
    }

    fn report_denial(&mut self, key: &KeyArn, statement: &str, denied: DeniedByStatement) {
        let code = FindingCode::KeyPolicyDenies;
        if !denied.certain.is_empty() {
            let actions = Vec::from_iter(denied.actions).join(", ");
            let message = format!(
                "the statement {statement} of the key policy denies {} the use of this key \
                 ({actions})",
                first_names(&denied.certain)
            );
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

/// What of a launch the policy denies a target, or may deny it.
fn denials_of_target(
    policy: &Statements,
    key: &Key,
    target: &PolicyPrincipal,
) -> Vec<(&'static str, Denial)> {
    let caller = key.any_of(target);
    let by = match &caller {
        Some(caller) => CalledBy::Caller(caller),
        None => CalledBy::Member(target),
    };
    let mut denials = Vec::new();
    for action in use_and_grant_actions() {
        let call = KeyCall {
            by,
            key: &key.arn,
            action,
            context: &launch_context(by, &key.arn, action),
        };
        for denial in find_denials(policy, &call) {
            denials.push((action, denial));
        }
    }
    denials
}
