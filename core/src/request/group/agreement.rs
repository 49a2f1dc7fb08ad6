//! What groups of one run must agree on: an image is one thing however many groups share it, and so
//! is a copy, the policy of a key, and a target that is in two groups. Everything else is each
//! group's own.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{ImageParameter, KeyRef, Principal, Region, SourceImage};
use crate::request::{KeyAccessMode, Keys, ShareRequest};

/// An input, and whether two groups say the same by it.
type Setting = (&'static str, bool);

/// Two groups of a run that want one thing in two ways.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contradiction {
    /// The places of the two groups among those of the run, the lower one first.
    pub groups: (usize, usize),
    /// The input that differs.
    pub input: &'static str,
    /// The target that is in both groups; `None` if both share an image, whoever the targets are.
    pub target: Option<Principal>,
}

impl Contradiction {
    /// Whether it says all that another one does: of a hundred groups thousands of pairs differ,
    /// and each group is named once.
    fn tells(&self, other: &Self) -> bool {
        let is_of_target = self.target.is_none() || self.target == other.target;
        let is_of_group = self.groups.1 == other.groups.1 && is_of_target;
        self.input == other.input && (is_of_group || self.groups == other.groups)
    }
}

/// What one group shares, for a comparison with others.
pub(crate) struct GroupShares<'a, T> {
    pub(crate) request: &'a ShareRequest,
    pub(crate) targets: &'a BTreeSet<Principal>,
    /// The images that it shares, each with whether it is a copy that a run makes.
    pub(crate) images: BTreeMap<T, bool>,
    /// What stands for the key policies that it may write.
    pub(crate) policies: BTreeSet<T>,
}

/// What a request surely shares in a Region: the images themselves, or copies of that key and name.
/// What else two groups share, such as a key that each names by another alias, only a plan shows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct InRegion<'a> {
    images: &'a [SourceImage],
    parameters: &'a [ImageParameter],
    region: Region,
    /// The key of copies, with the template of their name, and whether an image that is under the
    /// key already is shared itself.
    copies: Option<(KeyRef, String, bool)>,
}

/// Where groups of a run contradict each other, as far as that shows before AWS is asked. The
/// plan of the groups refuses what shows only then.
pub fn contradictions(requests: &[&ShareRequest]) -> Vec<Contradiction> {
    let mut groups = Vec::new();
    for request in requests.iter().copied() {
        let images = request.shared_in_regions();
        let by_policy = request.options.key_access == KeyAccessMode::Policy;
        // Whether an image has a key of its own is not known yet.
        let with_key = images.keys().filter(|it| by_policy && it.copies.is_some());
        let policies = with_key.cloned().collect();
        groups.push(GroupShares {
            request,
            targets: request.targets(),
            images,
            policies,
        });
    }
    let mut found = Vec::new();
    for (pair, target) in pairs_with_target(&groups) {
        let (one, other) = (&groups[pair.0], &groups[pair.1]);
        let input = one.request.other_key_setting(other.request);
        let contradiction = input.map(|input| Contradiction {
            groups: pair,
            input,
            target: Some(target.clone()),
        });
        add_untold(&mut found, contradiction);
    }
    add_untold(&mut found, find_contradictions(&groups));
    found
}

fn add_untold(
    found: &mut Vec<Contradiction>,
    contradictions: impl IntoIterator<Item = Contradiction>,
) {
    for contradiction in contradictions {
        if !found.iter().any(|known| known.tells(&contradiction)) {
            found.push(contradiction);
        }
    }
}

/// Where groups contradict each other in what they share. Each group is named once for an input.
pub(crate) fn find_contradictions<T: Ord>(groups: &[GroupShares<'_, T>]) -> Vec<Contradiction> {
    let mut found: Vec<Contradiction> = Vec::new();
    let mut add = |groups, settings: &[Setting], target: Option<&Principal>| {
        let mut differing = settings.iter().filter(|(_, is_same)| !is_same);
        let contradiction = differing.next().map(|&(input, _)| Contradiction {
            groups,
            input,
            target: target.cloned(),
        });
        add_untold(&mut found, contradiction);
    };

    // 1. What is one thing, whoever its targets are: whoever agrees with the first agrees with all.
    let (mut images, mut policies) = (BTreeMap::new(), BTreeMap::new());
    for (number, group) in groups.iter().enumerate() {
        for (image, is_copy) in &group.images {
            let first = *images.entry(image).or_insert(number);
            let its = groups[first].request;
            add((first, number), &its.settings_of_image(group.request), None);
            if *is_copy {
                add((first, number), &its.settings_of_copy(group.request), None);
            }
        }
        for policy in &group.policies {
            let first = *policies.entry(policy).or_insert(number);
            let its = groups[first].request;
            add(
                (first, number),
                &its.settings_of_policy(group.request),
                None,
            );
        }
    }

    // 2. What is one thing of a target that gets an image by two groups.
    for (pair, target) in pairs_with_target(groups) {
        let (one, other) = (&groups[pair.0], &groups[pair.1]);
        if one.images.keys().any(|it| other.images.contains_key(it)) {
            let mut settings = one.request.settings_of_target(other.request);
            settings.extend(one.request.settings_of_copy(other.request));
            add(pair, &settings, Some(target));
        }
    }
    found
}

/// The pairs of groups that have a target in common, each with the first such target.
fn pairs_with_target<'a, T>(
    groups: &[GroupShares<'a, T>],
) -> BTreeMap<(usize, usize), &'a Principal> {
    let mut of_target: BTreeMap<&Principal, Vec<usize>> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        for target in group.targets {
            of_target.entry(target).or_default().push(number);
        }
    }
    let mut pairs = BTreeMap::new();
    for (target, groups) in of_target {
        for (place, other) in groups.iter().enumerate() {
            for one in &groups[..place] {
                pairs.entry((*one, *other)).or_insert(target);
            }
        }
    }
    pairs
}

