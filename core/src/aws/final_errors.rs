//! Errors that no retry mends, although the SDK retries them (R6.6).

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use super::answer_error::read_error;
use super::explain::LIMIT_EXCEEDED;

/// A limit of KMS: the SDK takes it for throttling, but it stays until somebody removes something.
#[derive(Debug)]
pub(super) struct LimitsAreFinal;

impl ClassifyRetry for LimitsAreFinal {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.response().and_then(read_error);
        if error.is_some_and(|error| error.code == LIMIT_EXCEEDED) {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "limits of KMS are final"
    }
}
