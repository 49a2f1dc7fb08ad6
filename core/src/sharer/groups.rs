//! Groups of targets with settings of their own, in one run.

use futures::future;

use super::Sharer;
use crate::diagnostic::{Error, Errors};
use crate::id::PlanDigest;
use crate::plan::{Plan, PlannedGroup, add_new};
use crate::report::{Incomplete, Report};
use crate::request::RequestGroup;

impl Sharer {
    /// Plans each group as [`plan`](Self::plan) does, and makes one plan of that, which
    /// [`apply`](Self::apply) carries out. With `expected`, it refuses unless it has that digest.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), if no group can be planned; of some groups, they are the plan's
    /// [errors](Plan::errors).
    pub async fn plan_groups(
        &self,
        groups: &[RequestGroup],
        expected: Option<&PlanDigest>,
    ) -> Result<Plan, Errors> {
        let planning = groups
            .iter()
            .map(|group| Box::pin(self.plan(&group.request)));
        join(groups, future::join_all(planning).await, expected)
    }

    /// Plans each group as [`preview`](Self::preview) does, and makes one plan of that.
    ///
    /// # Errors
    /// As [`plan_groups`](Self::plan_groups).
    pub async fn preview_groups(
        &self,
        groups: &[RequestGroup],
        expected: Option<&PlanDigest>,
    ) -> Result<Plan, Errors> {
        let planning = groups
            .iter()
            .map(|group| Box::pin(self.preview(&group.request)));
        join(groups, future::join_all(planning).await, expected)
    }

    /// Checks whether the targets of each group can launch, as [`verify`](Self::verify) does.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), if no group can be checked.
    pub async fn verify_groups(&self, groups: &[RequestGroup]) -> Result<Report, Errors> {
        let verifying = groups
            .iter()
            .map(|group| Box::pin(self.verify(&group.request)));
        join_reports(groups, future::join_all(verifying).await)
    }

    /// Asks who uses the images of each group, as [`usage`](Self::usage) does.
    ///
    /// # Errors
    /// As [`usage`](Self::usage), if nothing can be read.
    pub async fn usage_of_groups(&self, groups: &[RequestGroup]) -> Result<Report, Errors> {
        // One after the other: a report that one has asked for serves the next.
        let mut read = Vec::new();
        for group in groups {
            read.push(Box::pin(self.usage(&group.request)).await);
        }
        join_reports(groups, read)
    }

    /// Carries out the plans of groups at the same time.
    pub(super) async fn apply_groups(&self, plan: &Plan) -> Result<Report, Box<Incomplete>> {
        let applying = plan.groups.iter();
        let applying = applying.map(|group| Box::pin(self.apply_one(&group.plan)));
        let mut reports = Vec::new();
        for applied in future::join_all(applying).await {
            reports.push(applied.unwrap_or_else(|incomplete| incomplete.report));
        }
        let report = Report::together(plan, reports);
        if report.errors.is_empty() {
            Ok(report)
        } else {
            Err(Box::new(Incomplete { report }))
        }
    }
}

fn join(
    groups: &[RequestGroup],
    planned: Vec<Result<Plan, Errors>>,
    expected: Option<&PlanDigest>,
) -> Result<Plan, Errors> {
    let (mut plans, mut errors) = (Vec::new(), Vec::new());
    for (group, planned) in groups.iter().zip(planned) {
        match planned {
            Ok(plan) => plans.push(PlannedGroup::new(&group.name, plan)),
            Err(failed) => add_new(&mut errors, failed.as_slice()),
        }
    }
    let mut plan = whole(plans, expected, &errors)?;
    add_new(&mut plan.errors, &errors);
    Ok(plan)
}

fn join_reports(
    groups: &[RequestGroup],
    read: Vec<Result<Report, Errors>>,
) -> Result<Report, Errors> {
    let (mut plans, mut reports, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (group, read) in groups.iter().zip(read) {
        match read {
            Ok(report) => {
                plans.push(PlannedGroup::new(&group.name, report.plan.clone()));
                reports.push(report);
            }
            Err(failed) => add_new(&mut errors, failed.as_slice()),
        }
    }
    let plan = whole(plans, None, &errors)?;
    let mut report = Report::together(&plan, reports);
    add_new(&mut report.errors, &errors);
    Ok(report)
}

fn whole(
    plans: Vec<PlannedGroup>,
    expected: Option<&PlanDigest>,
    errors: &[Error],
) -> Result<Plan, Errors> {
    Plan::together(plans, expected).ok_or_else(|| Errors::of(errors))
}
