//! Allowed AMIs: which images of other accounts an account lets itself use (R7.3).

mod unmet;

use std::collections::BTreeMap;

use super::Image;

/// The setting of one account in one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllowedImages {
    pub(crate) state: AllowedImagesState,
    /// An image that meets one of these is allowed; without any, none is.
    pub(crate) criteria: Vec<ImageCriterion>,
}

/// Whether the criteria are in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AllowedImagesState {
    Enabled,
    /// Images are only marked.
    AuditMode,
    Disabled,
}

/// A criterion: an image must meet all of its parts, and of each list one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImageCriterion {
    /// Account IDs, or words such as `amazon`.
    pub(crate) providers: Vec<String>,
    pub(crate) product_codes: Vec<String>,
    /// With wildcards.
    pub(crate) names: Vec<String>,
    pub(crate) max_days_since_created: Option<i32>,
    pub(crate) max_days_since_deprecated: Option<i32>,
    pub(crate) watermarks: Vec<WatermarkFilter>,
    pub(crate) scan: Option<ScanCondition>,
}

/// A filter of watermarks: all of its parts must fit the same watermark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WatermarkFilter {
    /// `account:name`, with wildcards.
    pub(crate) key: Option<String>,
    /// With wildcards.
    pub(crate) region: Option<String>,
    pub(crate) max_days_since_source_created: Option<i32>,
    pub(crate) max_days_since_created: Option<i32>,
}

/// What Amazon Inspector must have found. An image that was not scanned never fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScanCondition {
    pub(crate) max_days_since_scan: Option<i32>,
    pub(crate) highest_severity: Option<String>,
    /// For how long a finding of a severity may have had a fix.
    pub(crate) max_days_since_fix: BTreeMap<&'static str, i32>,
}

/// A watermark of an image. Moments are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watermark {
    pub(crate) key: String,
    pub(crate) region: String,
    pub(crate) source_created: Option<i64>,
    pub(crate) created: Option<i64>,
}

/// What Amazon Inspector found in an image. Moments are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScanResults {
    pub(crate) scanned: Option<i64>,
    /// The highest severity of a finding.
    pub(crate) highest: Option<String>,
    /// Since when a finding of a severity has a fix.
    pub(crate) fixes: BTreeMap<&'static str, i64>,
}

/// What criteria mean for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImageAllowed {
    /// It meets a criterion.
    Yes,
    /// It meets none: why, and what would help.
    No(String),
    /// Something of it is not known.
    Unknown(String),
}

impl ImageCriterion {
    /// Whether nothing of it is known: its parts may be of a kind that this version does not read.
    fn has_no_part(&self) -> bool {
        *self == Self::default()
    }
}

impl AllowedImages {
    /// Why the setting hides an image of another account at a moment, if that is known.
    pub(crate) fn hides(&self, image: &Image, now: i64) -> Option<String> {
        match self.judge(image, now) {
            ImageAllowed::No(why) if self.state == AllowedImagesState::Enabled => Some(why),
            _ => None,
        }
    }

    /// What the criteria mean for an image of another account at a moment, whether or not they are
    /// in effect.
    pub(crate) fn judge(&self, image: &Image, now: i64) -> ImageAllowed {
        let mut reasons = Vec::new();
        let mut unknown = None;
        for (index, criterion) in self.criteria.iter().enumerate() {
            let parts = criterion.unmet_parts(image, now);
            if criterion.has_no_part() {
                let why = format!("this version cannot read criterion {}", index + 1);
                unknown.get_or_insert(why);
                continue;
            }
            if parts.unmet.is_empty() && parts.unclear.is_empty() {
                return ImageAllowed::Yes;
            }
            let number = match self.criteria.len() {
                1 => String::new(),
                _ => format!("criterion {}: ", index + 1),
            };
            if parts.unmet.is_empty() {
                unknown.get_or_insert(format!("{number}{}", parts.unclear.join(", ")));
            } else {
                reasons.push(format!("{number}{}", parts.unmet.join(", ")));
            }
        }
        match unknown {
            Some(unknown) => ImageAllowed::Unknown(unknown),
            None if reasons.is_empty() => {
                let owner = &image.owner;
                ImageAllowed::No(format!(
                    "no criterion is set, so no image of others is allowed: have {owner} added as \
                     a provider"
                ))
            }
            None => ImageAllowed::No(reasons.join("; ")),
        }
    }

    /// The longest time in days for which a deprecated image stays allowed, if that is what every
    /// criterion limits that the image meets now.
    pub(crate) fn days_after_deprecation(&self, image: &Image, now: i64) -> Option<i32> {
        let mut longest = None;
        for criterion in &self.criteria {
            if !criterion.unmet_parts(image, now).unmet.is_empty() {
                continue;
            }
            let days = criterion.max_days_since_deprecated?;
            longest = longest.max(Some(days));
        }
        longest
    }
}
