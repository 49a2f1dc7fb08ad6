//! The ID tokens of a job on GitHub: where they come from, and what they say.

use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::interceptors::context::Error as AnyError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::base64;
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use serde_json::Value;

use crate::aws::explain;
use crate::aws::local_settings::InvalidSetting;
use crate::diagnostic::{Code, Error};

/// Whom the tokens are for, as the provider of identities in AWS must know it.
const AUDIENCE: &str = "sts.amazonaws.com";

/// The most of a claim that is shown.
const LONGEST_CLAIM: usize = 256;

/// A call to AWS that waits for a token gives up after 30 s, and would be blamed for the host of
/// the tokens.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// With the SDK's pauses these fit into that time.
const MOST_ATTEMPTS: u32 = 5;

/// The statuses of HTTP after which GitHub is asked again.
const TRANSIENT: &[u16] = &[429, 500, 502, 503, 504];

const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// Where a job gets its ID tokens, and what it shows there.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct TokenRequest {
    /// Scheme and host.
    origin: String,
    /// Path and query, as GitHub gives them.
    path: String,
    token: String,
}

/// Without the token, which is a secret.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest").finish_non_exhaustive()
    }
}

/// An ID token. It is a secret, though its claims are none.
pub(super) struct IdToken(String);

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken")
    }
}

/// What GitHub answers.
#[derive(Deserialize)]
struct Answer {
    value: String,
}

/// Why an answer has no token.
#[derive(Debug, thiserror::Error)]
enum NoToken {
    #[error("HTTP status {0}")]
    Status(u16),
    #[error("the answer is no ID token")]
    Unreadable,
}

impl TokenRequest {
    /// What GitHub gives to a job, checked.
    pub(super) fn new(url: &str, token: &str) -> Result<Self, InvalidSetting> {
        let invalid = |name, reason: &str| InvalidSetting {
            name,
            reason: reason.to_owned(),
        };
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let (origin, path) = split(url)
            .filter(|_| is_plain(url))
            .ok_or_else(|| invalid(URL, "it is no URL; GitHub sets it by itself"))?;
        if token.is_empty() || !is_plain(token) {
            return Err(invalid(TOKEN, "it is no token; GitHub sets it by itself"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            path: path.to_owned(),
            token: token.to_owned(),
        })
    }

    /// Gets a token, with the retries and timeouts of a configuration, as far as the calls that
    /// wait for it have the time.
    pub(super) async fn fetch(&self, config: &SdkConfig) -> Result<IdToken, Error> {
        let retries = config.retry_config().cloned();
        let retries = retries.unwrap_or_else(RetryConfig::standard);
        let attempts = retries.max_attempts().min(MOST_ATTEMPTS);
        let mut operation = Operation::builder()
            .service_name("GitHub")
            .operation_name("GetIdToken")
            .endpoint_url(&self.origin)
            .no_auth()
            .timeout_config(timeouts(config))
            .standard_retry(&retries.with_max_attempts(attempts))
            .retry_classifier(TransientErrorClassifier::<AnyError>::new())
            .retry_classifier(HttpStatusCodeClassifier::new_from_codes(TRANSIENT));
        if let Some(client) = config.http_client() {
            operation = operation.http_client(client);
        }
        if let Some(time) = config.time_source() {
            operation = operation.time_source(time);
        }
        if let Some(sleep) = config.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        let operation = operation
            .serializer(|request: Self| Ok(request.build()?))
            .deserializer(read)
            .build();
        let answer = Box::pin(operation.invoke(self.clone())).await;
        answer.map_err(|error| self.explain(&error))
    }

    fn build(&self) -> Result<HttpRequest, HttpError> {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_method("GET")?;
        request.set_uri(format!("{}{separator}audience={AUDIENCE}", self.path))?;
        let headers = request.headers_mut();
        headers.try_insert("accept", "application/json")?;
        headers.try_insert("authorization", format!("bearer {}", self.token))?;
        Ok(request)
    }

    fn explain(&self, error: &SdkError<NoToken, HttpResponse>) -> Error {
        let why = match error {
            SdkError::ServiceError(service) => service.err().to_string(),
            SdkError::TimeoutError(_) => "no answer came in time".to_owned(),
            _ => explain::cause(error),
        };
        let message = format!("{} gave no ID token: {why}", self.origin);
        Error::new(Code::Credentials, message).remedy(
            "run again; if it stays so, check that the job has `permissions: id-token: write`, and \
             that the runner can reach this host, which is GitHub's and not AWS's; or set no \
             `role-to-assume`, and get credentials in an earlier step",
        )
    }
}

impl IdToken {
    pub(super) fn secret(&self) -> &str {
        &self.0
    }

