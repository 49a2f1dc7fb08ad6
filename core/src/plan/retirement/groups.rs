//! Which images of each group stay, and how far each of the others is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::id::{AmiId, Region, SourceImage};
use crate::inventory::{Image, ImageState, seconds};
use crate::plan::step::{KeptBecause, NextStep};
use crate::request::Retire;
use crate::tags;

/// A deprecation that begins so soon has begun: a run deprecates a little ahead of time, because
/// AWS takes no time in the past and rounds to the minute.
const SOON: i64 = 300;

/// What a retirement does next with an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing: it stays as it is.
    Kept(KeptBecause),
    /// It is deprecated now, and not only at the time that AWS has now.
    Deprecate(Option<String>),
    /// It waits until a moment.
    Await(NextStep, i64),
    /// It is taken from everybody and disabled; it was deprecated at this moment.
    Disable(i64),
    /// It is disabled, and nothing tells since when.
    NoteDisabled,
    /// It is deregistered; it was disabled at this moment.
    Deregister(i64),
}

impl Standing {
    /// Whether the image goes further than deprecated, so that nobody may need it.
    pub(crate) fn takes_image(&self) -> bool {
        matches!(self, Self::Disable(_) | Self::Deregister(_))
    }
}

/// How each image of the groups stands at a moment, in seconds since 1970.
pub(crate) fn judge<'a>(
    retire: &Retire,
    images: &'a BTreeMap<Region, Vec<Image>>,
    now: i64,
) -> Vec<(&'a Region, &'a Image, Standing)> {
    let mut groups: BTreeMap<Vec<&str>, Vec<Member<'a>>> = BTreeMap::new();
    for (region, images) in images {
        for image in images.iter().filter(|image| retire.concerns(&image.tags)) {
            let keys = retire.group_by.iter();
            let group = keys
                .filter_map(|key| image.tags.get(key))
                .map(String::as_str);
            let member = Member::new(region, image);
            groups.entry(group.collect()).or_default().push(member);
        }
    }
    let mut judged = Vec::new();
    for members in groups.values() {
        let newest = newest_releases(members, retire.keep_last.unwrap_or_default(), now);
        for member in members {
            let standing = match member.kept_because(retire, &newest, now) {
                Some(why) => Standing::Kept(why),
                None => next_step(retire, member.image, now),
            };
            judged.push((member.region, member.image, standing));
        }
    }
    judged
}

/// A place in the order of time: the greater, the newer.
type Age<'a> = (Option<i64>, &'a AmiId);

/// An image of a group.
struct Member<'a> {
    region: &'a Region,
    image: &'a Image,
    /// The image that it is a copy of, by its tag, or itself: copies of one source are one release.
    release: String,
    is_copy: bool,
    /// `None` if AWS's answer is unreadable.
    created: Option<i64>,
}

impl<'a> Member<'a> {
    fn new(region: &'a Region, image: &'a Image) -> Self {
        let source = image.tags.get(tags::SOURCE);
        let itself = SourceImage {
            region: region.clone(),
            ami: image.id.clone(),
        };
        Self {
            region,
            image,
            release: source.cloned().unwrap_or_else(|| itself.tag()),
            is_copy: source.is_some(),
            created: seconds(&image.creation_date),
        }
    }

    /// Its place in the order of time.
    fn age(&self) -> Age<'_> {
        (self.created, &self.image.id)
    }

    /// Whether it counts as one of the newest: everybody finds it, and can launch it.
    fn counts(&self, now: i64) -> bool {
        self.created.is_some()
            && self.image.state == ImageState::Available
            && deprecated_since(self.image, now).is_none()
    }

    /// What it is counted among.
    fn series(&self) -> (&Region, bool) {
        (self.region, self.is_copy)
    }

    fn kept_because(
        &self,
        retire: &Retire,
        newest: &BTreeSet<&str>,
        now: i64,
    ) -> Option<KeptBecause> {
        if !matches!(
            self.image.state,
            ImageState::Available | ImageState::Disabled
        ) {
            return Some(KeptBecause::NotAvailable);
        }
        let Some(created) = self.created else {
            return Some(KeptBecause::AgeUnknown);
        };
        if newest.contains(self.release.as_str()) {
            return Some(KeptBecause::Newest);
        }
        let young = retire
            .keep_younger
            .is_some_and(|age| after(created, age) > now);
        young.then_some(KeptBecause::Younger)
    }
}

