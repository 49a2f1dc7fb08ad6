//! Whom a statement names.

use serde_json::{Map, Value};

use super::texts;

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalFacts {
    /// The account.
    pub account: String,
    /// The ARN of the user or of the assumed-role session.
    pub arn: String,
    /// The ARN of the role behind a session.
    pub role_arn: Option<String>,
    /// The unique ID of the user or role.
    pub unique_id: String,
}

/// How closely a statement names somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// By the account, which leaves it to the account's IAM.
    ByAccount,
    /// By the role, or by `*`.
    Closely,
    /// By the very session or user: then neither a session policy nor a boundary is missed (R5.4).
    Exactly,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug)]
pub(super) struct Principals {
    negated: bool,
    aws: Vec<String>,
}

impl Principals {
    pub(super) fn parse(members: &Map<String, Value>) -> Result<Option<Self>, String> {
        let (negated, value) = match (members.get("Principal"), members.get("NotPrincipal")) {
            (Some(value), _) => (false, value),
            (None, Some(value)) => (true, value),
            (None, None) => return Ok(None),
        };
        let aws = match value {
            Value::String(text) if text == "*" => vec![text.clone()],
            Value::Object(kinds) => kinds
                .get("AWS")
                .map_or(Some(Vec::new()), texts)
                .ok_or("Principal.AWS: neither text nor a list of texts")?,
            _ => return Err("Principal: neither `*` nor an object".to_owned()),
        };
        Ok(Some(Self { negated, aws }))
    }

    pub(super) fn aws(&self) -> impl Iterator<Item = &str> {
        self.aws.iter().map(String::as_str)
    }

    pub(super) fn name(&self, who: &PrincipalFacts) -> Option<Named> {
        let named = self
            .aws
            .iter()
            .filter_map(|principal| name(principal, who))
            .max();
        if self.negated {
            named.is_none().then_some(Named::Closely)
        } else {
            named
        }
    }
}

fn name(principal: &str, who: &PrincipalFacts) -> Option<Named> {
    let by_account =
        principal == who.account || principal.ends_with(&format!(":iam::{}:root", who.account));
    if principal == who.arn {
        Some(Named::Exactly)
    } else if principal == "*" || who.role_arn.as_deref() == Some(principal) {
        Some(Named::Closely)
    } else if by_account {
        Some(Named::ByAccount)
    } else {
        None
    }
}
