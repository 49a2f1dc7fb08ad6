//! Looks at every answer before the SDK reads it: whether it is as small as AWS's answers are, and
//! whether it is AWS's answer to the call at all. For many changing calls the SDK reads nothing of
//! the answer, so that a page of a proxy would pass for "done".

mod check;
mod decoded;
mod elements;
mod lists;
mod secrets;
mod sent;
mod structure;

pub(crate) use secrets::Secrets;

use std::fmt;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::BodyExt as _;

use check::{Expected, Wrong};
use elements::Elements;
use sent::Sent;

use crate::limits::{LARGEST_ANSWER, LARGEST_ERROR, MOST_ELEMENTS};

/// An answer that is none of AWS's, or that lacks what this version needs.
#[derive(Debug)]
pub(super) struct NoAnswer {
    /// The status of HTTP.
    pub(super) status: u16,
    /// What is wrong with it.
    pub(super) why: String,
    /// Whether it is AWS's answer, but cannot be read.
    pub(super) is_unreadable: bool,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {}: {}", self.status, self.why)
    }
}

impl std::error::Error for NoAnswer {}

/// A client whose answers are looked at, and repeat neither what a call has sent nor what the run
/// was given.
pub(super) fn checked(client: SharedHttpClient, secrets: Secrets) -> SharedHttpClient {
    SharedHttpClient::new(CheckedClient { client, secrets })
}

#[derive(Debug)]
struct CheckedClient {
    client: SharedHttpClient,
    secrets: Secrets,
}

impl HttpClient for CheckedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(CheckedConnector {
            connector: self.client.http_connector(settings, components),
            secrets: self.secrets.clone(),
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

#[derive(Debug)]
struct CheckedConnector {
    connector: SharedHttpConnector,
    secrets: Secrets,
}

impl HttpConnector for CheckedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (expected, sent) = (Expected::of(&request), Sent::of(&request, &self.secrets));
        let answer = self.connector.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let mut body = read_bounded(&mut answer).await?;
            let status = answer.status().as_u16();
            if answer.status().is_success()
                && let Err(wrong) = expected.check(&body)
            {
                return Err(match wrong {
                    Wrong::NoAnswer(why) => no_answer(status, why),
                    Wrong::Unreadable(why) => unreadable(status, why),
                });
            }
            if !answer.status().is_success() {
                sent.hide_in_headers(&mut answer);
                if let Some(hidden) = sent.hide_in(&body) {
                    body = hidden;
                    // The SDK would take it for cut off.
                    answer.headers_mut().remove("content-length");
                }
            }
            *answer.body_mut() = SdkBody::from(body);
            Ok(answer)
        })
    }
}

/// The whole body, if it is no larger than answers of AWS are.
async fn read_bounded(answer: &mut HttpResponse) -> Result<Vec<u8>, ConnectorError> {
    let status = answer.status().as_u16();
    let largest = if answer.status().is_success() {
        LARGEST_ANSWER
    } else {
        LARGEST_ERROR
    };
    let mut body = answer.take_body();
    let (mut bytes, mut elements) = (Vec::new(), Elements::default());
    while let Some(frame) = body.frame().await {
        // Cut off on the way, so the SDK may try again.
        let frame = frame.map_err(ConnectorError::io)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len() + data.len() > largest {
            let why = format!("it is larger than {} MiB", largest >> 20);
            return Err(no_answer(status, why));
        }
        if elements.count(data) > MOST_ELEMENTS {
            let why = format!("it has more than {MOST_ELEMENTS} elements");
            return Err(no_answer(status, why));
        }
        bytes.extend_from_slice(data);
    }
    if elements.is_deep() {
        return Err(no_answer(status, "its values are nested too deep"));
    }
    Ok(bytes)
}

/// The SDK does not try again after an error of this kind: the next answer would be the same.
fn no_answer(status: u16, why: impl Into<String>) -> ConnectorError {
    let no_answer = NoAnswer {
        status,
        why: why.into(),
        is_unreadable: false,
    };
    ConnectorError::other(Box::new(no_answer), None)
}

fn unreadable(status: u16, why: String) -> ConnectorError {
    let no_answer = NoAnswer {
        status,
        why,
        is_unreadable: true,
    };
    ConnectorError::other(Box::new(no_answer), None)
}

#[cfg(test)]
#[path = "../../../tests/fuzz/answers.rs"]
mod fuzz;
