//! Calls that AWS refuses as a whole for one principal: the others get what they are to get.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;

use super::Apply;
use crate::diagnostic::Error;
use crate::id::Principal;
use crate::report::Event;

/// What EC2 answers if it does not take one of the principals.
const REFUSED_PRINCIPAL: &[&str] = &["InvalidAMIAttributeItemValue", "InvalidParameterValue"];

/// Batches of principals for one call each. AWS refuses a whole call for one principal and may not
/// say for which, so halves are tried until those whom it refuses are alone.
pub(super) struct Halves {
    batches: Vec<Vec<Principal>>,
    /// Whom AWS refuses, and its error.
    pub(super) refused: BTreeMap<Principal, Error>,
}

impl Halves {
    pub(super) fn of(principals: &BTreeSet<Principal>) -> Self {
        Self {
            batches: vec![principals.iter().cloned().collect()],
            refused: BTreeMap::new(),
        }
    }

    /// The next batch to try.
    pub(super) fn next(&mut self) -> Option<Vec<Principal>> {
        self.batches.pop()
    }

    /// AWS refused a batch for one of its principals: tries its halves next.
    pub(super) fn split(&mut self, batch: &[Principal], error: Error) {
        if let [principal] = batch {
            self.refused.insert(principal.clone(), error);
        } else {
            let (left, right) = batch.split_at(batch.len() / 2);
            self.batches.extend([right.to_vec(), left.to_vec()]);
        }
    }
}

impl Apply<'_> {
    /// Makes a change for all principals that AWS takes, and returns the others; their errors are
    /// emitted.
    pub(super) async fn change_in_halves<'b>(
        &self,
        principals: &BTreeSet<Principal>,
        change: impl Fn(BTreeSet<Principal>) -> BoxFuture<'b, Result<(), Error>> + Send + Sync,
    ) -> Result<BTreeSet<Principal>, Error> {
        let mut halves = Halves::of(principals);
        while let Some(batch) = halves.next() {
            match change(batch.iter().cloned().collect()).await {
                Ok(()) => {}
                Err(error) if is_about_principal(&error) => halves.split(&batch, error),
                Err(error) => return Err(error),
            }
        }
        for (principal, error) in &halves.refused {
            self.progress()
                .emit(&Event::Failed(name_principal(principal, error)));
        }
        Ok(halves.refused.into_keys().collect())
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
