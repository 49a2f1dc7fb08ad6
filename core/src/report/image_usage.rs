//! Who uses an image, as AWS reports it to its owner.

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{AccountId, AmiId, Region, SourceImage};
use crate::inventory::UsageReport;
use crate::plan::rfc3339;

/// Who uses one image. Of other accounts that is what one report of AWS says: it counts the launch
/// templates that name the image in one of their 20 newest versions, and lacks instances of the
/// last day and launch templates of the last days. Of the owner it is so now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ImageUsage {
    /// The image that the request named.
    pub source: SourceImage,
    /// The Region.
    pub region: Region,
    /// That image, or a copy that this tool made of it.
    pub image: AmiId,
    /// When AWS made the report on other accounts.
    pub reported: String,
    /// How old the report is, in seconds.
    pub age: u64,
    /// Whether every account is known: AWS lists 200 at most, and the owner may be refused its own
    /// use.
    pub complete: bool,
    /// The accounts that use the image, with each type of resource.
    pub accounts: Vec<AccountUsage>,
}

/// How many resources of a type use an image in one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct AccountUsage {
    /// The account.
    pub account: AccountId,
    /// `ec2:Instance` or `ec2:LaunchTemplate`.
    pub resource_type: String,
    /// How many.
    pub count: u64,
}

impl ImageUsage {
    /// The usage of an image in a Region; `now` is in seconds since 1970.
    pub(crate) fn new(
        source: SourceImage,
        (region, image): (Region, AmiId),
        (owner, report): (&AccountId, &UsageReport),
        now: i64,
    ) -> Self {
        let mut accounts = Vec::new();
        let own = report.own.iter().flatten();
        let own = own.map(|counts| (owner, counts));
        for (account, counts) in own.chain(&report.counts) {
            for (resource_type, count) in counts {
                accounts.push(AccountUsage {
                    account: account.clone(),
                    resource_type: resource_type.clone(),
                    count: *count,
                });
            }
        }
        Self {
            source,
            region,
            image,
            reported: rfc3339(report.created),
            age: u64::try_from(now - report.created).unwrap_or_default(),
            complete: !report.is_full() && !matches!(report.own, Some(Err(_))),
            accounts,
        }
    }
}
