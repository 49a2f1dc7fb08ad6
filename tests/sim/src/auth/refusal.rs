//! Why something is not allowed, in AWS's words (R1.6, R3.1.8).

use aws_smithy_types::base64;
use serde_json::{Value, json};

use crate::policy::PrincipalFacts;

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A policy of this kind denies it.
    ExplicitDeny(PolicyKind),
    /// No policy of this kind allows it.
    ImplicitDeny(PolicyKind),
}

/// The kinds of policy that may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PolicyKind {
    Identity,
    Session,
    Boundary,
    ServiceControl,
    Resource,
}

impl PolicyKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Session => "session policy",
            Self::Boundary => "permissions boundary",
            Self::ServiceControl => "service control policy",
            Self::Resource => "resource-based policy",
        }
    }
}

impl Refusal {
    /// The end of AWS's message.
    pub(super) fn words(self, action: &str) -> String {
        match self {
            Self::ExplicitDeny(kind) => {
                let article = if kind == PolicyKind::Identity {
                    "an"
                } else {
                    "a"
                };
                format!("with an explicit deny in {article} {}", kind.as_str())
            }
            Self::ImplicitDeny(kind) => {
                format!("because no {} allows the {action} action", kind.as_str())
            }
        }
    }
}

/// The encoded message of EC2's refusals.
pub(super) fn encode(
    facts: &PrincipalFacts,
    action: &str,
    resource: &str,
    refusal: Refusal,
) -> String {
    let message = json!({
        "allowed": false,
        "explicitDeny": matches!(refusal, Refusal::ExplicitDeny(_)),
        "matchedStatements": { "items": [] },
        "failures": { "items": [] },
        "context": {
            "principal": { "id": facts.unique_id, "arn": facts.arn },
            "action": action,
            "resource": resource,
            "conditions": { "items": [] },
        },
    });
    base64::encode(message.to_string())
}

/// The encoded message in clear, if a principal of the account was refused (R5.6).
pub(crate) fn decode_refusal(encoded: &str, account: &str) -> Option<String> {
    let message = String::from_utf8(base64::decode(encoded).ok()?).ok()?;
    let parsed: Value = serde_json::from_str(&message).ok()?;
    let arn = parsed["context"]["principal"]["arn"].as_str()?;
    (arn.split(':').nth(4) == Some(account)).then_some(message)
}
