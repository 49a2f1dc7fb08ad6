//! The only place that names SDK operations: domain types in and out.

pub(crate) mod ec2;
pub(crate) mod explain;
pub(crate) mod iam;
pub(crate) mod kms;
pub(crate) mod ssm;
pub(crate) mod sts;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::id::{AccountId, Region};

/// Where calls go and as whom: what every error must say.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Unknown until STS has answered.
    pub(crate) identity: Option<Identity>,
    pub(crate) region: Region,
    /// How many calls may be under way at once, in all services together.
    pub(crate) permits: Arc<Semaphore>,
}

/// Who AWS says we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) account: AccountId,
    pub(crate) arn: String,
}

impl Caller {
    /// Sends one call at once, however many are under way, and explains its error.
    pub(crate) async fn send_at_once<T, E>(
        &self,
        action: &'static str,
        resource: Option<&str>,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        call.await
            .map_err(|error| explain::sdk_error(self, action, resource, &error))
    }

    /// Sends one call when fewer than the most allowed are under way, and explains its error.
    pub(crate) async fn send<T, E>(
        &self,
        action: &'static str,
        resource: Option<&str>,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // The semaphore is never closed, so an error cannot come of it; going on without a permit
        // would be right too. On the heap: the SDK's futures are large, and this one would hold it
        // twice.
        let call = Box::pin(call);
        let _permit = self.permits.acquire().await;
        self.send_at_once(action, resource, call).await
    }
}

/// Connect and attempt timeouts of every call; the run's own deadline bounds the whole.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(30))
        .build()
}
