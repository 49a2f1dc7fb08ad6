//! What stands for a plan: its digest, which a dry run prints and a later run can ask for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The version of the form. What a digest is made of is part of it.
const VERSION: &str = "v1";
/// The digits of the digest of a whole plan, and of those of its parts.
const WHOLE: usize = 64;
const PART: usize = 8;

/// Stands for a plan: two plans of the same request that do the same have the same digest, whenever
/// and by whomever they are made. Written as `v1:<plan>:<request>:<step>,<step>…`; the digests of
/// the steps are there to say what differs, and are left out of a very long plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanDigest {
    whole: String,
    request: String,
    steps: BTreeSet<String>,
}

/// A text that is no digest of a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlanDigest {
    /// Another version of this tool made it, and may mean another plan by it.
    #[error(
        "it is the digest of another version of this tool: make the dry run and this run with the \
         same version"
    )]
    OtherVersion,
    /// It has not the form of a digest.
    #[error(
        "it is not the digest of a plan: give the output `plan-digest` of a dry run as it is, \
         `v1:…`"
    )]
    Form,
}

impl PlanDigest {
    /// The digest of a plan from those of its parts, each in hexadecimal digits.
    pub(crate) fn new(whole: String, request: &str, steps: &BTreeSet<String>) -> Self {
        let short = |text: &str| text.get(..PART).unwrap_or(text).to_owned();
        Self {
            whole,
            request: short(request),
            steps: steps.iter().map(|step| short(step)).collect(),
        }
    }

    /// Whether it is of the same request.
    pub(crate) fn has_request_of(&self, other: &Self) -> bool {
        self.request == other.request
    }

    /// The steps that another plan lacks; `None` if a very long plan leaves out which it has.
    pub(crate) fn steps_not_in<'a>(&'a self, other: &'a Self) -> Option<BTreeSet<&'a str>> {
        if self.steps.is_empty() != other.steps.is_empty() {
            return None;
        }
        let missing = self.steps.difference(&other.steps);
        Some(missing.map(String::as_str).collect())
    }
}

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<&str> = self.steps.iter().map(String::as_str).collect();
        let (whole, request, steps) = (&self.whole, &self.request, steps.join(","));
        write!(f, "{VERSION}:{whole}:{request}:{steps}")
    }
}

impl FromStr for PlanDigest {
    type Err = InvalidPlanDigest;

    fn from_str(text: &str) -> Result<Self, InvalidPlanDigest> {
        let mut parts = text.split(':');
        let version = parts.next().unwrap_or_default();
        let number = version.strip_prefix('v').unwrap_or_default();
        if version != VERSION && number.parse::<u32>().is_ok() {
            return Err(InvalidPlanDigest::OtherVersion);
        }
        let (Some(whole), Some(request), Some(steps), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidPlanDigest::Form);
        };
        let mut short = BTreeSet::new();
        if !steps.is_empty() {
            short.extend(steps.split(',').map(str::to_owned));
        }
        let is_read = version == VERSION
            && is_hexadecimal(whole, WHOLE)
            && is_hexadecimal(request, PART)
            && short.iter().all(|step| is_hexadecimal(step, PART));
        let digest = Self {
            whole: whole.to_owned(),
            request: request.to_owned(),
            steps: short,
        };
        is_read.then_some(digest).ok_or(InvalidPlanDigest::Form)
    }
}

fn is_hexadecimal(text: &str, digits: usize) -> bool {
    let mut bytes = text.bytes();
    text.len() == digits && bytes.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl TryFrom<String> for PlanDigest {
    type Error = InvalidPlanDigest;

    fn try_from(text: String) -> Result<Self, InvalidPlanDigest> {
        text.parse()
    }
}

impl From<PlanDigest> for String {
    fn from(digest: PlanDigest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_read_as_it_is_written() {
        for steps in [&[][..], &["0123456789", "abcdef0123"][..]] {
            let steps = steps.iter().map(|step| (*step).to_owned()).collect();
            let digest = PlanDigest::new("0".repeat(64), "fedcba9876", &steps);
            assert_eq!(digest.to_string().parse(), Ok(digest));
        }
    }

    #[test]
    fn other_text_is_no_digest() {
        use InvalidPlanDigest::{Form, OtherVersion};
        let whole = "0".repeat(64);
        for (text, expected) in [
            (String::new(), Form),
            ("v1".to_owned(), Form),
            (whole.clone(), Form),
            (format!("v1:{whole}"), Form),
            (format!("v1:{whole}:01234567"), Form),
            (format!("v1:{whole}:01234567:x"), Form),
            (format!("v1:{whole}:01234567:01234567,"), Form),
            (format!("v1:{}:01234567:", "G".repeat(64)), Form),
            (format!("v1:{whole}:01234567::"), Form),
            (format!("w1:{whole}:01234567:"), Form),
            (format!("v2:{whole}:01234567:"), OtherVersion),
            ("v10".to_owned(), OtherVersion),
        ] {
            assert_eq!(text.parse::<PlanDigest>(), Err(expected), "{text}");
        }
    }
}