    /// Whom the token is for and what it says of the job, as a trust policy can name it.
    pub(super) fn describe(&self) -> String {
        let claims = self.claims().unwrap_or_default();
        let subject = claims.get("sub").and_then(Value::as_str);
        let subject: String = subject
            .unwrap_or("(none)")
            .chars()
            .take(LONGEST_CLAIM)
            .collect();
        format!("`{AUDIENCE}` and `sub` `{subject}`")
    }

    /// What the token says, in its second part.
    fn claims(&self) -> Option<Value> {
        let payload = self.0.split('.').nth(1)?;
        let mut payload = payload.replace('-', "+").replace('_', "/");
        while !payload.len().is_multiple_of(4) {
            payload.push('=');
        }
        serde_json::from_slice(&base64::decode(payload).ok()?).ok()
    }
}

/// The timeouts of a configuration, so that there is an answer, or none, before the call gives up
/// that waits for it.
fn timeouts(config: &SdkConfig) -> TimeoutConfig {
    let set = config.timeout_config().cloned();
    let set = set.unwrap_or_else(TimeoutConfig::disabled);
    let of_call = [set.operation_attempt_timeout(), set.operation_timeout()];
    let of_call = of_call.into_iter().flatten().min();
    let longest = of_call.map_or(LONGEST_WAIT, |time| LONGEST_WAIT.min(time / 3 * 2));
    set.to_builder()
        .operation_timeout(longest)
        // So that one answer that does not come is asked for again.
        .operation_attempt_timeout(longest / 2)
        .build()
}

/// Scheme and host of a URL, and the rest. The path may hold two slashes in a row. A URL with a
/// password in it is none of GitHub's.
fn split(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let is_known = scheme == "https" || scheme == "http";
    let end = scheme.len() + "://".len() + rest.find('/')?;
    let (origin, path) = url.split_at(end);
    let has_host = !rest.starts_with('/') && !origin.contains('@');
    (is_known && has_host).then_some((origin, path))
}

fn read(answer: &HttpResponse) -> Result<IdToken, OrchestratorError<NoToken>> {
    if !answer.status().is_success() {
        let status = answer.status().as_u16();
        return Err(OrchestratorError::operation(NoToken::Status(status)));
    }
    let body = answer.body().bytes().unwrap_or_default();
    let is_token =
        |value: &String| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
    let read = serde_json::from_slice(body).map(|Answer { value }| value);
    match read.ok().filter(is_token) {
        Some(value) => Ok(IdToken(value)),
        None => Err(OrchestratorError::operation(NoToken::Unreadable)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_there_before_the_call_that_waits_for_it_gives_up() {
        let longest = LONGEST_WAIT;
        for (of_call, expected) in [
            (None, longest),
            (Some(Duration::from_secs(9)), Duration::from_secs(6)),
            (Some(Duration::from_mins(1)), longest),
            (Some(Duration::MAX), longest),
        ] {
            let mut set = TimeoutConfig::builder();
            set.set_operation_timeout(of_call);
            let config = SdkConfig::builder().timeout_config(set.build()).build();
            let timeouts = timeouts(&config);
            assert_eq!(timeouts.operation_timeout(), Some(expected), "{of_call:?}");
        }
    }
}
