//! Mistakes that a program could make, put between the share and the simulated AWS, so that tests
//! see that the search finds them.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Defect {
    /// The share does not look again at the policy that it has put: every later read of it answers
    /// what it put.
    NeverLooks,
    /// The share puts the policy only when the launch permission is written, and takes it for put
    /// until then.
    PutsLate,
}

/// What a share with a defect keeps back.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The policy that it has put.
    policy: Option<String>,
    /// The put that is still to be sent.
    put: Option<HttpRequest>,
}

impl Kept {
    /// Takes a put, to remember it or for later; returns the answer if there is one already.
    pub(super) fn take_put(
        &mut self,
        defect: Defect,
        request: HttpRequest,
    ) -> Result<HttpResponse, HttpRequest> {
        self.policy = find_policy(&read_body(request.body()));
        match defect {
            Defect::NeverLooks => Err(request),
            Defect::PutsLate => {
                self.put = Some(request);
                Ok(answer(&json!({})))
            }
        }
    }

    /// The put that is due after a launch permission. Reads are true from then on.
    pub(super) fn due_put(&mut self) -> Option<HttpRequest> {
        let put = self.put.take()?;
        self.policy = None;
        Some(put)
    }

    /// The answer to a read, if it is another than that of the simulated AWS.
    pub(super) fn answer_read(&self) -> Option<HttpResponse> {
        let policy = self.policy.as_ref()?;
        Some(answer(&json!({ "Policy": policy })))
    }
}

pub(super) fn read_body(body: &SdkBody) -> String {
    String::from_utf8_lossy(body.bytes().unwrap_or_default()).into_owned()
}

fn find_policy(body: &str) -> Option<String> {
    let call: Value = serde_json::from_str(body).ok()?;
    Some(call["Policy"].as_str()?.to_owned())
}

fn answer(body: &Value) -> HttpResponse {
    HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body.to_string()))
}
