//! Launch templates and their versions (R4.19).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::{Tags, World};

/// A launch template.
#[derive(Clone, Debug, Serialize)]
pub struct LaunchTemplate {
    /// The ID.
    pub id: String,
    /// Unique in its account and Region.
    pub name: String,
    /// The account.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// When it was made.
    #[serde(skip)]
    pub created: Duration,
    /// The ARN of whoever made it.
    pub creator: String,
    /// The number of the version that a launch gets that names none.
    pub default_version: u64,
    /// Its versions by number, from 1 on.
    pub versions: BTreeMap<u64, TemplateVersion>,
    /// Its tags.
    pub tags: Tags,
}

/// A version of a launch template. It never changes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TemplateVersion {
    /// The number.
    pub number: u64,
    /// The description.
    pub description: Option<String>,
    /// When it was made.
    #[serde(skip)]
    pub created: Duration,
    /// The ARN of whoever made it.
    pub creator: String,
    /// The parameters of a launch, under the names that RunInstances gives them.
    pub data: BTreeMap<String, String>,
}

impl LaunchTemplate {
    /// The number of the newest version.
    pub fn latest_version(&self) -> u64 {
        self.versions.keys().next_back().copied().unwrap_or(1)
    }

    /// A version by its number, or as `$Latest` or `$Default`; without a name, the default one.
    pub fn version(&self, named: Option<&str>) -> Option<&TemplateVersion> {
        let number = match named {
            None | Some("$Default") => self.default_version,
            Some("$Latest") => self.latest_version(),
            Some(number) => number.parse().ok()?,
        };
        self.versions.get(&number)
    }
}

impl World {
    /// The launch templates of an account in a Region.
    pub(crate) fn launch_templates_of<'a>(
        &'a self,
        account: &'a str,
        region: &'a str,
    ) -> impl Iterator<Item = &'a LaunchTemplate> {
        self.launch_templates
            .values()
            .filter(move |template| template.owner == account && template.region == region)
    }
}
