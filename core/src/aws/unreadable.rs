//! Values of answers that this version cannot read. None of them counts as absent: what is not
//! known is neither unencrypted, nor unshared, nor nobody's.

use std::fmt;
use std::str::FromStr;

use super::Caller;
use crate::diagnostic::{Code, Error};

/// How much of a value is shown.
const SHOWN_CHARACTERS: usize = 100;

/// A value that is missing, or has a form that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// The ID or ARN of the resource whose value it is, once known.
    resource: Option<String>,
    /// The member of the answer, as AWS's documentation names it.
    member: &'static str,
    /// `None` if it is missing.
    value: Option<String>,
}

impl Unreadable {
    pub(super) fn missing(member: &'static str) -> Self {
        Self {
            resource: None,
            member,
            value: None,
        }
    }

    pub(super) fn unknown(member: &'static str, value: impl ToString) -> Self {
        Self {
            value: Some(value.to_string()),
            ..Self::missing(member)
        }
    }

    /// Says whose value it is.
    pub(super) fn of(self, resource: &str) -> Self {
        Self {
            resource: Some(resource.to_owned()),
            ..self
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = &self.value else {
            return write!(f, "`{}` is missing in AWS's answer", self.member);
        };
        let mut shown: String = value.chars().take(SHOWN_CHARACTERS).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        write!(f, "this version cannot read `{}`: `{shown}`", self.member)
    }
}

/// A value that every answer has.
pub(super) fn present<T>(member: &'static str, value: Option<T>) -> Result<T, Unreadable> {
    value.ok_or_else(|| Unreadable::missing(member))
}

/// A value that every answer has, parsed.
pub(super) fn read<T: FromStr>(member: &'static str, value: Option<&str>) -> Result<T, Unreadable> {
    let text = present(member, value)?;
    text.parse()
        .map_err(|_invalid| Unreadable::unknown(member, text))
}

/// A value that an answer may lack, parsed.
pub(super) fn read_if_present<T: FromStr>(
    member: &'static str,
    value: Option<&str>,
) -> Result<Option<T>, Unreadable> {
    value.map(|text| read(member, Some(text))).transpose()
}

impl Caller {
    /// The error of an answer to `action` that has a value which this version cannot read.
    pub(super) fn unreadable(&self, action: &'static str, unreadable: &Unreadable) -> Error {
        let message = match &unreadable.resource {
            Some(resource) => format!("{resource}: {unreadable}"),
            None => unreadable.to_string(),
        };
        let mut error = Error::new(Code::AwsUnreadable, message);
        error.resource.clone_from(&unreadable.resource);
        error.action = Some(action);
        self.locate(error)
    }
}
