//! EC2: reports on who uses an image, which its owner asks for (R7.12).

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    ImageReferenceOptionName, ImageReferenceResourceType, ImageUsageReport, ImageUsageReportEntry,
    ImageUsageResourceTypeOption, ImageUsageResourceTypeRequest, ResourceTypeOption,
    ResourceTypeRequest,
};

use super::Ec2;
use crate::aws::pages::Pages;
use crate::aws::unreadable::{Unreadable, present, read};
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId};
use crate::limits;

/// What a report counts.
const RESOURCE_TYPES: [&str; 2] = ["ec2:Instance", "ec2:LaunchTemplate"];

/// The states of instances that use their image, or may use it again.
const ALIVE: [&str; 4] = ["pending", "running", "stopping", "stopped"];
/// How many versions of a launch template count in reports on other accounts, unless AWS is asked
/// for others.
const VERSIONS: u32 = 20;
/// How many count in the account itself: as many as one can have, since an Auto Scaling group may
/// launch by any of them.
const OWN_VERSIONS: usize = limits::TEMPLATE_VERSIONS;

/// A report that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct RequestedReport {
    pub(crate) id: String,
    pub(crate) state: ReportState,
    /// In seconds since 1970.
    pub(crate) created: i64,
    /// Whether it covers every account, and all that this tool asks for.
    pub(crate) is_whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReportState {
    Pending,
    Available,
    /// AWS could not make it, with the reason that AWS gives.
    Failed(String),
}

impl Ec2 {
    /// The reports on an image that AWS still keeps (`ec2:DescribeImageUsageReports`).
    pub(crate) async fn usage_reports(&self, image: &AmiId) -> Result<Vec<RequestedReport>, Error> {
        const ACTION: &str = "ec2:DescribeImageUsageReports";
        let resource = Some(image.as_ref());
        let call = || {
            self.client
                .get()
                .describe_image_usage_reports()
                .image_ids(image.as_ref())
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, resource), pages, |page| {
            (page.image_usage_reports().len(), page.next_token())
        });
        let mut reports = Vec::new();
        while let Some(page) = pages.next().await? {
            for report in page.image_usage_reports() {
                let report = convert(report).map_err(|error| error.of(image.as_ref()));
                reports.push(report.map_err(|error| self.unreadable(ACTION, &error))?);
            }
        }
        Ok(reports)
    }

    /// Asks for a report on an image, and returns its ID. AWS deletes it after 30 days
    /// (`ec2:CreateImageUsageReport`).
    pub(crate) async fn create_usage_report(&self, image: &AmiId) -> Result<String, Error> {
        const ACTION: &str = "ec2:CreateImageUsageReport";
        let kinds = RESOURCE_TYPES.map(|name| {
            let kind = ImageUsageResourceTypeRequest::builder().resource_type(name);
            kind.build()
        });
        let call = || {
            let call = self.client.get().create_image_usage_report();
            let call = call.image_id(image.as_ref());
            call.set_resource_types(Some(kinds.into())).send()
        };
        let answer = self.caller.send(ACTION, Some(image.as_ref()), call).await?;
        present("ReportId", answer.report_id)
            .map_err(|error| self.unreadable(ACTION, &error.of(image.as_ref())))
    }

    /// How many resources of each type use an image, by account, as a report says
    /// (`ec2:DescribeImageUsageReportEntries`).
    pub(crate) async fn usage_counts(
        &self,
        image: &AmiId,
        report: &str,
    ) -> Result<BTreeMap<AccountId, BTreeMap<String, u64>>, Error> {
        const ACTION: &str = "ec2:DescribeImageUsageReportEntries";
        let resource = Some(image.as_ref());
        let call = || {
            self.client
                .get()
                .describe_image_usage_report_entries()
                .report_ids(report)
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, resource), pages, |page| {
            (page.image_usage_report_entries().len(), page.next_token())
        });
        let mut counts: BTreeMap<AccountId, BTreeMap<String, u64>> = BTreeMap::new();
        while let Some(page) = pages.next().await? {
            for entry in page.image_usage_report_entries() {
                let entry = convert_entry(entry).map_err(|error| error.of(image.as_ref()));
                let (account, kind, count) =
                    entry.map_err(|error| self.unreadable(ACTION, &error))?;
                let sum: &mut u64 = counts.entry(account).or_default().entry(kind).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        // Types of which there is none say nothing.
        counts.retain(|_, of_account| {
            of_account.retain(|_, count| *count > 0);
            !of_account.is_empty()
        });
        Ok(counts)
    }
}

