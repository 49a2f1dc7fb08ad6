//! In process: an HTTP client for the SDK that asks the simulation, without a socket.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use bytes::Bytes;

use crate::sim::{Handled, Sim};

impl Sim {
    /// A configuration for SDK clients without a socket, on this simulation's clock, as the
    /// administrator of an account. For an unknown account it has a key that is refused.
    pub fn sdk_config(&self, account: &str) -> SdkConfig {
        let key = self.facts().accounts.get(account);
        let (id, secret) = match key {
            Some(key) => (key.access_key_id.as_str(), key.secret_access_key.as_str()),
            None => ("AKIAUNKNOWN", ""),
        };
        let credentials = Credentials::from_keys(id, secret, None);
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.facts().region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.http_client())
            .time_source(self.time_source())
            .sleep_impl(TokioSleep::new())
            .build()
    }

    /// An HTTP client for the SDK that asks this simulation, without a socket.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(InProcess(self.clone()))
    }
}

#[derive(Clone, Debug)]
struct InProcess(Sim);

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sim = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            let (parts, body) = request.into_parts();
            let body = Bytes::copy_from_slice(body.bytes().unwrap_or_default());
            match sim.handle(http::Request::from_parts(parts, body)).await {
                Handled::Closed => Err(ConnectorError::io(
                    "connection closed before message completed".into(),
                )),
                Handled::Answer(response) => HttpResponse::try_from(response.map(SdkBody::from))
                    .map_err(|error| ConnectorError::other(error.into(), None)),
            }
        })
    }
}
