//! Who uses an image, as the reports say that its owner asks AWS for (R7.12).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::{Image, World};

/// The types of resources that a report counts.
pub const INSTANCES: &str = "ec2:Instance";
/// See [`INSTANCES`].
pub const LAUNCH_TEMPLATES: &str = "ec2:LaunchTemplate";
/// How many accounts a report covers.
pub const MOST_ACCOUNTS: usize = 200;

/// A report on the usage of an image.
#[derive(Clone, Debug, Serialize)]
pub struct UsageReport {
    /// The ID.
    pub id: String,
    /// The image.
    pub image: String,
    /// The account that asked for it, which owns the image.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// When it was asked for.
    #[serde(skip)]
    pub created: Duration,
    /// When it is no longer pending.
    #[serde(skip)]
    pub settled: Duration,
    /// The types of resources that it counts; of launch templates with the versions to look at.
    pub resource_types: BTreeMap<String, usize>,
    /// The accounts that it is limited to; without any, it covers all.
    pub accounts: BTreeSet<String>,
    /// How many resources of each account and type use the image.
    pub counts: BTreeMap<String, BTreeMap<String, usize>>,
    /// Why it could not be made, if it could not.
    pub failure: Option<String>,
}

impl World {
    /// What uses an image in other accounts, by account and type of resource: what was there at a
    /// moment, as reports lag behind.
    pub(crate) fn count_usage(
        &self,
        image: &Image,
        resource_types: &BTreeMap<String, usize>,
        as_of: Duration,
    ) -> BTreeMap<String, BTreeMap<String, usize>> {
        let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        let mut count = |account: &str, kind: &str| {
            if account != image.owner && resource_types.contains_key(kind) {
                let of_account = counts.entry(account.to_owned()).or_default();
                *of_account.entry(kind.to_owned()).or_default() += 1;
            }
        };
        for instance in self.instances.values() {
            let is_there = instance.state != "terminated" && instance.launched <= as_of;
            if is_there && instance.image == image.id {
                count(&instance.owner, INSTANCES);
            }
        }
        let depth = resource_types.get(LAUNCH_TEMPLATES).copied();
        for template in self.launch_templates.values() {
            // However many versions name the image, the template counts once.
            let newest = template.versions.values().rev();
            let mut looked_at = newest.take(depth.unwrap_or_default());
            let names_image = looked_at.any(|version| {
                version.created <= as_of && version.data.get("ImageId") == Some(&image.id)
            });
            if names_image {
                count(&template.owner, LAUNCH_TEMPLATES);
            }
        }
        counts
    }
}
