//! Answers as GitHub does when a job asks for an ID token.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use serde_json::json;

use super::{Handled, Sim, json_answer, json_answer_with};
use crate::wire::Query;

impl Sim {
    /// A token for the audience that the job asks for, if the job shows that it is the one.
    pub(super) fn give_id_token(&self, request: &Request<Bytes>) -> Handled {
        let world = self.0.world.lock();
        let tokens = world.id_tokens.as_ref();
        let Some(tokens) = tokens.filter(|tokens| shown_by(request) == Some(&tokens.request_token))
        else {
            let body = json!({ "message": "Unauthorized" });
            return json_answer_with(StatusCode::UNAUTHORIZED, &body);
        };
        let query = request.uri().query().unwrap_or_default();
        let query = Query::parse(query.as_bytes(), b"").unwrap_or_default();
        let audience = query.get("audience").unwrap_or("https://github.com/OWNER");
        let now = self.0.clock.wall(self.0.clock.now());
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let token = tokens.issue(audience, now.unwrap_or_default().as_secs());
        json_answer(&json!({ "count": token.len(), "value": token }))
    }
}

/// The token in the header of a request.
fn shown_by(request: &Request<Bytes>) -> Option<&str> {
    let authorization = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
