//! Who uses images: [`Sharer::usage`].

use tokio::time::{self, Instant};

use super::{Sharer, not_allowed};
use crate::diagnostic::{Error, Errors};
use crate::observe;
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
        let reading = run.telling(Box::pin(read(&run, &request)));
        let Ok(read) = time::timeout_at(deadline, reading).await else {
            return Err(run.progress.deadline_error().into());
        };
        let (request, usage, errors) = read?;
        for error in &errors {
            run.progress.emit(&Event::Failed(error.clone()));
        }
        let plan = Plan::empty(&request, &account, deadline);
        Ok(Report {
            usage,
            errors,
            ..Report::begin(&plan)
        })
    }
}

/// The request with the images of its parameters, who uses them, and what could not be read.
async fn read(
    run: &Run<'_>,
    request: &ShareRequest,
) -> Result<(ShareRequest, Vec<ImageUsage>, Vec<Error>), Errors> {
    let request = observe::resolve_images(run, request).await?;
    let (images, mut errors) = observe::find_images(run, &request).await;
    let named = images.keys().map(|image| (image.clone(), true));
    let read = observe::read_image_usage(run, named, true).await;
    let (now, mut usage) = (run.source.now(), Vec::new());
    for (image, source) in images {
        match read.get(&image) {
            Some(Ok(report)) => {
                if let Some(Err(error)) = &report.own {
                    errors.push(error.clone());
                }
                let owner = &run.source.identity.account;
                usage.push(ImageUsage::new(source, image, (owner, report), now));
            }
            Some(Err(error)) if !errors.contains(error) => errors.push(error.clone()),
            _ => {}
        }
    }
    Ok((request.into_owned(), usage, errors))
}
