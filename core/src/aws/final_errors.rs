//! Errors that no retry mends, although the SDK retries them (R6.6).

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use serde_json::Value;

use super::explain::LIMIT_EXCEEDED;

/// A limit of KMS: the SDK takes it for throttling, but it stays until somebody removes something.
#[derive(Debug)]
pub(super) struct LimitsAreFinal;

impl ClassifyRetry for LimitsAreFinal {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let body = context
            .response()
            .and_then(|response| response.body().bytes());
        let answer = body.and_then(|body| serde_json::from_slice::<Value>(body).ok());
        let code = answer.as_ref().and_then(|answer| answer["__type"].as_str());
        // KMS may put a namespace and `#` before the code.
        if code.is_some_and(|code| code.rsplit('#').next() == Some(LIMIT_EXCEEDED)) {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "limits of KMS are final"
    }
}
