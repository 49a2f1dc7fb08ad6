//! AWS's answers on their way to a run: which texts are in them, and another text in one place.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use ami_share::aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::texts;

/// A place in the answers to an operation: the names on the way to a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) operation: String,
    pub(super) path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operation, self.path)
    }
}

/// Looks at the answers, and puts a text into one place of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    seen: Arc<Mutex<BTreeSet<Place>>>,
    change: Option<(Place, String)>,
}

impl Answers {
    /// Leaves every answer as it is.
    pub(super) fn unchanged() -> Self {
        Self::default()
    }

    pub(super) fn with_text(place: &Place, text: &str) -> Self {
        Self {
            change: Some((place.clone(), text.to_owned())),
            ..Self::default()
        }
    }

    /// Every place that came by.
    pub(super) fn seen(&self) -> BTreeSet<Place> {
        self.seen.lock().unwrap().clone()
    }

    /// A configuration whose clients get these answers.
    pub(super) fn stand_before(&self, config: SdkConfig) -> SdkConfig {
        let client = Client {
            aws: config.http_client().unwrap(),
            answers: self.clone(),
        };
        config.into_builder().http_client(client).build()
    }

    fn change(&self, operation: &str, body: &str) -> String {
        texts::rewrite(body, &mut |path, _| {
            let place = Place {
                operation: operation.to_owned(),
                path: path.to_owned(),
            };
            let text = match &self.change {
                Some((changed, text)) if *changed == place => Some(text.clone()),
                _ => None,
            };
            self.seen.lock().unwrap().insert(place);
            text
        })
    }
}

#[derive(Clone, Debug)]
struct Client {
    aws: SharedHttpClient,
    answers: Answers,
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            aws: self.aws.http_connector(settings, components),
            answers: self.answers.clone(),
        })
    }
}

#[derive(Debug)]
struct Connector {
    aws: SharedHttpConnector,
    answers: Answers,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = operation_of(&request);
        let answers = self.answers.clone();
        let answer = self.aws.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer: HttpResponse = answer.await?;
            let body = answer.body().bytes().unwrap_or_default();
            let body = String::from_utf8(body.to_vec()).unwrap();
            *answer.body_mut() = SdkBody::from(answers.change(&operation, &body));
            // It is of the body as AWS sent it.
            answer.headers_mut().remove("content-length");
            Ok(answer)
        })
    }
}

fn operation_of(request: &HttpRequest) -> String {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.rsplit('.').next().unwrap_or_default().to_owned();
    }
    let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
    let mut parameters = body.split('&');
    let action = parameters.find_map(|parameter| parameter.strip_prefix("Action="));
    action.unwrap_or_default().to_owned()
}
