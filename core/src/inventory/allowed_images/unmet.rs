//! Which parts of a criterion an image does not meet, and what would help.

use super::{ImageCriterion, ScanCondition, ScanResults, Watermark, WatermarkFilter};
use crate::inventory::Image;
use crate::inventory::image::seconds;
use crate::policy::matcher::matches_pattern;

const DAY: i64 = 24 * 60 * 60;
/// The severities of Amazon Inspector, from the lowest on.
const SEVERITIES: [&str; 5] = ["informational", "low", "medium", "high", "critical"];

/// The parts of a criterion that an image does not meet, or of which that is not known.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) unmet: Vec<String>,
    pub(super) unclear: Vec<String>,
}

impl Parts {
    /// Adds a part, if it is not certain that the image meets it.
    fn add(&mut self, is_met: Option<bool>, why: impl FnOnce() -> String) {
        match is_met {
            Some(true) => {}
            Some(false) => self.unmet.push(why()),
            None => self.unclear.push(why()),
        }
    }
}

impl ImageCriterion {
    pub(super) fn unmet_parts(&self, image: &Image, now: i64) -> Parts {
        let mut parts = Parts::default();
        if !self.providers.is_empty() {
            parts.add(Some(self.providers.contains(&image.owner)), || {
                let (owner, providers) = (&image.owner, list(&self.providers));
                format!("its provider {owner} is not among {providers}: have it added")
            });
        }
        if !self.product_codes.is_empty() {
            let mut codes = self.product_codes.iter();
            let is_met = codes.any(|code| image.product_codes.contains(code));
            parts.add(Some(is_met), || {
                let codes = list(&self.product_codes);
                format!("it carries none of the product codes {codes}")
            });
        }
        if !self.names.is_empty() {
            let mut names = self.names.iter();
            let is_met = names.any(|pattern| matches_pattern(pattern, &image.name));
            parts.add(Some(is_met), || {
                let (name, names) = (&image.name, list(&self.names));
                format!(
                    "its name `{name}` is none of {names}: share an image, or a copy \
                     (`copy-name`), of such a name"
                )
            });
        }
        self.add_ages(image, now, &mut parts);
        if !self.watermarks.is_empty() {
            parts.add(
                has_watermark(&self.watermarks, &image.watermarks, now),
                || {
                    let filters: Vec<String> = self.watermarks.iter().map(describe).collect();
                    let filters = filters.join(" or ");
                    format!(
                        "it carries no watermark with {filters}: attach one (AttachImageWatermark)"
                    )
                },
            );
        }
        if let Some(condition) = &self.scan {
            add_scan(condition, image.scan.as_ref(), now, &mut parts);
        }
        parts
    }

    fn add_ages(&self, image: &Image, now: i64, parts: &mut Parts) {
        if let Some(days) = self.max_days_since_created {
            parts.add(is_recent(days, seconds(&image.creation_date), now), || {
                let date = &image.creation_date;
                format!("it was made at {date}, more than {days} days ago: share a newer image")
            });
        }
        if let Some(days) = self.max_days_since_deprecated
            && let Some(date) = &image.deprecation_time
        {
            parts.add(is_recent(days, seconds(date), now), || {
                format!(
                    "it is deprecated since {date}, for more than {days} days: give it a later \
                     `deprecate-at`"
                )
            });
        }
    }
}

/// Whether one watermark fits one filter.
fn has_watermark(filters: &[WatermarkFilter], watermarks: &[Watermark], now: i64) -> Option<bool> {
    let mut is_unclear = false;
    for filter in filters {
        for watermark in watermarks {
            match fits_watermark(filter, watermark, now) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_unclear = true,
            }
        }
    }
    (!is_unclear).then_some(false)
}

fn fits_watermark(filter: &WatermarkFilter, watermark: &Watermark, now: i64) -> Option<bool> {
    let is_like = |pattern: &Option<String>, text: &str| match pattern {
        Some(pattern) => matches_pattern(pattern, text),
        None => true,
    };
    if !is_like(&filter.key, &watermark.key) || !is_like(&filter.region, &watermark.region) {
        return Some(false);
    }
    let of_source = (
        filter.max_days_since_source_created,
        watermark.source_created,
    );
    let of_watermark = (filter.max_days_since_created, watermark.created);
    let mut is_unclear = false;
    for (days, moment) in [of_source, of_watermark] {
        match days.map(|days| is_recent(days, moment, now)) {
            Some(Some(false)) => return Some(false),
            Some(None) => is_unclear = true,
            Some(Some(true)) | None => {}
        }
    }
    (!is_unclear).then_some(true)
}

fn describe(filter: &WatermarkFilter) -> String {
    let mut parts = Vec::new();
    parts.extend(filter.key.as_ref().map(|key| format!("key `{key}`")));
    parts.extend(
        filter
            .region
            .as_ref()
            .map(|region| format!("Region `{region}`")),
    );
    let source = filter.max_days_since_source_created;
    parts.extend(source.map(|days| format!("a source made at most {days} days ago")));
    let created = filter.max_days_since_created;
    parts.extend(created.map(|days| format!("an age of at most {days} days")));
    if parts.is_empty() {
        "any key".to_owned()
    } else {
        parts.join(", ")
    }
}

fn add_scan(condition: &ScanCondition, results: Option<&ScanResults>, now: i64, parts: &mut Parts) {
    let Some(results) = results else {
        let why = "Amazon Inspector has not scanned it: have it scanned";
        parts.unmet.push(why.to_owned());
        return;
    };
    if let Some(days) = condition.max_days_since_scan {
        parts.add(is_recent(days, results.scanned, now), || {
            format!("Amazon Inspector last scanned it more than {days} days ago: have it scanned")
        });
    }
    if let (Some(most), Some(highest)) = (&condition.highest_severity, &results.highest) {
        let rank = |severity: &str| SEVERITIES.iter().position(|known| *known == severity);
        let is_met = rank(highest)
            .zip(rank(most))
            .map(|(highest, most)| highest <= most);
        parts.add(is_met, || {
            format!(
                "Amazon Inspector found something of severity {highest} in it, and at most \
                 {most} is allowed: share an image without it"
            )
        });
    }
    for (severity, days) in &condition.max_days_since_fix {
        if let Some(since) = results.fixes.get(severity) {
            parts.add(is_recent(*days, Some(*since), now), || {
                format!(
                    "a finding of severity {severity} in it has had a fix for more than {days} \
                     days: share an image with the fix"
                )
            });
        }
    }
}

/// Whether a moment is at most so many days ago; `None` if it is not known.
fn is_recent(days: i32, moment: Option<i64>, now: i64) -> Option<bool> {
    Some(now.saturating_sub(moment?) <= i64::from(days) * DAY)
}

/// A few values, and how many more there are.
fn list(values: &[String]) -> String {
    const FEW: usize = 5;
    let few = values.iter().take(FEW).map(|value| format!("`{value}`"));
    let few = few.collect::<Vec<_>>().join(", ");
    match values.len().saturating_sub(FEW) {
        0 => few,
        more => format!("{few} and {more} more"),
    }
}
