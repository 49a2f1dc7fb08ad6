//! Who uses images, as AWS reports it to their owner: no role in the accounts that use them is
//! needed (R7.12).

use std::collections::BTreeMap;

use futures::future;
use tokio::time::{self, Instant};

use super::images;
use crate::aws::clients::RegionClients;
use crate::aws::ec2::{ReportState, RequestedReport};
use crate::diagnostic::{Code, Error, Finding};
use crate::id::{AmiId, Region, SourceImage};
use crate::inventory::{Image, ImageState, Inventory, RegionInventory, UnknownUsage, UsageReport};
use crate::limits::USAGE_REPORT_FRESH;
use crate::plan;
use crate::request::ShareRequest;
use crate::run::Run;
use crate::run::together::join_some;
use crate::tags;

/// By how much AWS's clock and ours may differ, in seconds: right ones do by far less.
const CLOCKS_DIFFER: i64 = 300;

/// What is known of the usage of images.
pub(crate) type ImageUsage = BTreeMap<(Region, AmiId), Result<UsageReport, UnknownUsage>>;

/// How AWS is asked who uses images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    /// Whether a new report is asked for and awaited, if there is no fresh one.
    pub(crate) for_new_report: bool,
    /// Until when.
    pub(crate) until: Instant,
}

/// Reads who uses these images, and of each whether its owner does, if that is asked.
pub(crate) async fn read_image_usage(
    run: &Run<'_>,
    images: impl IntoIterator<Item = ((Region, AmiId), bool)>,
    asking: Asking,
) -> ImageUsage {
    let mut reading = Vec::new();
    for ((region, image), asks_owner) in images {
        reading.push(async move {
            let clients = run.source_clients(&region);
            let read = Box::pin(read_report(run, &clients, &image, asking));
            // What was read of other images is known even if this one is not there in time.
            let read = time::timeout_at(asking.until, read).await;
            let too_late = |_elapsed| UnknownUsage::of(run.progress.deadline_error());
            let mut usage = read.map_err(too_late).flatten();
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

/// Who uses an image that is disabled since a moment, in seconds since 1970. Nobody can have begun
/// to use it since, so that a report counts which was fresh then.
pub(super) async fn read_usage_since(
    run: &Run<'_>,
    clients: &RegionClients,
    image: &AmiId,
    (since, asking): (i64, Asking),
) -> Result<UsageReport, UnknownUsage> {
    let reading = async {
        let known = clients.ec2.usage_reports(image).await;
        let known = known.map_err(UnknownUsage::of)?;
        let fresh = i64::try_from(USAGE_REPORT_FRESH.as_secs()).unwrap_or(i64::MAX);
        let mut whole = known;
        whole.retain(|report| {
            let is_whole = report.is_whole && report.state == ReportState::Available;
            let is_dated = !is_of_the_future(report, run.source.now());
            is_whole && is_dated && report.created >= since.saturating_sub(fresh)
        });
        whole.sort_by_key(|report| report.created);
        match whole.pop() {
            Some(report) => read_counts(clients, image, &report).await,
            // AWS makes no new one, so that a run will not know it either.
            None => match read_report(run, clients, image, asking).await {
                Err(unknown) if unknown.will_be_asked => {
                    Err(UnknownUsage::of(expired_report(clients, image)))
                }
                // AWS knows the image, but not for that.
                Err(unknown) if unknown.error.code == Code::ImageNotFound => {
                    Err(UnknownUsage::of(expired_report(clients, image)))
                }
                read => read,
            },
        }
    };
    let too_late = |_elapsed| UnknownUsage::of(run.progress.deadline_error());
    let read = time::timeout_at(asking.until, Box::pin(reading)).await;
    let mut usage = read.map_err(too_late).flatten()?;
    usage.own = Some(clients.ec2.own_usage(image).await);
    Ok(usage)
}

/// Who uses an image that everybody is to lose. A dry run asks for no report: then AWS's last one
/// counts if somebody used the image, however long ago, and what its owner uses now. A run finds
/// most likely the same.
pub(super) async fn read_usage_or_last(
    run: &Run<'_>,
    clients: &RegionClients,
    image: &AmiId,
    asking: Asking,
) -> Result<UsageReport, UnknownUsage> {
    let reading = async {
        let known = clients.ec2.usage_reports(image).await;
        let known = known.map_err(UnknownUsage::of)?;
        match read_among(run, clients, image, (known.clone(), asking)).await {
            Err(unknown) if unknown.will_be_asked => {
                let last = read_last_use(clients, image, known, run.source.now()).await;
                last.ok_or(unknown)
            }
            read => read,
        }
    };
    let too_late = |_elapsed| UnknownUsage::of(run.progress.deadline_error());
    let read = time::timeout_at(asking.until, Box::pin(reading)).await;
    let read = read.map_err(too_late).flatten();
    let own = clients.ec2.own_usage(image).await;
    let is_used = own.as_ref().is_ok_and(|own| !own.is_empty());
    let mut usage = match read {
        Err(unknown) if unknown.will_be_asked && is_used => UsageReport::default(),
        read => read?,
    };
    usage.own = Some(own);
    Ok(usage)
}

/// Who used an image when AWS last reported it; `None` if nobody did, or that is not known.
async fn read_last_use(
    clients: &RegionClients,
    image: &AmiId,
    known: Vec<RequestedReport>,
    now: i64,
) -> Option<UsageReport> {
    let mut whole = known;
    whole.retain(|report| {
        let is_whole = report.is_whole && report.state == ReportState::Available;
        is_whole && !is_of_the_future(report, now)
    });
    let newest = whole.into_iter().max_by_key(|report| report.created)?;
    let usage = read_counts(clients, image, &newest).await.ok()?;
    (!usage.counts.is_empty()).then_some(usage)
}

async fn read_counts(
    clients: &RegionClients,
    image: &AmiId,
    report: &RequestedReport,
) -> Result<UsageReport, UnknownUsage> {
    let counts = clients.ec2.usage_counts(image, &report.id).await;
    Ok(UsageReport {
        created: report.created,
        counts: counts.map_err(UnknownUsage::of)?,
        own: None,
    })
}

async fn read_report(
    run: &Run<'_>,
    clients: &RegionClients,
    image: &AmiId,
    asking: Asking,
) -> Result<UsageReport, UnknownUsage> {
    let known = clients.ec2.usage_reports(image).await;
    let known = known.map_err(UnknownUsage::of)?;
    read_among(run, clients, image, (known, asking)).await
}

/// Reads the fresh one of the reports that AWS keeps, or asks for another.
async fn read_among(
    run: &Run<'_>,
    clients: &RegionClients,
    image: &AmiId,
    (known, asking): (Vec<RequestedReport>, Asking),
) -> Result<UsageReport, UnknownUsage> {
    let fresh = find_fresh(known, run.source.now());
    let is_available = |report: &RequestedReport| report.state == ReportState::Available;
    let report = match fresh {
        Some(report) if is_available(&report) => report,
        pending if asking.for_new_report => {
            let made = make_report(run, clients, image, pending).await;
            made.map_err(UnknownUsage::of)?
        }
        _ => {
            return Err(UnknownUsage {
                error: no_report(clients, image),
                will_be_asked: true,
            });
        }
    };
    read_counts(clients, image, &report).await
}

/// Asks AWS for a report, unless it makes one already, and awaits it.
async fn make_report(
    run: &Run<'_>,
    clients: &RegionClients,
    image: &AmiId,
    pending: Option<RequestedReport>,
) -> Result<RequestedReport, Error> {
    let id = match pending {
        Some(report) => report.id,
        None => clients.ec2.create_usage_report(image).await?,
    };
    await_report(run, clients, image, &id).await
}

/// The newest report that covers everything, is or will be available, and is not stale.
fn find_fresh(reports: Vec<RequestedReport>, now: i64) -> Option<RequestedReport> {
    let age = |report: &RequestedReport| {
        u64::try_from(now.saturating_sub(report.created)).unwrap_or_default()
    };
    let mut fresh = reports;
    fresh.retain(|report| {
        let is_usable = report.is_whole && !matches!(report.state, ReportState::Failed(_));
        is_usable && !is_of_the_future(report, now) && age(report) <= USAGE_REPORT_FRESH.as_secs()
    });
    fresh.sort_by_key(|report| (report.state == ReportState::Available, report.created));
    fresh.pop()
}

/// Whether the date of a report cannot be: how old it is, is not known then.
fn is_of_the_future(report: &RequestedReport, now: i64) -> bool {
    report.created > now.saturating_add(CLOCKS_DIFFER)
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
    let remedy = "run `mode: usage` before the dry run; the run itself asks for a report";
    unknown(clients, image, message).remedy(remedy)
}

fn expired_report(clients: &RegionClients, image: &AmiId) -> Error {
    let message = format!(
        "there is no usage report on {image} of the time before it was disabled: AWS keeps one for \
         30 days, and may make none on a disabled image"
    );
    unknown(clients, image, message)
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

/// The images that are looked at.
#[derive(Default)]
pub(crate) struct FoundImages {
    /// Each with the image of the request that it is, or is a copy of.
    pub(crate) images: BTreeMap<(Region, AmiId), SourceImage>,
    /// Images that only look like copies of this tool.
    pub(crate) findings: Vec<Finding>,
    /// What could not be read.
    pub(crate) errors: Vec<Error>,
}

impl FoundImages {
    /// One call may fail for several images.
    fn add_error(&mut self, error: Error) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

/// The images of a request and the copies that this tool made of them, in every Region of the
/// request.
pub(crate) async fn find_images(run: &Run<'_>, request: &ShareRequest) -> FoundImages {
    let mut reading = Vec::new();
    for region in request.regions() {
        reading.push(read_region(run, request, region));
    }
    let mut found = FoundImages::default();
    let mut inventory = Inventory::new(&run.source.identity.account, run.source.now());
    for (region, errors) in future::join_all(reading).await {
        errors.into_iter().for_each(|error| found.add_error(error));
        let name = region.location.region.clone();
        inventory.regions.insert(name, region);
    }
    for source in &request.images {
        for (name, region) in &inventory.regions {
            if name == &source.region && region.images.contains_key(&source.ami) {
                let image = (name.clone(), source.ami.clone());
                found.images.insert(image, source.clone());
            }
            for (copy, doubt) in plan::called_copies(request, &inventory, source, region) {
                if let Some(doubt) = doubt {
                    let finding = plan::not_ours(copy, source, doubt, "is left out");
                    found.findings.push(finding);
                } else if may_be_used(copy) {
                    let image = (name.clone(), copy.id.clone());
                    found.images.insert(image, source.clone());
                }
            }
        }
    }
    found
}

/// The images of one Region, and what could not be read. Whether copies are of this tool is told by
/// what AWS says of them and by their tags: their snapshots are not read, which a role that only
/// asks about usage may not do.
async fn read_region(
    run: &Run<'_>,
    request: &ShareRequest,
    region: Region,
) -> (RegionInventory, Vec<Error>) {
    let clients = run.source_clients(&region);
    let mut region = RegionInventory::new(clients.location.clone());
    let mut errors = Vec::new();
    let sources = request.images.iter().map(SourceImage::tag).collect();
    let named = images::read_named_images(run, &clients, request, None);
    let copies = clients.ec2.own_images_tagged(tags::SOURCE, sources);
    let (named, copies) = future::join(named, copies).await;
    match copies {
        Ok(copies) => region.copies = copies,
        Err(error) => errors.push(error),
    }
    match named {
        Ok((images, failures)) => {
            region.images = images;
            errors.extend(failures.into_iter().map(|failure| failure.error));
        }
        Err(error) => errors.push(error),
    }
    (region, errors)
}

/// Nobody launches others.
fn may_be_used(copy: &Image) -> bool {
    matches!(copy.state, ImageState::Available | ImageState::Disabled)
}
