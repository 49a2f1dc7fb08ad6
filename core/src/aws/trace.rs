//! Each call to AWS as an event of `tracing`, for those who look for what is slow or refused. The
//! library writes none of them anywhere itself.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::Instant;

use super::explain::causes;
use crate::id::{AccountId, Region};

/// Where subscribers find the events: what the SDK tells of a call may hold secrets.
const TARGET: &str = "ami_share::aws";
/// Every operation that this tool calls answers so.
const DONE: Answer<'_> = Answer {
    status: Some(200),
    code: None,
};

/// A call that is under way.
pub(super) struct Call<'a> {
    action: &'static str,
    account: Option<&'a AccountId>,
    region: &'a Region,
    began: Instant,
}

/// How AWS answered.
#[derive(Clone, Copy, Default)]
struct Answer<'a> {
    /// The status of HTTP; `None` if no answer came.
    status: Option<u16>,
    /// AWS's code of an error.
    code: Option<&'a str>,
}

impl<'a> Call<'a> {
    pub(super) fn begin(
        action: &'static str,
        account: Option<&'a AccountId>,
        region: &'a Region,
    ) -> Self {
        Self {
            action,
            account,
            region,
            began: Instant::now(),
        }
    }

    /// The call is over, with all attempts of the SDK.
    pub(super) fn end<T, E>(self, answer: &Result<T, SdkError<E, HttpResponse>>)
    where
        E: ProvideErrorMetadata,
    {
        self.write(answer.as_ref().map_or_else(answer_of, |_| DONE));
    }

    /// As [`Self::end`], of a call that a provider of the SDK made: the answer is among the causes
    /// of its error.
    pub(super) fn end_within<T, E>(self, answer: Result<&T, &(dyn Error + 'static)>)
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let of_cause = |error| {
            let mut causes = causes(error);
            let found = causes.find_map(|cause| cause.downcast_ref::<SdkError<E, HttpResponse>>());
            found.map(answer_of).unwrap_or_default()
        };
        self.write(answer.map_or_else(of_cause, |_| DONE));
    }

    fn write(self, answer: Answer<'_>) {
        let milliseconds = self.began.elapsed().as_millis();
        tracing::debug!(
            target: TARGET,
            action = self.action,
            account = self.account.map(AsRef::<str>::as_ref),
            region = AsRef::<str>::as_ref(self.region),
            status = answer.status,
            code = answer.code,
            milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX),
        );
    }
}

fn answer_of<E>(error: &SdkError<E, HttpResponse>) -> Answer<'_>
where
    E: ProvideErrorMetadata,
{
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    let code = error.as_service_error().and_then(|error| error.code());
    Answer { status, code }
}
