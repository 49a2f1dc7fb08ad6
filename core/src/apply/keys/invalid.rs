//! Whom KMS may mean if it refuses a key policy because of a principal that does not exist: it does
//! not say which one (R3.2.4), and any statement can name it.

use std::collections::BTreeSet;

use super::Refused;
use crate::apply::Apply;
use crate::diagnostic::{Code, Error};
use crate::id::KeyArn;
use crate::plan::KeyAccess;
use crate::policy::key_policy::{PolicyPrincipal, is_account};

const FIND_THE_CLOSED: &str = "check that each of these accounts exists and is not closed. Remove \
    one that is gone, then run again: from statements of this tool by `mode: revoke` with it as \
    the target, from others by hand";

impl Apply<'_> {
    /// The error of principals that KMS refuses to add. They are certainly the invalid ones only if
    /// it took the policy with others.
    pub(in crate::apply) async fn invalid_principals(
        &self,
        access: &KeyAccess,
        refused: &Refused,
    ) -> Error {
        let names = list(&refused.principals);
        let invalid = format!("KMS calls these accounts invalid principals: {names}");
        let mut error = if refused.others_accepted {
            let message = format!("{invalid}; the others have access");
            Error::new(Code::KeyInvalidPrincipals, message)
        } else {
            match self.find_suspects(&access.key, &BTreeSet::new()).await {
                suspects if suspects.is_empty() => Error::new(Code::KeyInvalidPrincipals, invalid),
                suspects => {
                    let message = format!(
                        "KMS refuses the key policy because of a principal in it that does not \
                         exist, and does not say which. Check those that its statements name \
                         already ({suspects}); if these exist, check the targets of this run \
                         ({names})"
                    );
                    Error::new(Code::KeyInvalidPrincipals, message).remedy(FIND_THE_CLOSED)
                }
            }
        };
        error.aws.clone_from(&refused.answer);
        error
            .at(&self.run.source.identity.account, access.key.region())
            .on(&access.key)
    }

    /// The error of a policy that KMS refuses although access is only removed: it means somebody
    /// who remains.
    pub(super) async fn invalid_remaining(
        &self,
        key: &KeyArn,
        removed: &BTreeSet<PolicyPrincipal>,
        error: Error,
    ) -> Error {
        let suspects = self.find_suspects(key, removed).await;
        if suspects.is_empty() {
            return error;
        }
        let names = list(removed);
        let message = format!(
            "KMS refuses the key policy without the access of {names}, because of a principal that \
             remains in it and does not exist, and does not say which. Check those that its \
             statements name ({suspects})"
        );
        let mut explained = Error::new(Code::KeyInvalidPrincipals, message)
            .remedy(FIND_THE_CLOSED)
            .at(&self.run.source.identity.account, key.region())
            .on(key);
        explained.aws = error.aws;
        explained
    }

    /// The principals in a key policy that KMS may call invalid, by statement, but for those whose
    /// access is `removed`.
    async fn find_suspects(&self, key: &KeyArn, removed: &BTreeSet<PolicyPrincipal>) -> String {
        let Ok((_, policy)) = self.read_policy(key).await else {
            return String::new();
        };
        let policy = policy.without_access(key, removed).unwrap_or(policy);
        let mut suspects = Vec::new();
        for (statement, mut names) in policy.named_principals() {
            // The owner of the key exists.
            names.retain(|name| !is_account(name, key.account()) && name != "*");
            if !names.is_empty() {
                suspects.push(format!("{statement}: {}", names.join(", ")));
            }
        }
        suspects.join("; ")
    }
}

fn list<T: ToString>(principals: &BTreeSet<T>) -> String {
    let names: Vec<String> = principals.iter().map(ToString::to_string).collect();
    names.join(", ")
}
