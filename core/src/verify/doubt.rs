//! What is certain of a decision that IAM simulates. It takes a condition whose key it is not given
//! for not met, or for met if it is negated, and does not say so.

use std::collections::BTreeSet;

use crate::aws::iam::{Denier, OwnDecision, may_have_key};
use crate::diagnostic::Error;

/// A call that was simulated, and the condition keys that were given with it.
pub(super) struct Asked<'a> {
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
    pub(super) context: &'a [(String, String)],
}

/// The decision if it is certain: unknown if the principal's policies ask for a condition key that
/// the call may have and that was not given.
pub(super) fn doubt(
    decision: OwnDecision,
    asked: &Asked<'_>,
    context_keys: &Result<BTreeSet<String>, Error>,
) -> OwnDecision {
    let rests_on_policies = matches!(
        decision,
        OwnDecision::Allowed | OwnDecision::Denied(Denier::IdentityPolicy(_) | Denier::Boundary)
    );
    if !rests_on_policies {
        return decision;
    }
    let keys = match context_keys {
        Ok(keys) => keys,
        Err(error) => {
            return OwnDecision::Unknown(format!(
                "whether it depends on condition keys could not be read: {error}"
            ));
        }
    };
    let mut unknown = Vec::new();
    for key in keys {
        if may_be_set(key, asked) {
            unknown.push(key.as_str());
        }
    }
    if unknown.is_empty() {
        return decision;
    }
    let keys = unknown.join(", ");
    OwnDecision::Unknown(format!(
        "it may depend on condition keys that the call sets: {keys}"
    ))
}

/// Whether a call may have a condition key that the simulation was not given.
fn may_be_set(key: &str, asked: &Asked<'_>) -> bool {
    let mut given = asked.context.iter();
    may_have_key(asked.action, asked.resource, key)
        && !given.any(|(name, _)| name.eq_ignore_ascii_case(key))
}
