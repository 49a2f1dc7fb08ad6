//! Which principals a statement names.

use serde_json::{Map, Value};

use super::texts;

/// What policies know of a principal.
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

impl PrincipalFacts {
    /// What policies know of whoever shows a token of a provider of identities, before there is a
    /// session. Such a principal has no account.
    pub fn federated(provider: &str, subject: &str) -> Self {
        Self {
            arn: provider.to_owned(),
            unique_id: format!("{provider}:{subject}"),
            ..Self::default()
        }
    }

    fn is_federated(&self) -> bool {
        self.account.is_empty() && self.arn.contains(":oidc-provider/")
    }
}

/// How closely a statement names a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalMatch {
    /// By its account, which leaves the decision to the account's IAM.
    Account,
    /// By its role, or by `*`.
    Role,
    /// By its own ARN, as a user or a session. Session policies and boundaries do not limit this
    /// (R5.4).
    Exact,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug)]
pub(super) struct Principals {
    negated: bool,
    aws: Vec<String>,
    /// ARNs of providers of identities.
    federated: Vec<String>,
}

impl Principals {
    pub(super) fn parse(members: &Map<String, Value>) -> Result<Option<Self>, String> {
        let (negated, value) = match (members.get("Principal"), members.get("NotPrincipal")) {
            (Some(value), _) => (false, value),
            (None, Some(value)) => (true, value),
            (None, None) => return Ok(None),
        };
        let (aws, federated) = match value {
            Value::String(text) if text == "*" => (vec![text.clone()], Vec::new()),
            Value::Object(kinds) => (of_kind(kinds, "AWS")?, of_kind(kinds, "Federated")?),
            _ => return Err("Principal: neither `*` nor an object".to_owned()),
        };
        Ok(Some(Self {
            negated,
            aws,
            federated,
        }))
    }

    pub(super) fn aws(&self) -> impl Iterator<Item = &str> {
        self.aws.iter().map(String::as_str)
    }

    pub(super) fn match_principal(&self, facts: &PrincipalFacts) -> Option<PrincipalMatch> {
        let mut closest = None;
        if facts.is_federated() {
            // Whether AWS takes `*` for providers too is not known: here it does not.
            let is_named = self.federated.contains(&facts.arn);
            closest = is_named.then_some(PrincipalMatch::Exact);
        }
        for principal in self.aws.iter().filter(|_| !facts.is_federated()) {
            closest = closest.max(match_one(principal, facts));
        }
        if self.negated {
            closest.is_none().then_some(PrincipalMatch::Role)
        } else {
            closest
        }
    }
}

fn of_kind(kinds: &Map<String, Value>, kind: &str) -> Result<Vec<String>, String> {
    let principals = kinds.get(kind).map_or(Some(Vec::new()), texts);
    principals.ok_or_else(|| format!("Principal.{kind}: neither text nor a list of texts"))
}

fn match_one(principal: &str, facts: &PrincipalFacts) -> Option<PrincipalMatch> {
    let account = &facts.account;
    if principal == facts.arn {
        Some(PrincipalMatch::Exact)
    } else if principal == "*" || facts.role_arn.as_deref() == Some(principal) {
        Some(PrincipalMatch::Role)
    } else if principal == account || principal.ends_with(&format!(":iam::{account}:root")) {
        Some(PrincipalMatch::Account)
    } else {
        None
    }
}
