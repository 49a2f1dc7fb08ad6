//! The only place that names SDK operations: domain types in and out.

mod answer_error;
pub(crate) mod answers;
pub(crate) mod clients;
pub(crate) mod config;
pub(crate) mod ec2;
pub(crate) mod explain;
mod final_errors;
pub(crate) mod github;
pub(crate) mod iam;
pub(crate) mod kms;
pub(crate) mod local_settings;
mod on_demand;
pub(crate) mod organizations;
pub(crate) mod pace;
mod pages;
pub(crate) mod pin;
pub(crate) mod roles;
pub(crate) mod ssm;
pub(crate) mod sts;
mod trace;
pub(crate) mod trust;
mod unreadable;

use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::Semaphore;

use self::pace::Pace;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, Region};

/// Where calls go and as whom: what every error must say.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Unknown until STS has answered.
    pub(crate) identity: Option<Identity>,
    pub(crate) region: Region,
    /// How many calls may be under way at once, in all services together.
    pub(crate) permits: Arc<Semaphore>,
    /// Unknown until STS has answered.
    pub(crate) pace: Option<Arc<Pace>>,
}

/// Who AWS says we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) account: AccountId,
    pub(crate) arn: String,
    /// The Region whose STS has said so; `None` if none was asked yet.
    pub(crate) accepted_in: Option<Region>,
}

impl Identity {
    /// The principal as policies name it: the role behind a session.
    pub(crate) fn principal(&self) -> String {
        sts::describe_principal(&self.arn)
    }

    /// The name of the role of a session.
    pub(crate) fn role_name(&self) -> Option<&str> {
        sts::role_name_of(&self.arn)
    }
}

impl Caller {
    /// Sends one call when it is the action's turn and fewer than the most allowed are under way,
    /// and explains its error. It is made only then: thousands of calls may wait for their turn,
    /// and one that is made holds a client, its request and the SDK's future, 20 KB in all.
    pub(crate) fn send<'a, F, T, E>(
        &'a self,
        action: &'static str,
        resource: Option<&'a str>,
        call: impl FnOnce() -> F + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
        T: Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + 'static,
    {
        async move {
            self.turn(action).await;
            // The semaphore is never closed, so an error cannot come of it; going on without a
            // permit would be right too.
            let _permit = self.permits.acquire().await;
            // The SDK's futures are large. Boxed here, they are large nowhere else.
            self.send_traced(action, resource, call().boxed()).await
        }
        .boxed()
    }

    /// Waits until AWS lets the account make another call of this kind.
    pub(crate) async fn turn(&self, action: &str) {
        if let Some(pace) = &self.pace {
            pace.turn(action).await;
        }
    }

    /// Sends one call at once, however many are under way, and explains its error.
    pub(crate) fn send_at_once<'a, T, E>(
        &'a self,
        action: &'static str,
        resource: Option<&'a str>,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>>
    where
        T: Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + 'static,
    {
        self.send_traced(action, resource, call).boxed()
    }

    async fn send_traced<T, E>(
        &self,
        action: &'static str,
        resource: Option<&str>,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Error>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + 'static,
    {
        let account = self.identity.as_ref().map(|identity| &identity.account);
        let traced = trace::Call::begin(action, account, &self.region);
        let answer = call.await;
        traced.end(&answer);
        answer.map_err(|error| explain::explain_error(self, action, resource, &error))
    }

    /// Whether AWS has accepted the same credentials in another Region.
    fn is_accepted_elsewhere(&self) -> bool {
        let accepted_in = self
            .identity
            .as_ref()
            .and_then(|identity| identity.accepted_in.as_ref());
        accepted_in.is_some_and(|accepted_in| *accepted_in != self.region)
    }

    /// The error of an answer that this version cannot read.
    pub(crate) fn unexpected(&self, resource: impl ToString, message: impl Into<String>) -> Error {
        self.locate(Error::new(Code::AwsUnexpected, message).on(resource.to_string()))
    }

    /// The error, in this caller's account and Region.
    fn locate(&self, mut error: Error) -> Error {
        error.region = Some(self.region.clone());
        error.account = self
            .identity
            .as_ref()
            .map(|identity| identity.account.clone());
        error
    }
}

/// The answer to a call for which these error codes of AWS mean success, such as that what is to be
/// removed does not exist.
fn accept_codes<T>(answer: Result<T, Error>, codes: &[&str]) -> Result<(), Error> {
    match answer {
        Err(error) if !error.is_aws(codes) => Err(error),
        _ => Ok(()),
    }
}
