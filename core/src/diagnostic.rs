//! What users are told of problems: errors and findings, each with a stable code and a remedy.

pub(crate) mod code;
mod error;
mod finding;
pub(crate) mod names;

pub use error::{AwsAnswer, Code, Error, Errors};
pub use finding::{Finding, FindingCode, Severity};
