//! EC2: reads Allowed AMIs, and what marks an image for them.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;
use aws_smithy_types::DateTime;

use super::Ec2;
use crate::aws::unreadable::{Unreadable, present};
use crate::diagnostic::Error;
use crate::inventory::{
    AllowedImages, AllowedImagesState, ImageCriterion, ScanCondition, ScanResults, Watermark,
    WatermarkFilter,
};

impl Ec2 {
    /// Allowed AMIs, which hide images of other accounts (`ec2:GetAllowedImagesSettings`, R7.3).
    pub(crate) async fn allowed_images(&self) -> Result<AllowedImages, Error> {
        const ACTION: &str = "ec2:GetAllowedImagesSettings";
        let call = || self.client.get().get_allowed_images_settings().send();
        let answer = self.caller.send(ACTION, None, call).await?;
        let state = present("State", answer.state());
        let state = match state.map_err(|unreadable| self.unreadable(ACTION, &unreadable))? {
            "enabled" => AllowedImagesState::Enabled,
            "audit-mode" => AllowedImagesState::AuditMode,
            "disabled" => AllowedImagesState::Disabled,
            other => {
                let unreadable = Unreadable::unknown("State", other);
                return Err(self.unreadable(ACTION, &unreadable));
            }
        };
        let criteria = answer.image_criteria().iter();
        Ok(AllowedImages {
            state,
            criteria: criteria.map(convert_criterion).collect(),
        })
    }
}

fn convert_criterion(criterion: &sdk::ImageCriterion) -> ImageCriterion {
    let created = criterion.creation_date_condition();
    let deprecated = criterion.deprecation_time_condition();
    let watermarks = criterion.image_watermarks().iter();
    ImageCriterion {
        providers: criterion.image_providers().to_vec(),
        product_codes: criterion.marketplace_product_codes().to_vec(),
        names: criterion.image_names().to_vec(),
        max_days_since_created: created.and_then(|one| one.maximum_days_since_created()),
        max_days_since_deprecated: deprecated.and_then(|one| one.maximum_days_since_deprecated()),
        watermarks: watermarks.map(convert_filter).collect(),
        scan: criterion.scan_result_condition().map(convert_condition),
    }
}

fn convert_filter(filter: &sdk::ImageWatermarkFilterResponse) -> WatermarkFilter {
    WatermarkFilter {
        key: filter.watermark_key().map(str::to_owned),
        region: filter.source_image_region().map(str::to_owned),
        max_days_since_source_created: filter.maximum_days_since_source_image_created(),
        max_days_since_created: filter.maximum_days_since_watermark_created(),
    }
}

fn convert_condition(condition: &sdk::ScanResultCondition) -> ScanCondition {
    let severity = condition.maximum_severity_label();
    ScanCondition {
        max_days_since_scan: condition.max_days_since_last_finding_scan(),
        highest_severity: severity.map(|label| label.as_str().to_owned()),
        max_days_since_fix: by_severity([
            condition.max_days_since_informational_fix_available(),
            condition.max_days_since_low_fix_available(),
            condition.max_days_since_medium_fix_available(),
            condition.max_days_since_high_fix_available(),
            condition.max_days_since_critical_fix_available(),
        ]),
    }
}

pub(super) fn convert_watermark(watermark: &sdk::ImageWatermark) -> Watermark {
    Watermark {
        key: watermark.watermark_key().unwrap_or_default().to_owned(),
        region: watermark
            .source_image_region()
            .unwrap_or_default()
            .to_owned(),
        source_created: watermark.source_image_creation_time().map(DateTime::secs),
        created: watermark.watermark_creation_time().map(DateTime::secs),
    }
}

pub(super) fn convert_scan(results: &sdk::ScanResults) -> ScanResults {
    let highest = results.highest_finding_severity_label();
    let fixes = [
        results.informational_fix_available_since(),
        results.low_fix_available_since(),
        results.medium_fix_available_since(),
        results.high_fix_available_since(),
        results.critical_fix_available_since(),
    ];
    ScanResults {
        scanned: results.finding_scan_date().map(DateTime::secs),
        highest: highest.map(|label| label.as_str().to_owned()),
        fixes: by_severity(fixes.map(|since| since.map(DateTime::secs))),
    }
}

/// The values that are there, by the severity of findings.
fn by_severity<T>(values: [Option<T>; 5]) -> BTreeMap<&'static str, T> {
    let severities = ["informational", "low", "medium", "high", "critical"];
    let pairs = severities.into_iter().zip(values);
    pairs
        .filter_map(|(severity, value)| Some((severity, value?)))
        .collect()
}
