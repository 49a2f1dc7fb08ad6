//! An HTTP client whose requests wait at the gate.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::{Call, Gate};

#[derive(Clone, Debug)]
pub(super) struct GatedClient<T> {
    pub(super) run: usize,
    pub(super) gate: Gate,
    pub(super) inner: T,
}

impl HttpClient for GatedClient<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        parts: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(GatedClient {
            run: self.run,
            gate: self.gate.clone(),
            inner: self.inner.http_connector(settings, parts),
        })
    }
}

impl HttpConnector for GatedClient<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call = Call::read(self.run, &request, &self.gate.0.contended);
        let passed = self.gate.add_waiting(call.clone());
        let (gate, inner) = (self.gate.clone(), self.inner.clone());
        HttpConnectorFuture::new(async move {
            passed
                .await
                .map_err(|closed| ConnectorError::io(closed.into()))?;
            let answer = inner.call(request).await?;
            let text = String::from_utf8_lossy(answer.body().bytes().unwrap()).into_owned();
            gate.record_answer(&call, &text);
            Ok(answer)
        })
    }
}
