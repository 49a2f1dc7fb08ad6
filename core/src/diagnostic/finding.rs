//! Problems that are found before anything is changed, each with a stable code and a remedy.

use schemars::JsonSchema;
use serde::Serialize;

use super::FindingCode;

/// What a finding means for the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The plan is not carried out: it would be useless or harmful.
    Refuse,
    /// The part of the request that it is about is left out. The others are carried out, and the
    /// run fails in the end.
    LeaveOut,
    /// The plan is carried out, and the user should know.
    Warn,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Finding {
    /// The kind of problem.
    pub code: FindingCode,
    /// Whether it refuses the plan, or a part of it.
    pub severity: Severity,
    /// The ID or ARN it is about.
    pub resource: String,
    /// Why this is a problem.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    pub(crate) fn refuse(
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
    ) -> Self {
        Self::new(code, Severity::Refuse, resource.to_string(), message.into())
    }

    pub(crate) fn warn(
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
    ) -> Self {
        Self::new(code, Severity::Warn, resource.to_string(), message.into())
    }

    fn new(code: FindingCode, severity: Severity, resource: String, message: String) -> Self {
        Self {
            code,
            severity,
            resource,
            message,
            remedy: code.remedy().to_owned(),
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {}: {}. What to do: {}",
            self.code, self.resource, self.message, self.remedy
        )
    }
}