/// The releases of which an image is among the newest of its Region. Originals and copies are
/// counted apart: the copies of a release are not one more.
fn newest_releases<'a>(members: &'a [Member<'_>], last: usize, now: i64) -> BTreeSet<&'a str> {
    let mut released: BTreeMap<(&Region, bool), BTreeMap<&str, Age<'_>>> = BTreeMap::new();
    for member in members.iter().filter(|member| member.counts(now)) {
        let releases = released.entry(member.series()).or_default();
        let newest = releases.entry(&member.release).or_insert(member.age());
        *newest = member.age().max(*newest);
    }
    let mut ages = BTreeMap::new();
    for (series, releases) in &released {
        let mut sorted: Vec<Age<'_>> = releases.values().copied().collect();
        sorted.sort_unstable();
        ages.insert(*series, sorted);
    }
    let mut newest = BTreeSet::new();
    for member in members {
        let (series, age) = (member.series(), member.age());
        let ages = ages.get(&series).map(Vec::as_slice).unwrap_or_default();
        let newer = ages.len() - ages.partition_point(|other| *other <= age);
        let itself = released
            .get(&series)
            .and_then(|it| it.get(member.release.as_str()));
        let is_counted = itself.is_some_and(|itself| *itself > age);
        if newer - usize::from(is_counted) < last {
            newest.insert(member.release.as_str());
        }
    }
    newest
}

/// What is next for an image that does not stay.
fn next_step(retire: &Retire, image: &Image, now: i64) -> Standing {
    if image.state == ImageState::Disabled {
        return after_disabled(retire, image, now);
    }
    let Some(deprecated) = deprecated_since(image, now) else {
        return Standing::Deprecate(image.deprecation_time.clone());
    };
    let until = after(deprecated, retire.grace);
    if until > now {
        Standing::Await(NextStep::Disable, until)
    } else if !image.tags.contains_key(tags::DISABLED)
        && tags::count(image.tags.keys()) >= crate::limits::TAGS_PER_RESOURCE
    {
        Standing::Kept(KeptBecause::TooManyTags)
    } else {
        Standing::Disable(deprecated)
    }
}

fn after_disabled(retire: &Retire, image: &Image, now: i64) -> Standing {
    let Some(disabled) = disabled_since(image, now) else {
        return Standing::NoteDisabled;
    };
    let until = after(disabled, retire.grace);
    if !retire.deregister {
        Standing::Kept(KeptBecause::Retired)
    } else if until > now {
        Standing::Await(NextStep::Deregister, until)
    } else if image.deregistration_protected {
        Standing::Kept(KeptBecause::Protected)
    } else {
        Standing::Deregister(disabled)
    }
}

/// Since when an image is deprecated, or is about to be; `None` if it is not. AWS takes no time in
/// the past, so that nobody can make it longer.
pub(crate) fn deprecated_since(image: &Image, now: i64) -> Option<i64> {
    let since = seconds(image.deprecation_time.as_deref()?)?;
    (since <= now + SOON).then_some(since)
}

/// Since when an image is disabled, as its tag says; `None` if that is not known. Anybody in the
/// account may write a tag, so one counts only if it can be true: it is neither in the future, nor
/// older than the image or than its deprecation.
pub(crate) fn disabled_since(image: &Image, now: i64) -> Option<i64> {
    let since = seconds(image.tags.get(tags::DISABLED)?)?;
    let created = seconds(&image.creation_date)?;
    let deprecated = deprecated_since(image, now).unwrap_or(created);
    (since <= now && since >= created && since >= deprecated).then_some(since)
}

fn after(moment: i64, time: Duration) -> i64 {
    moment.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
