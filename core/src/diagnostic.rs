//! What users are told of problems: errors and findings, each with a stable code and a remedy.

pub(crate) mod code;
mod error;
mod finding;
mod finding_code;
pub(crate) mod names;

pub use error::{AwsAnswer, Code, Error, Errors};
pub use finding::{Finding, Severity};
pub use finding_code::FindingCode;
