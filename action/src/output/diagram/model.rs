//! What a picture shows: the AMIs and keys of each Region, and who may do what with them.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::id::{KeyArn, SourceImage};
use ami_share::plan::Step;
use ami_share::report::ImageReport;
use ami_share::{Region, Report};

use crate::output::principal_name::short;

/// What somebody may do with a thing. Where boxes become one, the last of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum May {
    /// They could before.
    Already,
    /// This run took it from them, or would.
    NoMore,
    /// This run gave it to them, or would.
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Ami,
    Key,
}

/// An AMI or a key, or several of one kind in one box.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    /// What to call it, while it is one.
    pub(super) label: Vec<String>,
    pub(super) ids: BTreeSet<String>,
    /// The keys that it is encrypted under.
    pub(super) under: BTreeSet<String>,
    pub(super) may: BTreeMap<String, May>,
}

impl Thing {
    fn note<T: ToString>(&mut self, whom: impl IntoIterator<Item = T>, may: May) {
        for who in whom {
            let held = self.may.entry(short(&who.to_string())).or_insert(may);
            *held = (*held).max(may);
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.ids.extend(other.ids.iter().cloned());
        self.under.extend(other.under.iter().cloned());
        for (who, may) in &other.may {
            self.note([who], *may);
        }
    }
}

/// A Region, or several in one box.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) regions: BTreeSet<Region>,
    pub(super) things: Vec<Thing>,
}

/// Everything that a report says of who may do what, Region by Region. `planned` says that its plan
/// was not carried out: then what it would change is shown as its change.
pub(super) fn of(report: &Report, planned: bool) -> Vec<Place> {
    let mut all = Things::default();
    for image in &report.images {
        let ami = all.ami(&image.source, &image.region);
        ami.label = label(image);
        ami.note(image.principals.iter().chain(&image.unlisted), May::Already);
        ami.note(&image.added, May::Now);
        ami.note(&image.removed, May::NoMore);
    }
    for shared in &report.keys {
        let key = all.key(&shared.key);
        key.note(&shared.principals, May::Already);
        key.note(&shared.added, May::Now);
        key.note(&shared.removed, May::NoMore);
    }
    for step in &report.plan.steps {
        all.plan(step, planned);
    }
    all.0
        .into_iter()
        .map(|(region, things)| Place {
            regions: [region].into(),
            things,
        })
        .collect()
}

fn label(image: &ImageReport) -> Vec<String> {
    let source = &image.source;
    let from = if source.region == image.region {
        String::new()
    } else {
        format!(" in {}", source.region)
    };
    match &image.image {
        Some(id) if *id == source.ami => vec![id.to_string()],
        Some(id) => vec![id.to_string(), format!("copy of {}{from}", source.ami)],
        None => vec![format!("copy of {}{from}", source.ami)],
    }
}

#[derive(Default)]
struct Things(BTreeMap<Region, Vec<Thing>>);

impl Things {
    fn plan(&mut self, step: &Step, planned: bool) {
        match step {
            Step::LaunchPermission(launch) => {
                let ami = self.ami(&launch.shared.source, &launch.shared.region);
                ami.under
                    .extend(launch.keys.iter().map(ToString::to_string));
                ami.note(launch.missing.iter().filter(|_| planned), May::Now);
            }
            Step::RemovePermissions(remove) => {
                let ami = self.ami(&remove.source, &remove.region);
                ami.under
                    .extend(remove.keys.iter().map(ToString::to_string));
                ami.note(remove.principals.iter().filter(|_| planned), May::NoMore);
            }
            Step::KeyAccess(access) => {
                let key = self.key(&access.key);
                key.note(&access.unlisted, May::Already);
                key.note(access.missing.iter().filter(|_| planned), May::Now);
            }
            Step::Grants(grants) => {
                let key = self.key(&grants.key);
                key.label.truncate(1);
                key.label.push("by grants".to_owned());
                key.note(grants.missing.iter().filter(|_| planned), May::Now);
            }
            Step::RemoveKeyAccess(remove) => {
                let key = self.key(&remove.key);
                key.note(remove.holders.iter().filter(|_| planned), May::NoMore);
                key.note(remove.grants.values().filter(|_| planned), May::NoMore);
            }
            _ => {}
        }
    }

    fn ami(&mut self, source: &SourceImage, region: &Region) -> &mut Thing {
        self.thing(region, Kind::Ami, source.to_string(), || {
            source.ami.to_string()
        })
    }

    fn key(&mut self, key: &KeyArn) -> &mut Thing {
        // The whole ID is in the table; here it would only be wrapped.
        let id = key.as_ref().rsplit('/').next().unwrap_or_default();
        let name = || format!("key {}", id.get(..13).unwrap_or(id));
        self.thing(key.region(), Kind::Key, key.to_string(), name)
    }

    fn thing(
        &mut self,
        region: &Region,
        kind: Kind,
        id: String,
        label: impl FnOnce() -> String,
    ) -> &mut Thing {
        let things = self.0.entry(region.clone()).or_default();
        let known = things
            .iter()
            .position(|thing| thing.kind == kind && thing.ids.contains(&id));
        let place = known.unwrap_or(things.len());
        if known.is_none() {
            let (ids, under, may) = ([id].into(), BTreeSet::new(), BTreeMap::new());
            things.push(Thing {
                kind,
                label: vec![label()],
                ids,
                under,
                may,
            });
        }
        &mut things[place]
    }
}
