//! Errors of a run that does not begin.

use crate::aws::clients::Account;
use crate::diagnostic::{Code, Error, FindingCode};
use crate::plan::Plan;

/// Why a plan is not carried out; `None` if nothing refuses it.
pub(super) fn refusal(plan: &Plan) -> Option<Error> {
    let refusals: Vec<String> = plan
        .refusals()
        .map(|finding| format!("{} {}: {}", finding.code, finding.resource, finding.message))
        .collect();
    let pending = plan
        .findings
        .iter()
        .any(|finding| finding.code == FindingCode::ImagePending);
    let message = if !refusals.is_empty() {
        format!("the plan is refused: {}", refusals.join("; "))
    } else if pending {
        "the plan was made while images were pending; `Sharer::plan` waits for them".to_owned()
    } else {
        return None;
    };
    Some(Error::new(Code::PlanRefused, message).in_account(&plan.account))
}

/// That the credentials are no longer those that a plan was made with.
pub(super) fn other_account(plan: &Plan, source: &Account) -> Error {
    let (planned, now) = (&plan.account, &source.identity.account);
    let message = format!(
        "the plan was made in account {planned}, and the credentials are now those of {now}"
    );
    Error::new(Code::Credentials, message)
        .remedy("apply a plan with the credentials that made it")
        .in_account(now)
}

/// That the deadline passed before anything was read.
pub(super) fn no_answer() -> Error {
    // Credentials are looked for in the first call, whose time theirs is.
    Error::new(
        Code::Deadline,
        "the run's deadline passed before the source of the credentials, STS or Organizations \
         answered",
    )
    .remedy(
        "raise `timeout`; or check the proxy settings and, where one is set, AWS_ENDPOINT_URL. \
         With `role-to-assume` the source is GitHub's host of ID tokens: check that the runner \
         reaches it",
    )
}
