//! The tables of images: whom each is shared with in which Region.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::id::SourceImage;
use ami_share::plan::Step;
use ami_share::report::ImageReport;
use ami_share::{AmiId, Principal, Report};

use super::{MAX_ROWS, OPEN_ROWS, OPEN_TABLES, Table, cell, change_columns, principals_cell};
use crate::output::image_steps;
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
        // A copy may have another name.
        let mut shared = images.iter();
        let own = shared.find(|image| image.image.as_ref() == Some(&source.ami));
        let title = match own.and_then(|image| image.name.as_ref()) {
            Some(name) => Markdown::text(name).then(Markdown::literal(", ")).then(id),
            None => id,
        };
        let regions = match images.len() {
            1 => Markdown::literal(": 1 Region"),
            count => Markdown::text(format!(": {count} Regions")),
        };
        let has_groups = images.iter().any(|image| !image.groups.is_empty());
        let mut columns = vec!["Region"];
        columns.extend(has_groups.then_some("group"));
        columns.extend([
            "AMI",
            "copied",
            "launch permission",
            added,
            removed,
            "not listed",
        ]);
        let mut rows = Vec::new();
        for image in &images[..shown] {
            let mut row = vec![Markdown::text(&image.region)];
            row.extend(has_groups.then(|| cell(&image.groups, "group")));
            row.extend(image_cells(image, report, planned));
            rows.push(row);
        }
        let table = Table {
            folded_title: title.clone().then(regions),
            title,
            folded: number >= OPEN_TABLES || images.len() > OPEN_ROWS,
            columns,
            rows,
            left_out: (images.len() - shown, "Regions"),
        };
        table.write(text);
    }
}

/// The cells of an image after its Region and groups.
fn image_cells(image: &ImageReport, report: &Report, planned: bool) -> Vec<Markdown> {
    let is_removed = |id: &AmiId| report.removed.iter().any(|removed| removed == id.as_ref());
    let ami = match &image.image {
        Some(id) if is_removed(id) => Markdown::code(id),
        Some(id) => console::image(id, &image.region),
        None => Markdown::literal("–"),
    };
    let copied = match &image.image {
        Some(id) if is_removed(id) => "removed",
        Some(id) if *id == image.source.ami => "no",
        Some(_) => match (image.copied, image.available) {
            (true, true) => "now",
            (true, false) => "begun, not available",
            (false, true) => "earlier",
            (false, false) => "earlier, not available",
        },
        None if planned => "would be",
        None => "–",
    };
    let read = |principals: &BTreeSet<Principal>| match (image.permission_read, &image.image) {
        (false, Some(_)) => Markdown::literal("not read"),
        _ => principals_cell(principals),
    };
    let (mut added, mut removed) = (image.added.clone(), image.removed.clone());
    if planned {
        add_planned_image_changes(image, report, &mut added, &mut removed);
    }
    vec![
        ami,
        Markdown::literal(copied),
        read(&image.principals),
        principals_cell(&added),
        principals_cell(&removed),
        read(&image.unlisted),
    ]
}

fn add_planned_image_changes(
    image: &ImageReport,
    report: &Report,
    added: &mut BTreeSet<Principal>,
    removed: &mut BTreeSet<Principal>,
) {
    for step in image_steps::of(report, image) {
        match step {
            Step::LaunchPermission(launch) => added.extend(launch.missing.iter().cloned()),
            Step::RemovePermissions(remove) => removed.extend(remove.principals.iter().cloned()),
            _ => {}
        }
    }
}
