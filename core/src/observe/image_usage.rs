//! Who uses images, as AWS reports it to their owner: no role in the accounts that use them is
//! needed (R7.12).

use std::collections::BTreeMap;

use futures::future;
use tokio::time::Instant;

use super::images;
use crate::aws::clients::RegionClients;
use crate::aws::ec2::{ReportState, RequestedReport};
use crate::diagnostic::{Code, Error};
use crate::id::{AmiId, Region, SourceImage};
use crate::inventory::{Image, ImageState, UsageReport};
use crate::limits::USAGE_REPORT_FRESH;
use crate::request::ShareRequest;
use crate::run::Run;
use crate::run::together::join_some;
use crate::tags;

/// What is known of the usage of images.
pub(crate) type ImageUsage = BTreeMap<(Region, AmiId), Result<UsageReport, Error>>;

/// Reads who uses these images, and of each whether its owner does, if that is asked. A new report
/// is asked for and awaited only if `may_ask`; else there may be one that is fresh.
pub(crate) async fn read_image_usage(
    run: &Run<'_>,
    images: impl IntoIterator<Item = ((Region, AmiId), bool)>,
    may_ask: bool,
) -> ImageUsage {
    let mut reading = Vec::new();
    for ((region, image), asks_owner) in images {
        reading.push(async move {
            let clients = run.source_clients(&region);
            let mut usage = Box::pin(read(run, &clients, &image, may_ask)).await;
            if let Ok(usage) = &mut usage
                && asks_owner
            {
                usage.own = Some(clients.ec2.own_usage(&image).await);
            }
            ((region, image), usage)
        });
    }
    join_some(reading).await.into_iter().collect()
}

async fn read(
    run: &Run<'_>,
    clients: &RegionClients,
    image: &AmiId,
    may_ask: bool,
) -> Result<UsageReport, Error> {
    let known = clients.ec2.usage_reports(image).await?;
    let mut report = find_fresh(known, run.source.now());
    if !may_ask {
        let is_there = |report: &RequestedReport| report.state == ReportState::Available;
        report = report.filter(is_there);
        if report.is_none() {
            return Err(no_report(clients, image));
        }
    }
    let report = match report {
        Some(report) if report.state == ReportState::Available => report,
        pending => {
            let id = match pending {
                Some(report) => report.id,
                None => clients.ec2.create_usage_report(image).await?,
            };
            await_report(run, clients, image, &id).await?
        }
    };
    Ok(UsageReport {
        created: report.created,
        counts: clients.ec2.usage_counts(image, &report.id).await?,
        own: None,
    })
}

/// The newest report that covers everything, is or will be available, and is not stale.
fn find_fresh(reports: Vec<RequestedReport>, now: i64) -> Option<RequestedReport> {
    let age = |report: &RequestedReport| u64::try_from(now - report.created).unwrap_or_default();
    let mut fresh = reports;
    fresh.retain(|report| {
        let is_usable = report.is_whole && !matches!(report.state, ReportState::Failed(_));
        is_usable && age(report) <= USAGE_REPORT_FRESH.as_secs()
    });
    fresh.sort_by_key(|report| (report.state == ReportState::Available, report.created));
    fresh.pop()
}

/// Waits until a report is no longer pending; AWS may not show a new one at once.
async fn await_report(
    run: &Run<'_>,
    clients: &RegionClients,
    image: &AmiId,
    id: &str,
) -> Result<RequestedReport, Error> {
    let since = Instant::now();
    let mut backoff = run.progress.poll_backoff(run.timing.poll);
    loop {
        let reports = clients.ec2.usage_reports(image).await?;
        if let Some(report) = reports.into_iter().find(|report| report.id == id) {
            match &report.state {
                ReportState::Available => return Ok(report),
                ReportState::Failed(reason) => return Err(failed_report(clients, image, reason)),
                ReportState::Pending => {}
            }
        }
        let what = "to have its usage report";
        run.progress.wait(image, what, since, backoff.next()).await;
    }
}

fn no_report(clients: &RegionClients, image: &AmiId) -> Error {
    let message = format!(
        "there is no usage report on {image} of the last hour, and a dry run asks for none"
    );
    let remedy = "run `mode: usage` before the dry run; `mode: revoke` itself asks for a report";
    unknown(clients, image, message).remedy(remedy)
}

fn failed_report(clients: &RegionClients, image: &AmiId, reason: &str) -> Error {
    let message = format!("AWS could not make the usage report on {image}: {reason}");
    unknown(clients, image, message)
}

fn unknown(clients: &RegionClients, image: &AmiId, message: String) -> Error {
    let location = &clients.location;
    Error::new(Code::NoUsageReport, message)
        .at(&location.account, &location.region)
        .on(image)
}

/// The images of a request and the copies that this tool made of them, in every Region of the
/// request; and what could not be read.
pub(crate) async fn find_images(
    run: &Run<'_>,
    request: &ShareRequest,
) -> (BTreeMap<(Region, AmiId), SourceImage>, Vec<Error>) {
    let mut reading = Vec::new();
    for region in request.regions() {
        reading.push(async move {
            let clients = run.source_clients(&region);
            let sources = request.images.iter().map(SourceImage::tag).collect();
            let named = images::read_named_images(run, &clients, request, None);
            let copies = clients.ec2.own_images_tagged(tags::SOURCE, sources);
            let (named, copies) = future::join(named, copies).await;
            (region, named, copies)
        });
    }
    let (mut found, mut errors) = (BTreeMap::new(), Vec::new());
    for (region, named, copies) in future::join_all(reading).await {
        match named {
            Ok((images, failures)) => {
                errors.extend(failures.into_iter().map(|failure| failure.error));
                for id in images.into_keys() {
                    let source = SourceImage {
                        region: region.clone(),
                        ami: id.clone(),
                    };
                    found.insert((region.clone(), id), source);
                }
            }
            Err(error) => errors.push(error),
        }
        match copies {
            Ok(copies) => {
                for copy in copies.iter().filter(|copy| may_be_used(copy)) {
                    if let Some(source) = source_of(copy, request) {
                        found.insert((region.clone(), copy.id.clone()), source);
                    }
                }
            }
            Err(error) if !errors.contains(&error) => errors.push(error),
            Err(_) => {}
        }
    }
    (found, errors)
}

/// Nobody launches others.
fn may_be_used(copy: &Image) -> bool {
    matches!(copy.state, ImageState::Available | ImageState::Disabled)
}

fn source_of(copy: &Image, request: &ShareRequest) -> Option<SourceImage> {
    let tag = copy.tags.get(tags::SOURCE)?;
    let mut sources = request.images.iter();
    sources.find(|source| source.tag() == *tag).cloned()
}