impl Ec2 {
    /// How many resources of each type use an image in the account itself, as of now
    /// (`ec2:DescribeImageReferences`).
    pub(crate) async fn own_usage(&self, image: &AmiId) -> Result<BTreeMap<String, u64>, Error> {
        const ACTION: &str = "ec2:DescribeImageReferences";
        let instances = ResourceTypeOption::builder()
            .option_name(ImageReferenceOptionName::StateName)
            .set_option_values(Some(ALIVE.map(str::to_owned).into()));
        let templates = ResourceTypeOption::builder()
            .option_name(ImageReferenceOptionName::VersionDepth)
            .option_values(OWN_VERSIONS.to_string());
        let kinds = [
            (ImageReferenceResourceType::Ec2Instance, instances),
            (ImageReferenceResourceType::Ec2LaunchTemplate, templates),
        ];
        let kinds = kinds.map(|(name, option)| {
            let kind = ResourceTypeRequest::builder().resource_type(name);
            kind.resource_type_options(option.build()).build()
        });
        let call = || {
            let call = self.client.get().describe_image_references();
            let call = call.image_ids(image.as_ref());
            call.set_resource_types(Some(kinds.into()))
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let resource = Some(image.as_ref());
        let mut pages = Pages::new(&self.caller, (ACTION, resource), pages, |page| {
            (page.image_references().len(), page.next_token())
        });
        let mut counts = BTreeMap::new();
        while let Some(page) = pages.next().await? {
            for reference in page.image_references() {
                let kind = present("ResourceType", reference.resource_type());
                let kind = kind.map_err(|error| error.of(image.as_ref()));
                let kind = kind.map_err(|error| self.unreadable(ACTION, &error))?;
                *counts.entry(kind.as_str().to_owned()).or_default() += 1;
            }
        }
        Ok(counts)
    }
}

fn convert(report: &ImageUsageReport) -> Result<RequestedReport, Unreadable> {
    let id = present("ReportId", report.report_id())?;
    let state = match present("State", report.state())? {
        "pending" => ReportState::Pending,
        "available" => ReportState::Available,
        "error" => {
            let reason = report.state_reason().unwrap_or("AWS gives no reason");
            ReportState::Failed(reason.to_owned())
        }
        other => return Err(Unreadable::unknown("State", other)),
    };
    let created = present("CreationTime", report.creation_time())?;
    let mut kinds = Vec::new();
    for kind in report.resource_types() {
        // Somebody else may have asked for fewer versions of launch templates.
        if kind.resource_type_options().iter().all(is_deep) {
            kinds.push(kind.resource_type().unwrap_or_default());
        }
    }
    let is_of_all = report.account_ids().is_empty();
    Ok(RequestedReport {
        id: id.to_owned(),
        state,
        created: created.secs(),
        is_whole: is_of_all && RESOURCE_TYPES.iter().all(|kind| kinds.contains(kind)),
    })
}

/// Whether an option of a report asks for as much as this tool does.
fn is_deep(option: &ImageUsageResourceTypeOption) -> bool {
    let depth = |value: &String| value.parse::<u32>().is_ok_and(|depth| depth >= VERSIONS);
    option.option_name() == Some("version-depth") && option.option_values().iter().all(depth)
}

fn convert_entry(entry: &ImageUsageReportEntry) -> Result<(AccountId, String, u64), Unreadable> {
    let account = read("AccountId", entry.account_id())?;
    let kind = present("ResourceType", entry.resource_type())?.to_owned();
    let count = present("UsageCount", entry.usage_count())?;
    let count =
        u64::try_from(count).map_err(|_negative| Unreadable::unknown("UsageCount", count))?;
    Ok((account, kind, count))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::ImageUsageResourceType;

    use super::*;

    /// A report that somebody else asked for may look at fewer versions of launch templates.
    #[test]
    fn report_that_looks_less_deep_is_not_whole() {
        let option = |name: &str, value: &str| {
            let option = ImageUsageResourceTypeOption::builder().option_name(name);
            option.option_values(value).build()
        };
        for (option, expected) in [
            (None, true),
            (Some(option("version-depth", "20")), true),
            (Some(option("version-depth", "100")), true),
            (Some(option("version-depth", "1")), false),
            (Some(option("version-depth", "all")), false),
            (Some(option("state-name", "running")), false),
        ] {
            let mut report = ImageUsageReport::builder()
                .report_id("usage-1")
                .state("available")
                .creation_time(aws_smithy_types::DateTime::from_secs(0));
            for name in RESOURCE_TYPES {
                let kind = ImageUsageResourceType::builder().resource_type(name);
                let kind = kind.set_resource_type_options(option.clone().map(|one| vec![one]));
                report = report.resource_types(kind.build());
            }
            let report = convert(&report.build()).unwrap();
            assert_eq!(report.is_whole, expected, "{option:?}");
        }
    }
}
