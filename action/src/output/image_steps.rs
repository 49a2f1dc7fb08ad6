//! The steps of a plan that give or take launch permission of one image.

use ami_share::plan::Step;
use ami_share::report::ImageReport;
use ami_share::{Plan, Report};

/// These steps. Groups may share different copies of one image, and a revoke may find several.
pub(super) fn of<'a>(report: &'a Report, image: &'a ImageReport) -> Vec<&'a Step> {
    let plan = &report.plan;
    let groups = plan.groups.iter();
    let groups = groups.filter(|group| image.groups.contains(&group.name));
    let mut plans: Vec<&Plan> = groups.map(|group| &group.plan).collect();
    if plan.groups.is_empty() {
        plans.push(plan);
    }
    let steps = plans.into_iter().flat_map(|plan| &plan.steps);
    steps.filter(|step| is_of(step, image)).collect()
}

fn is_of(step: &Step, image: &ImageReport) -> bool {
    let place = (&image.source, &image.region);
    match step {
        Step::LaunchPermission(launch) => (&launch.shared.source, &launch.shared.region) == place,
        Step::RemovePermissions(remove) => {
            (&remove.source, &remove.region) == place && image.image.as_ref() == Some(&remove.image)
        }
        _ => false,
    }
}
