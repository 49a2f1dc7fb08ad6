//! What may go wrong between a run, GitHub and STS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// GitHub answers only the third request for each token.
    TokensFailAtFirst,
    /// GitHub answers with this status and text.
    TokensAre(u16, &'static str),
    /// GitHub never answers.
    TokensHang,
    /// GitHub answers the first request, and none after it.
    TokensHangLater,
    /// STS refuses a token, and repeats it in its answer.
    StsRepeatsTokens,
}

/// A client with trouble on the way.
#[derive(Clone, Debug)]
pub(super) struct Between {
    inner: SharedHttpClient,
    trouble: Trouble,
    requests: Arc<AtomicUsize>,
}

impl Between {
    pub(super) fn client(inner: SharedHttpClient, trouble: Trouble) -> SharedHttpClient {
        SharedHttpClient::new(Self {
            inner,
            trouble,
            requests: Arc::default(),
        })
    }

    /// Whether no answer ever comes.
    fn hangs(&self, request: &HttpRequest) -> bool {
        let asks_for_token = request.uri().contains("/id-token");
        match self.trouble {
            Trouble::TokensHang => asks_for_token,
            Trouble::TokensHangLater => {
                asks_for_token && self.requests.fetch_add(1, Ordering::Relaxed) > 0
            }
            _ => false,
        }
    }

    /// The answer that comes instead of the right one.
    fn answer(&self, request: &HttpRequest) -> Option<(u16, String)> {
        let body = request.body().bytes().unwrap_or_default();
        let form = String::from_utf8_lossy(body);
        let asks_for_token = request.uri().contains("/id-token");
        match self.trouble {
            Trouble::TokensFailAtFirst if asks_for_token => {
                let number = self.requests.fetch_add(1, Ordering::Relaxed);
                (number % 3 != 2).then(|| (503, "busy".to_owned()))
            }
            Trouble::TokensAre(status, text) if asks_for_token => Some((status, text.to_owned())),
            Trouble::StsRepeatsTokens if form.contains("WebIdentityToken=") => {
                let (_, rest) = form.split_once("WebIdentityToken=").unwrap();
                let token = rest.split('&').next().unwrap();
                let message = format!("Value '{token}' at 'webIdentityToken' is too long");
                let error = format!("<Code>ValidationError</Code><Message>{message}</Message>");
                let error = format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>");
                Some((400, error))
            }
            _ => None,
        }
    }
}

impl HttpClient for Between {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            between: self.clone(),
            inner: self.inner.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct Connector {
    between: Between,
    inner: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.between.hangs(&request) {
            return HttpConnectorFuture::new(std::future::pending());
        }
        let Some((status, body)) = self.between.answer(&request) else {
            return self.inner.call(request);
        };
        let status = status.try_into().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}
