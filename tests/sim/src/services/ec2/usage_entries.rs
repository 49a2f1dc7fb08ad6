//! The entries of reports on who uses an image (R7.12).

use super::authorize::authorize_all;
use super::usage_reports::{requested, state};
use super::{dry_run, filter};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query};
use crate::world::World;

/// One entry for each account and type of resource. A report that is not there yet has none.
pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeImageUsageReportEntries")?;
    dry_run(query)?;
    let filters = query.members("Filter");
    let mut entries: Vec<Result<Vec<Element>, Fail>> = Vec::new();
    for report in requested(world, query, request)? {
        if state(report, request) != "available" {
            continue;
        }
        for (account, counts) in &report.counts {
            for (kind, count) in counts {
                let fits = filter::fits(&filters, None, |name| match name {
                    "account-id" => Some(vec![account.as_str()]),
                    "resource-type" => Some(vec![kind.as_str()]),
                    _ => None,
                })?;
                if fits {
                    entries.push(Ok(vec![
                        Element::of("resourceType", kind),
                        Element::of("reportId", &report.id),
                        Element::of("usageCount", count),
                        Element::of("accountId", account),
                        Element::of("imageId", &report.image),
                        Element::of("reportCreationTime", request.clock.text(report.created)),
                    ]));
                }
            }
        }
    }
    let page = filter::page(query, request, entries.into_iter(), "-")?;
    Ok(page.render("imageUsageReportEntrySet", |entry| entry))
}
