//! What a diagram shows: the AMIs and keys of each Region, and who may do what with them.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::id::KeyArn;
use ami_share::plan::Step;
use ami_share::report::ImageReport;
use ami_share::{Region, Report};

use crate::output::image_steps;
use crate::output::key_name::KeyNames;
use crate::output::principal_name::short_name;

/// The access of a principal to an image or key. Where several become one box, the last of these
/// counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// It was there before.
    Kept,
    /// This run removed it, or would.
    Removed,
    /// This run added it, or would.
    Added,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Image,
    Key,
}

/// An AMI or a key, or several of one kind in one box.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) kind: Kind,
    /// What to call it, while it is only one.
    pub(super) label: Vec<String>,
    pub(super) ids: BTreeSet<String>,
    /// The keys that an image is encrypted under.
    pub(super) keys: BTreeSet<String>,
    /// The access of each principal, by its short name.
    pub(super) access: BTreeMap<String, Access>,
}

impl Resource {
    /// Sets the access of principals, where it counts more than what is known of them.
    fn set<T: ToString>(&mut self, principals: impl IntoIterator<Item = T>, access: Access) {
        for principal in principals {
            let name = short_name(&principal.to_string());
            let known = self.access.entry(name).or_insert(access);
            *known = (*known).max(access);
        }
    }

    /// Adds what a step says of an image, and of its plan what it would change.
    fn add_step(&mut self, step: &Step, planned: bool) {
        let (keys, change, access) = match step {
            Step::LaunchPermission(launch) => (&launch.keys, &launch.missing, Access::Added),
            Step::RemovePermissions(remove) => (&remove.keys, &remove.principals, Access::Removed),
            _ => return,
        };
        self.keys.extend(keys.iter().map(ToString::to_string));
        if planned {
            self.set(change, access);
        }
    }

    /// Adds another one of its kind to the box.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.ids.extend(other.ids.iter().cloned());
        self.keys.extend(other.keys.iter().cloned());
        for (principal, access) in &other.access {
            self.set([principal], *access);
        }
    }
}

/// A Region, or several in one box.
#[derive(Clone, Debug)]
pub(super) struct RegionBox {
    pub(super) regions: BTreeSet<Region>,
    pub(super) resources: Vec<Resource>,
}

/// Everything that a report says of who may do what, Region by Region. `planned` says that its plan
/// was not carried out: then what it would change is shown as its change.
pub(super) fn of_report(report: &Report, planned: bool) -> Vec<RegionBox> {
    let mut model = Model {
        regions: BTreeMap::new(),
        keys: KeyNames::of(&report.plan),
    };
    for image in &report.images {
        let resource = model.image(image);
        resource.label = label(image);
        resource.set(&image.principals, Access::Kept);
        resource.set(&image.unlisted, Access::Kept);
        // What this run gave and took again is lost.
        resource.set(image.added.intersection(&image.principals), Access::Added);
        resource.set(image.removed.difference(&image.principals), Access::Removed);
        for step in image_steps::of(report, image) {
            resource.add_step(step, planned);
        }
    }
    for key in &report.keys {
        let resource = model.key(&key.key);
        let mut holders: BTreeSet<String> = short_names(&key.principals);
        holders.extend(short_names(&key.unlisted));
        let removed = short_names(&key.removed);
        resource.set(&holders, Access::Kept);
        let lost: BTreeSet<&String> = removed.difference(&holders).collect();
        resource.set(&lost, Access::Removed);
        // What this run gave and took again is lost.
        let mut added = short_names(&key.added);
        added.retain(|name| !lost.contains(name));
        resource.set(&added, Access::Added);
    }
    for step in &report.plan.steps {
        model.add_state(step);
        if planned {
            model.add_change(step);
        }
    }
    let mut boxes = Vec::new();
    for (region, resources) in model.regions {
        let regions = BTreeSet::from([region]);
        boxes.push(RegionBox { regions, resources });
    }
    boxes
}

fn short_names<T: ToString>(names: &BTreeSet<T>) -> BTreeSet<String> {
    let names = names.iter().map(ToString::to_string);
    names.map(|name| short_name(&name)).collect()
}

/// The lines that an image is called by.
fn label(image: &ImageReport) -> Vec<String> {
    let source = &image.source;
    let copy = if source.region == image.region {
        format!("copy of {}", source.ami)
    } else {
        format!("copy of {} in {}", source.ami, source.region)
    };
    match &image.image {
        Some(id) if *id == source.ami => vec![id.to_string()],
        Some(id) => vec![id.to_string(), copy],
        None => vec![copy],
    }
}

/// The resources of each Region, and what keys are called.
struct Model {
    regions: BTreeMap<Region, Vec<Resource>>,
    keys: KeyNames,
}

impl Model {
    /// Adds what a step says of how it is now.
    fn add_state(&mut self, step: &Step) {
        match step {
            Step::Grants(grants) => {
                let key = self.key(&grants.key);
                key.label.truncate(1);
                key.label.push("by grants".to_owned());
            }
            Step::RemoveKeyAccess(remove) => {
                let key = self.key(&remove.key);
                key.set(&remove.kept, Access::Kept);
                key.set(remove.in_use.keys(), Access::Kept);
            }
            _ => {}
        }
    }

    /// Adds what a step would change.
    fn add_change(&mut self, step: &Step) {
        match step {
            Step::KeyAccess(access) => self.key(&access.key).set(&access.missing, Access::Added),
            Step::Grants(grants) => self.key(&grants.key).set(&grants.missing, Access::Added),
            Step::RemoveKeyAccess(remove) => {
                let key = self.key(&remove.key);
                key.set(&remove.principals, Access::Removed);
                key.set(remove.grants.values(), Access::Removed);
            }
            _ => {}
        }
    }

    fn image(&mut self, image: &ImageReport) -> &mut Resource {
        let label = image.source.ami.to_string();
        // Groups may each make a copy of one image.
        let id = match &image.image {
            Some(id) => id.to_string(),
            None => format!("{} for {:?}", image.source, image.groups),
        };
        self.resource(&image.region, Kind::Image, id, label)
    }

    fn key(&mut self, key: &KeyArn) -> &mut Resource {
        let label = self.keys.shorten(key.as_ref());
        self.resource(key.region(), Kind::Key, key.to_string(), label)
    }

    /// The resource with this ID, added with this label if it is new.
    fn resource(
        &mut self,
        region: &Region,
        kind: Kind,
        id: String,
        label: String,
    ) -> &mut Resource {
        let resources = self.regions.entry(region.clone()).or_default();
        let known = resources
            .iter()
            .position(|resource| resource.kind == kind && resource.ids.contains(&id));
        let index = known.unwrap_or(resources.len());
        if known.is_none() {
            resources.push(Resource {
                kind,
                label: vec![label],
                ids: BTreeSet::from([id]),
                keys: BTreeSet::new(),
                access: BTreeMap::new(),
            });
        }
        &mut resources[index]
    }
}
