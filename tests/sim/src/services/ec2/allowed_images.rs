//! Allowed AMIs: the setting and its criteria (R7.3). What they do is in `sharing.rs`.

use super::return_true;
use super::settings::{authorize, one_of, settings};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{ImageCriterion, ScanCondition, Severity, WatermarkFilter, World};

pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(query, request, "GetAllowedImagesSettings")?;
    let allowed = &settings(world, request).allowed_images;
    let criteria = allowed.criteria.iter().map(render);
    Ok(Body::Xml(vec![
        Element::of("state", allowed.state.unwrap_or("disabled")),
        Element::list("imageCriterionSet", criteria),
        Element::of("managedBy", "account"),
    ]))
}

pub(super) fn enable(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(query, request, "EnableAllowedImagesSettings")?;
    let name = "AllowedImagesSettingsState";
    let state = one_of(query, name, &["enabled", "audit-mode"])?;
    settings(world, request).allowed_images.state = Some(state);
    Ok(state_answer(state))
}

pub(super) fn disable(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(query, request, "DisableAllowedImagesSettings")?;
    settings(world, request).allowed_images.state = None;
    Ok(state_answer("disabled"))
}

fn state_answer(state: &str) -> Body {
    Body::Xml(vec![Element::of("allowedImagesSettingsState", state)])
}

/// At most 10 criteria, of at most 200 providers and 50 values of each other list.
pub(super) fn replace_criteria(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(
        query,
        request,
        "ReplaceImageCriteriaInAllowedImagesSettings",
    )?;
    let mut criteria = Vec::new();
    for member in query.members("ImageCriterion") {
        criteria.push(read(&member)?);
    }
    let is_too_long = |one: &ImageCriterion| {
        let lists = [
            one.names.len(),
            one.product_codes.len(),
            one.watermarks.len(),
        ];
        one.providers.len() > 200 || lists.iter().any(|length| *length > 50)
    };
    if criteria.len() > 10 || criteria.iter().any(is_too_long) {
        return Err(Fail::invalid_value("Too many criteria, or values of one."));
    }
    settings(world, request).allowed_images.criteria = criteria;
    Ok(return_true())
}

fn read(criterion: &Query) -> Result<ImageCriterion, Fail> {
    let texts = |name: &str| {
        let values = criterion.list(name).into_iter();
        values.map(str::to_owned).collect()
    };
    let mut watermarks = Vec::new();
    for filter in criterion.members("ImageWatermark") {
        watermarks.push(WatermarkFilter {
            key: filter.get("WatermarkKey").map(str::to_owned),
            region: filter.get("SourceImageRegion").map(str::to_owned),
            max_days_since_source_created: days(&filter, "MaximumDaysSinceSourceImageCreated")?,
            max_days_since_created: days(&filter, "MaximumDaysSinceWatermarkCreated")?,
        });
    }
    let of_creation = "CreationDateCondition.MaximumDaysSinceCreated";
    let of_deprecation = "DeprecationTimeCondition.MaximumDaysSinceDeprecated";
    Ok(ImageCriterion {
        providers: texts("ImageProvider"),
        product_codes: texts("MarketplaceProductCode"),
        names: texts("ImageName"),
        max_days_since_created: days(criterion, of_creation)?,
        max_days_since_deprecated: days(criterion, of_deprecation)?,
        watermarks,
        scan: read_scan(criterion)?,
    })
}

fn read_scan(criterion: &Query) -> Result<Option<ScanCondition>, Fail> {
    const SCAN: &str = "ScanResultCondition";
    if !criterion.has(SCAN) {
        return Ok(None);
    }
    let mut scan = ScanCondition {
        max_days_since_scan: days(criterion, &format!("{SCAN}.MaxDaysSinceLastFindingScan"))?,
        ..ScanCondition::default()
    };
    if let Some(label) = criterion.get(&format!("{SCAN}.MaximumSeverityLabel")) {
        let known = Severity::ALL.into_iter().find(|one| one.as_str() == label);
        let invalid = || Fail::invalid_value(format!("The severity {label} is not valid."));
        scan.max_severity = Some(known.ok_or_else(invalid)?);
    }
    for severity in Severity::ALL {
        let name = format!("{SCAN}.MaxDaysSince{}FixAvailable", severity.in_names());
        if let Some(days) = days(criterion, &name)? {
            scan.max_days_since_fix.insert(severity, days);
        }
    }
    Ok(Some(scan))
}

fn days(query: &Query, name: &str) -> Result<Option<u32>, Fail> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    match text.parse::<i32>().map(u32::try_from) {
        Ok(Ok(days)) => Ok(Some(days)),
        _ => Err(Fail::invalid_value(format!(
            "Invalid value '{text}' for {name}."
        ))),
    }
}

fn render(criterion: &ImageCriterion) -> Vec<Element> {
    let mut members = Vec::new();
    for (name, values) in [
        ("imageProviderSet", &criterion.providers),
        ("marketplaceProductCodeSet", &criterion.product_codes),
        ("imageNameSet", &criterion.names),
    ] {
        if !values.is_empty() {
            let items = values.iter().map(|value| Element::of("item", value));
            members.push(Element::new(name).children(items));
        }
    }
    if let Some(days) = criterion.max_days_since_deprecated {
        let condition = Element::new("deprecationTimeCondition");
        members.push(condition.text("maximumDaysSinceDeprecated", days));
    }
    if let Some(days) = criterion.max_days_since_created {
        let condition = Element::new("creationDateCondition");
        members.push(condition.text("maximumDaysSinceCreated", days));
    }
    if !criterion.watermarks.is_empty() {
        let filters = criterion.watermarks.iter().map(render_filter);
        members.push(Element::list("imageWatermarkSet", filters));
    }
    members.extend(criterion.scan.as_ref().map(render_scan));
    members
}

fn render_filter(filter: &WatermarkFilter) -> Vec<Element> {
    let source = filter.max_days_since_source_created;
    let created = filter.max_days_since_created;
    let mut members = Vec::new();
    members.extend(Element::optional("watermarkKey", filter.key.as_ref()));
    members.extend(Element::optional(
        "sourceImageRegion",
        filter.region.as_ref(),
    ));
    members.extend(Element::optional(
        "maximumDaysSinceSourceImageCreated",
        source,
    ));
    members.extend(Element::optional(
        "maximumDaysSinceWatermarkCreated",
        created,
    ));
    members
}

fn render_scan(scan: &ScanCondition) -> Element {
    let severity = scan.max_severity.map(Severity::as_str);
    let mut members = Vec::new();
    members.extend(Element::optional(
        "maxDaysSinceLastFindingScan",
        scan.max_days_since_scan,
    ));
    members.extend(Element::optional("maximumSeverityLabel", severity));
    for (severity, days) in &scan.max_days_since_fix {
        let name = format!("maxDaysSince{}FixAvailable", severity.in_names());
        members.push(Element::of(name, days));
    }
    Element::new("scanResultCondition").children(members)
}
