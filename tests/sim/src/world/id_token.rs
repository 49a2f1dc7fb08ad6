//! ID tokens, by which a job on GitHub shows who it is (OIDC).

use std::collections::BTreeMap;

use aws_smithy_types::base64;
use serde_json::{Map, Value, json};

use super::hex;

/// How long a token of GitHub is valid, in seconds (R5.19).
const VALID: u64 = 300;

/// Gives the tokens of one job.
#[derive(Clone, Debug, Default)]
pub struct IdTokens {
    /// What the job shows to get a token.
    pub request_token: String,
    /// What each token says of the job, such as `sub`.
    pub claims: BTreeMap<String, String>,
}

impl IdTokens {
    /// Who gives tokens to jobs on GitHub.
    pub const ISSUER: &str = "https://token.actions.githubusercontent.com";

    /// A token for an audience, given at this second since 1970.
    pub fn issue(&self, audience: &str, now: u64) -> String {
        let mut claims = Map::new();
        for (name, value) in &self.claims {
            claims.insert(name.clone(), json!(value));
        }
        claims.insert("iss".to_owned(), json!(Self::ISSUER));
        claims.insert("aud".to_owned(), json!(audience));
        claims.insert("iat".to_owned(), json!(now));
        claims.insert("exp".to_owned(), json!(now + VALID));
        let header = encode(&json!({ "typ": "JWT", "alg": "RS256" }).to_string());
        let payload = encode(&Value::Object(claims).to_string());
        let signature = sign(&header, &payload);
        format!("{header}.{payload}.{signature}")
    }
}

/// What a token says; `None` if it is none, or if its signature is another's.
pub fn read_id_token(token: &str) -> Option<Map<String, Value>> {
    let mut parts = token.splitn(3, '.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if signature != sign(header, payload) {
        return None;
    }
    let mut text = payload.replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    serde_json::from_slice(&base64::decode(text).ok()?).ok()
}

/// Stands for the provider's signature.
fn sign(header: &str, payload: &str) -> String {
    encode(&hex(&format!("signature of {header}.{payload}"), 64))
}

/// The alphabet of tokens, without padding.
fn encode(text: &str) -> String {
    let encoded = base64::encode(text).replace('+', "-").replace('/', "_");
    encoded.trim_end_matches('=').to_owned()
}
