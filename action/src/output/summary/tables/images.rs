//! The tables of images: whom each is shared with in which Region.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::id::SourceImage;
use ami_share::plan::Step;
use ami_share::report::ImageReport;
use ami_share::{Principal, Report};

use super::{MAX_ROWS, OPEN_ROWS, OPEN_TABLES, Table, cell, change_columns};
use crate::output::summary::console;
use crate::output::summary::markdown::Markdown;

/// A table for each image of the request, with a row for each Region.
pub(in crate::output::summary) fn images(text: &mut Markdown, report: &Report, planned: bool) {
    let mut tables: BTreeMap<&SourceImage, Vec<&ImageReport>> = BTreeMap::new();
    for image in &report.images {
        tables.entry(&image.source).or_default().push(image);
    }
    let [added, removed] = change_columns(planned);
    let mut rows_left = MAX_ROWS;
    for (number, (source, images)) in tables.iter().enumerate() {
        if rows_left == 0 {
            let more = tables.len() - number;
            text.push_literal("\n");
            text.push(Markdown::text(format!(
                "{more} more images are in the report."
            )));
            text.push_literal("\n");
            break;
        }
        let shown = images.len().min(rows_left);
        rows_left -= shown;
        let place = Markdown::text(format!(" in {}", source.region));
        let id = Markdown::code(&source.ami).then(place);
        // A copy may have another name; the image itself is shared in its own Region.
        let own = images.iter().find(|image| image.region == source.region);
        let title = match own.and_then(|image| image.name.as_ref()) {
            Some(name) => Markdown::text(name).then(Markdown::literal(", ")).then(id),
            None => id,
        };
        let regions = match images.len() {
            1 => Markdown::literal(": 1 Region"),
            count => Markdown::text(format!(": {count} Regions")),
        };
        let mut rows = Vec::new();
        for image in &images[..shown] {
            rows.push(image_row(image, report, planned));
        }
        let table = Table {
            folded_title: title.clone().then(regions),
            title,
            folded: number >= OPEN_TABLES || images.len() > OPEN_ROWS,
            columns: vec![
                "Region",
                "to launch",
                "copied",
                "launch permission",
                added,
                removed,
                "not listed",
            ],
            rows,
            left_out: (images.len() - shown, "Regions"),
        };
        table.write(text);
    }
}

fn image_row(image: &ImageReport, report: &Report, planned: bool) -> Vec<Markdown> {
    let to_launch = match &image.image {
        Some(id) => console::image(id, &image.region),
        None => Markdown::literal("–"),
    };
    let copied = match &image.image {
        _ if image.copied => "now",
        Some(id) if *id == image.source.ami => "no",
        Some(_) => "earlier",
        None if planned => "would be",
        None => "–",
    };
    let (mut added, mut removed) = (image.added.clone(), image.removed.clone());
    if planned {
        add_planned_image_changes(image, report, &mut added, &mut removed);
    }
    vec![
        Markdown::text(&image.region),
        to_launch,
        Markdown::literal(copied),
        cell(&image.principals),
        cell(&added),
        cell(&removed),
        cell(&image.unlisted),
    ]
}

fn add_planned_image_changes(
    image: &ImageReport,
    report: &Report,
    added: &mut BTreeSet<Principal>,
    removed: &mut BTreeSet<Principal>,
) {
    let is_this = |source: &_, region: &_| (&image.source, &image.region) == (source, region);
    for step in &report.plan.steps {
        match step {
            Step::LaunchPermission(launch)
                if is_this(&launch.shared.source, &launch.shared.region) =>
            {
                added.extend(launch.missing.iter().cloned());
            }
            Step::RemovePermissions(remove) if is_this(&remove.source, &remove.region) => {
                removed.extend(remove.principals.iter().cloned());
            }
            _ => {}
        }
    }
}
