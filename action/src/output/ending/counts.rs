//! How many images, targets and Regions something was done for.

use std::collections::BTreeSet;

use ami_share::id::SourceImage;
use ami_share::plan::Step;
use ami_share::{Principal, Region, Report};

use crate::output::principal_name::short_name;
use crate::output::values;

/// The images, principals and Regions that something was done for.
#[derive(Default)]
pub(super) struct Counts<'a> {
    images: BTreeSet<&'a SourceImage>,
    principals: BTreeSet<String>,
    /// Who lost keys, but no image.
    of_keys_alone: BTreeSet<String>,
    regions: BTreeSet<&'a Region>,
}

impl<'a> Counts<'a> {
    /// The images that targets are let launch: the shared image, or the target's own copy.
    pub(super) fn shared(report: &'a Report) -> Self {
        let mut counts = Self::default();
        for image in &report.images {
            for target in &report.plan.targets {
                if values::image_to_launch(report, target, image).is_some() {
                    counts.images.insert(&image.source);
                    counts.regions.insert(&image.region);
                    counts.principals.extend(names_of(report, target));
                }
            }
        }
        counts
    }

    /// The images that principals of the request have launch permission of.
    pub(super) fn permitted(report: &'a Report) -> Self {
        let mut counts = Self::default();
        for image in report
            .images
            .iter()
            .filter(|image| !image.principals.is_empty())
        {
            counts.images.insert(&image.source);
            counts.regions.insert(&image.region);
            for principal in &image.principals {
                counts.principals.extend(names_of(report, principal));
            }
        }
        counts
    }

    /// The images and keys that principals lost.
    pub(super) fn revoked(report: &'a Report) -> Self {
        Self::lost(report, &BTreeSet::new())
    }

    /// The images and keys that principals lost whom the request does not list.
    pub(super) fn revoked_from_unlisted(report: &'a Report) -> Self {
        let targets = report.plan.targets.iter().map(ToString::to_string);
        Self::lost(report, &targets.map(|name| short_name(&name)).collect())
    }

    /// The images and keys that principals lost, without some principals.
    fn lost(report: &'a Report, without: &BTreeSet<String>) -> Self {
        let mut counts = Self::default();
        for image in &report.images {
            let principals = image.removed.iter().map(ToString::to_string);
            let names = short_names(principals, without);
            if !names.is_empty() {
                counts.images.insert(&image.source);
                counts.regions.insert(&image.region);
                counts.principals.extend(names);
            }
        }
        for key in &report.keys {
            let names = short_names(key.removed.iter().cloned(), without);
            if !names.is_empty() {
                counts.regions.insert(key.key.region());
                counts.of_keys_alone.extend(names);
            }
        }
        let of_images = &counts.principals;
        counts
            .of_keys_alone
            .retain(|name| !of_images.contains(name));
        counts
    }

    /// What a plan is about.
    pub(super) fn planned(report: &'a Report) -> Self {
        let plan = &report.plan;
        let targets = plan.targets.iter();
        Self {
            images: plan.images.iter().collect(),
            principals: targets
                .flat_map(|target| names_of(report, target))
                .collect(),
            of_keys_alone: BTreeSet::new(),
            regions: plan.regions.iter().collect(),
        }
    }

    /// What a run was to do: in the Regions where it has an image, or an error.
    pub(super) fn asked(report: &'a Report) -> Self {
        let mut counts = Self::planned(report);
        let mut asked: BTreeSet<&Region> = BTreeSet::new();
        asked.extend(report.images.iter().map(|image| &image.region));
        asked.extend(
            report
                .errors
                .iter()
                .filter_map(|error| error.region.as_ref()),
        );
        counts.regions.retain(|region| asked.contains(region));
        counts
    }

    pub(super) fn is_empty(&self) -> bool {
        self.images.is_empty() && self.principals.is_empty() && self.of_keys_alone.is_empty()
    }

