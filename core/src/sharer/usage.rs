//! Who uses images: [`Sharer::usage`].

use tokio::time::{self, Instant};

use super::{Sharer, not_allowed};
use crate::diagnostic::{Error, Errors, Finding};
use crate::observe::{self, Asking};
use crate::plan::Plan;
use crate::report::{Event, ImageUsage, Report};
use crate::request::ShareRequest;
use crate::run::Run;

impl Sharer {
    /// Asks AWS who uses the images of a request and the copies that this tool made of them, in the
    /// Regions of the request; needs no role in targets. The report's
    /// [`usage`](Report::usage) says it, and its errors what could not be read.
    ///
    /// Calls `ec2:DescribeImages`, `ec2:DescribeImageUsageReports`, `ec2:CreateImageUsageReport`
    /// unless there is a report of the last hour, `ec2:DescribeImageUsageReportEntries`, and
    /// `ec2:DescribeImageReferences` for the account itself. A report changes nothing, and AWS
    /// deletes it after 30 days.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn usage(&self, request: &ShareRequest) -> Result<Report, Errors> {
        let deadline = Instant::now() + request.timing().timeout;
        let source = self.connect(request, deadline).await?;
        let account = source.identity.account.clone();
        if let Some(finding) = not_allowed(request, &account) {
            let plan = Plan::refused(request, &account, finding, deadline);
            return Ok(Report::begin(&plan));
        }
        let request = request.without_targets();
        let run = self.start(source, &request, deadline, None).await?;
        let reading = run.telling(Box::pin(read(&run, &request, deadline)));
        let (request, read) = reading.await?;
        for error in &read.errors {
            run.progress.emit(&Event::Failed(error.clone()));
        }
        let mut plan = Plan::empty(&request, &account, deadline);
        plan.findings = read.findings;
        Ok(Report {
            usage: read.usage,
            errors: read.errors,
            ..Report::begin(&plan)
        })
    }
}

/// Who uses the images, what could not be read, and what only looks like a copy.
struct Read {
    usage: Vec<ImageUsage>,
    errors: Vec<Error>,
    findings: Vec<Finding>,
}

/// Reads who uses the images of a request, which is returned with those of its parameters.
async fn read(
    run: &Run<'_>,
    request: &ShareRequest,
    deadline: Instant,
) -> Result<(ShareRequest, Read), Errors> {
    let finding = Box::pin(async {
        let request = observe::resolve_images(run, request).await?;
        let found = observe::find_images(run, &request).await;
        Ok::<_, Errors>((request.into_owned(), found))
    });
    let Ok(found) = time::timeout_at(deadline, finding).await else {
        return Err(run.progress.deadline_error().into());
    };
    let (request, found) = found?;
    let named = found.images.keys().map(|image| (image.clone(), true));
    let asking = Asking {
        for_new_report: true,
        until: deadline,
    };
    let usage = observe::read_image_usage(run, named, asking).await;
    let (owner, now) = (&run.source.identity.account, run.source.now());
    let mut read = Read {
        usage: Vec::new(),
        errors: found.errors,
        findings: found.findings,
    };
    for (image, source) in found.images {
        let unread = match usage.get(&image) {
            Some(Ok(report)) => {
                let row = ImageUsage::new(source, image, (owner, report), now);
                read.usage.push(row);
                report.own.as_ref().and_then(|own| own.as_ref().err())
            }
            Some(Err(unknown)) => Some(&unknown.error),
            None => None,
        };
        if let Some(error) = unread
            && !read.errors.contains(error)
        {
            read.errors.push(error.clone());
        }
    }
    Ok((request, read))
}
