//! Reports on who uses an image: its owner asks for one, and needs no role in the accounts that
//! are reported on (R7.12).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::authorize::{account_resource, authorize, authorize_all, image_resource};
use super::client_token::ClientToken;
use super::{dry_run, filter, ids, return_true};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{INSTANCES, LAUNCH_TEMPLATES, MOST_ACCOUNTS, UsageReport, World};

/// AWS deletes a report after 30 days.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// How many versions of a launch template are looked at, unless the request says so.
const VERSIONS: usize = 20;

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    let resources = [
        image_resource(world, request.region, id, request),
        account_resource("image-usage-report/*", request),
    ];
    authorize(
        request,
        "ec2:CreateImageUsageReport",
        &resources,
        &Context::new(),
    )?;
    let token = query.filled("ClientToken");
    let token = token.map(|token| ClientToken::new(token.to_owned(), query, request));
    if let Some(token) = &token
        && let Some(report) = token.recall(world)?
    {
        return Ok(answer(report));
    }
    let image = ids::own_image(world, id, request)?.clone();
    ids::check_available(&image)?;
    let resource_types = read_resource_types(query)?;
    let accounts = read_accounts(query)?;
    dry_run(query)?;

    let delays = &request.options.delays;
    let as_of = request.now.saturating_sub(delays.usage.unwrap_or_default());
    let mut counts = world.count_usage(&image, &resource_types, as_of);
    counts.retain(|account, _| accounts.is_empty() || accounts.contains(account));
    while counts.len() > MOST_ACCOUNTS {
        counts.pop_last();
    }
    let report = UsageReport {
        id: world.new_id("image-usage-report"),
        image: image.id,
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        created: request.now,
        settled: request.now + delays.usage_reports,
        resource_types,
        accounts,
        counts,
        failure: None,
    };
    let id = report.id.clone();
    world.usage_reports.insert(id.clone(), report);
    if let Some(token) = token {
        token.remember(world, &id);
    }
    Ok(answer(&id))
}

fn answer(id: &str) -> Body {
    Body::Xml(vec![Element::of("reportId", id)])
}

/// The types of resources, of launch templates with how many versions to look at.
fn read_resource_types(query: &Query) -> Result<BTreeMap<String, usize>, Fail> {
    let mut types = BTreeMap::new();
    for member in query.members("ResourceType") {
        let name = member.need("ResourceType")?;
        let options = member.members("ResourceTypeOption");
        let depth = options.first().map(|option| {
            let values = option.list("OptionValue");
            values.first().and_then(|text| text.parse().ok())
        });
        let depth = match (name, depth) {
            (INSTANCES | LAUNCH_TEMPLATES, None) => VERSIONS,
            (LAUNCH_TEMPLATES, Some(Some(depth @ 1..=10_000))) => depth,
            _ => {
                let message = format!("The resource type {name} or its options are not valid.");
                return Err(Fail::invalid_value(message));
            }
        };
        types.insert(name.to_owned(), depth);
    }
    if types.is_empty() {
        let message = "The request must contain the parameter ResourceType";
        return Err(Fail::bad("MissingParameter", message));
    }
    Ok(types)
}

fn read_accounts(query: &Query) -> Result<BTreeSet<String>, Fail> {
    let accounts: BTreeSet<String> = query
        .list("AccountId")
        .into_iter()
        .map(str::to_owned)
        .collect();
    if accounts.len() > MOST_ACCOUNTS {
        let message = format!("More than {MOST_ACCOUNTS} account IDs are specified.");
        return Err(Fail::invalid_value(message));
    }
    Ok(accounts)
}

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeImageUsageReports")?;
    dry_run(query)?;
    let filters = query.members("Filter");
    let mut reports = Vec::new();
    for report in requested(world, query, request)? {
        let fits = filter::fits(&filters, None, |name| {
            (name == "state").then(|| vec![state(report, request)])
        })?;
        if fits {
            reports.push(Ok(report));
        }
    }
    let page = filter::page(query, request, reports.into_iter(), "-")?;
    Ok(page.render("imageUsageReportSet", |report| render(report, request)))
}

/// The caller's reports in the Region, by the IDs of reports and images that a request names.
pub(super) fn requested<'a>(
    world: &'a World,
    query: &Query,
    request: &Request<'_>,
) -> Result<Vec<&'a UsageReport>, Fail> {
    let (ids, images) = (query.list("ReportId"), query.list("ImageId"));
    for id in &ids {
        own_report(world, id, request)?;
    }
    let mut reports = Vec::new();
    for report in world.usage_reports.values() {
        let is_named = ids.is_empty() || ids.contains(&report.id.as_str());
        let is_of_image = images.is_empty() || images.contains(&report.image.as_str());
        if is_own(report, request) && is_named && is_of_image {
            reports.push(report);
        }
    }
    Ok(reports)
}

fn is_own(report: &UsageReport, request: &Request<'_>) -> bool {
    let is_kept = request.now < report.created + KEPT;
    is_kept && report.owner == request.account() && report.region == request.region
}

fn own_report<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a UsageReport, Fail> {
    let report = world.usage_reports.get(id);
    report
        .filter(|report| is_own(report, request))
        .ok_or_else(|| {
            let message = format!("The image usage report '{id}' does not exist");
            Fail::bad("InvalidImageUsageReportId.NotFound", message)
        })
}

/// `pending` at first.
pub(super) fn state(report: &UsageReport, request: &Request<'_>) -> &'static str {
    if request.now < report.settled {
        "pending"
    } else if report.failure.is_some() {
        "error"
    } else {
        "available"
    }
}

fn render(report: &UsageReport, request: &Request<'_>) -> Vec<Element> {
    let mut types = Vec::new();
    for (name, depth) in &report.resource_types {
        let mut members = vec![Element::of("resourceType", name)];
        if *depth != VERSIONS {
            let values = Element::new("optionValueSet").children([Element::of("item", depth)]);
            let option = vec![Element::of("optionName", "version-depth"), values];
            members.push(Element::list("resourceTypeOptionSet", vec![option]));
        }
        types.push(members);
    }
    let mut members = vec![
        Element::of("imageId", &report.image),
        Element::of("reportId", &report.id),
        Element::list("resourceTypeSet", types),
        Element::of("state", state(report, request)),
        Element::of("creationTime", request.clock.text(report.created)),
        Element::of("expirationTime", request.clock.text(report.created + KEPT)),
    ];
    if !report.accounts.is_empty() {
        let accounts = report.accounts.iter();
        let accounts = accounts.map(|account| Element::of("item", account));
        members.push(Element::new("accountIdSet").children(accounts));
    }
    if state(report, request) == "error" {
        members.extend(Element::optional("stateReason", report.failure.as_ref()));
    }
    members
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ReportId")?;
    let report = account_resource(&format!("image-usage-report/{id}"), request);
    authorize(
        request,
        "ec2:DeleteImageUsageReport",
        &[report],
        &Context::new(),
    )?;
    let id = own_report(world, id, request)?.id.clone();
    dry_run(query)?;
    world.usage_reports.remove(&id);
    Ok(return_true())
}