impl ShareRequest {
    /// What it surely shares in each Region, each with whether it surely is a copy.
    fn shared_in_regions(&self) -> BTreeMap<InRegion<'_>, bool> {
        let options = &self.options;
        let mut of_images: BTreeSet<&Region> = BTreeSet::new();
        of_images.extend(self.images.iter().map(|image| &image.region));
        of_images.extend(self.image_parameters.iter().map(|it| &it.region));
        let mut shared = BTreeMap::new();
        for region in of_images.iter().copied().chain(&options.copy_to_regions) {
            let is_of_image = of_images.contains(region);
            let key = options.keys.in_region(region);
            if key.is_none() && !(is_of_image && options.share_source) {
                continue;
            }
            let shares_source = options.share_source || !is_of_image;
            let copies = key.map(|key| (key, self.copy_name.to_string(), shares_source));
            // An image that is under the key already is shared itself.
            let is_copy = copies.is_some() && !(is_of_image && options.share_source);
            let in_region = InRegion {
                images: &self.images,
                parameters: &self.image_parameters,
                region: region.clone(),
                copies,
            };
            shared.insert(in_region, is_copy);
        }
        shared
    }

    /// Whether it gives access: only then something is made and written.
    fn gives_access(&self) -> bool {
        let options = &self.options;
        options.revoke.is_none() && options.retire.is_none() && !options.usage_only
    }

    /// What belongs to an image that two groups share.
    fn settings_of_image(&self, other: &Self) -> Vec<Setting> {
        let (mine, its) = (&self.options, &other.options);
        if !self.gives_access() {
            return Vec::new();
        }
        vec![
            ("share-tags", mine.share_tags == its.share_tags),
            ("watermark", mine.watermark == its.watermark),
            ("deprecate-at", mine.deprecate_at == its.deprecate_at),
            (
                "deregistration-protection",
                mine.deregistration_protection == its.deregistration_protection,
            ),
        ]
    }

    /// What belongs to a copy that two groups share.
    fn settings_of_copy(&self, other: &Self) -> Vec<Setting> {
        let (mine, its) = (&self.options, &other.options);
        if !self.gives_access() {
            return Vec::new();
        }
        vec![
            ("tags", mine.tags == its.tags),
            (
                "copy-image-tags",
                mine.copy_image_tags == its.copy_image_tags,
            ),
            (
                "copy-description",
                mine.copy_description == its.copy_description,
            ),
            (
                "copy-completion",
                mine.copy_completion == its.copy_completion,
            ),
        ]
    }

    /// What belongs to a key whose policy two groups write.
    fn settings_of_policy(&self, other: &Self) -> Vec<Setting> {
        let [mine, its] = [self, other].map(|it| it.options.drop_stale_principals);
        if self.options.usage_only {
            return Vec::new();
        }
        vec![("drop-stale-principals", mine == its)]
    }

    /// What belongs to a target that gets an image by two groups, besides its keys.
    fn settings_of_target(&self, other: &Self) -> Vec<Setting> {
        let (mine, its) = (&self.options, &other.options);
        if !self.gives_access() {
            return Vec::new();
        }
        let [my, its_own] = [&mine.in_targets, &its.in_targets];
        let are_disjoint = my.launch_templates.is_disjoint(&its_own.launch_templates);
        let same_default = my.set_default_version == its_own.set_default_version;
        let mut settings = vec![
            (
                "share-snapshots",
                mine.shares_snapshots() == its.shares_snapshots(),
            ),
            (
                "unshare-after-copy",
                my.unshare_after_copy == its_own.unshare_after_copy,
            ),
            ("set-default-version", are_disjoint || same_default),
        ];
        // Groups that share a copy name its key in any form.
        let of_keys = self.key_settings(other).into_iter();
        settings.extend(of_keys.filter(|(input, _)| *input != "kms-key-id"));
        settings
    }

    /// The first input, if any, by which two requests would give one target access to keys in
    /// another way. A target has that in one way, so two groups of a run must agree.
    fn other_key_setting(&self, other: &Self) -> Option<&'static str> {
        let settings = self.key_settings(other);
        let mut differing = settings.into_iter().filter(|(_, is_same)| !is_same);
        differing.next().map(|(name, _)| name)
    }

    fn key_settings(&self, other: &Self) -> Vec<Setting> {
        let regions = &self.regions() | &other.regions();
        let (mine, its) = (&self.options, &other.options);
        let same = |mine: &Keys, its: &Keys| {
            let mut regions = regions.iter();
            regions.all(|region| mine.in_region(region) == its.in_region(region))
        };
        let scopes = [mine.key_scope, its.key_scope].map(Option::unwrap_or_default);
        vec![
            ("kms-key-id", same(&mine.keys, &its.keys)),
            ("key-access", mine.key_access == its.key_access),
            ("key-scope", scopes[0] == scopes[1]),
            ("key-role", mine.key_role == its.key_role),
            (
                "target-kms-key-id",
                same(&mine.in_targets.keys, &its.in_targets.keys),
            ),
        ]
    }
}
