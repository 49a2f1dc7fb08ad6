//! From HTTP to calls and back: Query with XML of EC2, Auto Scaling, STS and IAM; JSON of KMS,
//! Organizations and SSM.

pub mod query;
mod request;
mod response;
mod rewrite;
pub mod xml;

use std::borrow::Cow;

use serde_json::{Map, Value};

pub use query::Query;
pub(crate) use request::WITH_WEB_IDENTITY;
pub use request::read;
pub use response::{too_large, write};
use xml::Element;

/// The services that are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Amazon EC2 Auto Scaling.
    AutoScaling,
    /// Amazon EC2.
    Ec2,
    /// AWS IAM.
    Iam,
    /// AWS KMS.
    Kms,
    /// AWS Organizations.
    Organizations,
    /// AWS Systems Manager.
    Ssm,
    /// AWS STS.
    Sts,
}

impl Service {
    /// The prefix of its actions.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::AutoScaling => "autoscaling",
            Self::Ec2 => "ec2",
            Self::Iam => "iam",
            Self::Kms => "kms",
            Self::Organizations => "organizations",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }

    /// The service of a prefix.
    pub(crate) fn of(prefix: &str) -> Option<Self> {
        const ALL: [Service; 7] = [
            Service::AutoScaling,
            Service::Ec2,
            Service::Iam,
            Service::Kms,
            Service::Organizations,
            Service::Ssm,
            Service::Sts,
        ];
        ALL.into_iter().find(|service| service.prefix() == prefix)
    }

    /// The prefix of the operation in the target of a JSON request.
    fn target(self) -> &'static str {
        match self {
            Self::Organizations => "AWSOrganizationsV20161128.",
            Self::Ssm => "AmazonSSM.",
            _ => "TrentService.",
        }
    }
}

/// The parameters of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Params {
    /// Of Auto Scaling, EC2, IAM and STS.
    Query(Query),
    /// Of KMS, Organizations and SSM.
    Json(Map<String, Value>),
}

impl Params {
    /// Whether the value of a parameter contains a text.
    pub(crate) fn contain(&self, text: &str) -> bool {
        match self {
            Self::Query(query) => query.pairs().any(|(_, value)| value.contains(text)),
            Self::Json(members) => members.values().any(|value| contains(value, text)),
        }
    }
}

fn contains(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value.contains(text),
        Value::Array(values) => values.iter().any(|value| contains(value, text)),
        Value::Object(members) => members.values().any(|value| contains(value, text)),
        _ => false,
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// Such as `CopyImage`.
    pub operation: String,
    /// The parameters.
    pub params: Params,
    /// The access key that signed it.
    pub access_key_id: String,
    /// The session token that came with the key.
    pub session_token: Option<String>,
    /// The Region that it was signed for.
    pub region: String,
}

/// An error of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fail {
    /// HTTP status.
    pub status: u16,
    /// The error code.
    pub code: Cow<'static, str>,
    /// The message.
    pub message: String,
}

impl Fail {
    /// An error with a status.
    pub fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    /// `InvalidParameterValue`.
    pub(crate) fn invalid_value(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterValue", message)
    }

    /// An error with status 400, as most are.
    pub fn bad(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }
}

/// The content of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The members of an XML answer.
    Xml(Vec<Element>),
    /// A JSON answer.
    Json(Value),
}

/// The answer of a call.
pub type Outcome = Result<Body, Fail>;

/// The name of a parameter with a small letter at the beginning, as answers have it.
pub(crate) fn with_small_letter(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// A truth value, as filters and condition keys have it.
pub(crate) fn bool_text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
