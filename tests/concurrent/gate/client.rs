//! An HTTP client whose requests wait at the gate.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::defect::read_body;
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
        let one = self.clone();
        HttpConnectorFuture::new(async move {
            passed
                .await
                .map_err(|closed| ConnectorError::io(closed.into()))?;
            let answer = one.send(&call, request).await?;
            one.gate.record_answer(&call, &read_body(answer.body()));
            Ok(answer)
        })
    }
}

impl GatedClient<SharedHttpConnector> {
    /// Sends a call that was let through, as a share with a defect does.
    async fn send(
        &self,
        call: &Call,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let Some(defect) = self.gate.0.defect.filter(|_| call.run == 0) else {
            return self.pass_on(call, request).await;
        };
        let mut request = request;
        if call.is_put() {
            let taken = self.gate.0.kept.lock().unwrap().take_put(defect, request);
            request = match taken {
                Ok(answer) => return Ok(answer),
                Err(request) => request,
            };
        }
        if call.operation == "GetKeyPolicy"
            && let Some(answer) = self.gate.0.kept.lock().unwrap().answer_read()
        {
            return Ok(answer);
        }
        let answer = self.pass_on(call, request).await?;
        if call.adds_launch_permission {
            let due = self.gate.0.kept.lock().unwrap().due_put();
            if let Some(put) = due {
                self.inner.call(put).await?;
            }
        }
        Ok(answer)
    }

    async fn pass_on(
        &self,
        call: &Call,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let sent = read_body(request.body());
        let answer = self.inner.call(request).await?;
        self.gate.note_key(call, &sent, &read_body(answer.body()));
        Ok(answer)
    }
}
