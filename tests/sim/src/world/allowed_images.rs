//! Allowed AMIs: which images of other accounts an account allows itself to use (R7.3).

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Image;
use crate::policy::matches;

const DAY: Duration = Duration::from_hours(24);

/// The setting of one account in one Region.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AllowedImages {
    /// `enabled` or `audit-mode`; `None` if it is off.
    pub state: Option<&'static str>,
    /// An image that meets one of these is allowed.
    pub criteria: Vec<ImageCriterion>,
}

/// A criterion: an image must meet all of its parts, and of each list one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ImageCriterion {
    /// Account IDs, or words such as `amazon`.
    pub providers: Vec<String>,
    /// Product codes of the Marketplace.
    pub product_codes: Vec<String>,
    /// Names, with wildcards.
    pub names: Vec<String>,
    /// How old an image may be.
    pub max_days_since_created: Option<u32>,
    /// How long an image may be deprecated.
    pub max_days_since_deprecated: Option<u32>,
    /// Watermarks.
    pub watermarks: Vec<WatermarkFilter>,
    /// What Amazon Inspector must have found.
    pub scan: Option<ScanCondition>,
}

/// A filter of watermarks: all of its parts must fit the same watermark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct WatermarkFilter {
    /// `account:name`, with wildcards.
    pub key: Option<String>,
    /// The Region where it was attached, with wildcards.
    pub region: Option<String>,
    /// How old the image that it was attached to may be.
    pub max_days_since_source_created: Option<u32>,
    /// How old the watermark may be.
    pub max_days_since_created: Option<u32>,
}

/// What the scan of an image must say. An image that was not scanned never fits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ScanCondition {
    /// How old the scan may be.
    pub max_days_since_scan: Option<u32>,
    /// The highest severity of a finding.
    pub max_severity: Option<Severity>,
    /// For how long a finding of a severity may have had a fix.
    pub max_days_since_fix: BTreeMap<Severity, u32>,
}

/// The severity of a finding.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The lowest.
    Informational,
    /// CVSS up to 3.9.
    Low,
    /// CVSS up to 6.9.
    Medium,
    /// CVSS up to 8.9.
    High,
    /// The highest.
    Critical,
}

impl Severity {
    /// All of them, from the lowest on.
    pub const ALL: [Self; 5] = [
        Self::Informational,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// As EC2 writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// As it stands within the names of parameters.
    pub(crate) fn in_names(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

/// A watermark of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Watermark {
    /// `account:name`.
    pub key: String,
    /// The Region where it was attached.
    pub region: String,
    /// The image that it was attached to.
    pub source_image: String,
    /// When that image was made.
    #[serde(skip)]
    pub source_created: Duration,
    /// When it was attached.
    #[serde(skip)]
    pub created: Duration,
}

/// What Amazon Inspector found in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScanResults {
    /// When it was scanned.
    #[serde(skip)]
    pub scanned: Duration,
    /// The highest severity of a finding.
    pub highest: Option<Severity>,
    /// Since when a finding of a severity has a fix.
    #[serde(skip)]
    pub fixes: BTreeMap<Severity, Duration>,
}

impl AllowedImages {
    /// Whether a criterion fits an image at a moment. Without criteria none does.
    pub fn fit(&self, image: &Image, now: Duration) -> bool {
        self.criteria.iter().any(|one| one.fits(image, now))
    }

    /// Whether an image of another account is hidden.
    pub fn hide(&self, image: &Image, now: Duration) -> bool {
        self.state == Some("enabled") && !self.fit(image, now)
    }
}

impl ImageCriterion {
    fn fits(&self, image: &Image, now: Duration) -> bool {
        let is_product = |code: &String| image.product_codes.contains(code);
        let has_watermark =
            |filter: &WatermarkFilter| image.watermarks.iter().any(|one| filter.fits(one, now));
        any_or_none(&self.providers, |owner| *owner == image.owner)
            && any_or_none(&self.product_codes, is_product)
            && any_or_none(&self.names, |name| matches(name, &image.name))
            && is_recent(self.max_days_since_created, Some(image.created), now)
            && is_recent(self.max_days_since_deprecated, image.deprecated_at, now)
            && any_or_none(&self.watermarks, has_watermark)
            && self.scan.as_ref().is_none_or(|scan| scan.fits(image, now))
    }
}

impl WatermarkFilter {
    fn fits(&self, watermark: &Watermark, now: Duration) -> bool {
        let is_like =
            |pattern: &Option<String>, text| pattern.as_ref().is_none_or(|one| matches(one, text));
        let source = Some(watermark.source_created);
        is_like(&self.key, &watermark.key)
            && is_like(&self.region, &watermark.region)
            && is_recent(self.max_days_since_source_created, source, now)
            && is_recent(self.max_days_since_created, Some(watermark.created), now)
    }
}

impl ScanCondition {
    fn fits(&self, image: &Image, now: Duration) -> bool {
        let Some(results) = &image.scan else {
            return false;
        };
        let mut fixes = self.max_days_since_fix.iter();
        let severe = self.max_severity.zip(results.highest);
        is_recent(self.max_days_since_scan, Some(results.scanned), now)
            && severe.is_none_or(|(most, highest)| highest <= most)
            && fixes.all(|(severity, days)| {
                is_recent(Some(*days), results.fixes.get(severity).copied(), now)
            })
    }
}

/// Whether one of a criterion's values fits, or the criterion has none.
fn any_or_none<T>(values: &[T], fits: impl Fn(&T) -> bool) -> bool {
    values.is_empty() || values.iter().any(fits)
}

/// Whether something is at most so many days ago. What has not happened yet, or never, is not
/// too long ago.
fn is_recent(days: Option<u32>, moment: Option<Duration>, now: Duration) -> bool {
    match (days, moment) {
        (Some(days), Some(moment)) => now.saturating_sub(moment) <= DAY * days,
        _ => true,
    }
}
