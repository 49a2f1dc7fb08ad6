//! Calls that AWS refuses as a whole for one principal: the others get what they are to get.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;

use super::Apply;
use crate::diagnostic::Error;
use crate::id::Principal;
use crate::report::Event;

/// What EC2 answers if it does not take one of the principals.
const REFUSED_PRINCIPAL: &[&str] = &["InvalidAMIAttributeItemValue", "InvalidParameterValue"];

impl Apply<'_> {
    /// Makes a change for all principals that AWS takes, and returns the others; their errors are
    /// emitted. AWS refuses a whole call for one of them: halves are tried until these are alone.
    pub(super) async fn change_in_halves<'b>(
        &self,
        principals: &BTreeSet<Principal>,
        change: impl Fn(BTreeSet<Principal>) -> BoxFuture<'b, Result<(), Error>> + Send + Sync,
    ) -> Result<BTreeSet<Principal>, Error> {
        let mut refused = BTreeMap::new();
        let mut batches = vec![principals.iter().cloned().collect::<Vec<_>>()];
        while let Some(batch) = batches.pop() {
            let Err(error) = change(batch.iter().cloned().collect()).await else {
                continue;
            };
            if !is_about_principal(&error) {
                return Err(error);
            }
            if let [principal] = batch.as_slice() {
                refused.insert(principal.clone(), error);
            } else {
                let (left, right) = batch.split_at(batch.len() / 2);
                batches.extend([right.to_vec(), left.to_vec()]);
            }
        }
        for (principal, error) in &refused {
            self.progress()
                .emit(&Event::Failed(name_principal(principal, error)));
        }
        Ok(refused.into_keys().collect())
    }
}

fn is_about_principal(error: &Error) -> bool {
    let is_user = |code: &str| code.starts_with("InvalidUserID");
    error.is_aws(REFUSED_PRINCIPAL) || error.aws.as_ref().is_some_and(|aws| is_user(&aws.code))
}

fn name_principal(principal: &Principal, error: &Error) -> Error {
    Error {
        message: format!("{} for {principal}", error.message),
        ..error.clone()
    }
}
