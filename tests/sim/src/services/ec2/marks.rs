//! What marks an image for Allowed AMIs: watermarks, and what Amazon Inspector found (R7.13).

use crate::services::Request;
use crate::wire::xml::Element;
use crate::world::{Image, ScanResults, Severity};

/// The marks of an image, which everybody sees who may use it.
pub(super) fn render(image: &Image, request: &Request<'_>) -> Vec<Element> {
    let mut members = Vec::new();
    if !image.watermarks.is_empty() {
        let mut watermarks = Vec::new();
        for watermark in &image.watermarks {
            let of_source = request.clock.text(watermark.source_created);
            let of_watermark = request.clock.text(watermark.created);
            watermarks.push(vec![
                Element::of("watermarkKey", &watermark.key),
                Element::of("sourceImageRegion", &watermark.region),
                Element::of("sourceImageId", &watermark.source_image),
                Element::of("sourceImageCreationTime", of_source),
                Element::of("watermarkCreationTime", of_watermark),
            ]);
        }
        members.push(Element::list("imageWatermarkSet", watermarks));
    }
    let scan = image.scan.as_ref();
    members.extend(scan.map(|results| render_scan(results, request)));
    members
}

fn render_scan(results: &ScanResults, request: &Request<'_>) -> Element {
    let highest = results.highest.map(Severity::as_str);
    let mut members = Vec::new();
    members.extend(Element::optional("highestFindingSeverityLabel", highest));
    members.push(Element::of(
        "findingScanDate",
        request.clock.text(results.scanned),
    ));
    for (severity, since) in &results.fixes {
        let name = format!("{}FixAvailableSince", severity.as_str());
        members.push(Element::of(name, request.clock.text(*since)));
    }
    Element::new("scanResults").children(members)
}
