//! Who uses an image, as a report of AWS says (R7.12).

use std::collections::BTreeMap;

use crate::diagnostic::Error;
use crate::id::AccountId;
use crate::limits::USAGE_REPORT_ACCOUNTS;

/// How many resources of each type use an image in an account.
pub(crate) type ResourceCounts = BTreeMap<String, u64>;

/// Why it is not known who uses an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownUsage {
    pub(crate) error: Error,
    /// Whether only a dry run does not know it, because it asks AWS nothing.
    pub(crate) will_be_asked: bool,
}

impl UnknownUsage {
    /// What could not be read.
    pub(crate) fn of(error: Error) -> Self {
        Self {
            error,
            will_be_asked: false,
        }
    }
}

/// One report on one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UsageReport {
    /// When it was made, in seconds since 1970.
    pub(crate) created: i64,
    /// How many resources of each type use the image, by account. The owner is not among them.
    pub(crate) counts: BTreeMap<AccountId, ResourceCounts>,
    /// The same of the owner itself, which no report counts; `None` if it was not asked.
    pub(crate) own: Option<Result<ResourceCounts, Error>>,
}

impl UsageReport {
    /// Whether it covers as many accounts as a report can, so that others may use the image too.
    pub(crate) fn is_full(&self) -> bool {
        self.counts.len() >= USAGE_REPORT_ACCOUNTS
    }
}
