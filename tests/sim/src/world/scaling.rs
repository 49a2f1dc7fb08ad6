//! Auto Scaling groups and what they did (R4.20).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::{Instance, Subnet, World};

/// An Auto Scaling group.
#[derive(Clone, Debug, Serialize)]
pub struct ScalingGroup {
    /// The ARN.
    pub arn: String,
    /// Unique in its account and Region.
    pub name: String,
    /// The account.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// The launch template.
    pub template: TemplateReference,
    /// It never has fewer instances than this.
    pub min: u32,
    /// It never has more instances than this.
    pub max: u32,
    /// How many instances it is to have.
    pub desired: u32,
    /// Where its instances run.
    pub subnets: Vec<Subnet>,
    /// The subnets as the request named them.
    pub named_subnets: String,
    /// The ARN of the service-linked role by which it launches.
    pub role: String,
    /// When it was made.
    #[serde(skip)]
    pub created: Duration,
    /// The IDs of the instances that it launched, the oldest first.
    pub instances: Vec<String>,
}

/// A launch template as a group names it.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateReference {
    /// The ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The version as the request named it, such as `$Latest`.
    pub version: Option<String>,
}

/// A scaling activity: one instance that is launched or terminated.
#[derive(Clone, Debug, Serialize)]
pub struct ScalingActivity {
    /// The ID.
    pub id: String,
    /// The ARN of the group.
    pub group: String,
    /// The name of the group.
    pub group_name: String,
    /// The account.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// Whether the instance is launched. Otherwise it is terminated.
    pub is_launch: bool,
    /// Why, in AWS's words.
    pub cause: String,
    /// Where the instance runs.
    pub subnet: Subnet,
    /// The instance, once there is one.
    pub instance: Option<String>,
    /// When it began.
    #[serde(skip)]
    pub begun: Duration,
    /// When it ended, and how; `None` while it goes on.
    pub end: Option<ActivityEnd>,
}

/// The end of a scaling activity.
#[derive(Clone, Debug, Serialize)]
pub struct ActivityEnd {
    /// When.
    #[serde(skip)]
    pub at: Duration,
    /// `Successful`, `Failed` or `Cancelled`.
    pub status: &'static str,
    /// `StatusMessage`, if it did not succeed.
    pub message: Option<String>,
}

/// A call that Auto Scaling is about to make by the role of a group.
#[derive(Clone, Debug)]
pub struct ScalingOrder {
    /// The ID of its activity.
    pub activity: String,
    /// The account of the group.
    pub account: String,
    /// The Region of the group.
    pub region: String,
    /// The ARN of the role.
    pub role: String,
    /// The operation of EC2.
    pub operation: &'static str,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
}

impl World {
    /// Whether an instance runs, or will.
    pub(crate) fn is_live(&self, instance: &str) -> bool {
        let instance = self.instances.get(instance);
        instance.is_some_and(|instance| matches!(instance.state, "pending" | "running"))
    }

    /// Ends an activity.
    pub(crate) fn end_activity(&mut self, id: &str, end: ActivityEnd) {
        let mut activities = self.scaling_activities.iter_mut();
        if let Some(activity) = activities.find(|activity| activity.id == id) {
            activity.end = Some(end);
        }
    }

    /// Ends the launches of groups whose instances have started, or ended before they did.
    pub(super) fn settle_activities(&mut self, now: Duration) {
        for activity in &mut self.scaling_activities {
            let instance = activity.instance.as_ref();
            let Some(instance) = instance.and_then(|id| self.instances.get(id)) else {
                continue;
            };
            if activity.end.is_some() || !activity.is_launch || instance.state == "pending" {
                continue;
            }
            let (status, message) = if instance.state == "running" {
                ("Successful", None)
            } else {
                ("Cancelled", Some(unhealthy(instance)))
            };
            activity.end = Some(ActivityEnd {
                at: now,
                status,
                message,
            });
        }
    }
}

/// Why an instance that has not started ends its activity.
fn unhealthy(instance: &Instance) -> String {
    let mut words =
        "Instance became unhealthy while waiting for instance to be in InService state.".to_owned();
    if let Some((_, reason)) = &instance.state_reason {
        words.push_str(&format!(" Termination Reason: {reason}"));
    }
    words
}
