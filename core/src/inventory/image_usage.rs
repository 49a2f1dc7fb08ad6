//! Who uses an image, as a report of AWS says (R7.12).

use std::collections::BTreeMap;

use crate::diagnostic::Error;
use crate::id::AccountId;
use crate::limits::USAGE_REPORT_ACCOUNTS;

/// One report on one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UsageReport {
    /// When it was made, in seconds since 1970.
    pub(crate) created: i64,
    /// How many resources of each type use the image, by account. The owner is not among them.
    pub(crate) counts: BTreeMap<AccountId, BTreeMap<String, u64>>,
    /// The same of the owner itself, which no report counts; `None` if it was not asked.
    pub(crate) own: Option<Result<BTreeMap<String, u64>, Error>>,
}

impl UsageReport {
    /// Whether it covers as many accounts as a report can, so that others may use the image too.
    pub(crate) fn is_full(&self) -> bool {
        self.counts.len() >= USAGE_REPORT_ACCOUNTS
    }
}