    /// `2 of 3 images with 4 targets in 1 of 2 Regions`, where that many were asked for.
    pub(super) fn shared_of(&self, all: &Self) -> String {
        let images = part(self.images.len(), all.images.len(), "image");
        let targets = part(self.principals.len(), all.principals.len(), "target");
        let regions = part(self.regions.len(), all.regions.len(), "Region");
        format!("{images} with {targets} in {regions}")
    }

    /// `copies of 2 images in 4 target accounts in 1 Region`.
    pub(super) fn own_copies(&self) -> String {
        let images = count(self.images.len(), "image");
        let targets = count(self.principals.len(), "target account");
        let regions = count(self.regions.len(), "Region");
        format!("copies of {images} in {targets} in {regions}")
    }

    /// How many targets there are.
    pub(super) fn targets(&self) -> usize {
        self.principals.len()
    }

    /// How many targets of these are not among the others.
    pub(super) fn without(&self, other: &Self) -> usize {
        self.principals.difference(&other.principals).count()
    }

    /// `2 images in 1 Region`.
    pub(super) fn looked_at(&self) -> String {
        let images = count(self.images.len(), "image");
        format!("{images} in {}", count(self.regions.len(), "Region"))
    }

    /// `access of 2 principals to 1 image in 1 Region, key access of 1 principal more`.
    pub(super) fn access(&self) -> String {
        let of_keys = count(self.of_keys_alone.len(), "principal");
        let regions = count(self.regions.len(), "Region");
        if self.images.is_empty() {
            return format!("key access of {of_keys} in {regions}");
        }
        let principals = count(self.principals.len(), "principal");
        let images = count(self.images.len(), "image");
        let more = match self.of_keys_alone.len() {
            0 => String::new(),
            _ => format!(", key access of {of_keys} more"),
        };
        format!("access of {principals} to {images} in {regions}{more}")
    }
}

/// The short names of principals, but for some.
fn short_names(principals: impl Iterator<Item = String>, but: &BTreeSet<String>) -> Vec<String> {
    let names = principals.map(|name| short_name(&name));
    names.filter(|name| !but.contains(name)).collect()
}

/// The principal by its short name; in place of an organization whose accounts were listed, those.
fn names_of(report: &Report, principal: &Principal) -> Vec<String> {
    let mut organizations = report.plan.organizations.iter();
    let listed = organizations.find(|listed| &listed.organization == principal);
    match listed {
        Some(listed) if !listed.accounts.is_empty() => {
            listed.accounts.iter().map(ToString::to_string).collect()
        }
        _ => vec![short_name(&principal.to_string())],
    }
}

/// The principals that keep a key although they are to lose it.
pub(super) fn keepers(report: &Report) -> usize {
    let mut keepers = BTreeSet::new();
    for step in &report.plan.steps {
        if let Step::RemoveKeyAccess(remove) = step {
            keepers.extend(remove.kept.iter().chain(remove.in_use.keys()));
        }
    }
    keepers.len()
}

/// `1 image`, `2 images`, `2 copies`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number != 1
        && let Some(stem) = noun.strip_suffix("py")
    {
        return format!("{number} {stem}pies");
    }
    let plural = match noun {
        _ if number == 1 => "",
        _ if noun.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{number} {noun}{plural}")
}

/// `2 of 3 images`, or `3 images` if that is all of them.
fn part(number: usize, all: usize, noun: &str) -> String {
    if number >= all {
        count(number, noun)
    } else {
        format!("{number} of {}", count(all, noun))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_have_a_plural_and_what_is_all_has_no_part() {
        let counted = ["image", "match"].map(|noun| [0, 1, 2].map(|number| count(number, noun)));
        let words = [
            ["0 images", "1 image", "2 images"],
            ["0 matches", "1 match", "2 matches"],
        ];
        assert_eq!(counted, words);
        let parts = [(2, 3), (3, 3), (0, 1)].map(|(number, all)| part(number, all, "image"));
        assert_eq!(parts, ["2 of 3 images", "3 images", "0 of 1 image"]);
    }
}
